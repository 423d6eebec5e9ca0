"""Property: what passes the limits is part of what the maker can do; only the rest is refused."""

from __future__ import annotations

from itertools import product
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from app.agencies.clients.limits import LEVELS, excess
from app.auth.caller import Caller, Level

_SCOPES = ("partners:read", "partners:write", "clients:admin")
_COUNTRIES = ("KEN", "TZA", "UGA")

scopes = st.frozensets(st.sampled_from(_SCOPES))
countries = st.frozensets(st.sampled_from(_COUNTRIES))
levels: st.SearchStrategy[Level] = st.sampled_from(LEVELS)
roles = st.frozensets(st.sampled_from(("PO", "OVS")))


def _power(
    scopes: frozenset[str], countries: frozenset[str], level: str, roles: frozenset[str]
) -> set[tuple[str, ...]]:
    """Everything that can be done with these rights, one by one."""
    areas = countries or {*_COUNTRIES, "ELSEWHERE"}
    reach = LEVELS[: LEVELS.index(level) + 1]
    done = {tuple(item) for item in product(scopes, areas, reach)}
    return done | ({("what is held back",)} if "OVS" in roles else set())


@given(scopes, countries, levels, roles, scopes, countries, levels, roles)
def test_nothing_beyond_the_maker_passes(
    held: frozenset[str], area: frozenset[str], level: Level, own_roles: frozenset[str],
    asked: frozenset[str], wanted_area: frozenset[str], wanted_level: Level,
    wanted_roles: frozenset[str],
) -> None:  # fmt: skip
    maker = Caller(
        uuid4(), "UNICEF", "X", held, None, roles=own_roles, countries=area, max_level=level
    )
    found = excess(
        maker,
        scopes=asked,
        countries=wanted_area,
        max_level=wanted_level,
        roles=wanted_roles,
    )
    mine = _power(held, area, level, own_roles)
    wanted = _power(asked, wanted_area, wanted_level, wanted_roles)
    if not found:
        assert wanted <= mine
    elif asked:  # without a scope a client can do nothing, whatever its area and level
        assert not wanted <= mine
