"""HTTP of code lists."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Path, Query, Request, Response

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.codelists import service
from app.partners.codelists.errors import CodeListNotFound
from app.partners.codelists.schemas import CodeListFilter, CodeListOut, CodeListQuery, CodeListRow

router = Router(prefix="/codelists", tags=["codelists"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.AGENCIES_READ, Scope.PARTNERS_READ, Scope.SELF_READ)]
ListCode = Annotated[
    str, Path(pattern=r"^[a-z0-9_]{1,40}$", description="code of a list", examples=["sectors"])
]


@router.get(
    "",
    operation_id="listCodeLists",
    response_model=Page[CodeListRow],
    responses=problems(CursorInvalid),
    summary="List code lists",
)
async def list_code_lists(
    request: Request,
    response: Response,
    caller: Reader,
    filters: Annotated[CodeListFilter, Query()],
) -> dict[str, Any]:
    """Every list whose codes fields of the registry use, with its edition in force."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = pager.after[0] if pager.after else None
    rows = service.list_all(after, filters.limit + 1)
    items, following = pager.page(rows, lambda row: [row.code], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/{code}",
    operation_id="getCodeList",
    response_model=CodeListOut,
    responses=problems(CodeListNotFound) | {304: {"description": "Not modified"}},
    summary="Read a code list",
)
async def get_code_list(
    request: Request,
    code: ListCode,
    caller: Reader,
    query: Annotated[CodeListQuery, Query()],
    accept_language: Annotated[
        str | None, Header(description="languages of `label`, as of RFC 9110", examples=["fr"])
    ] = None,
) -> Response:
    """One edition with its labels: English always, the other UN languages where its source has
    them. An edition never changes.
    """
    language = service.language_of(query.lang, accept_language or "")
    body = service.body_of(code, query.version, language)
    etag = bytes_etag(body)
    headers = {"ETag": etag, "Content-Language": language}
    return not_modified(request, etag) or Response(
        body, media_type="application/json", headers=headers
    )
