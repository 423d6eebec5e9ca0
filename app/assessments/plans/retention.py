"""What retention erases of capacity-strengthening plans."""

from __future__ import annotations

from app.partners.retention.rules import rule

RETENTION = (
    rule(
        "capacity_plans",
        "DELETE FROM capacity_plan_steps WHERE plan_id = ANY(:ids)",
        "DELETE FROM capacity_plan_actions WHERE plan_id = ANY(:ids)",
        "DELETE FROM capacity_plans WHERE id = ANY(:ids)",
    ),
)
