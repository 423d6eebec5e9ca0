"""HTTP of redacting the words of plans."""

from __future__ import annotations

from app.assessments.plans import redaction
from app.assessments.plans.errors import ActionNotFound, PlanNotFound, StepNotFound
from app.auth.caller import requires_once
from app.auth.scopes import Scope
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.events.redacting import DECIDE_SEVERAL, Text, Words, add_routes

router = Router(prefix="/capacity-plans/{plan_id}", tags=["redactions"], route_class=RegistryRoute)

add_routes(
    router,
    Words(
        path="/actions/{action_id}",
        name="CapacityPlanAction",
        find=redaction.action,
        may=requires_once(Scope.ASSESSMENTS_WRITE),
        missing=(
            PlanNotFound,
            ActionNotFound,
        ),
        hide=Text(
            summary="Hide the words of an action at once",
            description="""\
An emergency: nobody reads them from the next request on, owner and partner included.

A second person decides within 72 hours; without a decision they stay hidden. The action stays,
marked `redacted`. The answer lists who has read the plan.""",
        ),
        decide=Text(
            summary="Destroy or bring back hidden words of an action",
            description=DECIDE_SEVERAL,
        ),
    ),
)
add_routes(
    router,
    Words(
        path="/steps/{step_id}",
        name="CapacityPlanStep",
        find=redaction.step,
        may=requires_once(Scope.ASSESSMENTS_WRITE),
        missing=(
            PlanNotFound,
            StepNotFound,
        ),
        hide=Text(
            summary="Hide the words of a step at once",
            description="""\
An emergency: nobody reads them from the next request on, owner and partner included.

A second person decides within 72 hours; without a decision they stay hidden. The step stays,
marked `redacted`. The answer lists who has read the plan.""",
        ),
        decide=Text(
            summary="Destroy or bring back hidden words of a step",
            description=DECIDE_SEVERAL,
        ),
    ),
)
