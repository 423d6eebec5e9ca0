"""What of identifiers belongs to an agency: its vendor numbers, its part in disputes."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.partners.identifiers.disputes import voice_context


def _text(name: str) -> Sealed:
    return Sealed(name, lambda row: f"identifier_disputes.{name}|{row.id}", json=False)


TABLES = (
    ExportTable(
        "vendor_numbers",
        """SELECT id, partner_id, scheme, value, country, area, active, valid_from, ended_at,
        end_reason, created_at
        FROM partner_identifiers WHERE agency_id = :agency ORDER BY id""",
    ),
    # The grounds are who raised it's, the reason is who decided's.
    ExportTable(
        "identifier_disputes",
        """SELECT id, version, status, partner_id, holder_id, scheme, restricted, held_id, claim_id,
        document_ids, raised_by, raised_at, decided_for, decided_by, decided_at,
        CASE WHEN raised_by = :agency THEN raised_person END AS raised_person,
        CASE WHEN decided_by = :agency THEN decided_person END AS decided_person,
        CASE WHEN raised_by = :agency THEN sealed_grounds END AS sealed_grounds,
        CASE WHEN decided_by = :agency THEN sealed_reason END AS sealed_reason
        FROM identifier_disputes WHERE raised_by = :agency OR decided_by = :agency ORDER BY id""",
        {"sealed_grounds": _text("grounds"), "sealed_reason": _text("reason")},
    ),
    ExportTable(
        "identifier_dispute_voices",
        """SELECT id, dispute_id, for_id, person_id, said_at, sealed
        FROM identifier_dispute_voices WHERE agency_id = :agency ORDER BY id""",
        {"sealed": Sealed("reason", lambda row: voice_context(row.id), json=False)},
    ),
)
