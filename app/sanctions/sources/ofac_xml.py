"""OFAC's XML list: one sdnEntry a party, in the namespace of either of its two publications."""

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from app.sanctions.sources.base import (
    ListedName,
    ListedParty,
    ListedPlace,
    SourceUnreadable,
)
from app.sanctions.sources.draft import Draft, country_of, place_of_text
from app.sanctions.sources.issue import Notes, moment
from app.sanctions.sources.ofac_terms import (
    Paper,
    add_feature,
    alias,
    birth_date,
    kind_of,
    listing,
    person_name,
    programmes_of,
)
from app.sanctions.sources.record import Record, many, one, text, texts
from app.sanctions.sources.xml_reader import (
    as_json,
    elements,
    forget,
    local,
    namespace_of,
    place_of,
)

NAMESPACES = {
    "http://tempuri.org/sdnList.xsd": "xml",
    "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/XML": "xml-sls",
}
"""The layouts by the namespace of the root."""
_REPEATED = frozenset(
    (
        *("program", "id", "aka", "address", "nationality", "citizenship", "dateOfBirthItem"),
        "placeOfBirthItem",
    )
)
_KNOWN = frozenset(
    (
        *("uid", "firstName", "lastName", "title", "sdnType", "remarks", "programList", "idList"),
        *("akaList", "addressList", "nationalityList", "citizenshipList", "dateOfBirthList"),
        *("placeOfBirthList", "vesselInfo"),
    )
)
_VESSEL = {
    "vesselType": "Vessel type",
    "tonnage": "Tonnage",
    "grossRegisteredTonnage": "Gross registered tonnage",
    "vesselOwner": "Vessel owner",
}


def read(path: Path, notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    """The parties in file order. Raises SourceUnreadable."""
    namespace, seen, said = "", 0, ""
    with path.open("rb") as file:
        for event, element, depth in elements(file):
            if event == "start":
                if depth == 0:
                    namespace = namespace_of(element)
            elif depth == 1:
                if local(element) == "sdnEntry":
                    seen += 1
                    yield place_of(element), _party_of(element, namespace, notes)
                elif local(element) == "publshInformation":
                    said = element.findtext(f"{{{namespace}}}Record_Count") or ""
                    day = element.findtext(f"{{{namespace}}}Publish_Date")
                    notes.generated_at = moment(day, "%m/%d/%Y")
                else:
                    notes.unknown.add(local(element))
                forget(element)
    if said and said != str(seen):
        # Extracts of the list keep the number of the whole: a sign for people, not a fault.
        notes.unknown.add(f"Record_Count {said[:20]} instead of {seen}")


def _party_of(element: etree._Element, namespace: str, notes: Notes) -> ListedParty:
    original = as_json(element, _REPEATED.__contains__, namespace)
    if not isinstance(original, dict):
        raise SourceUnreadable("an empty sdnEntry", place_of(element))
    notes.unknown.update(tag for tag in original if tag not in _KNOWN)
    kind = kind_of(text(original, "sdnType"))
    draft = Draft(text(original, "uid"), kind)
    draft.names.append(ListedName(_name(original), "primary"))
    for aka in many(original, "aka", "akaList"):
        quality = text(aka, "category")
        weak = quality.lower() == "weak"
        draft.names.append(alias(_name(aka), text(aka, "type"), weak, quality))
    draft.titles += texts(original, "title")
    draft.remarks += texts(original, "remarks")
    _add_person(draft, original)
    for place in many(original, "address", "addressList"):
        draft.addresses.append(_address(place))
    for item in many(original, "id", "idList"):
        paper = Paper(
            text(item, "idType"),
            text(item, "idNumber"),
            country_of(text(item, "idCountry")),
            text(item, "issueDate"),
            text(item, "expirationDate"),
        )
        add_feature(draft, paper)
    _add_vessel(draft, one(original, "vesselInfo"))
    programmes_of(draft, texts(original, "program", "programList"))
    draft.measures.append(listing(draft))
    return draft.finish(original)


def _name(item: Record) -> str:
    return person_name(text(item, "lastName"), text(item, "firstName"))


def _add_person(draft: Draft, record: Record) -> None:
    for item in many(record, "dateOfBirthItem", "dateOfBirthList"):
        if born := birth_date(text(item, "dateOfBirth"), _other(item)):
            draft.birth_dates.append(born)
    for item in many(record, "placeOfBirthItem", "placeOfBirthList"):
        draft.birth_places.append(place_of_text(text(item, "placeOfBirth"), _other(item)))
    for tag, container in (("nationality", "nationalityList"), ("citizenship", "citizenshipList")):
        for item in many(record, tag, container):
            if country := country_of(text(item, "country")):
                draft.nationalities.append(country)


def _other(item: Record) -> str:
    return "not the main entry" if text(item, "mainEntry").lower() == "false" else ""


def _address(item: Record) -> ListedPlace:
    country = country_of(text(item, "country"))
    lines = (text(item, f"address{number}") for number in (1, 2, 3))
    return ListedPlace(
        street=", ".join(filter(None, lines)),
        city=text(item, "city"),
        state_province=text(item, "stateOrProvince"),
        zip_code=text(item, "postalCode"),
        country_name=country.name if country else "",
        country=country.country if country else None,
    )


def _add_vessel(draft: Draft, vessel: Record) -> None:
    for tag, type_ in (("callSign", "Vessel Call Sign"), ("vesselFlag", "Vessel Flag")):
        if value := text(vessel, tag):
            add_feature(draft, Paper(type_, value, None, "", ""))
    for tag, word in _VESSEL.items():
        draft.remarks += [f"{word} {value}" for value in texts(vessel, tag)]
