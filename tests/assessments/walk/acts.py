"""The acts of the walk: each is done by the product's own functions, and told to the model."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.assessments import access_decisions, access_requests, service, sharing, standing
from app.assessments.schemas import AssessmentPatch
from app.assessments.sharing_schemas import (
    AccessRequestIn,
    DecisionIn,
    ShareIn,
    SharingPolicyIn,
)
from app.assessments.types.psea import PseaIn
from app.auth.caller import Caller, Person
from app.auth.scopes import AGENCY
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.errors import ServiceError, sqlstate
from tests.assessments.factories import assessment_body
from tests.assessments.walk.model import Model, Policy, Record, Request, Share
from tests.conftest import ApiFor, Settle

PURPOSES = ("PARTNER_SELECTION", "AUDIT", "MONITORING")
ROLES = (frozenset[str](), frozenset({"PFP"}), frozenset({"CO"}))
COUNTRIES = ("FJI", "TON", "VUT")
FAR = datetime(2189, 1, 1, tzinfo=UTC)
_REFUSALS = {"Hidden", "NotShareable", "ShareExists", "SharingPolicyExists", "AccessRequestOpen"}
_EXPIRE = {
    "share": (
        "UPDATE assessment_shares SET valid_from = now() - interval '2 d', "
        "valid_until = now() - interval '1 s' WHERE id = :id"
    ),
    "policy": (
        "UPDATE sharing_policies SET valid_from = now() - interval '2 d', "
        "valid_until = now() - interval '1 s' WHERE id = :id"
    ),
    "entry": (
        "UPDATE assessments_acl SET valid_from = now() - interval '2 d', "
        "valid_to = now() - interval '1 s' WHERE share_id = :id"
    ),
}
Act = Callable[[], Awaitable[None]]
Maker = Callable[[bool], tuple[object, Act] | None]


@dataclass
class Acts:
    """What agencies do, one after the other or at once. ``rare`` are acts by way of HTTP, one in so
    many."""

    model: Model
    ids: dict[str, UUID]
    persons: dict[str, UUID]
    database: Database
    operator: Database
    keyring: KeyRing
    api_for: ApiFor
    settle: Settle
    dice: random.Random
    rare: int = 60
    copied: bool = False
    done: int = 0
    refused: int = 0
    trail: list[str] = field(default_factory=list)
    undo: dict[UUID, dict[str, Any]] = field(default_factory=dict)

    # ------------------------------------------------------------ what acts need

    def caller(self, agency: str, roles: frozenset[str] = frozenset()) -> Caller:
        person = Person(self.persons[agency], agency, "HQ", "officer")
        return Caller(self.ids[agency], agency, agency, frozenset(AGENCY), person, roles=roles)

    async def _try(
        self, agency: str, work: Callable[[Any, Caller], Awaitable[Any]]
    ) -> tuple[Any, str | None]:
        """The result, or the name of the refusal; either way one transaction of the agency."""
        caller = self.caller(agency)
        try:
            async with self.database.session(caller.binding) as session:
                return await work(session, caller), None
        except ServiceError as error:
            return None, type(error).__name__
        except DBAPIError as error:
            # A record that was closed between two statements: HTTP answers with the 404.
            if sqlstate(error) != "42501":
                raise
            return None, "Hidden"

    def _met(self, refusal: str | None, expected: str | None, together: bool) -> bool:
        """Whether the act took place. Fails where the refusal is not the one that is due."""
        self.refused += refusal is not None
        if together:
            assert refusal in {None, expected, *_REFUSALS}, refusal
        else:
            assert refusal == expected, f"{refusal} instead of {expected}; {self.trail[-6:]}"
        return refusal is None

    def _pick(self, items: Any, wanted: Callable[[Any], bool] = lambda one: True) -> Any | None:
        """One of the items that are wanted, tried a few times."""
        pool = items if isinstance(items, list) else list(items)
        for _ in range(6 if pool else 0):
            if wanted(one := self.dice.choice(pool)):
                return one
        return None

    def _present(self, *but: str) -> str:
        return self.dice.choice([one for one in self.model.agencies if one not in but])

    async def superuser(self, *statements: str, **values: Any) -> None:
        async with self.operator.session() as session:
            for statement in statements:
                await session.execute(text(statement), values)

    # ------------------------------------------------------------ acts

    def share(self, together: bool) -> tuple[object, Act] | None:
        m = self.model
        record = self._pick(self.records, lambda one: one.owner not in m.gone)
        if record is None:
            return None
        to = self._present(record.owner)
        level = "summary" if self.dice.random() < 0.1 else "detail"
        purpose, roles = self.dice.choice(PURPOSES), self.dice.choice((*ROLES, ROLES[0]))
        later = self.dice.random() < 0.07
        body = ShareIn(
            **{"shared_with": to, "level": level, "purpose": purpose, "roles": sorted(roles)},
            valid_from=FAR if later else None,
            valid_until=FAR.replace(year=2190),
        )
        key = (record.id, to, purpose)

        async def act() -> None:
            found, refusal = await self._try(
                record.owner,
                lambda session, caller: sharing.share(
                    session, self.keyring, caller, record.id, body
                ),
            )
            expected = None
            if to in m.gone:
                expected = "AgencyUnknown"
            elif not record.shareable:
                expected = "NotShareable"
            elif self.live_keys.get(key):
                expected = "ShareExists"
            if self._met(refusal, expected, together):
                self._shared(found["id"], record, to, level, purpose, roles, begun=not later)

        return key, act

    def _shared(
        self,
        share_id: UUID,
        record: Record,
        to: str,
        level: str,
        purpose: str,
        roles: frozenset[str],
        *,
        begun: bool,
    ) -> None:
        made = Share(
            *(share_id, record.owner, to, level, purpose, roles, self.model.clock),
            begun=begun,
            record=record.id,
        )
        self.model.shares[share_id] = made
        self.live_keys[made.key] = share_id

    def _over(self, share: Share) -> None:
        # What is over opens nothing any more: the model need not look at it again.
        self.model.shares.pop(share.id, None)
        self.live_keys.pop(share.key, None)

    def revoke(self, together: bool) -> tuple[object, Act] | None:
        share = self._pick(self.model.shares.values(), lambda one: one.owner not in self.model.gone)
        if share is None:
            return None

        async def act() -> None:
            _, refusal = await self._try(
                share.owner,
                lambda session, caller: sharing.revoke(session, caller, share.record, share.id),
            )
            if self._met(refusal, None, together):
                self._over(share)

        return share.key, act

    def expire(self, together: bool) -> tuple[object, Act] | None:
        policy = self.dice.random() < 0.2
        pool = self.model.policies if policy else self.model.shares
        entry = self._pick(pool.values(), lambda one: one.live)
        if entry is None:
            return None

        async def act() -> None:
            kind = "policy" if policy else "share"
            await self.superuser(_EXPIRE[kind], _EXPIRE["entry"], id=entry.id)
            entry.expired = True
            if not policy:
                self._over(entry)

        return (entry.id if policy else entry.key), act

    def give_policy(self, together: bool) -> tuple[object, Act] | None:
        m = self.model
        owner = self._present(*m.gone)
        if sum(1 for one in m.policies.values() if one.owner == owner and one.live) >= self.most:
            return None
        to, purpose = self._present(owner), self.dice.choice(PURPOSES)
        roles = self.dice.choice((*ROLES, ROLES[0]))
        level = "summary" if self.dice.random() < 0.1 else "detail"
        partner = self._pick(list(m.countries), lambda one: one not in m.merges)
        filters: dict[str, Any] = self.dice.choice(
            (
                {"partner_id": partner},
                {"partner_id": partner},
                {"country": self.dice.choice(COUNTRIES)},
                {"type": "psea", "country": self.dice.choice(COUNTRIES)},
                {"type": "psea", "partner_id": partner},
                {"all": True} if self.dice.random() < 0.15 else {"partner_id": partner},
            )
        )
        if filters.get("partner_id", 1) is None:
            return None
        body = SharingPolicyIn(
            **{"shared_with": to, "level": level, "purpose": purpose, "roles": sorted(roles)},
            **filters,
        )
        wish = Policy(
            *(UUID(int=0), owner, to, level, purpose, roles, m.clock),
            type=filters.get("type"),
            country=filters.get("country"),
            partner=filters.get("partner_id"),
        )

        async def act() -> None:
            found, refusal = await self._try(
                owner,
                lambda session, caller: standing.give(session, self.keyring, caller, body),
            )
            expected = None
            if to in m.gone:
                expected = "AgencyUnknown"
            elif any(one.key == wish.key and one.live for one in m.policies.values()):
                expected = "SharingPolicyExists"
            if self._met(refusal, expected, together):
                wish.id = found["id"]
                m.policies[wish.id] = wish

        return wish.key, act

    def end_policy(self, together: bool) -> tuple[object, Act] | None:
        gone = self.model.gone
        policy = self._pick(self.model.policies.values(), lambda one: one.owner not in gone)
        if policy is None:
            return None

        async def act() -> None:
            _, refusal = await self._try(
                policy.owner, lambda session, caller: standing.end(session, caller, policy.id)
            )
            if self._met(refusal, None, together):
                self.model.policies.pop(policy.id)

        return policy.key, act

    def ask(self, together: bool) -> tuple[object, Act] | None:
        m = self.model
        record = self._pick(
            self.records, lambda one: one.shown == "RESTRICTED" and one.owner not in m.gone
        )
        if record is None:
            return None
        by, purpose = self._present(record.owner, *m.gone), self.dice.choice(PURPOSES)
        body = AccessRequestIn(
            assessment_id=record.id,
            **{"level": "detail", "purpose": purpose, "justification": "A joint response."},
        )

        async def act() -> None:
            found, refusal = await self._try(
                by,
                lambda session, caller: access_requests.ask(session, self.keyring, caller, body),
            )
            key = (record.id, by, purpose)
            waiting = any((o.record, o.by, o.purpose) == key for o in m.requests.values())
            expected = "AccessRequestOpen" if waiting else None
            if self._met(refusal, expected, together):
                m.requests[found["id"]] = Request(found["id"], record.id, by, purpose)

        return ("ask", record.id), act

    def answer(self, together: bool) -> tuple[object, Act] | None:
        m = self.model
        asked = self._pick(
            m.requests.values(), lambda one: m.records[one.record].owner not in m.gone
        )
        if asked is None:
            return None
        record = m.records[asked.record]
        key = (record.id, asked.by, asked.purpose)
        if self.dice.random() < 0.2:
            return key, lambda: self._take_back(asked, together)
        yes, roles = self.dice.random() < 0.7, self.dice.choice((*ROLES, ROLES[0]))
        level = "summary" if self.dice.random() < 0.1 else None
        body = DecisionIn(
            decision="approve" if yes else "deny",
            reason="As it was asked.",
            roles=sorted(roles),
            level=level,
            valid_until=FAR,
        )

        async def act() -> None:
            found, refusal = await self._try(
                record.owner,
                lambda session, caller: access_decisions.decide(
                    session, self.keyring, caller, asked.id, 1, body
                ),
            )
            expected = None
            if yes and not record.shareable:
                expected = "NotShareable"
            elif yes and self.live_keys.get(key):
                expected = "ShareExists"
            if self._met(refusal, expected, together):
                m.requests.pop(asked.id)
                if yes:
                    terms = (asked.by, level or "detail", asked.purpose, roles)
                    self._shared(found["share_id"], record, *terms, begun=True)

        return key, act

    async def _take_back(self, asked: Request, together: bool) -> None:
        _, refusal = await self._try(
            asked.by,
            lambda session, caller: access_requests.withdraw(
                session, self.keyring, caller, asked.id
            ),
        )
        if self._met(refusal, None, together):
            self.model.requests.pop(asked.id)

    def file(self, together: bool) -> tuple[object, Act] | None:
        m = self.model
        owner = self._present(*m.gone)
        partner = self._pick(list(m.countries), lambda one: one not in m.merges)
        if partner is None:
            return None
        status = "draft" if self.dice.random() < 0.3 else "final"
        level = self.dice.choices(("RESTRICTED", "INTER_AGENCY", "AGENCY_ONLY"), (8, 1, 1))[0]
        body = PseaIn.model_validate(
            assessment_body(str(partner), status=status, confidentiality=level)
        )

        async def act() -> None:
            found, refusal = await self._try(
                owner,
                lambda session, caller: service.file_assessment(
                    session, self.keyring, caller, body, date(2026, 11, 23)
                ),
            )
            if self._met(refusal, None, together):
                self.add(Record(found["id"], owner, partner, m.clock, status, level))

        return object(), act

    def add(self, record: Record) -> None:
        self.model.records[record.id] = record
        self.records.append(record)

    def change(self, together: bool) -> tuple[object, Act] | None:
        record = self._pick(self.records, lambda one: one.owner not in self.model.gone)
        if record is None:
            return None
        if record.status == "draft":
            return ("change", record.id), lambda: self._finish(record, together)
        change = self.dice.choice(("level", "level", "withdraw"))
        level = "RESTRICTED" if record.level == "AGENCY_ONLY" else "AGENCY_ONLY"
        if record.status != "final" or record.level == "INTER_AGENCY":
            return None
        sql = (
            "UPDATE assessments SET confidentiality = :level, level = :level WHERE id = :id"
            if change == "level"
            else "UPDATE assessments SET status = 'withdrawn', withdrawn_at = now(), "
            "withdrawal_reason = 'OTHER' WHERE id = :id AND :level <> ''"
        )

        async def act() -> None:
            async with self.database.session(self.ids[record.owner]) as session:
                await session.execute(text(sql), {"id": record.id, "level": level})
            if change == "level":
                record.level = level
            else:
                record.status = "withdrawn"

        return ("change", record.id), act

    async def _finish(self, record: Record, together: bool) -> None:
        _, refusal = await self._try(
            record.owner,
            lambda session, caller: service.change_draft(
                session,
                self.keyring,
                caller,
                record.id,
                record.version,
                AssessmentPatch(status="final", confidentiality=record.level),
                date(2026, 11, 23),
            ),
        )
        if self._met(refusal, None, together):
            record.status, record.version = "final", record.version + 1

    def __post_init__(self) -> None:
        self.records = list(self.model.records.values())
        self.live_keys: dict[tuple[object, ...], UUID] = {}
        self.most = 12
        self.acts = (
            *((self.share, 34), (self.revoke, 18), (self.expire, 4), (self.give_policy, 8)),
            *((self.end_policy, 6), (self.ask, 10), (self.answer, 10), (self.file, 5)),
            (self.change, 5),
        )
