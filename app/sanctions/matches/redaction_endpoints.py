"""HTTP of redacting the reasons of a decision on a potential match, and what a partner answered."""

from __future__ import annotations

from app.auth.caller import requires_once
from app.auth.scopes import Scope
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.events.redacting import Text, Words, add_routes
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
            description="""\
A second person: `confirm` destroys the text for good, `undo` brings it back as it was.

Under a legal hold it stays hidden, and `confirm` is refused. `If-Match` is the version of
the redaction.""",
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
            description="""\
A second person: `confirm` destroys them for good, `undo` brings them back as they were.

Under a legal hold they stay hidden, and `confirm` is refused. `If-Match` is the version of
the redaction.""",
        ),
    ),
)
