"""Who may read which detail, in plain Python: the oracle of the walk. It knows no SQL and no ACL.

Time is a counter that rises with each step; what it decides is only what came first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Record:
    """An assessment. ``level`` is the chosen one; a draft is its owner's alone."""

    id: UUID
    owner: str
    partner: UUID
    created: int
    status: str = "final"
    level: str = "RESTRICTED"
    version: int = 1

    @property
    def shown(self) -> str:
        return "AGENCY_ONLY" if self.status == "draft" else self.level

    @property
    def shareable(self) -> bool:
        return self.status == "final" and self.level != "AGENCY_ONLY"


@dataclass
class Entry:
    """A share of one record, or a standing policy."""

    id: UUID
    owner: str
    to: str
    level: str
    purpose: str
    roles: frozenset[str]
    created: int
    begun: bool = True
    ended: bool = False
    expired: bool = False

    @property
    def live(self) -> bool:
        """Neither ended nor run out; perhaps not begun."""
        return not self.ended and not self.expired

    @property
    def opens(self) -> bool:
        return self.live and self.begun and self.level == "detail"


@dataclass
class Share(Entry):
    record: UUID = field(kw_only=True)

    @property
    def key(self) -> tuple[object, ...]:
        return self.record, self.to, self.purpose


@dataclass
class Policy(Entry):
    type: str | None = field(kw_only=True, default=None)
    country: str | None = field(kw_only=True, default=None)
    partner: UUID | None = field(kw_only=True, default=None)

    @property
    def key(self) -> tuple[object, ...]:
        return (
            *(self.owner, self.to, self.level, self.purpose),
            *(self.type, self.country, self.partner, self.roles),
        )


@dataclass
class Request:
    id: UUID
    record: UUID
    by: str
    purpose: str
    open: bool = True


@dataclass
class Model:
    """The world as it should be."""

    agencies: list[str]
    countries: dict[UUID, str] = field(default_factory=dict)
    records: dict[UUID, Record] = field(default_factory=dict)
    shares: dict[UUID, Share] = field(default_factory=dict)
    policies: dict[UUID, Policy] = field(default_factory=dict)
    requests: dict[UUID, Request] = field(default_factory=dict)
    merges: dict[UUID, tuple[UUID, int]] = field(default_factory=dict)
    """Survivor and time of each profile that was merged."""
    gone: set[str] = field(default_factory=set)
    clock: int = 0

    def one_since(self, one: UUID, other: UUID) -> int | None:
        """Since when two profiles are one partner; None for two."""
        ups = self._up(one), self._up(other)
        common = ups[0].keys() & ups[1].keys()
        return min((max(ups[0][node], ups[1][node]) for node in common), default=None)

    def _up(self, node: UUID) -> dict[UUID, int]:
        found, since = {node: -1}, -1
        while node in self.merges:
            node, at = self.merges[node]
            since = max(since, at)
            found[node] = since
        return found

    def fits(self, policy: Policy, record: Record) -> bool:
        """A policy is about a record: the same profile, or one that whoever came second of policy
        and record knew as the same partner."""
        if not record.shareable or policy.owner != record.owner or policy.to in self.gone:
            return False
        if policy.type not in (None, "psea"):
            return False
        if policy.country not in (None, self.countries[record.partner]):
            return False
        if policy.partner in (None, record.partner):
            return True
        assert policy.partner is not None
        since = self.one_since(policy.partner, record.partner)
        return since is not None and since <= max(policy.created, record.created)

    def entries(self, agency: str, record: Record) -> Iterator[Entry]:
        """What opens a RESTRICTED record to another agency."""
        for share in self.shares.values():
            if share.record == record.id and share.to == agency and share.opens:
                yield share
        for policy in self.policies.values():
            if policy.to == agency and policy.opens and self.fits(policy, record):
                yield policy

    def readable(self, agency: str) -> set[UUID]:
        """All that the agency's transactions may read, whoever of it asks."""
        found = {
            record.id
            for record in self.records.values()
            if record.owner == agency or record.shown == "INTER_AGENCY"
        }
        for share in self.shares.values():
            closed = self.records[share.record].shown != "RESTRICTED"
            if share.to == agency and share.opens and not closed:
                found.add(share.record)
        policies = [one for one in self.policies.values() if one.to == agency and one.opens]
        for record in self.records.values():
            if record.shown != "RESTRICTED" or record.id in found:
                continue
            if any(self.fits(policy, record) for policy in policies):
                found.add(record.id)
        return found

    def answer(self, agency: str, record: Record, purpose: str, roles: frozenset[str]) -> str:
        """What a caller with these roles gets for this purpose of another's RESTRICTED record."""
        usable = [
            entry
            for entry in (self.entries(agency, record) if record.shown == "RESTRICTED" else ())
            if not entry.roles or entry.roles & roles
        ]
        if not usable:
            return "AssessmentNotFound"
        return "read" if any(one.purpose == purpose for one in usable) else "PurposeNotShared"
