"""What of potential matches belongs to an agency: its own words and questions, and the pairs of the
lists that it switched on for itself; opened."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.sanctions.matches.items import explanation_context
from app.sanctions.matches.texts import decision_context, question_context

TABLES = (
    ExportTable(
        "screening_matches",
        """SELECT id, partner_id, person_id, entry_id, source, reference, round, score, script,
        public_office, state, opened_at, due_at, emergency, escalated_at, gone_at, settled_at,
        version, sealed FROM screening_matches WHERE holder = :agency ORDER BY id""",
        {"sealed": Sealed("explanation", lambda row: explanation_context(row.id, row.round))},
    ),
    ExportTable(
        "match_decisions",
        """SELECT id, match_id, owner_agency, round, decision, state, accepted_from, proposed_by,
        proposed_at, confirmed_by, confirmed_at, ended_at, redacted,
        CASE WHEN NOT redacted THEN sealed END AS sealed,
        CASE WHEN NOT redacted THEN sealed_confirmation END AS sealed_confirmation
        FROM match_decisions WHERE owner_agency = :agency ORDER BY match_id, id""",
        {
            "sealed": Sealed("reason", lambda row: decision_context("sealed", row), json=False),
            "sealed_confirmation": Sealed(
                "confirmation_reason",
                lambda row: decision_context("sealed_confirmation", row),
                json=False,
            ),
        },
    ),
    ExportTable(
        "match_questions",
        """SELECT id, match_id, owner_agency, round, partner_id, person_id, kinds, state, asked_by,
        asked_at, answered_at, nullif(sealed, '') AS sealed,
        nullif(sealed_answer, '') AS sealed_answer
        FROM match_questions WHERE owner_agency = :agency ORDER BY match_id, id""",
        {
            "sealed": Sealed("reason", lambda row: question_context("sealed", row), json=False),
            "sealed_answer": Sealed("facts", lambda row: question_context("sealed_answer", row)),
        },
    ),
)
