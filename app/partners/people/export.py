"""What of persons belongs to an agency: entries that are still as it wrote them, and requests."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed


def _text(name: str) -> Sealed:
    return Sealed(
        name,
        lambda row: f"partner_people_requests|{row.id}|{name}|{row.owner_agency}",
        json=False,
    )


TABLES = (
    # What others have written into an entry since is theirs.
    ExportTable(
        "partner_people",
        """SELECT id, partner_id, version, role, authorised, board_member, sealed_version,
        valid_from,
        valid_to, replaced_by, notice_version, notice_given_on, added_by, created_at, updated_at,
        erased_at,
        CASE WHEN version = 1 OR changed_by = :agency THEN sealed END AS sealed
        FROM partner_people WHERE added_by = :agency ORDER BY id""",
        {
            "sealed": Sealed(
                "person",
                lambda row: f"partner_people|{row.id}|{row.sealed_version}|{row.partner_id}",
            )
        },
    ),
    ExportTable(
        "partner_people_requests",
        """SELECT id, person_id, partner_id, owner_agency, filed_by, version, kind, through,
        received_on, due_on, rules, state, decision, decided_at, created_at,
        CASE WHEN owner_agency = :agency THEN decided_by END AS decided_by,
        sealed_text, CASE WHEN owner_agency = :agency THEN sealed_reason END AS sealed_reason
        FROM partner_people_requests WHERE owner_agency = :agency OR filed_by = :agency
        ORDER BY id""",
        {"sealed_text": _text("text"), "sealed_reason": _text("reason")},
    ),
)
