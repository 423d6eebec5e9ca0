"""The World Bank's list of ineligible firms and individuals, in the JSON of its service.

It lists what the Bank imposed itself and, as cross-debarment, what another development bank did.
It counts only after the agencies enabled it jointly.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.sanctions.sources.base import (
    Audience,
    Kind,
    ListedParty,
    ListHeader,
    ListSource,
    Regime,
    SourceEmpty,
    SourceUnreadable,
    only,
)
from app.sanctions.sources.json_reader import check_json, records
from app.sanctions.sources.world_bank_record import (
    KNOWN,
    VOLATILE,
    key_of,
    kind_of,
    party_of,
    text_of,
)

_ROUTE = ("response", "ZPROCSUPP")


def _checked(path: Path) -> Iterator[dict[str, Any]]:
    keys: set[str] = set()
    for place, record in records(path, *_ROUTE):
        key = key_of(record)
        if not key:
            raise SourceUnreadable("a record without SUPP_ID", place)
        if not text_of(record, "SUPP_NAME"):
            raise SourceUnreadable(f"record {key} without SUPP_NAME", place)
        if nested := [name for name, value in record.items() if isinstance(value, dict | list)]:
            raise SourceUnreadable(f"record {key}: {nested[0][:40]} is no plain value", place)
        if key in keys:
            raise SourceUnreadable(f"SUPP_ID {key} twice", place)
        keys.add(key)
        yield record


def _refreshed(record: dict[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(text_of(record, "LAST_REFRESH_DATE"))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _check(path: Path) -> ListHeader:
    """Read the file to its end once; only a file without fault gets a header."""
    facts = check_json(path)
    counts: Counter[Kind] = Counter()
    unknown: set[str] = set()
    generated_at: datetime | None = None
    for record in _checked(path):
        counts[kind_of(record)] += 1
        unknown.update(name for name in record if name not in KNOWN)
        at = _refreshed(record)
        generated_at = max(filter(None, (at, generated_at)), default=None)
    if not counts:
        raise SourceEmpty("the list names nobody")
    persons, organisations = counts["person"], counts["organisation"]
    return ListHeader(
        generated_at=generated_at,
        persons=persons,
        organisations=organisations,
        others=counts.total() - persons - organisations,
        bytes=facts.bytes,
        sha256=facts.sha256,
        unknown=tuple(sorted(unknown)),
        layout="ZPROCSUPP JSON",
    )


@dataclass(frozen=True)
class WorldBankList:
    """A checked issue of the list."""

    path: Path
    header: ListHeader

    def __iter__(self) -> Iterator[ListedParty]:
        """The parties in file order. Raises SourceUnreadable if the file changed meanwhile."""
        seen = 0
        for record in _checked(self.path):
            seen += 1
            yield party_of(record)
        if seen != self.header.count:
            raise SourceUnreadable("the file changed while it was read", f"record {seen}")


@dataclass(frozen=True)
class WorldBank(ListSource):
    """The source as registered."""

    code: str = "world_bank"
    title: str = "World Bank listing of ineligible firms and individuals"
    publisher: str = "World Bank"
    licence: str = "World Bank terms of use"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "shared"
    regime: Regime = "BANK"
    shrink_limit: float = 0.2
    joint: bool = True
    volatile: frozenset[str] = VOLATILE

    def parse(self, *paths: Path) -> WorldBankList:
        """See ListSource."""
        path = only(paths)
        return WorldBankList(path, _check(path))


SOURCE = WorldBank()
