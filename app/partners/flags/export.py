"""What of flags belongs to an agency: those it made, their texts and steps opened."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed

TABLES = (
    ExportTable(
        "partner_flags",
        """SELECT f.id, f.partner_id, f.owner_agency, f.office, f.author, f.kind, f.state,
        f.category,
        f.risk_category, f.contact_office, f.contact_email, f.review_by, f.partner_visible,
        f.made_at, f.escalated_once, f.escalated_by, f.decided_by, f.decided_at, f.until,
        f.renewed_by, f.renewed_at, f.closed_by, f.closed_at, f.replaced_by, f.version, t.sealed
        FROM partner_flags f LEFT JOIN partner_flag_texts t ON t.flag_id = f.id
        WHERE f.owner_agency = :agency ORDER BY f.id""",
        {"sealed": Sealed("text", lambda row: f"partner_flag_texts|{row.id}|{row.owner_agency}")},
    ),
    ExportTable(
        "partner_flag_steps",
        """SELECT id, flag_id, owner_agency, action, person_id, office, at, sealed_comment
        FROM partner_flag_steps WHERE owner_agency = :agency ORDER BY flag_id, at, id""",
        {
            "sealed_comment": Sealed(
                "comment",
                lambda row: f"partner_flag_steps|{row.id}|{row.owner_agency}",
                json=False,
            )
        },
    ),
)
