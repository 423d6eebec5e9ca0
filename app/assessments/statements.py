"""What the partner is told of assessments: the summary, once it is final."""

from __future__ import annotations

from app.partners.self_service.statements import Provider

ASSESSMENTS = Provider(
    "assessment",
    """SELECT s.id, s.partner_id, a.code AS agency, s.owner_agency AS owner_id, s.type,
      s.rating_value AS result, s.updated_at AS stated_at, s.conducted_on AS dated,
      s.valid_until AS until
    FROM assessments s JOIN agencies a ON a.id = s.owner_agency
    WHERE s.partner_id IN (SELECT partner_lineage(:partner))
      AND s.status IN ('final', 'superseded')""",
)
