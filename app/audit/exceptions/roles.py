"""Which roles take which exceptional step."""

from __future__ import annotations

from app.audit.exceptions.errors import RoleRequired
from app.auth.caller import OVERSIGHT, Caller, Person

LEGAL = "LEGAL"
HOLDING = frozenset({OVERSIGHT, LEGAL})
WITHHOLDING = frozenset({OVERSIGHT})
REDACTING = frozenset({OVERSIGHT, LEGAL, "IPU", "PFP"})


def require_role(caller: Caller, roles: frozenset[str], *, unless_none: bool = False) -> Person:
    """The calling person, who has one of these roles.

    ``unless_none`` lets a person pass to whom its agency has given no roles at all: an emergency
    does not wait for that. Raises PersonRequired or RoleRequired.
    """
    person = caller.require_person()
    if not caller.roles & roles and not (unless_none and not caller.roles):
        raise RoleRequired
    return person
