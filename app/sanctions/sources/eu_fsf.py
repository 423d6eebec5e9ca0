"""The consolidated financial sanctions list of the European Union, in its XML (FSF 1.1).

Each issue supersedes all earlier ones. The key of an entity is its logicalId; people quote its
euReferenceNumber. A file that carries a logicalId twice is known: losing either record would be
worse than an odd key, so the second is "<logicalId>#2", and the header says so.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lxml import etree

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
from app.sanctions.sources.eu_fsf_record import (
    KNOWN,
    NAMESPACE,
    kind_of,
    local,
    name_of,
    party_of,
)
from app.sanctions.sources.xml_reader import check_bytes, elements, forget, place_of

_ROOT = f"{NAMESPACE}export"
_ENTITY = f"{NAMESPACE}sanctionEntity"


def _records(path: Path) -> Iterator[tuple[bool, etree._Element]]:
    """The root when it starts, then what lies directly below it; True for a sanctioned entity."""
    with path.open("rb") as file:
        for event, element, depth in elements(file):
            if event == "start":
                if depth == 0:
                    if element.tag != _ROOT:
                        raise SourceUnreadable("the root is not the FSF export", place_of(element))
                    yield False, element
            elif depth == 1:
                yield element.tag == _ENTITY, element
                forget(element)


def _generated_at(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _check_entity(element: etree._Element) -> str:
    key = (element.get("logicalId") or "").strip()
    if not key:
        raise SourceUnreadable("an entity without logicalId", place_of(element))
    if not any(name_of(alias) for alias in element.iterfind(f"{NAMESPACE}nameAlias")):
        raise SourceUnreadable(f"entity {key} without a name", place_of(element))
    return key


def _check(path: Path) -> ListHeader:
    """Read the file to its end once; only a file without fault gets a header."""
    facts = check_bytes(path)
    counts: dict[Kind, int] = {}
    keys: Counter[str] = Counter()
    unknown: set[str] = set()
    generated_at: datetime | None = None
    for is_entity, element in _records(path):
        if element.tag == _ROOT:
            generated_at = _generated_at(element.get("generationDate"))
        elif not is_entity:
            unknown.add(local(str(element.tag)))
        else:
            key = _check_entity(element)
            keys[key] += 1
            if keys[key] == 2:
                unknown.add(f"logicalId {key} twice")
            kind = kind_of(element)
            counts[kind] = counts.get(kind, 0) + 1
            unknown.update(
                tag for child in element.iter() if (tag := local(str(child.tag))) not in KNOWN
            )
    if not keys:
        raise SourceEmpty("the list names nobody")
    persons, organisations = counts.get("person", 0), counts.get("organisation", 0)
    return ListHeader(
        generated_at=generated_at,
        persons=persons,
        organisations=organisations,
        others=keys.total() - persons - organisations,
        bytes=facts.bytes,
        sha256=facts.sha256,
        unknown=tuple(sorted(unknown)),
        layout="FSF 1.1 XML",
    )


@dataclass(frozen=True)
class EuList:
    """A checked issue of the list."""

    path: Path
    header: ListHeader

    def __iter__(self) -> Iterator[ListedParty]:
        """The parties in file order. Raises SourceUnreadable if the file changed meanwhile."""
        seen: Counter[str] = Counter()
        for is_entity, element in _records(self.path):
            if is_entity:
                party = party_of(element)
                seen[party.key] += 1
                again = seen[party.key]
                yield party if again == 1 else replace(party, key=f"{party.key}#{again}")
        if seen.total() != self.header.count:
            raise SourceUnreadable("the file changed while it was read", f"entity {seen.total()}")


@dataclass(frozen=True)
class EuFsf(ListSource):
    """The source as registered."""

    code: str = "eu_fsf"
    title: str = "EU consolidated list of persons, groups and entities under financial sanctions"
    publisher: str = "European Commission"
    licence: str = "Commission reuse decision 2011/833/EU"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> EuList:
        """See ListSource."""
        path = only(paths)
        return EuList(path, _check(path))


SOURCE = EuFsf()
