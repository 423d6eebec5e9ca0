"""What retention erases of screenings: first who was screened, later the rest."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule(
        "screening_subjects",
        "UPDATE screenings SET sealed = NULL, subject_erased_at = now() WHERE id = ANY(:ids)",
    ),
    rule("screenings", "DELETE FROM screenings WHERE id = ANY(:ids)"),
)
