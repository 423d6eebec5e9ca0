"""HTTP of redacting the reasons of a decision on a potential match, and what a partner answered."""

from __future__ import annotations

from app.auth.caller import requires_once
from app.auth.scopes import Scope
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.events.redacting import DECIDE_ONE, DECIDE_SEVERAL, Text, Words, add_routes
from app.sanctions.matches import errors, redaction

router = Router(prefix="/sanctions/matches", tags=["redactions"], route_class=RegistryRoute)

add_routes(
    router,
    Words(
        path="/{match_id}/decisions/{decision_id}",
        name="MatchDecision",
        find=redaction.reasons,
        may=requires_once(Scope.SCREENING_ADJUDICATE),
        missing=(errors.MatchNotFound,),
        hide=Text(
            summary="Hide the reasons of a decision",
            description="""\
An emergency: nobody reads the reasons from the next request on. The decision stands.

A second person decides within 72 hours; without a decision it stays hidden.""",
        ),
        decide=Text(
            summary="Destroy or bring back hidden reasons",
            description=DECIDE_ONE,
        ),
    ),
)
add_routes(
    router,
    Words(
        path="/{match_id}/facts-requests/{request_id}",
        name="MatchFacts",
        find=redaction.facts,
        may=requires_once(Scope.SCREENING_ADJUDICATE),
        missing=(errors.MatchNotFound,),
        hide=Text(
            summary="Hide what a partner was asked and answered",
            description="""\
An emergency: nobody reads reason and answer from the next request on. The question stays.

A second person decides within 72 hours; without a decision it stays hidden.""",
        ),
        decide=Text(
            summary="Destroy or bring back what was asked and answered",
            description=DECIDE_SEVERAL,
        ),
    ),
)
