"""What the partner is told of assessments: the summary, when it is final or asked to comment."""

from __future__ import annotations

from app.partners.self_service.statements import Provider

ASSESSMENTS = Provider(
    "assessment",
    """SELECT s.id, s.partner_id, a.code AS agency, s.owner_agency AS owner_id, s.type,
      s.rating_value AS result,
      CASE s.status WHEN 'submitted' THEN s.shown_to_partner_at ELSE s.updated_at END AS stated_at,
      s.conducted_on AS dated, s.valid_until AS until
    FROM assessments s JOIN agencies a ON a.id = s.owner_agency
    WHERE s.partner_id IN (SELECT partner_lineage(:partner))
      AND (s.status IN ('final', 'superseded')
        OR (s.status = 'submitted' AND s.shown_to_partner_at IS NOT NULL))""",
)
