"""HTTP of external lists."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.http import (
    RegistryRoute,
)
from app.sanctions.lists import freshness, queries
from app.sanctions.lists.schemas import SourcesOut

router = APIRouter(prefix="/sanctions", tags=["sanctions"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.SANCTIONS_READ)]


@router.get(
    "/sources",
    operation_id="listSanctionSources",
    response_model=SourcesOut,
    summary="List external lists",
)
async def list_sources(caller: Reader, session: Session, now: Now) -> dict[str, Any]:
    """External lists: version, digest, counts and freshness of each."""
    return {"items": freshness.describe(await queries.source_states(session), now)}
