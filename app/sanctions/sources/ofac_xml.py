"""OFAC's XML list: one sdnEntry a party, in the namespace of either of its two publications."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from app.sanctions.sources.base import (
    ListedName,
    ListedParty,
    ListedPlace,
    SourceUnreadable,
)
from app.sanctions.sources.draft import Draft, country_of, one_line, place_of_text
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
_LISTS = {
    "programList": "program",
    "idList": "id",
    "akaList": "aka",
    "addressList": "address",
    "nationalityList": "nationality",
    "citizenshipList": "citizenship",
    "dateOfBirthList": "dateOfBirthItem",
    "placeOfBirthList": "placeOfBirthItem",
}
_REPEATED = frozenset(_LISTS.values())
_KNOWN = _REPEATED.union(
    _LISTS,
    ("uid", "firstName", "lastName", "title", "sdnType", "remarks", "vesselInfo"),
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
    kind = kind_of(_text(original, "sdnType"))
    draft = Draft(_text(original, "uid"), kind)
    draft.names.append(ListedName(_name(original), "primary"))
    for aka in _items(original, "akaList"):
        quality = _text(aka, "category")
        weak = quality.lower() == "weak"
        draft.names.append(alias(_name(aka), _text(aka, "type"), weak, quality))
    draft.titles.append(_text(original, "title"))
    draft.remarks.append(_text(original, "remarks"))
    _add_person(draft, original)
    for place in _items(original, "addressList"):
        draft.addresses.append(_address(place))
    for item in _items(original, "idList"):
        paper = Paper(
            _text(item, "idType"),
            _text(item, "idNumber"),
            country_of(_text(item, "idCountry")),
            _text(item, "issueDate"),
            _text(item, "expirationDate"),
        )
        add_feature(draft, paper)
    _add_vessel(draft, original.get("vesselInfo"))
    programmes = original.get("programList")
    named = programmes.get("program", []) if isinstance(programmes, dict) else []
    programmes_of(draft, [str(name) for name in named])
    draft.measures.append(listing(draft))
    return draft.finish(original)


def _text(item: dict[str, Any], tag: str) -> str:
    value = item.get(tag)
    return one_line(value) if isinstance(value, str) else ""


def _items(record: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    found = record.get(tag)
    items = found.get(_LISTS[tag], []) if isinstance(found, dict) else []
    return [item for item in items if isinstance(item, dict)]


def _name(item: dict[str, Any]) -> str:
    return person_name(_text(item, "lastName"), _text(item, "firstName"))


def _add_person(draft: Draft, record: dict[str, Any]) -> None:
    for item in _items(record, "dateOfBirthList"):
        if born := birth_date(_text(item, "dateOfBirth"), _other(item)):
            draft.birth_dates.append(born)
    for item in _items(record, "placeOfBirthList"):
        draft.birth_places.append(place_of_text(_text(item, "placeOfBirth"), _other(item)))
    for tag in ("nationalityList", "citizenshipList"):
        for item in _items(record, tag):
            if country := country_of(_text(item, "country")):
                draft.nationalities.append(country)


def _other(item: dict[str, Any]) -> str:
    return "not the main entry" if _text(item, "mainEntry").lower() == "false" else ""


def _address(item: dict[str, Any]) -> ListedPlace:
    country = country_of(_text(item, "country"))
    street = ", ".join(filter(None, (_text(item, f"address{n}") for n in (1, 2, 3))))
    return ListedPlace(
        street=street,
        city=_text(item, "city"),
        state_province=_text(item, "stateOrProvince"),
        zip_code=_text(item, "postalCode"),
        country_name=country.name if country else "",
        country=country.country if country else None,
    )


def _add_vessel(draft: Draft, vessel: Any) -> None:
    if not isinstance(vessel, dict):
        return
    for tag, type_ in (("callSign", "Vessel Call Sign"), ("vesselFlag", "Vessel Flag")):
        if value := _text(vessel, tag):
            add_feature(draft, Paper(type_, value, None, "", ""))
    draft.remarks += [
        f"{name} {value}" for tag, name in _VESSEL.items() if (value := _text(vessel, tag))
    ]
