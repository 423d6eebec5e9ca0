"""HTTP of the partner types and their rules."""

from __future__ import annotations

from typing import Annotated

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.partners.types import TYPE_RULES, TypeRules

router = Router(prefix="/partner-types", tags=["partners"], route_class=RegistryRoute)


@router.get(
    "",
    operation_id="getPartnerTypes",
    response_model=TypeRules,
    summary="Read the partner types and their rules",
)
async def get_types(caller: Annotated[Caller, requires(Scope.PARTNERS_READ)]) -> TypeRules:
    """Every type with its codes elsewhere and what follows from it; one version of the rules."""
    return TYPE_RULES
