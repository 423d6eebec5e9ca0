"""What a caller may give to a client: never more than the caller's own. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from app.agencies.clients.errors import BeyondCaller
from app.auth.caller import OVERSIGHT, Caller
from app.core.errors import FieldError

LEVELS = ("INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY")
"""Levels from the least confidential to the most; a client reads up to its own."""
_WORDS = {
    "scopes": "You do not hold all of these scopes",
    "max_level": "Your own level is lower",
    "countries": "Your own countries are fewer",
    "roles": "Only a person of oversight makes one of oversight",
}


def excess(
    caller: Caller,
    *,
    scopes: Iterable[str],
    countries: Iterable[str],
    max_level: str,
    roles: Iterable[str],
) -> list[str]:
    """Names of the fields in which these rights go beyond those of ``caller``.

    Roles only narrow what scopes allow, but for oversight: it sees what is held back from others,
    so only oversight gives it.
    """
    found = []
    if not caller.scopes.issuperset(scopes):
        found.append("scopes")
    if LEVELS.index(max_level) > LEVELS.index(caller.max_level):
        found.append("max_level")
    wanted = frozenset(countries)
    # None named means every country.
    if caller.countries and not (wanted and wanted <= caller.countries):
        found.append("countries")
    if OVERSIGHT in roles and not caller.oversight:
        found.append("roles")
    return found


def refuse_excess(fields: list[str]) -> None:
    """Raises BeyondCaller when there is any."""
    if fields:
        raise BeyondCaller(
            errors=[
                FieldError(pointer=f"/{name}", code="beyond_caller", message=_WORDS[name])
                for name in fields
            ]
        )
