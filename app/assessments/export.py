"""What of assessments belongs to an agency, opened; and its part in others' shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.agencies.export import ExportTable, Sealed
from app.assessments.access_requests import seal_context as request_context
from app.assessments.detail import seal_context
from app.assessments.documents import export as documents
from app.assessments.life_cycle.notes import seal_context as note_context
from app.assessments.life_cycle.service import seal_context as adjustment_context
from app.assessments.plans import export as plans
from app.assessments.sea_restrictions import export as sea_restrictions
from app.assessments.self_assessments import export as self_assessments
from app.assessments.terms import note_context as share_note_context


def _detail(row: Any) -> str:
    return seal_context(row.id, row.sealed_version, row.owner_agency)


def _note_of(table: str) -> Callable[[Any], str]:
    return lambda row: share_note_context(table, row.id, row.owner_agency)


TABLES = (
    *documents.TABLES,
    *self_assessments.TABLES,
    ExportTable(
        "assessments",
        """SELECT a.id, a.partner_id, a.type, a.methodology, a.owner_agency, a.status,
        a.conducted_on, a.valid_until, a.confidentiality, a.level, a.rating_scheme, a.rating_value,
        a.rating_dimension, a.rating_level, a.rating_source, a.version, a.created_at, a.updated_at,
        a.redacted, a.adjusted_value, a.adjusted_level, a.adjusted_at, a.summary,
        a.assessor_kind, a.assessor_name, a.current_key, a.superseded_by, a.submitted_at,
        a.finalised_at, a.held_until, a.shown_to_partner_at, a.withdrawn_at, a.withdrawal_reason,
        d.version AS sealed_version,
        CASE WHEN NOT a.redacted THEN d.sealed END AS sealed
        FROM assessments a LEFT JOIN assessment_details d ON d.assessment_id = a.id
        WHERE a.owner_agency = :agency ORDER BY a.created_at, a.id""",
        {"sealed": Sealed("detail", _detail)},
    ),
    ExportTable(
        "assessment_participants",
        "SELECT assessment_id, agency_id, owner_agency FROM assessment_participants "
        "WHERE owner_agency = :agency "
        "ORDER BY assessment_id, agency_id",
    ),
    ExportTable(
        "assessment_milestones",
        "SELECT assessment_id, code, owner_agency, position, reached_on, recorded_by, recorded_at "
        "FROM assessment_milestones WHERE owner_agency = :agency "
        "ORDER BY assessment_id, position",
    ),
    ExportTable(
        "assessment_adjustments",
        "SELECT id, assessment_id, owner_agency, value, level, sealed_reason, state, proposed_by, "
        "proposed_at, decided_by, decided_at, sealed_decision, version "
        "FROM assessment_adjustments WHERE owner_agency = :agency "
        "ORDER BY proposed_at, id",
        {
            "sealed_reason": Sealed(
                "reason",
                lambda row: adjustment_context(row.id, "reason", row.owner_agency),
                json=False,
            ),
            "sealed_decision": Sealed(
                "decision",
                lambda row: adjustment_context(row.id, "decision", row.owner_agency),
                json=False,
            ),
        },
    ),
    ExportTable(
        "assessment_notes",
        "SELECT id, assessment_id, owner_agency, kind, sealed, written_by, written_at "
        "FROM assessment_notes WHERE owner_agency = :agency ORDER BY written_at, id",
        {"sealed": Sealed("note", lambda row: note_context(row.id, row.owner_agency), json=False)},
    ),
    ExportTable(
        "assessment_shares",
        """SELECT s.id, s.assessment_id, s.owner_agency, s.shared_with, s.level, s.purpose,
        s.valid_from, s.valid_until, s.active, s.created_at, s.revoked_at, s.ended_at,
        s.end_reason, s.access_request_id, s.roles, s.legal_basis, s.legal_reference,
        s.partner_consent_reference,
        CASE WHEN NOT (s.redacted OR coalesce(a.redacted, false)) THEN s.sealed_note END
          AS sealed_note,
        CASE WHEN s.owner_agency = :agency THEN s.created_by_person END AS created_by_person
        FROM assessment_shares s LEFT JOIN assessments a ON a.id = s.assessment_id
        WHERE s.owner_agency = :agency OR s.shared_with = :agency ORDER BY s.id""",
        {"sealed_note": Sealed("note", _note_of("assessment_shares"), json=False)},
    ),
    ExportTable(
        "sharing_policies",
        """SELECT id, owner_agency, shared_with, level, purpose, type, country, partner_id,
        everything, roles, valid_from, valid_until, active, created_at, ended_at,
        legal_basis, legal_reference, partner_consent_reference, sealed_note,
        CASE WHEN owner_agency = :agency THEN created_by_person END AS created_by_person,
        CASE WHEN owner_agency = :agency THEN ended_by END AS ended_by
        FROM sharing_policies WHERE owner_agency = :agency OR shared_with = :agency
        ORDER BY id""",
        {"sealed_note": Sealed("note", _note_of("sharing_policies"), json=False)},
    ),
    ExportTable(
        "sharing_policy_groups",
        """SELECT policy_id, owner_agency, group_id, code, version FROM sharing_policy_groups
        WHERE owner_agency = :agency ORDER BY policy_id""",
    ),
    ExportTable(
        "unusual_readings",
        """SELECT id, owner_agency, reader_agency, kind, event_id, assessment_id, purpose, records,
        at, noticed_at FROM unusual_readings WHERE owner_agency = :agency ORDER BY id""",
    ),
    ExportTable(
        "access_requests",
        """SELECT r.id, r.assessment_id, r.owner_agency, r.requested_by, r.level, r.purpose,
        CASE WHEN NOT (r.justification_redacted OR coalesce(a.redacted, false))
          THEN r.sealed_justification END AS sealed_justification, r.status, r.decided_at,
        CASE WHEN NOT (r.reason_redacted OR coalesce(a.redacted, false))
          THEN r.sealed_reason END AS sealed_reason,
        r.close_reason, r.version, r.created_at, r.legal_basis, r.legal_reference,
        r.partner_consent_reference, r.valid_until, r.answer_by
        FROM access_requests r LEFT JOIN assessments a ON a.id = r.assessment_id
        WHERE r.owner_agency = :agency OR r.requested_by = :agency ORDER BY r.id""",
        {
            "sealed_justification": Sealed(
                "justification",
                lambda row: request_context(row.id, "justification", row.requested_by),
                json=False,
            ),
            "sealed_reason": Sealed(
                "reason",
                lambda row: request_context(row.id, "reason", row.owner_agency),
                json=False,
            ),
        },
    ),
    *plans.TABLES,
    *sea_restrictions.TABLES,
)
"""Another agency's assessment is not its own: of a share to it, only the terms."""
