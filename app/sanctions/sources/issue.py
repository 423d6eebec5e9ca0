"""An issue of a list that was read to its end once, and is handed over by reading it again."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.sanctions.sources.base import (
    Kind,
    ListedParty,
    ListHeader,
    SourceEmpty,
    SourceUnreadable,
)
from app.sanctions.sources.file_reader import FileFacts


@dataclass(slots=True)
class Notes:
    """What a reading learns of the file beside its parties."""

    generated_at: datetime | None = None
    unknown: set[str] = field(default_factory=set)


Reading = Callable[[Notes], Iterator[tuple[str, ListedParty]]]
"""Reads the files anew: each party with its place. Raises SourceUnreadable."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A ParsedList over any reading."""

    reading: Reading
    header: ListHeader

    def __iter__(self) -> Iterator[ListedParty]:
        """The parties in file order. Raises SourceUnreadable if a file changed meanwhile."""
        seen = 0
        for _, party in self.reading(Notes()):
            seen += 1
            yield party
        if seen != self.header.count:
            raise SourceUnreadable("the file changed while it was read", f"record {seen}")


def check(reading: Reading, facts: FileFacts, layout: str) -> Issue:
    """Read to the end once; only files without fault get a header.

    Raises SourceUnreadable, also for a key or a first name that is missing or a key that comes
    twice, and SourceEmpty.
    """
    notes = Notes()
    counts: Counter[Kind] = Counter()
    keys: set[str] = set()
    for place, party in reading(notes):
        if not party.key:
            raise SourceUnreadable("a record without its key", place)
        if party.key in keys:
            raise SourceUnreadable(f"record {party.key} twice", place)
        if not party.names or party.names[0].type != "primary":
            raise SourceUnreadable(f"record {party.key} without a name", place)
        keys.add(party.key)
        counts[party.kind] += 1
    if not keys:
        raise SourceEmpty("the list names nobody")
    header = ListHeader(
        generated_at=notes.generated_at,
        persons=counts["person"],
        organisations=counts["organisation"],
        others=counts.total() - counts["person"] - counts["organisation"],
        bytes=facts.bytes,
        sha256=facts.sha256,
        unknown=tuple(sorted(notes.unknown)),
        layout=layout,
    )
    return Issue(reading, header)


def moment(text: str | None, form: str | None = None) -> datetime | None:
    """The time a file says it was made, in UTC where it names no zone; None if it says none."""
    try:
        at = datetime.strptime(text or "", form) if form else datetime.fromisoformat(text or "")  # noqa: DTZ007 - the next line gives it a zone
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
