"""HTTP of an agency's own settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request, Response

from app.agencies import queries, service, settings
from app.agencies.endpoints import Admin, AgencyCode, Reader, Version
from app.agencies.errors import AgencyNotFound, SettingDateInvalid, SettingNotFound
from app.agencies.schemas import SettingChangeOut, SettingIn, SettingOut, SettingsOut
from app.auth.errors import PersonRequired
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import InvalidRequest, problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    version_etag,
)
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(prefix="/agencies", tags=["agencies"], route_class=RegistryRoute)
SettingKey = Annotated[
    str, Path(pattern=r"^[a-z][a-z0-9_]{1,39}$", examples=["default_share_months"])
]


@router.get(
    "/{code}/settings",
    operation_id="listAgencySettings",
    response_model=SettingsOut,
    responses=problems(AgencyNotFound),
    summary="List the own settings",
)
async def list_settings(
    code: AgencyCode, caller: Reader, session: Session, now: Now
) -> dict[str, Any]:
    """Every setting of the own agency as it is in effect today; for any other agency a 404."""
    agency_id = service.own(caller, code)
    found = [await settings.read(session, agency_id, key, now.date()) for key in settings.KEYS]
    return {"items": found}


@router.get(
    "/{code}/settings/{key}",
    operation_id="getAgencySetting",
    response_model=SettingOut,
    responses=problems(AgencyNotFound, SettingNotFound),
    summary="Read an own setting",
)
async def get_setting(
    code: AgencyCode,
    key: SettingKey,
    caller: Reader,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """The value in effect today; its ETag counts how often it was set."""
    found = await settings.read(session, service.own(caller, code), key, now.date())
    # What is in effect changes with the day, too: the tag is for If-Match, not for a cache.
    response.headers["ETag"] = version_etag(found["version"])
    response.headers["Cache-Control"] = "no-store"
    return found


@router.put(
    "/{code}/settings/{key}",
    operation_id="setAgencySetting",
    response_model=SettingOut,
    responses=problems(
        AgencyNotFound,
        SettingNotFound,
        PersonRequired,
        InvalidRequest,
        SettingDateInvalid,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Set an own setting",
)
async def put_setting(
    code: AgencyCode,
    key: SettingKey,
    new: SettingIn,
    caller: Admin,
    version: Version,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """A value from today or a later day on; what was in effect before stays in the history.

    `If-Match` is `"v0"` for a setting that was never set.
    """
    found = await settings.put(session, caller, code, key, version, new, now.date())
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.get(
    "/{code}/settings/{key}/history",
    operation_id="listAgencySettingChanges",
    response_model=Page[SettingChangeOut],
    responses=problems(AgencyNotFound, SettingNotFound, CursorInvalid),
    summary="List how an own setting was set",
)
async def list_changes(
    request: Request,
    response: Response,
    code: AgencyCode,
    key: SettingKey,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Each time the setting was set, newest first."""
    agency_id = service.own(caller, code)
    if key not in settings.KEYS:
        raise SettingNotFound
    pager = Pager(request, caller.agency_id, limit, cursor)
    before = pager.after[0] if pager.after else None
    rows = await queries.setting_history(session, agency_id, key, before, limit + 1)
    items, following = pager.page(list(rows), lambda row: [row.version], response)
    return {"items": items, "next_cursor": following}
