"""Finding profiles that may be the partner somebody means. Stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import policy
from app.auth.caller import Caller
from app.core.ids import registry_number
from app.partners import queries as profiles
from app.partners import visibility
from app.partners.identifiers import service as identifiers
from app.partners.identifiers.schemas import IdentifierRef
from app.partners.lineage import root_of
from app.partners.matching import queries
from app.partners.matching.rank import Ranked, Wanted, rank
from app.partners.matching.rules import RULES
from app.partners.matching.schemas import Candidate, MatchExplanation, MatchIn


def names_of(source: Any) -> Iterator[tuple[str, str]]:
    """All names of a profile or of a search, as (which, name)."""
    for field in ("legal_name", "legal_name_native"):
        if getattr(source, field):
            yield field, getattr(source, field)
    yield from (("alias", name) for name in source.aliases or ())
    yield from (("former_name", name) for name in source.former_names or ())


def wanted_by(source: Any) -> Wanted:
    """What to look for: a `MatchIn`, a new profile or a stored one."""
    names = list(names_of(source))
    if not names and source.acronym:
        # Somebody who knows an organisation by its acronym only may have typed a name there.
        names = [("acronym", source.acronym)]
    return Wanted(names, source.acronym, source.country, source.year_established, source.website)


async def find(session: AsyncSession, caller: Caller, wanted: Wanted) -> Ranked:
    """Candidates by names, acronym and website: of the caller's countries, best first."""
    probes, near = wanted.asked()
    rows = await queries.candidates(
        session,
        probes,
        near,
        caller.agency_id,
        sees_protected=visibility.sees_protected(caller),
    )
    return rank((row for row in rows if policy.within(caller, row.country)), wanted)


async def match(session: AsyncSession, caller: Caller, wanted: MatchIn) -> dict[str, Any]:
    """Profiles that may be the one described, best first.

    Of the caller's countries and of those it may know of; that there is another one which may be
    it is said by ``contact_registry`` alone.
    """
    found: dict[UUID, Candidate] = {}
    hidden = False
    for item in wanted.identifiers:
        candidate, kept_back = await _holder(session, caller, item)
        hidden = hidden or kept_back
        if candidate is not None:
            found[candidate.partner_id] = candidate
    ranked = await find(session, caller, wanted_by(wanted))
    for candidate in ranked.candidates:
        found.setdefault(candidate.partner_id, candidate)
    # Stable: those of equal score stay as they were ranked, a holder of an identifier first.
    best = sorted(found.values(), key=lambda item: -item.score)
    return {
        "candidates": best[: wanted.limit],
        "contact_registry": hidden or ranked.hidden,
    }


async def _holder(
    session: AsyncSession, caller: Caller, item: IdentifierRef
) -> tuple[Candidate | None, bool]:
    """The profile with this identifier, or that there is one the caller may not know of."""
    holder = await identifiers.find_holder(session, caller, item)
    if holder is None:
        return None, False
    partner = await profiles.find_partner(session, await root_of(session, holder))
    if partner is None or not policy.within(caller, partner.country):
        return None, False
    if not await visibility.may_see(session, caller, partner):
        return None, True
    candidate = Candidate(
        partner_id=partner.id,
        registry_number=registry_number(partner.number),
        legal_name=partner.legal_name,
        country=partner.country,
        score=1.0,
        matched_on=["identifier"],
        explanation=MatchExplanation(rules=RULES.version),
    )
    return candidate, False
