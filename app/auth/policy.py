"""May this caller do this with that? The wall in Python; row level security is the floor below.

Pure: it knows what it is given and asks nobody. It says why not, which the floor cannot, and is
narrower than the floor by what only the application knows: roles, country scope, the client's
level, and the purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from app.auth.caller import Caller
from app.auth.errors import CountryOutsideScope, LevelAboveClient, RoleLacksRight
from app.auth.roles import MATRIX, Act, Right
from app.core.errors import NotFound, ServiceError

RANK = {"INTER_AGENCY": 0, "RESTRICTED": 1, "AGENCY_ONLY": 2}
PURPOSE_REASONS = frozenset({"purpose_missing", "purpose_not_shared"})
NARROWER = PURPOSE_REASONS | {
    "scope_missing",
    "role_lacks_right",
    "level_above_client",
    "country_outside_scope",
}
"""Reasons that the database does not know."""
_REFUSALS: dict[str, type[ServiceError]] = {
    "role_lacks_right": RoleLacksRight,
    "level_above_client": LevelAboveClient,
    "country_outside_scope": CountryOutsideScope,
}


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the record with the caller's agency that is valid now.

    ``roles`` empty: for all of the agency; else for holders of one of them. ``standing``: by a
    policy, whose id it bears.
    """

    id: UUID
    purpose: str
    roles: frozenset[str] = frozenset()
    standing: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """What is to be read or written: a row of the matrix, and the facts of one record.

    ``owner`` None: nobody's, as a profile. ``level`` None: that of the kind.
    """

    kind: str
    owner: UUID | None = None
    level: str | None = None
    country: str | None = None
    shares: Sequence[Share] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer; ``reasons`` are stable codes, all that apply, in a fixed order."""

    reasons: tuple[str, ...]
    basis: str
    share: Share | None = None

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against it."""
        return not self.reasons

    @property
    def hidden(self) -> bool:
        """Whether the record must look absent: something other than the purpose is missing."""
        return not PURPOSE_REASONS.issuperset(self.reasons)


def can(caller: Caller, act: Act, resource: Resource, purpose: str | None = None) -> Decision:
    """Decide. Reasons: scope_missing, role_lacks_right, not_owner, agency_only, not_shared,
    level_above_client, country_outside_scope, purpose_missing, purpose_not_shared.
    """
    kind = MATRIX.resources[resource.kind]
    level = resource.level or kind.level
    if kind.level == "INTER_AGENCY" and level == "RESTRICTED":
        level = kind.level  # a summary is for all agencies though its detail is not
    own = resource.owner is None or resource.owner == caller.agency_id
    reading = act in ("summary", "read")
    reasons: list[str] = []
    if not caller.scopes & _scopes(resource.kind, act):
        reasons.append("scope_missing")
    if caller.roles and not _role_fits(
        caller.roles, resource.kind, act, own or (reading and level == "INTER_AGENCY")
    ):
        reasons.append("role_lacks_right")
    if not own and not reading:
        reasons.append("not_owner")
    if not reaches(caller, level):
        reasons.append("level_above_client")
    if kind.country and caller.countries and resource.country not in caller.countries:
        reasons.append("country_outside_scope")
    if own or not reading:
        return Decision(tuple(reasons), "owner")
    if level == "INTER_AGENCY":
        return Decision(tuple(reasons), "inter_agency")
    if level == "AGENCY_ONLY":
        return Decision((*reasons, "agency_only"), "none")
    return _by_share(caller, resource, purpose, _reach(resource.kind), reasons)


def _by_share(
    caller: Caller, resource: Resource, purpose: str | None, reach: str, reasons: list[str]
) -> Decision:
    """RESTRICTED contents of another agency."""
    if reach == "own":
        return Decision((*reasons, "not_owner"), "none")
    if reach == "any":
        missing = () if purpose else ("purpose_missing",)
        return Decision((*reasons, *missing), "role")
    usable = [share for share in resource.shares if not share.roles or share.roles & caller.roles]
    if not usable:
        return Decision((*reasons, "not_shared"), "none")
    if purpose is None:
        return Decision((*reasons, "purpose_missing"), "share")
    fitting = [share for share in usable if share.purpose == purpose]
    if not fitting:
        return Decision((*reasons, "purpose_not_shared"), "share")
    # The log names one: a share of the single record before a standing one, then the older.
    chosen = min(fitting, key=lambda share: (share.standing, str(share.id)))
    return Decision(tuple(reasons), "share", chosen)


@cache
def _scopes(kind: str, act: Act) -> frozenset[str]:
    return MATRIX.resources[kind].scopes_for(act)


@cache
def _reach(kind: str) -> str:
    return MATRIX.resources[kind].reach


def _role_fits(roles: frozenset[str], kind: str, act: Act, own: bool) -> bool:
    # Whether there is a share is asked apart: a right by share reaches every other's record.
    return any(
        own or right.of == "any"
        for role in roles
        for right in _rights(role, kind)
        if act in right.acts
    )


@cache
def _rights(role: str, kind: str) -> tuple[Right, ...]:
    return MATRIX.rights(role, kind)


def require_readable(decision: Decision, absent: type[NotFound]) -> None:
    """Raises ``absent`` unless the record may be read, its purpose apart."""
    if decision.hidden:
        raise absent


def require_writable(decision: Decision, absent: type[NotFound] | None = None) -> None:
    """Raises ``absent`` for a record the caller may not know of, else what it lacks.

    Without ``absent`` (a new record) raises RoleLacksRight, LevelAboveClient or
    CountryOutsideScope.
    """
    if decision.allowed:
        return
    if absent is not None and decision.reasons != ("role_lacks_right",):
        raise absent
    raise _REFUSALS.get(decision.reasons[0], RoleLacksRight)


def has_right(caller: Caller, act: Act, kind: str) -> bool:
    """Whether a role of the caller, if it has any, has this right on its own agency's records."""
    return not caller.roles or _role_fits(caller.roles, kind, act, own=True)


def reaches(caller: Caller, level: str) -> bool:
    """Whether the caller may handle contents of this level."""
    return RANK[level] <= RANK[caller.max_level]


def within(caller: Caller, country: str | None) -> bool:
    """Whether a country lies in the caller's country scope."""
    return not caller.countries or country in caller.countries
