"""The Consolidated List of the United Nations Security Council, in the XML it publishes.

Each issue supersedes all earlier ones: who is absent is delisted. The publisher's VERSIONNUM
never changes, so a change is seen by the digest of the whole record.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lxml import etree

from app.sanctions.sources.base import (
    Audience,
    Kind,
    ListedParty,
    ListHeader,
    Regime,
    SourceDefaults,
    SourceEmpty,
    SourceUnreadable,
    only,
)
from app.sanctions.sources.unsc_record import KNOWN, party_of
from app.sanctions.sources.xml_reader import check_bytes, elements, forget, place_of

_ROOT = "CONSOLIDATED_LIST"
_RECORDS: dict[tuple[str, str], Kind] = {
    ("INDIVIDUALS", "INDIVIDUAL"): "person",
    ("ENTITIES", "ENTITY"): "organisation",
}


def _records(path: Path) -> Iterator[tuple[Kind | None, etree._Element]]:
    """The root when it starts, then each record when it ends, then what we do not know.

    Only elements directly below a list element are records; the same tag elsewhere is content.
    """
    with path.open("rb") as file:
        for event, element, depth in elements(file):
            if event == "start":
                if depth == 0:
                    if element.tag != _ROOT:
                        raise SourceUnreadable(f"the root is not {_ROOT}", place_of(element))
                    yield None, element
                continue
            parent = element.getparent()
            if depth == 2 and parent is not None:
                yield _RECORDS.get((str(parent.tag), str(element.tag))), element
                forget(element)
            elif depth == 1:
                if element.tag not in ("INDIVIDUALS", "ENTITIES"):
                    yield None, element
                forget(element)


def _generated_at(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _key(record: etree._Element) -> str:
    key = (record.findtext("DATAID") or "").strip()
    if not key:
        raise SourceUnreadable("a record without DATAID", place_of(record))
    if not (record.findtext("FIRST_NAME") or "").strip():
        raise SourceUnreadable(f"record {key} without FIRST_NAME", place_of(record))
    return key


def _check(path: Path) -> ListHeader:
    """Read the file to its end once; only a file without fault gets a header."""
    facts = check_bytes(path)
    counts: dict[Kind, int] = {"person": 0, "organisation": 0}
    keys: set[str] = set()
    unknown: set[str] = set()
    generated_at: datetime | None = None
    for kind, element in _records(path):
        if element.tag == _ROOT:
            generated_at = _generated_at(element.get("dateGenerated"))
        elif kind is None:
            unknown.add(str(element.tag))
        else:
            key = _key(element)
            if key in keys:
                raise SourceUnreadable(f"DATAID {key} twice", place_of(element))
            keys.add(key)
            counts[kind] += 1
            unknown.update(tag for child in element if (tag := str(child.tag)) not in KNOWN)
    if not keys:
        raise SourceEmpty("the list names nobody")
    return ListHeader(
        generated_at=generated_at,
        persons=counts["person"],
        organisations=counts["organisation"],
        bytes=facts.bytes,
        sha256=facts.sha256,
        unknown=tuple(sorted(unknown)),
    )


@dataclass(frozen=True)
class UnscList:
    """A checked issue of the list."""

    path: Path
    header: ListHeader

    def __iter__(self) -> Iterator[ListedParty]:
        """The parties in file order. Raises SourceUnreadable if the file changed meanwhile."""
        seen = 0
        for kind, element in _records(self.path):
            if kind is not None:
                seen += 1
                yield party_of(element, kind)
        if seen != self.header.count:
            raise SourceUnreadable("the file changed while it was read", f"record {seen}")


@dataclass(frozen=True)
class Unsc(SourceDefaults):
    """The source as registered."""

    code: str = "unsc"
    title: str = "United Nations Security Council Consolidated List"
    publisher: str = "United Nations Security Council"
    licence: str = "UN terms of use"
    required: bool = True
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "shared"
    regime: Regime = "SECURITY_COUNCIL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> UnscList:
        """See ListSource."""
        path = only(paths)
        return UnscList(path, _check(path))


SOURCE = Unsc()
