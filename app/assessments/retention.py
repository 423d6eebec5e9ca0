"""What retention erases of assessments."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule(
        "assessments",
        "WITH gone AS (DELETE FROM assessment_documents WHERE assessment_id = ANY(:ids) "
        "RETURNING blob_id) UPDATE blobs SET state = 'deleting' "
        "WHERE id IN (SELECT blob_id FROM gone)",
        "DELETE FROM assessments_acl WHERE record_id = ANY(:ids)",
        "DELETE FROM assessment_shares WHERE assessment_id = ANY(:ids)",
        "DELETE FROM access_requests WHERE assessment_id = ANY(:ids)",
        "DELETE FROM assessment_participants WHERE assessment_id = ANY(:ids)",
        "DELETE FROM assessment_milestones WHERE assessment_id = ANY(:ids)",
        "DELETE FROM assessment_adjustments WHERE assessment_id = ANY(:ids)",
        "DELETE FROM assessment_notes WHERE assessment_id = ANY(:ids)",
        "DELETE FROM finding_actions WHERE assessment_id = ANY(:ids)",
        "DELETE FROM finding_resolutions WHERE assessment_id = ANY(:ids) AND reverses IS NOT NULL",
        "DELETE FROM finding_resolutions WHERE assessment_id = ANY(:ids)",
        "DELETE FROM assessment_findings WHERE assessment_id = ANY(:ids)",
        "DELETE FROM assessment_details WHERE assessment_id = ANY(:ids)",
        "DELETE FROM assessments WHERE id = ANY(:ids)",
    ),
    rule("psea_self_assessments", "DELETE FROM psea_self_assessments WHERE id = ANY(:ids)"),
)
