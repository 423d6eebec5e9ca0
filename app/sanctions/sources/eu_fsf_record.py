"""One sanctionEntity of the EU list as a ListedParty."""

from collections.abc import Iterator
from datetime import date

from lxml import etree

from app.core.countries import find_country
from app.sanctions.sources.base import (
    Kind,
    ListedCountry,
    ListedDate,
    ListedDocument,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    NameType,
    digest_of,
)
from app.sanctions.sources.draft import one_line
from app.sanctions.sources.un_reference import un_references
from app.sanctions.sources.xml_reader import as_json
from partner_registry_matcher import scripts

NAMESPACE = "http://eu.europa.ec/fpi/fsd/export"
_NS = f"{{{NAMESPACE}}}"
_LISTS = frozenset(
    {
        *("remark", "additionalInformation", "nameAlias", "citizenship", "birthdate", "address"),
        *("identification", "contactInfo", "corrigendum"),
    }
)
KNOWN = _LISTS | {
    *("sanctionEntity", "regulation", "publicationUrl", "subjectType", "regulationSummary"),
}
_KINDS: dict[str, Kind] = {"P": "person", "E": "organisation"}
# Numbers of bodies and things; every other type is a document that proves who a person is.
_NUMBERS = frozenset({"regnumber", "fiscalcode", "taxid", "imo", "swiftbic", "mmsi", "callsign"})
# The Union writes its regulations in these too: such a name is a translation, no original.
_OFFICIAL_NOT_LATIN = frozenset({"bg", "el"})
_FLAGS = ("diplomatic", "knownExpired", "knownFalse", "reportedLost", "revokedByIssuer")
_IMPOSING = {"council": "Council of the European Union", "commission": "European Commission"}
_UNKNOWN_COUNTRY = "00"


def local(tag: str) -> str:
    """A tag without the namespace of the list; one of another namespace keeps it."""
    return tag.removeprefix(_NS)


def _children(element: etree._Element, tag: str) -> Iterator[etree._Element]:
    return element.iterfind(f"{_NS}{tag}")


def _get(element: etree._Element, name: str) -> str:
    """An attribute on one line, "" if there is none."""
    return one_line(element.get(name))


def _texts(element: etree._Element, tag: str) -> list[str]:
    found = (one_line(child.text) for child in _children(element, tag))
    return [text for text in found if text]


def _join(*parts: str, by: str = "; ") -> str:
    return by.join(part for part in parts if part)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _year(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 1800 <= int(text[:5]) < 2100 else None


def kind_of(record: etree._Element) -> Kind:
    """What the entity is by its classification; unknown for one we have not met."""
    subject = record.find(f"{_NS}subjectType")
    return _KINDS.get(_get(subject, "classificationCode") if subject is not None else "", "unknown")


def name_of(alias: etree._Element) -> str:
    """The whole name, or its parts joined."""
    parts = (_get(alias, part) for part in ("firstName", "middleName", "lastName"))
    return _get(alias, "wholeName") or _join(*parts, by=" ")


def _language(alias: etree._Element) -> str:
    return _get(alias, "nameLanguage").lower()


def _primary(aliases: list[etree._Element]) -> etree._Element:
    """The name that stands for the entity. The list marks none: the first strong one in Latin
    letters that is English or of no language, else the first strong one, else the first."""

    def rank(alias: etree._Element) -> int:
        if _get(alias, "strong") == "false":
            return 2
        plain = _language(alias) in ("", "en") and "Latn" in scripts(name_of(alias))
        return 0 if plain else 1

    return min(aliases, key=rank)


def _type(alias: etree._Element) -> NameType:
    if _get(alias, "strong") == "false":
        return "weak_alias"
    latin = "Latn" in scripts(name_of(alias))
    return "alias" if latin or _language(alias) in _OFFICIAL_NOT_LATIN else "original_script"


def _names(record: etree._Element) -> tuple[ListedName, ...]:
    aliases = [alias for alias in _children(record, "nameAlias") if name_of(alias)]
    if not aliases:
        return ()
    primary = _primary(aliases)
    found: dict[tuple[str, str, str], ListedName] = {}
    for alias in (primary, *(other for other in aliases if other is not primary)):
        name = ListedName(
            name=name_of(alias),
            type="primary" if alias is primary else _type(alias),
            quality={"true": "strong", "false": "weak"}.get(_get(alias, "strong"), ""),
            note=_join(*_texts(alias, "remark")),
            language=_language(alias),
        )
        found.setdefault((name.name, name.type, name.language), name)
    return tuple(found.values())


def _unique(record: etree._Element, attribute: str) -> tuple[str, ...]:
    values = (_get(alias, attribute) for alias in _children(record, "nameAlias"))
    return tuple(dict.fromkeys(value for value in values if value))


def _country(element: etree._Element) -> ListedCountry | None:
    code, name = _get(element, "countryIso2Code"), _get(element, "countryDescription")
    if code == _UNKNOWN_COUNTRY or not (code or name):
        return None
    return ListedCountry(name or code, find_country(code) or (find_country(name) if name else None))


def _place(element: etree._Element, street: str, *notes: str) -> ListedPlace:
    country = _country(element)
    return ListedPlace(
        street=street,
        city=_get(element, "city"),
        state_province=_get(element, "region"),
        zip_code=_get(element, "zipCode"),
        country_name=country.name if country else "",
        country=country.country if country else None,
        note=_join(_get(element, "place"), *notes, *_texts(element, "remark")),
    )


def _birth_date(item: etree._Element) -> ListedDate | None:
    """The date of a birthdate element; one of another calendar is kept as text, not converted."""
    parts = [_get(item, name) for name in ("year", "monthOfYear", "dayOfMonth")]
    published = _get(item, "birthdate") or "-".join(part.zfill(2) for part in parts if part)
    span = [_get(item, name) for name in ("yearRangeFrom", "yearRangeTo")]
    whole = _join(published, "/".join(part for part in span if part), by=" ")
    note = _join(*_texts(item, "remark"))
    calendar = _get(item, "calendarType")
    if not whole:
        return None
    if calendar not in ("", "GREGORIAN"):
        return ListedDate(type=calendar, text=whole, note=note)
    day = _day(_get(item, "birthdate"))
    years = [year for text in (parts[0], *span) if (year := _year(text))]
    if day:
        years.append(day.year)
    partial = published if parts[1] and not day else ""
    circa = _get(item, "circa") == "true"
    exact = "EXACT" if day else ""
    return ListedDate(
        type="APPROXIMATELY" if circa else "BETWEEN" if any(span) else exact,
        on=day.isoformat() if day else None,
        year_from=min(years, default=None),
        year_to=max(years, default=None),
        note=_join(partial, note),
        text="" if years else whole,
    )


def _birth_dates(record: etree._Element) -> tuple[ListedDate, ...]:
    found = (_birth_date(item) for item in _children(record, "birthdate"))
    return tuple(item for item in found if item)


def _number(item: etree._Element) -> str:
    return _get(item, "number") or _get(item, "latinNumber")


def _number_note(item: etree._Element) -> str:
    latin = _get(item, "latinNumber")
    said = [
        f"{label} {text}"
        for label, name in (
            ("in Latin letters:", "latinNumber"),
            ("name on document:", "nameOnDocument"),
            ("issued by", "issuedBy"),
            ("valid from", "validFrom"),
            ("valid to", "validTo"),
            ("region:", "region"),
        )
        if (text := _get(item, name)) and (name != "latinNumber" or latin != _number(item))
    ]
    flags = [flag for flag in _FLAGS if _get(item, flag) == "true"]
    return _join(*said, *flags, *_texts(item, "remark"))


def _documents(record: etree._Element) -> Iterator[ListedDocument]:
    for item in _children(record, "identification"):
        if _get(item, "identificationTypeCode") not in _NUMBERS and _number(item):
            yield ListedDocument(
                type=_get(item, "identificationTypeCode"),
                number=_number(item),
                type_detail=_get(item, "identificationTypeDescription"),
                issuing_country=_country(item),
                issued_on=_get(item, "issueDate"),
                note=_number_note(item),
            )


def _identifiers(record: etree._Element) -> Iterator[ListedIdentifier]:
    for item in _children(record, "identification"):
        code = _get(item, "identificationTypeCode")
        if code in _NUMBERS and _number(item):
            yield ListedIdentifier(code, _number(item), _country(item), _number_note(item))
    for address in _children(record, "address"):
        for contact in _children(address, "contactInfo"):
            if value := _get(contact, "value"):
                yield ListedIdentifier(_get(contact, "key").lower(), value)


def _addresses(record: etree._Element) -> tuple[ListedPlace, ...]:
    found = []
    for item in _children(record, "address"):
        box = _get(item, "poBox")
        listed = "as at listing time" if _get(item, "asAtListingTime") == "true" else ""
        found.append(_place(item, _get(item, "street"), f"P.O. Box {box}" if box else "", listed))
    return tuple(place for place in found if place != ListedPlace())


def _measures(record: etree._Element) -> Iterator[ListedMeasure]:
    """One a regulation. Since when is the day of designation: the regulation named is the last
    that touched the entry, often years younger."""
    for item in _children(record, "regulation"):
        body, force = _get(item, "organisationType"), _get(item, "entryIntoForceDate")
        yield ListedMeasure(
            imposed_by=_IMPOSING.get(body, body),
            listed_by="European Commission",
            measure="financial sanctions",
            programme=_get(item, "programme"),
            grounds=_get(record, "designationDetails"),
            legal_basis=_join(_get(item, "numberTitle"), f"in force {force}" if force else ""),
            since=_day(_get(record, "designationDate")),
            reference=_get(record, "euReferenceNumber"),
        )


def _urls(record: etree._Element) -> tuple[str, ...]:
    found = [
        url for item in _children(record, "regulation") for url in _texts(item, "publicationUrl")
    ]
    found += [_get(item, "publicationUrl") for item in record.iter(f"{_NS}regulationSummary")]
    return tuple(dict.fromkeys(url for url in found if url))


def _same_as(record: etree._Element) -> tuple[str, ...]:
    own = _get(record, "unitedNationId").replace(" ", "")
    found = [own] if own else []
    for remark in _texts(record, "remark"):
        found += un_references(remark)
    return tuple(dict.fromkeys(f"unsc:{reference}" for reference in found))


def party_of(record: etree._Element) -> ListedParty:
    """The party of an entity; without key or names if the record lacks them."""
    original = as_json(record, lambda tag: local(tag) in _LISTS, NAMESPACE)
    assert isinstance(original, dict)
    addresses = _addresses(record)
    births = (_place(item, "") for item in _children(record, "birthdate"))
    birth_places = tuple(dict.fromkeys(p for p in births if p != ListedPlace()))
    citizenships = (_country(item) for item in _children(record, "citizenship"))
    nationalities = tuple(dict.fromkeys(country for country in citizenships if country))
    documents, identifiers = tuple(_documents(record)), tuple(_identifiers(record))
    issuers = [d.issuing_country for d in documents] + [i.country for i in identifiers]
    countries = {c.country for c in (*nationalities, *issuers) if c}
    countries |= {place.country for place in (*addresses, *birth_places)}
    measures = tuple(_measures(record))
    return ListedParty(
        key=_get(record, "logicalId"),
        reference=_get(record, "euReferenceNumber"),
        kind=kind_of(record),
        names=_names(record),
        birth_dates=_birth_dates(record),
        birth_places=birth_places,
        nationalities=nationalities,
        countries=tuple(sorted(c for c in countries if c)),
        documents=documents,
        addresses=addresses,
        programme=_join(*dict.fromkeys(measure.programme for measure in measures)),
        listed_on=_day(_get(record, "designationDate")),
        updated_on=(),
        delisted_on=_day(_get(record, "delistingDate")),
        gender=_join(*(g for g in _unique(record, "gender") if g != "?")),
        titles=_unique(record, "title"),
        designations=_unique(record, "function"),
        remarks=_join(_get(record, "designationDetails"), *_texts(record, "remark")),
        original=original,
        digest=digest_of(original),
        identifiers=identifiers,
        measures=measures,
        same_as=_same_as(record),
        urls=_urls(record),
    )
