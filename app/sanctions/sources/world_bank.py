"""The World Bank's list of ineligible firms and individuals, in the JSON of its service.

It lists what the Bank imposed itself and, as cross-debarment, what another development bank did.
It counts only after the agencies enabled it jointly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from app.sanctions.sources.base import (
    Audience,
    ListedParty,
    Regime,
    SourceDefaults,
    SourceUnreadable,
    only,
)
from app.sanctions.sources.issue import Issue, Notes, check, moment
from app.sanctions.sources.json_reader import check_json, records
from app.sanctions.sources.world_bank_record import KNOWN, VOLATILE, party_of, text_of

_ROUTE = ("response", "ZPROCSUPP")


def _read(path: Path, notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    for place, record in records(path, *_ROUTE):
        if nested := [name for name, value in record.items() if isinstance(value, dict | list)]:
            raise SourceUnreadable(f"{nested[0][:40]} is no plain value", place)
        notes.unknown |= set(record) - KNOWN
        refreshed = (notes.generated_at, moment(text_of(record, "LAST_REFRESH_DATE")))
        notes.generated_at = max(filter(None, refreshed), default=None)
        yield place, party_of(record)


@dataclass(frozen=True)
class WorldBank(SourceDefaults):
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

    def parse(self, *paths: Path) -> Issue:
        """See ListSource."""
        path = only(paths)
        return check(partial(_read, path), check_json(path), "ZPROCSUPP JSON")


SOURCE = WorldBank()
