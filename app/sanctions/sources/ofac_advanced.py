"""OFAC's Advanced XML: parties, places, papers, relations and listings apart, joined by numbers.

What belongs to a party stands before and after it in the file, and every word is a number into
the reference sets. The file is read twice: first everything but the parties goes to a spool, then
each party is put together. Its record holds all of it, and the reference values it uses.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from app.sanctions.sources.base import ListedParty, SourceUnreadable
from app.sanctions.sources.issue import Notes, moment
from app.sanctions.sources.ofac_advanced_party import lists_of, party_of
from app.sanctions.sources.ofac_references import References
from app.sanctions.sources.record import Record, many, text
from app.sanctions.sources.spool import Spool
from app.sanctions.sources.xml_reader import (
    as_json,
    elements,
    forget,
    local,
    namespace_of,
    place_of,
)

_OWNERS = {
    "Location": "@ID",
    "IDRegDocument": "@IdentityID",
    "ProfileRelationship": "@From-ProfileID",
    "SanctionsEntry": "@ProfileID",
    "SanctionsEntryLink": "@EntryA-SanctionsEntryID",
}
"""By what number each thing outside of the parties is found."""
_SECTIONS = frozenset(
    (
        *("DateOfIssue", "ReferenceValueSets", "Locations", "IDRegDocuments", "DistinctParties"),
        *("ProfileRelationships", "SanctionsEntries", "SanctionsEntryLinks"),
    )
)
# What may come more than once, so that a record has the same shape whether it does or not.
REPEATED = frozenset(
    (
        *("Profile", "Identity", "Feature", "FeatureVersion", "Alias", "DocumentedName"),
        *("DocumentedNamePart", "DocumentedNameCountry", "NamePartGroup", "MasterNamePartGroup"),
        *("IdentityReference", "SanctionsEntryReference", "ExternalReference", "SubLink"),
        *("VersionDetail", "VersionLocation", "DatePeriod", "LocationPart", "LocationPartValue"),
        *("LocationCountry", "LocationAreaCode", "DocumentDate", "IDRegDocumentMention"),
        *("FeatureVersionReference", "DocumentedNameReference", "IDRegDocumentReference"),
        *("ProfileRelationshipReference", "EntryEvent", "SanctionsMeasure", "SupportingInfo"),
        "Comment",
    )
)


def read(
    path: Path, wanted: Callable[[str], bool], notes: Notes
) -> Iterator[tuple[str, ListedParty]]:
    """The parties of the lists that are ``wanted``, in file order. Raises SourceUnreadable."""
    with Spool() as spool:
        references = _spool(path, spool, notes)
        for place, party in _parties(path):
            record = _gather(party, spool)
            names = lists_of(record, references)
            # A party on no list at all is kept by both: nobody is lost over a gap in the file.
            if not names or any(map(wanted, names)):
                record["ReferenceValues"] = references.used_in(record)
                yield place, party_of(record, references, wanted)
        # A place may stand in the file without anybody in it; a listing may not.
        for key in spool.left():
            if not key.startswith("Location "):
                notes.unknown.add(f"{key}, which is nobody's")


def _sections(path: Path) -> Iterator[tuple[str, str, etree._Element]]:
    """Each thing of a section as (section, namespace, element), and sections without things."""
    namespace, section = "", ""
    with path.open("rb") as file:
        for event, element, depth in elements(file):
            if event == "start":
                if depth == 0:
                    namespace = namespace_of(element)
                elif depth == 1:
                    section = local(element)
            elif depth == 2 and section != "DateOfIssue":
                yield section, namespace, element
                forget(element)
            elif depth == 1:
                if section == "DateOfIssue" or section not in _SECTIONS:
                    yield section, namespace, element
                forget(element)


def _json(element: etree._Element, namespace: str) -> Record:
    found = as_json(element, REPEATED.__contains__, namespace)
    if not isinstance(found, dict):
        raise SourceUnreadable(f"an empty {local(element)}", place_of(element))
    return found


def _spool(path: Path, spool: Spool, notes: Notes) -> References:
    references = References()
    for section, namespace, element in _sections(path):
        if section == "DistinctParties":
            continue
        if section == "ReferenceValueSets":
            for value in element:
                references.add(local(value), as_json(value, REPEATED.__contains__, namespace))
        elif section == "DateOfIssue":
            day = (element.findtext(f"{{{namespace}}}{part}") for part in ("Year", "Month", "Day"))
            notes.generated_at = moment("-".join(part or "" for part in day), "%Y-%m-%d")
        elif section not in _SECTIONS:
            notes.unknown.add(section)
        elif owner := _OWNERS.get(local(element)):
            found = _json(element, namespace)
            if not found.get(owner):
                raise SourceUnreadable(f"{local(element)} without {owner[1:]}", place_of(element))
            spool.put(f"{local(element)} {found[owner]}", found)
        else:
            notes.unknown.add(local(element))
    return references


def _parties(path: Path) -> Iterator[tuple[str, Record]]:
    for section, namespace, element in _sections(path):
        if section == "DistinctParties":
            yield place_of(element), _json(element, namespace)


def _gather(party: Record, spool: Spool) -> Record:
    """The party with everything that belongs to it."""
    profiles = many(party, "Profile")
    identities = [identity for profile in profiles for identity in many(profile, "Identity")]
    record: Record = {"DistinctParty": party}
    for tag, owners in (
        ("IDRegDocument", identities),
        ("ProfileRelationship", profiles),
        ("SanctionsEntry", profiles),
    ):
        numbers = dict.fromkeys(text(owner, "@ID") for owner in owners)
        record[tag] = _taken(spool, tag, numbers)
    entries = dict.fromkeys(text(entry, "@ID") for entry in record["SanctionsEntry"])
    record["SanctionsEntryLink"] = _taken(spool, "SanctionsEntryLink", entries)
    record["Location"] = _taken(spool, "Location", dict.fromkeys(_place_numbers(record)))
    return record


def _taken(spool: Spool, tag: str, numbers: Iterable[str]) -> list[Record]:
    return [found for number in numbers for found in spool.take(f"{tag} {number}")]


def _place_numbers(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name in ("@LocationID", "@IssuedIn-LocationID"):
                yield str(part)
            else:
                yield from _place_numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from _place_numbers(part)
