"""What of control belongs to an agency: its invitations, claims it filed, what it decided."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed


def _text(table: str, name: str, *, json: bool = False) -> Sealed:
    return Sealed(name, lambda row: f"{table}|{row.id}|{name}", json=json)


TABLES = (
    # Not the hash of the code.
    ExportTable(
        "partner_invitations",
        """SELECT id, partner_id, invited_by, inviter, sealed_email, created_at, expires_at,
        used_at,
        revoked_at FROM partner_invitations WHERE invited_by = :agency ORDER BY id""",
        {
            "sealed_email": Sealed(
                "email",
                lambda row: f"partner_invitations|{row.id}|email|{row.invited_by}",
                json=False,
            )
        },
    ),
    # Who claimed, of those it filed; why, of those it decided.
    ExportTable(
        "partner_claims",
        """SELECT id, partner_id, filed_by, document_ids, state, filed_at, checked, decided_by,
        decided_at, client_id, version,
        CASE WHEN filed_by = :agency THEN filed_person END AS filed_person,
        CASE WHEN decided_by = :agency THEN decided_person END AS decided_person,
        CASE WHEN filed_by = :agency THEN sealed_claimant END AS sealed_claimant,
        CASE WHEN decided_by = :agency THEN sealed_reason END AS sealed_reason
        FROM partner_claims WHERE filed_by = :agency OR decided_by = :agency ORDER BY id""",
        {
            "sealed_claimant": _text("partner_claims", "claimant", json=True),
            "sealed_reason": _text("partner_claims", "reason"),
        },
    ),
    # The grounds are the partner's own.
    ExportTable(
        "partner_control_disputes",
        """SELECT id, partner_id, claim_id, raised_at, state, outcome, checked, decided_by,
        decided_person, decided_at, version, sealed_reason
        FROM partner_control_disputes WHERE decided_by = :agency ORDER BY id""",
        {"sealed_reason": _text("partner_control_disputes", "reason")},
    ),
)
