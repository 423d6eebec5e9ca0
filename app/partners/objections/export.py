"""What of objections belongs to an agency: those against its statements, and those it raised."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed


def _text(name: str) -> Sealed:
    return Sealed(name, lambda row: f"objections|{row.id}|{name}|{row.owner_agency}", json=False)


TABLES = (
    ExportTable(
        "objections",
        """SELECT id, partner_id, subject_kind, subject_id, owner_agency, author_office,
        raised_by_agency, evidence, raised_at, due_on, state, overdue_at, answered_at, version,
        CASE WHEN owner_agency = :agency THEN answered_by END AS answered_by,
        sealed_reason, sealed_answer
        FROM objections WHERE owner_agency = :agency OR raised_by_agency = :agency ORDER BY id""",
        {"sealed_reason": _text("reason"), "sealed_answer": _text("answer")},
    ),
)
