"""What the partner is told of sanctions: every measure against it, ended ones included."""

from __future__ import annotations

from app.partners.self_service.statements import Provider
from app.sanctions.entries.status import status_sql

SANCTION_ENTRIES = Provider(
    "sanction_entry",
    f"""SELECT e.id, e.partner_id, a.code AS agency,
      coalesce(e.custodian_agency, e.imposing_agency) AS owner_id, e.measure AS type,
      {status_sql("e")} AS result, e.created_at AS stated_at, e.decided_on AS dated,
      e.effective_to AS until
    FROM sanction_entries e
    JOIN agencies a ON a.id = coalesce(e.custodian_agency, e.imposing_agency)
    WHERE e.partner_id IN (SELECT partner_lineage(:partner))""",  # noqa: S608 - texts of ours; values are bound
)
