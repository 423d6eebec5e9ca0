"""HTTP of the export."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.audit.errors import PurposeRequired
from app.auth import policy
from app.auth.caller import Caller, requires
from app.auth.errors import RoleLacksRight
from app.auth.scopes import Scope
from app.core import notice
from app.core.db import DatabaseDep, Session
from app.core.errors import FieldError, InvalidRequest, problems
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.partners.purpose import PurposeHeader, purposes_of, stated_purpose
from app.partners.search import export
from app.partners.search.conditions import conditions
from app.partners.search.schemas import Filters

router = Router(prefix="/partners", tags=["partners"], route_class=RegistryRoute)
Exporter = Annotated[Caller, requires(Scope.PARTNERS_EXPORT)]


class ExportQuery(Filters):
    """Filters and form of an export."""

    format: export.Format = "ndjson"
    audience: export.Audience = Field(
        "agencies", description="`public`: profiles that anybody may see, with their public fields"
    )
    bom: bool = Field(False, description="begin with a byte-order mark, for spreadsheets")


@router.get(
    "/export",
    operation_id="exportPartners",
    response_class=StreamingResponse,
    responses=problems(PurposeRequired, RoleLacksRight)
    | {
        200: {
            "description": "A line a profile",
            "content": {kind.split(";")[0]: {} for kind in export.MEDIA_TYPES.values()},
        }
    },
    summary="Export partner profiles",
)
async def export_partners(
    request: Request,
    caller: Exporter,
    session: Session,
    database: DatabaseDep,
    wanted: Annotated[ExportQuery, Query()],
    access_purpose: PurposeHeader = None,
) -> StreamingResponse:
    """Profiles the caller may know of, newest first, as CSV or one JSON document a line. Needs
    `Access-Purpose`.

    The log names filters, every id before it is sent, count and SHA-256. An export whose log has
    no end was broken off. Cells of a CSV that a spreadsheet would calculate begin with `'`.
    """
    if wanted.q is not None:
        message = "words find a few profiles and are for the list"
        raise InvalidRequest(
            errors=[FieldError(pointer="query:q", code="value_error", message=message)]
        )
    if wanted.audience == "public":
        wanted = wanted.model_copy(update={"public": True})
    conditions(wanted, caller.client_id, caller.scopes)
    stated = stated_purpose(purposes_of(request))
    if not policy.has_right(caller, "read", "PROFILE_EXPORT"):
        raise RoleLacksRight
    said = wanted.model_dump(mode="json", exclude_defaults=True)
    # The log holds no identifiers of organisations, only what kind of thing was asked for.
    said |= {"value": True} if wanted.value is not None else {}
    export_id = await export.begin(session, caller, stated, said)
    body = export.stream(
        database, caller, export_id, stated, wanted, wanted.audience, wanted.format, wanted.bom
    )
    return StreamingResponse(
        body,
        media_type=export.MEDIA_TYPES[wanted.format],
        headers={
            "Content-Disposition": f'attachment; filename="partners.{wanted.format}"',
            "Registry-Notice": f"{notice.VERSION}; {notice.TEXT}",
            "Registry-Export": str(export_id),
        },
    )
