"""Canada's consolidated list of autonomous sanctions, in the XML it publishes.

An entry is an item of a schedule to the regulations on a country; it has no other number. The
country is that of the regulations: it says nothing of where the party is from.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from lxml import etree

from app.sanctions.sources.base import (
    Audience,
    Kind,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    NameType,
    Regime,
    SourceDefaults,
    SourceUnreadable,
    only,
)
from app.sanctions.sources.draft import Draft, day_of, key_of, one_line
from app.sanctions.sources.issue import Issue, Notes, check
from app.sanctions.sources.ofac_terms import birth_date, person_name
from app.sanctions.sources.unsc_record import derived_names
from app.sanctions.sources.xml_reader import (
    as_json,
    check_bytes,
    elements,
    forget,
    local,
    namespace_of,
    place_of,
)
from partner_registry_matcher import scripts

PUBLISHER = "Global Affairs Canada"
FIELDS = (
    *("Country", "LastName", "GivenName", "EntityOrShip", "TitleOrShip", "ShipIMONumber"),
    *("DateOfBirthOrShipBuildDate", "Aliases", "Schedule", "Item", "DateOfListing"),
)
_SEPARATORS = re.compile(r";| / ")
_DOUBTFUL = re.compile(r",| or ")
_LANGUAGES = "Arabic|Belarusian|Burmese|Chinese|Farsi|French|Hebrew|Persian|Russian|Ukrainian"
_LABEL = re.compile(rf"\s({_LANGUAGES}): ?")


def read(path: Path, notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    """The parties in file order. Raises SourceUnreadable."""
    namespace = ""
    with path.open("rb") as file:
        for event, element, depth in elements(file):
            if event == "start":
                if depth == 0:
                    if local(element) != "data-set":
                        raise SourceUnreadable("the root is not data-set", place_of(element))
                    namespace = namespace_of(element)
            elif depth == 1:
                if local(element) == "record":
                    yield place_of(element), _party_of(element, namespace, notes)
                else:
                    notes.unknown.add(local(element))
                forget(element)


def _party_of(element: etree._Element, namespace: str, notes: Notes) -> ListedParty:
    original = as_json(element, lambda tag: False, namespace)
    if not isinstance(original, dict):
        raise SourceUnreadable("an empty record", place_of(element))
    notes.unknown.update(tag for tag in original if tag not in FIELDS)
    row = {tag: original[tag] if isinstance(original.get(tag), str) else "" for tag in FIELDS}
    item = one_line(row["Item"])
    if not item:
        raise SourceUnreadable("a record without Item", place_of(element))
    kind: Kind = "vessel" if row["ShipIMONumber"] else "organisation"
    kind = "person" if row["LastName"] or row["GivenName"] else kind
    regulations = one_line(row["Country"])
    english = regulations.partition(" / ")[0]
    draft = Draft(key_of(english, row["Schedule"], item), kind)
    where = [f"Schedule {one_line(row['Schedule'])}"] if row["Schedule"] else []
    draft.reference = ", ".join((english, *where, f"item {item}"))
    _add_names(draft, row)
    _add_facts(draft, row)
    draft.programme = regulations
    draft.listed_on = day_of(row["DateOfListing"])
    draft.measures.append(
        ListedMeasure(
            imposed_by="Government of Canada",
            listed_by=PUBLISHER,
            programme=regulations,
            since=draft.listed_on,
            reference=draft.reference,
        )
    )
    return draft.finish(original)


def _add_names(draft: Draft, row: dict[str, str]) -> None:
    name = person_name(row["LastName"], row["GivenName"]) or one_line(row["EntityOrShip"])
    draft.names.append(ListedName(name, "primary"))
    draft.names += derived_names(name, "", "alias", draft.kind)
    for text in _SEPARATORS.split(_LABEL.sub(r"; \1: ", one_line(row["Aliases"]))):
        labelled = _LABEL.match(f" {text.strip()}")
        language = labelled[1] if labelled else ""
        alias = text.strip().removeprefix(f"{language}:").strip(" ,")
        draft.names += _aliases(alias, language, draft.kind)


def _aliases(text: str, language: str, kind: Kind) -> Iterator[ListedName]:
    """An alias, and what else it may be read as.

    The publisher parts names by semicolons, but as often by commas or "or", which also stand
    within one name. So such an alias is kept whole, and what its parts would be as names is
    marked as derived: a part of one word, or of a body's name, is a weak one.
    """
    if not text:
        return
    parts = [part for piece in _DOUBTFUL.split(text) if (part := piece.strip(" ,"))]
    yield ListedName(text, _type(text), language=language)
    if len(parts) == 1:
        yield from derived_names(text, "", _type(text), kind)
    elif kind == "person" and len(parts) == 2 and len(parts[0].split()) == 1:
        said = f"{parts[1]} {parts[0]}"
        yield ListedName(said, _type(said), derived=True, language=language)
    else:
        for part in parts:
            several = len(part.split()) > 1
            if several or kind == "person":  # a single word of a body may be no more than "Ltd."
                type_ = _type(part) if several and kind == "person" else "weak_alias"
                yield ListedName(part, type_, derived=True, language=language)


def _type(name: str) -> NameType:
    found = scripts(name)
    return "original_script" if found and "Latn" not in found else "alias"


def _add_facts(draft: Draft, row: dict[str, str]) -> None:
    date = one_line(row["DateOfBirthOrShipBuildDate"])
    about = one_line(row["TitleOrShip"])
    if draft.kind == "person":
        draft.titles.append(about)
        if born := birth_date(date):
            draft.birth_dates.append(born)
    else:
        draft.remarks += [
            f"{word} {text}" for word, text in (("Ship type", about), ("Built", date)) if text
        ]
    if number := one_line(row["ShipIMONumber"]):
        draft.identifiers.append(ListedIdentifier("IMO number", number))


@dataclass(frozen=True)
class Sema(SourceDefaults):
    """The source as registered."""

    code: str = "ca_sema"
    title: str = "Consolidated Canadian Autonomous Sanctions List"
    publisher: str = PUBLISHER
    licence: str = "Open Government Licence - Canada"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> Issue:
        """See ListSource."""
        path = only(paths)
        return check(partial(read, path), check_bytes(path), "")


SOURCE = Sema()
