"""HTTP of country settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response

from app.auth.caller import Caller, requires
from app.auth.errors import CountryOutsideScope, PersonRequired, RoleLacksRight
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Country, Page
from app.partners.countries import queries, service
from app.partners.countries.schemas import (
    CountrySettingFilter,
    CountrySettingIn,
    CountrySettingOut,
)

router = Router(prefix="/country-settings", tags=["partners"], route_class=RegistryRoute)


@router.get(
    "",
    operation_id="listCountrySettings",
    response_model=Page[CountrySettingOut],
    responses=problems(CursorInvalid),
    summary="List country settings",
)
async def list_settings(
    request: Request,
    response: Response,
    caller: Annotated[Caller, requires(Scope.PARTNERS_READ)],
    session: Session,
    filters: Annotated[CountrySettingFilter, Query()],
) -> dict[str, Any]:
    """Countries for which something was set, by code; of all others the partners may be shown."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = pager.after[0] if pager.after else None
    rows = await queries.list_settings(session, filters.sensitive, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [row.country], response)
    return {"items": items, "next_cursor": following}


@router.put(
    "/{country}",
    operation_id="setCountrySetting",
    response_model=CountrySettingOut,
    responses=problems(
        PersonRequired,
        RoleLacksRight,
        CountryOutsideScope,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Set whether a country is sensitive",
)
async def put_setting(
    country: Annotated[Country, Path(description="ISO 3166-1 alpha-2, alpha-3 or UN M49")],
    new: CountrySettingIn,
    caller: Annotated[Caller, requires(Scope.COUNTRIES_WRITE)],
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    response: Response,
) -> Any:
    """Keep the partners of a country from the public, or no longer; by a named person, for a
    reason that every agency reads. `If-Match` is `"v0"` for a country that has no setting yet.
    """
    row = await service.set_country(session, caller, country, version, new)
    response.headers["ETag"] = version_etag(row.version)
    return row
