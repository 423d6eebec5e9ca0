"""What of verifications is an agency's own: its answers, its comments, its proposals."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.partners.verifications.deactivation import reason_context
from app.partners.verifications.service import note_context

TABLES = (
    ExportTable(
        "partner_verifications",
        """SELECT v.id, v.partner_id, v.agency_id, v.person_id, v.question_set, v.answers,
        v.flags_shown, v.result, v.verified_on, v.valid_until, v.contradicts, v.recorded_at,
        n.sealed
        FROM partner_verifications v
        LEFT JOIN partner_verification_notes n ON n.verification_id = v.id
        WHERE v.agency_id = :agency ORDER BY v.id""",
        {
            "sealed": Sealed(
                "notes", lambda row: note_context(row.id, row.partner_id, row.agency_id)
            )
        },
    ),
    ExportTable(
        "partner_deactivations",
        """SELECT id, partner_id, agency_id, kind, reason_code, sealed_reason, sealed_decision,
        state, version, proposed_by, proposed_at, decided_by, decided_at
        FROM partner_deactivations WHERE agency_id = :agency ORDER BY id""",
        {
            "sealed_reason": Sealed(
                "reason", lambda row: reason_context(row.id, row.agency_id, "reason"), json=False
            ),
            "sealed_decision": Sealed(
                "decision",
                lambda row: reason_context(row.id, row.agency_id, "decision"),
                json=False,
            ),
        },
    ),
)
