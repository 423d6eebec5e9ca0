"""The walk: draws an act from a seed, does it by the product's own functions, tells the model.

An act that the model expects to be refused is tried as well: the refusal must be that one. Acts
done at once on several connections touch different things, so that their order does not matter;
then only the list of refusals that may come is fixed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.agencies import life_cycle
from app.assessments import detail as details
from app.audit.events import Event
from app.core.errors import ServiceError
from app.core.key_provider import Undecipherable
from app.events import service as events
from app.events.catalogue import EventType
from tests.assessments.walk.acts import COUNTRIES, PURPOSES, ROLES, Act, Acts, Maker
from tests.partners.merges.support import merged, unmerged


@dataclass
class Walk(Acts):
    """One walk over one world."""

    # ------------------------------------------------------------ acts that run alone

    async def alone(self) -> None:
        """A merge, the undoing of one, a move to another country, or the leaving of an agency."""
        kind = self.dice.choices(("merge", "undo", "move", "leave"), (4, 4, 6, 1))[0]
        m = self.model
        if kind == "merge":
            loser = self._pick(list(m.countries), lambda one: one not in m.merges)
            survivor = self._pick(list(m.countries), lambda one: self._mergeable(loser, one))
            if loser and survivor:
                pair = {"id": str(loser)}, {"id": str(survivor)}
                self.undo[loser] = await merged(self.api_for, *pair)
                m.merges[loser] = survivor, m.clock
        elif kind == "undo" and m.merges:
            # The newest first: an older one may lie below it.
            loser = max(m.merges, key=lambda one: m.merges[one][1])
            await unmerged(self.api_for, self.undo.pop(loser))
            del m.merges[loser]
        elif kind == "move":
            await self._move()
        elif kind == "leave" and len(m.gone) < 1:
            await self._leave(self._present(*m.gone))
        self.trail.append(kind)

    def _mergeable(self, loser: UUID | None, other: UUID) -> bool:
        m = self.model
        free = other not in m.merges and other != loser
        return free and loser is not None and m.countries[loser] == m.countries[other]

    async def _move(self) -> None:
        partner = self._pick(list(self.model.countries), lambda one: one not in self.model.merges)
        if partner is None:
            return
        country = self.dice.choice(COUNTRIES)
        change = text(
            "UPDATE partners SET country = :country, version = version + 1 WHERE id = :id"
        )
        owner = self._present(*self.model.gone)
        async with self.database.session(self.ids[owner]) as session:
            await session.execute(change, {"country": country, "id": partner})
            await events.publish(
                session, EventType.PARTNER_CHANGED, partner, None, fields=["country"]
            )
        await self.settle()
        self.model.countries[partner] = country

    async def _leave(self, agency: str) -> None:
        async with self.operator.session() as session:
            await life_cycle.withdraw(
                session, agency, custodian="UNDP", reason="a test", by="tester"
            )
        await self.settle()
        m = self.model
        m.gone.add(agency)
        for share in [one for one in m.shares.values() if one.to == agency]:
            self._over(share)
        for asked in list(m.requests.values()):
            if agency in (asked.by, m.records[asked.record].owner):
                m.requests.pop(asked.id)

    # ------------------------------------------------------------ the walk

    def _draw(self, together: bool) -> tuple[object, Act]:
        while True:
            makers, weights = zip(*self.acts, strict=True)
            make: Maker = self.dice.choices(makers, weights)[0]
            if (drawn := make(together)) is not None:
                self.trail.append(make.__name__)
                return drawn

    async def step(self, at_once: int) -> None:
        """One act, or several at once on things that are not the same."""
        self.model.clock += 1
        if self.dice.randrange(self.rare) == 0:
            await self.alone()
            self.done += 1
            return
        acts: dict[object, Act] = {}
        while len(acts) < at_once:
            key, act = self._draw(at_once > 1)
            acts.setdefault(key, act)
        await asyncio.gather(*(act() for act in acts.values()))
        self.done += len(acts)
        del self.trail[:-40]

    async def compare(self) -> tuple[int, int]:
        """How many details SQL shows beyond the model, and how many it hides against it."""
        leaked = hidden = 0
        for agency in self.model.agencies:
            async with self.database.session(self.ids[agency]) as session:
                rows = await session.scalars(text("SELECT assessment_id FROM assessment_details"))
                seen = set(rows.all()) & self.model.records.keys()
            meant = self.model.readable(agency)
            leaked += len(seen - meant)
            hidden += len(meant - seen)
        return leaked, hidden

    async def sample(self, count: int) -> None:
        """Readings with roles and a purpose, decided as every request's are: as the model says."""
        m = self.model
        for _ in range(count):
            agency = self._present(*m.gone)
            record = self._pick(self.records, lambda one: one.shown == "RESTRICTED")
            if record is None or record.owner == agency:
                continue
            purpose, roles = self.dice.choice(PURPOSES), self.dice.choice(ROLES)
            caller, headers = self.caller(agency, roles), [f'{purpose}; ref="W-1"']
            found = "read"
            try:
                async with self.database.session(caller.binding) as session:
                    permit = await details.permitted(session, caller, record.id, headers)
                    event = Event.ASSESSMENT_DETAIL_READ
                    await details.record_reading(session, caller, permit, event)
                    await details.unseal(session, self.keyring, permit.row)
            except ServiceError as error:
                found = type(error).__name__
            except Undecipherable:
                # What a superuser copied in has no content to open; the reading was let through.
                assert self.copied
            meant = m.answer(agency, record, purpose, roles)
            assert found == meant, f"{agency} {sorted(roles)} {purpose}: {found}, not {meant}"
