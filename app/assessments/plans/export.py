"""What of plans belongs to an agency: its own, with actions and steps opened."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.assessments.plans.texts import action_context, step_context

TABLES = (
    ExportTable(
        "capacity_plans",
        """SELECT id, partner_id, owner_agency, kind, assessment_id, assessment_level, supporters,
        status, starts_on, agreed_on, window_ends_on, window_limit_on, extended_by, extended_at,
        closed_by, closed_at, after_assessment_id, outcome, measured_at, created_at, updated_at,
        version FROM capacity_plans WHERE owner_agency = :agency ORDER BY created_at, id""",
    ),
    ExportTable(
        "capacity_plan_actions",
        """SELECT id, plan_id, owner_agency, number, area, responsible, due_on, cost, currency,
        status, started_at, done_at, done_by, verified_at, verified_by, created_at, version,
        sealed_version, redacted, CASE WHEN NOT redacted THEN sealed END AS sealed
        FROM capacity_plan_actions WHERE owner_agency = :agency ORDER BY plan_id, number""",
        {
            "sealed": Sealed(
                "words", lambda row: action_context(row.id, row.sealed_version, row.owner_agency)
            )
        },
    ),
    ExportTable(
        "capacity_plan_steps",
        """SELECT id, plan_id, owner_agency, action_id, step, author_agency, person_id, office,
        made_by_client, at, redacted, CASE WHEN NOT redacted THEN sealed_note END AS sealed_note
        FROM capacity_plan_steps WHERE owner_agency = :agency ORDER BY plan_id, at, id""",
        {"sealed_note": Sealed("words", lambda row: step_context(row.id, row.owner_agency))},
    ),
)
