"""What of findings belongs to an agency: its own findings, opened, with their follow-up."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.assessments.findings.texts import context


def _sealed(table: str, name: str) -> Sealed:
    return Sealed(name, lambda row: context(table, row.id, row.owner_agency))


TABLES = (
    ExportTable(
        "assessment_findings",
        """SELECT f.id, f.assessment_id, f.owner_agency, f.partner_id, f.part, f.position, f.code,
        f.priority, f.found_on, f.amount_usd, f.resolved_usd, f.due_on, f.overdue_at, f.state,
        f.closed_by, f.closed_at, f.verified_by, f.verified_at, f.withdrawn, f.version,
        f.created_at, CASE WHEN NOT a.redacted THEN f.sealed END AS sealed
        FROM assessment_findings f JOIN assessments a ON a.id = f.assessment_id
        WHERE f.owner_agency = :agency ORDER BY f.created_at, f.id""",
        {"sealed": _sealed("assessment_findings", "text")},
    ),
    ExportTable(
        "finding_resolutions",
        """SELECT r.id, r.finding_id, r.assessment_id, r.owner_agency, r.kind, r.amount_usd,
        r.settled_on, r.reverses, r.recorded_by, r.recorded_client, r.recorded_at,
        CASE WHEN NOT a.redacted THEN r.sealed END AS sealed
        FROM finding_resolutions r JOIN assessments a ON a.id = r.assessment_id
        WHERE r.owner_agency = :agency ORDER BY r.recorded_at, r.id""",
        {"sealed": _sealed("finding_resolutions", "text")},
    ),
    ExportTable(
        "finding_actions",
        """SELECT c.id, c.finding_id, c.assessment_id, c.owner_agency, c.kind, c.by_partner,
        CASE WHEN NOT c.by_partner THEN c.made_by END AS made_by,
        CASE WHEN NOT c.by_partner THEN c.made_client END AS made_client, c.made_at,
        CASE WHEN NOT a.redacted THEN c.sealed END AS sealed
        FROM finding_actions c JOIN assessments a ON a.id = c.assessment_id
        WHERE c.owner_agency = :agency ORDER BY c.made_at, c.id""",
        {"sealed": _sealed("finding_actions", "text")},
    ),
)
