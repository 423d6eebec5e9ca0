"""The consolidated financial sanctions list of the European Union, in its XML (FSF 1.1).

Each issue supersedes all earlier ones. The key of an entity is its logicalId; people quote its
euReferenceNumber. A file that carries a logicalId twice is known: losing either record would be
worse than an odd key, so the second is "<logicalId>#2", and the header says so.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from lxml import etree

from app.sanctions.sources.base import (
    Audience,
    ListedParty,
    Regime,
    SourceDefaults,
    SourceUnreadable,
    only,
)
from app.sanctions.sources.eu_fsf_record import KNOWN, NAMESPACE, local, party_of
from app.sanctions.sources.issue import Issue, Notes, check, moment
from app.sanctions.sources.xml_reader import check_bytes, elements, forget, place_of

_ROOT = f"{{{NAMESPACE}}}export"
_ENTITY = f"{{{NAMESPACE}}}sanctionEntity"


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


def _read(path: Path, notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    seen: Counter[str] = Counter()
    for is_entity, element in _records(path):
        place = place_of(element)
        if element.tag == _ROOT:
            notes.generated_at = moment(element.get("generationDate"))
        elif not is_entity:
            notes.unknown.add(local(str(element.tag)))
        else:
            tags = {local(str(child.tag)) for child in element.iter() if child is not element}
            notes.unknown |= tags - KNOWN
            party = party_of(element)
            seen[party.key] += 1
            if party.key and seen[party.key] > 1:
                notes.unknown.add(f"logicalId {party.key} twice")
                party = replace(party, key=f"{party.key}#{seen[party.key]}")
            yield place, party


@dataclass(frozen=True)
class EuFsf(SourceDefaults):
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

    def parse(self, *paths: Path) -> Issue:
        """See ListSource."""
        path = only(paths)
        return check(partial(_read, path), check_bytes(path), "FSF 1.1 XML")


SOURCE = EuFsf()
