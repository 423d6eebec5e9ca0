"""What retention erases of potential matches. A pair that is still found is a new one then."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule(
        "potential_matches",
        "DELETE FROM match_questions WHERE match_id = ANY(:ids)",
        "DELETE FROM match_decisions WHERE match_id = ANY(:ids)",
        "DELETE FROM screening_matches WHERE id = ANY(:ids)",
    ),
)
