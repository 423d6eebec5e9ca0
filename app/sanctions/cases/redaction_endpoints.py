"""HTTP of redacting what was written at a step of a case, and who an individual in it is."""

from __future__ import annotations

from app.auth.caller import requires_once
from app.auth.scopes import Scope
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.events.redacting import DECIDE_ONE, DECIDE_SEVERAL, Text, Words, add_routes
from app.sanctions.cases import errors, redaction

router = Router(prefix="/sanctions", tags=["redactions"], route_class=RegistryRoute)

add_routes(
    router,
    Words(
        path="/cases/{case_id}/steps/{step_id}",
        name="SanctionCaseStep",
        find=redaction.step,
        may=requires_once(Scope.SANCTIONS_WRITE),
        missing=(errors.CaseNotFound,),
        hide=Text(
            summary="Hide what was written at a step",
            description="""\
An emergency: nobody reads the text from the next request on. The step itself stays.

A second person decides within 72 hours; without a decision it stays hidden.""",
        ),
        decide=Text(
            summary="Destroy or bring back a hidden step",
            description=DECIDE_ONE,
        ),
    ),
)
add_routes(
    router,
    Words(
        path="/cases/{case_id}/respondents/{respondent_id}",
        name="SanctionCaseIndividual",
        find=redaction.individual,
        may=requires_once(Scope.SANCTIONS_WRITE),
        missing=(errors.CaseNotFound, errors.RespondentNotFound),
        hide=Text(
            summary="Hide who an individual in a case is",
            description="""\
An emergency: nobody reads the facts from the next request on, and nobody is listed by them.

A second person decides within 72 hours; without a decision it stays hidden.""",
        ),
        decide=Text(
            summary="Destroy or bring back the facts of an individual",
            description=DECIDE_SEVERAL,
        ),
    ),
)
