"""OFAC's ENHANCED_XML: all lists in one file, with scripts, relationships and authorities."""

from collections.abc import Callable, Iterator
from pathlib import Path

from lxml import etree

from app.sanctions.sources.base import (
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    NameType,
    SourceUnreadable,
)
from app.sanctions.sources.draft import Draft, country_of, day_of, place_of_text
from app.sanctions.sources.issue import Notes, moment
from app.sanctions.sources.ofac_terms import (
    PUBLISHER,
    Paper,
    add_feature,
    alias,
    birth_date,
    kind_of,
    person_name,
    programmes_of,
)
from app.sanctions.sources.record import Record, is_true, many, one, text, text_of, texts
from app.sanctions.sources.xml_reader import (
    as_json,
    elements,
    forget,
    local,
    namespace_of,
    place_of,
)

NAMESPACE = (
    "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/ENHANCED_XML"
)
_REPEATED = frozenset(
    (
        *("sanctionsList", "sanctionsProgram", "sanctionsType", "legalAuthority", "name"),
        *("translation", "namePart", "address", "addressPart", "feature", "identityDocument"),
        *("idFeature", "relationship", "title"),
    )
)
_KNOWN = frozenset(
    (
        *("@id", "generalInfo", "sanctionsLists", "sanctionsPrograms", "sanctionsTypes"),
        *("legalAuthorities", "names", "addresses", "features", "identityDocuments"),
        "relationships",
    )
)
_PARTS = {
    "ADDRESS1": "street",
    "ADDRESS2": "street",
    "ADDRESS3": "street",
    "CITY": "city",
    "STATE/PROVINCE": "state_province",
    "POSTAL CODE": "zip_code",
}


def read(
    path: Path, wanted: Callable[[str], bool], notes: Notes
) -> Iterator[tuple[str, ListedParty]]:
    """The parties of the lists that are ``wanted``, in file order. Raises SourceUnreadable."""
    namespace = ""
    with path.open("rb") as file:
        for event, element, depth in elements(file):
            if event == "start":
                if depth == 0:
                    namespace = namespace_of(element)
            elif depth == 1:
                if local(element) == "publicationInfo":
                    notes.generated_at = moment(element.findtext(f"{{{namespace}}}dataAsOf"))
                elif local(element) not in ("referenceValues", "featureTypes", "entities"):
                    notes.unknown.add(local(element))
                forget(element)
            elif depth == 2 and local(element) == "entity":
                if party := _party_of(element, namespace, wanted, notes):
                    yield place_of(element), party
                forget(element)


def _party_of(
    element: etree._Element, namespace: str, wanted: Callable[[str], bool], notes: Notes
) -> ListedParty | None:
    original = as_json(element, _REPEATED.__contains__, namespace)
    if not isinstance(original, dict):
        raise SourceUnreadable("an empty entity", place_of(element))
    listings = many(original, "sanctionsList", "sanctionsLists")
    # An entity on no list at all is kept by both: nobody is lost over a gap in the file.
    if listings and not any(wanted(text_of(listing)) for listing in listings):
        return None
    notes.unknown.update(tag for tag in original if tag not in _KNOWN)
    general = one(original, "generalInfo")
    draft = Draft(text(original, "@id"), kind_of(text(general, "entityType")))
    draft.titles += texts(general, "title")
    draft.remarks += texts(general, "remarks")
    _add_names(draft, many(original, "name", "names"))
    for address in many(original, "address", "addresses"):
        draft.addresses += _places(address)
    for feature in many(original, "feature", "features"):
        _add_feature(draft, feature)
    for paper in many(original, "identityDocument", "identityDocuments"):
        _add_document(draft, paper)
    for relationship in many(original, "relationship", "relationships"):
        other = one(relationship, "relatedEntity")
        key = text(other, "@entityId")
        draft.related.append(key)
        draft.remarks.append(f"{text(relationship, 'type')}: {text_of(other) or key}")
    _add_measures(draft, original, [item for item in listings if wanted(text_of(item))])
    return draft.finish(original)


def _primary_first(items: list[Record]) -> list[Record]:
    return sorted(items, key=lambda item: not is_true(item, "isPrimary"))


def _add_names(draft: Draft, names: list[Record]) -> None:
    """The primary name first, each name in each of its scripts."""
    for name in _primary_first(names):
        low = is_true(name, "isLowQuality")
        for written in _primary_first(many(name, "translation", "translations")):
            last, first = text(written, "formattedLastName"), text(written, "formattedFirstName")
            said = person_name(last, first) or text(written, "formattedFullName")
            script = text(written, "script")
            listed = alias(said, text(name, "aliasType"), low, "low" if low else "")
            type_: NameType = listed.type
            if is_true(name, "isPrimary") and is_true(written, "isPrimary"):
                type_ = "primary"
            elif script not in ("", "Latin") and type_ == "alias":
                type_ = "original_script"
            about = f"{script} script" if script not in ("", "Latin") else listed.note
            draft.names.append(ListedName(said, type_, listed.quality, about))


def _places(address: Record) -> Iterator[ListedPlace]:
    """An address in each of its scripts; one that names no more than a country has none."""
    country = country_of(text(address, "country"))
    for written in many(address, "translation", "translations") or [{}]:
        parts: dict[str, list[str]] = {}
        for part in many(written, "addressPart", "addressParts"):
            column = _PARTS.get(text(part, "type"), "note")
            parts.setdefault(column, []).append(text(part, "value"))
        yield ListedPlace(
            country_name=country.name if country else "",
            country=country.country if country else None,
            **{column: ", ".join(filter(None, values)) for column, values in parts.items()},
        )


def _add_feature(draft: Draft, feature: Record) -> None:
    type_, value = text(feature, "type"), text(feature, "value")
    reliability = text(feature, "reliability")
    other = "not the main entry" if text(feature, "isPrimary") == "false" else ""
    doubt = f"reliability: {reliability}" if reliability not in ("", "Confirmed") else ""
    note = "; ".join(filter(None, (other, doubt)))
    if type_ == "Birthdate":
        if born := birth_date(value, note):
            draft.birth_dates.append(born)
    elif type_ == "Place of Birth":
        draft.birth_places.append(place_of_text(value, note))
    elif type_ in ("Citizenship Country", "Nationality Country"):
        if country := country_of(value):
            draft.nationalities.append(country)
    else:
        add_feature(draft, Paper(type_, value, None, "", ""), note)


def _add_document(draft: Draft, item: Record) -> None:
    paper = Paper(
        text(item, "type"),
        text(item, "documentNumber"),
        country_of(text(item, "issuingCountry")),
        _span(one(item, "issueDate")),
        _span(one(item, "expirationDate")),
    )
    invalid = "not valid" if text(item, "isValid").lower() == "false" else ""
    place = text(item, "issuingLocation")
    issued_in = f"issued in {place}" if place else ""
    features = texts(item, "idFeature", "idFeatures")
    add_feature(draft, paper, "; ".join(filter(None, (invalid, issued_in, *features))))


def _span(value: Record) -> str:
    """A day, or the first and the last day it may be."""
    first, last = text(value, "fromDateBegin"), text(value, "toDateEnd")
    about = "circa " if is_true(value, "isApproximate") else ""
    return about + (first if first == last else f"{first}/{last}")


def _add_measures(draft: Draft, record: Record, listings: list[Record]) -> None:
    """One measure a list; the file does not say which programme belongs to which."""
    programmes_of(draft, texts(record, "sanctionsProgram", "sanctionsPrograms"))
    for listing in listings:
        draft.measures.append(
            ListedMeasure(
                imposed_by=PUBLISHER,
                listed_by=PUBLISHER,
                measure="; ".join(texts(record, "sanctionsType", "sanctionsTypes")),
                programme=draft.programme,
                legal_basis="; ".join(texts(record, "legalAuthority", "legalAuthorities")),
                since=day_of(text(listing, "@datePublished")),
                reference=text_of(listing),
            )
        )
    days = [measure.since for measure in draft.measures if measure.since]
    draft.listed_on = min(days, default=None)
