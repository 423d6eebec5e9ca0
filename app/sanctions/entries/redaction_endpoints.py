"""HTTP of redacting what agencies wrote beside a measure."""

from __future__ import annotations

from app.auth.caller import requires_once
from app.auth.scopes import Scope
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.events.redacting import DECIDE_ONE, Text, Words, add_routes
from app.sanctions.entries import errors, redaction

router = Router(prefix="/sanctions/entries", tags=["redactions"], route_class=RegistryRoute)

add_routes(
    router,
    Words(
        path="/{entry_id}/texts/{text_id}",
        name="SanctionEntryText",
        find=redaction.words,
        may=requires_once(Scope.SANCTIONS_WRITE),
        missing=(errors.EntryTextNotFound,),
        hide=Text(
            summary="Hide what was written beside a measure",
            description="""\
An emergency: nobody reads the text from the next request on. The measure itself stays.

`text_id` is the id of an act (its reasons), of a condition (the note of its verification), of
the own agency's recognition, or of the measure itself (why it was lifted). A second person
decides within 72 hours; without a decision it stays hidden.""",
        ),
        decide=Text(
            summary="Destroy or bring back what was hidden beside a measure",
            description=DECIDE_ONE,
        ),
    ),
)
