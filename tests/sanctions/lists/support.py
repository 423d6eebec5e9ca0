"""Sources of the tests' own, in a form of one line a party, and how lists are switched on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from app.sanctions import sources
from app.sanctions.sources import (
    ListedMeasure,
    ListedName,
    ListedParty,
    ListHeader,
    SourceEmpty,
    SourceUnreadable,
)
from app.sanctions.sources.base import digest_of
from tests.conftest import ApiFor

URL = "/v1/sanctions/sources"
BASIS = {"legal_basis": "Memorandum 2026/14 of the legal counsel."}


@dataclass(frozen=True)
class _Parsed:
    header: ListHeader
    records: list[dict[str, Any]]

    def __iter__(self) -> Iterator[ListedParty]:
        return (_party(record) for record in self.records)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _party(record: dict[str, Any]) -> ListedParty:
    names = [
        ListedName(name, "primary" if n == 0 else "alias") for n, name in enumerate(record["names"])
    ]
    until = record.get("until")
    measures = (
        (ListedMeasure(imposed_by="Ministry", since=_day("2020-01-01"), until=_day(until)),)
        if until
        else (ListedMeasure(imposed_by="Ministry", indefinite=True),)
        if record.get("indefinite")
        else ()
    )
    return ListedParty(
        key=record["key"],
        reference=f"ZZ-{record['key']}",
        kind=record.get("kind", "organisation"),
        names=tuple(names),
        birth_dates=(),
        birth_places=(),
        nationalities=(),
        countries=("KEN",),
        documents=(),
        addresses=(),
        programme="TEST",
        listed_on=None,
        updated_on=(),
        delisted_on=None,
        gender="",
        titles=(),
        designations=(),
        remarks=record.get("remarks", ""),
        original=record,
        digest=digest_of(record),
        measures=measures,
    )


@dataclass(frozen=True)
class LinesSource:
    """A list of one JSON object a line, after a line that says when it was made."""

    code: str
    audience: Any = "opt_in"
    joint: bool = False
    level: Any = "PUBLIC"
    volatile: frozenset[str] = frozenset()
    title: str = "Invented list"
    publisher: str = "Nobody"
    licence: str = "none"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    regime: Any = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> _Parsed:
        content = b"".join(path.read_bytes() for path in paths)
        try:
            head, *records = [json.loads(line) for line in content.splitlines()]
            made = datetime.fromisoformat(head[self.code])
        except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise SourceUnreadable("not lines of JSON", "line 1") from error
        if not records:
            raise SourceEmpty("nobody is listed")
        people = sum(record.get("kind") == "person" for record in records)
        bodies = sum(record.get("kind", "organisation") == "organisation" for record in records)
        return _Parsed(
            ListHeader(
                made,
                people,
                bodies,
                len(content),
                hashlib.sha256(content).hexdigest(),
                others=len(records) - people - bodies,
            ),
            records,
        )


@contextmanager
def registered(*added: LinesSource) -> Iterator[None]:
    """These sources are in the table meanwhile."""
    for source in added:
        sources.ALL[source.code] = source
    try:
        yield
    finally:
        for source in added:
            del sources.ALL[source.code]


def party(key: str, *names: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "names": list(names) or [f"Party {key}"], **more}


def write(
    path: Path, code: str, parties: list[dict[str, Any]], at: str = "2026-01-01T00:00:00+00:00"
) -> Path:
    """A file of this source."""
    path.write_text("\n".join(json.dumps(item) for item in ({code: at}, *parties)))
    return path


async def switch_on(api_for: ApiFor, code: str, agency: str, second: str | None = None) -> str:
    """Proposed by the agency's officer, approved by its approver or by the second agency's."""
    use = await (await api_for(agency)).made(f"{URL}/{code}/uses", BASIS)
    approver = await api_for(f"{second or agency}_APPROVER")
    answer = await approver.post(
        f"{URL}/{code}/uses/{use['id']}/approval", headers={"If-Match": '"v1"'}
    )
    assert answer.status_code == 200, answer.text
    found: str = use["id"]
    return found


async def switch_off(api_for: ApiFor, code: str, agency: str, use_id: str) -> None:
    answer = await (await api_for(f"{agency}_APPROVER")).delete(f"{URL}/{code}/uses/{use_id}")
    assert answer.status_code == 204, answer.text


def today(days: int = 0) -> str:
    """A day from now, ISO."""
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()
