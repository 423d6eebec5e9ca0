"""OFAC's ENHANCED_XML: all lists in one file, with scripts, relationships and authorities."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from app.sanctions.sources.base import (
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    NameType,
    SourceUnreadable,
)
from app.sanctions.sources.draft import Draft, country_of, day_of, one_line, place_of_text
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

Record = dict[str, Any]


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
    listings = _items(original, "sanctionsLists", "sanctionsList")
    # An entity on no list at all is kept by both: nobody is lost over a gap in the file.
    if listings and not any(wanted(_text(one)) for one in listings):
        return None
    notes.unknown.update(tag for tag in original if tag not in _KNOWN)
    general = original.get("generalInfo")
    general = general if isinstance(general, dict) else {}
    draft = Draft(one_line(original.get("@id")), kind_of(_text(general.get("entityType"))))
    draft.titles += [_text(title) for title in general.get("title", [])]
    draft.remarks.append(_text(general.get("remarks")))
    _add_names(draft, _items(original, "names", "name"))
    for address in _items(original, "addresses", "address"):
        draft.addresses += _places(address)
    for feature in _items(original, "features", "feature"):
        _add_feature(draft, feature)
    for paper in _items(original, "identityDocuments", "identityDocument"):
        _add_document(draft, paper)
    for relationship in _items(original, "relationships", "relationship"):
        other = relationship.get("relatedEntity")
        key = one_line(other.get("@entityId")) if isinstance(other, dict) else ""
        draft.related.append(key)
        draft.remarks.append(f"{_text(relationship.get('type'))}: {_text(other) or key}")
    _add_measures(draft, original, [one for one in listings if wanted(_text(one))])
    return draft.finish(original)


def _text(value: Any) -> str:
    """The text of a leaf, with or without attributes."""
    if isinstance(value, dict):
        value = value.get("#text")
    return one_line(value) if isinstance(value, str) else ""


def _items(record: Record, container: str, tag: str) -> list[Any]:
    found = record.get(container)
    items = found.get(tag, []) if isinstance(found, dict) else []
    return items if isinstance(items, list) else [items]


def _true(value: Any) -> bool:
    return _text(value).lower() == "true"


def _add_names(draft: Draft, names: list[Record]) -> None:
    """The primary name first, each name in each of its scripts."""
    for name in sorted(names, key=lambda one: not _true(one.get("isPrimary"))):
        low = _true(name.get("isLowQuality"))
        primary = _true(name.get("isPrimary"))
        translations = _items(name, "translations", "translation")
        for part in sorted(translations, key=lambda one: not _true(one.get("isPrimary"))):
            text = person_name(
                _text(part.get("formattedLastName")), _text(part.get("formattedFirstName"))
            ) or _text(part.get("formattedFullName"))
            script = _text(part.get("script"))
            listed = alias(text, _text(name.get("aliasType")), low, "low" if low else "")
            type_: NameType = listed.type
            if primary and _true(part.get("isPrimary")):
                type_ = "primary"
            elif script not in ("", "Latin") and type_ == "alias":
                type_ = "original_script"
            about = f"{script} script" if script not in ("", "Latin") else listed.note
            draft.names.append(ListedName(text, type_, listed.quality, about))


def _places(address: Record) -> Iterator[ListedPlace]:
    country = country_of(_text(address.get("country")))
    named = (country.name, country.country) if country else ("", None)
    translations = _items(address, "translations", "translation") or [{}]
    for translation in translations:
        parts: dict[str, list[str]] = {}
        for part in _items(translation, "addressParts", "addressPart"):
            type_ = _text(part.get("type"))
            parts.setdefault(_PARTS.get(type_, "note"), []).append(_text(part.get("value")))
        texts = {name: ", ".join(filter(None, values)) for name, values in parts.items()}
        yield ListedPlace(country_name=named[0], country=named[1], **texts)


def _add_feature(draft: Draft, feature: Record) -> None:
    type_, value = _text(feature.get("type")), _text(feature.get("value"))
    reliability = _text(feature.get("reliability"))
    other = "not the main entry" if _text(feature.get("isPrimary")) == "false" else ""
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
        _text(item.get("type")),
        _text(item.get("documentNumber")),
        country_of(_text(item.get("issuingCountry"))),
        _span(item.get("issueDate")),
        _span(item.get("expirationDate")),
    )
    features = [_text(one) for one in _items(item, "idFeatures", "idFeature")]
    invalid = "not valid" if _text(item.get("isValid")).lower() == "false" else ""
    place = _text(item.get("issuingLocation"))
    issued_in = f"issued in {place}" if place else ""
    add_feature(draft, paper, "; ".join(filter(None, (invalid, issued_in, *features))))


def _span(value: Any) -> str:
    """A day, or the first and the last day it may be."""
    if not isinstance(value, dict):
        return ""
    first, last = _text(value.get("fromDateBegin")), _text(value.get("toDateEnd"))
    about = "circa " if _true(value.get("isApproximate")) else ""
    return about + (first if first == last else f"{first}/{last}")


def _add_measures(draft: Draft, record: Record, listings: list[Any]) -> None:
    """One measure a list; the file does not say which programme belongs to which."""
    programmes_of(
        draft, [_text(one) for one in _items(record, "sanctionsPrograms", "sanctionsProgram")]
    )
    types = (_text(one) for one in _items(record, "sanctionsTypes", "sanctionsType"))
    basis = (_text(one) for one in _items(record, "legalAuthorities", "legalAuthority"))
    measure, legal_basis = "; ".join(types), "; ".join(basis)
    for one in listings:
        since = day_of(one.get("@datePublished")) if isinstance(one, dict) else None
        draft.measures.append(
            ListedMeasure(
                imposed_by=PUBLISHER,
                listed_by=PUBLISHER,
                measure=measure,
                programme=draft.programme,
                legal_basis=legal_basis,
                since=since,
                reference=_text(one),
            )
        )
    days = [measure.since for measure in draft.measures if measure.since]
    draft.listed_on = min(days, default=None)
