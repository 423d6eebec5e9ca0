"""HTTP of redacting an assessment's detail, the note of a share, the texts of an access request."""

from __future__ import annotations

from app.assessments import redaction
from app.assessments.errors import AccessRequestNotFound, AssessmentNotFound, ShareNotFound
from app.auth.caller import requires_once
from app.auth.scopes import Scope
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.events.redacting import Text, Words, add_routes

router = Router(tags=["redactions"], route_class=RegistryRoute)

add_routes(
    router,
    Words(
        path="/assessments/{assessment_id}",
        name="Assessment",
        find=redaction.detail,
        may=requires_once(Scope.ASSESSMENTS_WRITE),
        missing=(AssessmentNotFound,),
        hide=Text(
            summary="Hide an assessment's detail at once",
            description="""\
An emergency: nobody reads the detail from the next request on, its owner included.

A second person decides within 72 hours; without a decision it stays hidden. The summary
stays, marked `redacted`. The answer lists who has read the detail.""",
        ),
        decide=Text(
            summary="Destroy or bring back a hidden detail",
            description="""\
A second person: `confirm` destroys the detail, the notes of its shares, and what access
requests say of it.

`undo` brings it back as it was. Under a legal hold it stays hidden, and `confirm` is refused.
`If-Match` is the version of the redaction.""",
        ),
    ),
)
add_routes(
    router,
    Words(
        path="/assessments/{assessment_id}/shares/{share_id}",
        name="ShareNote",
        find=redaction.note,
        may=requires_once(Scope.ASSESSMENTS_WRITE),
        missing=(
            AssessmentNotFound,
            ShareNotFound,
        ),
        hide=Text(
            summary="Hide the note of a share at once",
            description="""\
An emergency: neither the owner nor the recipient reads the note of an own share from the
next request on. The share itself stays as it is. A second person decides within 72 hours.""",
        ),
        decide=Text(
            summary="Destroy or bring back a hidden note of a share",
            description="""\
A second person: `confirm` destroys the note, `undo` brings it back. `If-Match` is the
version of the redaction.""",
        ),
    ),
)
add_routes(
    router,
    Words(
        path="/access-requests/{request_id}",
        name="AccessRequest",
        find=redaction.request_texts,
        may=requires_once(Scope.ASSESSMENTS_WRITE),
        missing=(AccessRequestNotFound,),
        hide=Text(
            summary="Hide the texts of an access request at once",
            description="""\
An emergency: the asking agency hides its justification, the owner of the assessment both
the justification and its own reason, from both agencies. A second person decides within 72
hours. The request and its decision stay as they are.""",
        ),
        decide=Text(
            summary="Destroy or bring back hidden texts of an access request",
            description="""\
A second person of the agency that hid them: `confirm` destroys them, `undo` brings them
back. `If-Match` is the version of the redaction.""",
        ),
    ),
)
