"""One INDIVIDUAL or ENTITY of the UN list as a ListedParty."""

import re
from collections.abc import Iterator
from datetime import date

from lxml import etree

from app.core.countries import find_country
from app.sanctions.sources.base import (
    Kind,
    ListedCountry,
    ListedDate,
    ListedDocument,
    ListedName,
    ListedParty,
    ListedPlace,
    NameType,
    digest_of,
)
from app.sanctions.sources.xml_reader import as_json
from partner_registry_matcher import scripts

_LISTS = frozenset(
    {
        "VALUE",
        "INDIVIDUAL_ALIAS",
        "INDIVIDUAL_ADDRESS",
        "INDIVIDUAL_DATE_OF_BIRTH",
        "INDIVIDUAL_PLACE_OF_BIRTH",
        "INDIVIDUAL_DOCUMENT",
        "ENTITY_ALIAS",
        "ENTITY_ADDRESS",
    }
)
_PARTS = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_SINGLE = (
    *("DATAID", "VERSIONNUM", "UN_LIST_TYPE", "REFERENCE_NUMBER", "LISTED_ON", "SUBMITTED_ON"),
    *("SUBMITTED_BY", "GENDER", "NAME_ORIGINAL_SCRIPT", "COMMENTS1", "NATIONALITY2", "TITLE"),
    *("DESIGNATION", "NATIONALITY", "LIST_TYPE", "LAST_DAY_UPDATED", "DELISTED_ON"),
    *("SORT_KEY", "SORT_KEY_LAST_MOD"),
)
KNOWN = _LISTS.union(_PARTS, _SINGLE)
_TYPES: dict[str, NameType] = {"low": "weak_alias", "f.k.a.": "former"}  # any other: alias
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# Texts come with single spaces (`_text`); bounds keep a hostile one from being read for ever.
_SEPARATOR = re.compile(r"\s?;\s?(?![^()]{0,200}\))|\s[b-z]\)\s")
_BRACKETED = re.compile(r"^(?P<outer>[^()]+?)\s?\((?P<inner>[^()]+)\)[\s,]*$")
_ACRONYM = re.compile(r"\s?\((?!I?NGO\)|LTD|LLC|INC|PLC|JSC)([A-Z][A-Z0-9.&-]{1,9})\)")


def _text(element: etree._Element, tag: str) -> str:
    """The text of a child on one line, "" if there is none."""
    return " ".join((element.findtext(tag) or "").split())


def _values(record: etree._Element, tag: str) -> tuple[str, ...]:
    found = (" ".join((v.text or "").split()) for v in record.iterfind(f"{tag}/VALUE"))
    return tuple(value for value in found if value)


def _day(text: str) -> date | None:
    match = _DAY.match(text)  # some carry an offset of time zone: a date has none
    try:
        return date.fromisoformat(match.group()) if match else None
    except ValueError:
        return None


def _primary(record: etree._Element) -> str:
    # "na" is the default the schema gives to an absent part.
    parts = (_text(record, tag) for tag in _PARTS)
    return " ".join(part for part in parts if part and part != "na")


def _bracketed(part: str, quality: str, type_: NameType, kind: Kind) -> list[ListedName]:
    """The names in "Name (ACRONYM)" and "Name (the name in another script)"; others give none."""
    acronym = _ACRONYM.search(part) if kind == "organisation" else None
    if acronym:
        rest = " ".join(f"{part[: acronym.start()]} {part[acronym.end() :]}".split())
        return [
            ListedName(rest, type_, quality, derived=True),
            ListedName(acronym[1], "weak_alias", quality, "acronym", derived=True),
        ]
    match = _BRACKETED.match(part)
    if match is None:
        return []
    inner = match["inner"].strip(" ,").removeprefix("original script:").strip()
    written, in_brackets = scripts(match["outer"]), scripts(inner)
    if not written or not in_brackets or written & in_brackets:
        return []
    found = []
    for name in (match["outer"], *inner.split(";")):
        original = "Latn" not in scripts(name) and type_ != "weak_alias"
        found.append(
            ListedName(
                name.strip(" ,"), "original_script" if original else type_, quality, derived=True
            )
        )
    return found


def derived_names(published: str, quality: str, type_: NameType, kind: Kind) -> list[ListedName]:
    """What else a published name holds: several names, or one more in brackets."""
    parts = [part.strip(" ,") for part in _SEPARATOR.split(published) if part.strip(" ,")]
    found: list[ListedName] = []
    for part in parts:
        whole = [ListedName(part, type_, quality, derived=True)] if len(parts) > 1 else []
        found += _bracketed(part, quality, type_, kind) or whole
    return found


def _alias_note(alias: etree._Element) -> str:
    born = [_text(alias, t) for t in ("DATE_OF_BIRTH", "CITY_OF_BIRTH", "COUNTRY_OF_BIRTH")]
    about = "born " + ", ".join(filter(None, born)) if any(born) else ""
    return "; ".join(filter(None, (_text(alias, "NOTE"), about)))


def _names(record: etree._Element, kind: Kind) -> tuple[ListedName, ...]:
    """Every name once, the primary first. A splittable alias is kept whole only in `original`."""
    found = [ListedName(_primary(record), "primary")]
    found += derived_names(found[0].name, "", "alias", kind)
    if original := _text(record, "NAME_ORIGINAL_SCRIPT"):
        found.append(ListedName(original, "original_script"))
    for alias in record.iterfind("INDIVIDUAL_ALIAS" if kind == "person" else "ENTITY_ALIAS"):
        published, quality = _text(alias, "ALIAS_NAME"), _text(alias, "QUALITY")
        if not published:
            continue
        type_ = _TYPES.get(quality.lower(), "alias")
        split = [
            ListedName(n.name, n.type, n.quality, _alias_note(alias) or n.note, derived=True)
            for n in derived_names(published, quality, type_, kind)
        ]
        found += split or [ListedName(published, type_, quality, _alias_note(alias))]
    unique = {(name.name, name.type): name for name in reversed(found) if name.name}
    return tuple(reversed(unique.values()))


def _years(text: str) -> list[int]:
    return [int(year) for year in _YEAR.findall(text)]


def _birth_dates(record: etree._Element) -> Iterator[ListedDate]:
    for item in record.iterfind("INDIVIDUAL_DATE_OF_BIRTH"):
        if all(not (part.text or "").strip() for part in item):
            continue
        text = " ".join(filter(None, (_text(item, tag) for tag in ("DATE", "YEAR"))))
        span = " ".join((_text(item, "FROM_YEAR"), _text(item, "TO_YEAR"))).strip()
        day, years, note = _day(text), _years(f"{text} {span}"), _text(item, "NOTE")
        yield ListedDate(
            type=_text(item, "TYPE_OF_DATE"),
            on=day.isoformat() if day else None,
            year_from=min(years, default=None),
            year_to=max(years, default=None),
            note=note,
            text="" if years else f"{text} {span}".strip(),
        )
    for alias in record.iterfind("INDIVIDUAL_ALIAS"):
        if text := _text(alias, "DATE_OF_BIRTH"):
            day, years = _day(text), _years(text)
            yield ListedDate(
                type="ALIAS",
                on=day.isoformat() if day else None,
                year_from=min(years, default=None),
                year_to=max(years, default=None),
                note=_text(alias, "ALIAS_NAME"),
                text=text,
            )


def _country(text: str) -> ListedCountry | None:
    return ListedCountry(text, find_country(text)) if text else None


def _places(record: etree._Element, tag: str) -> Iterator[ListedPlace]:
    for item in record.iterfind(tag):
        country = _text(item, "COUNTRY")
        place = ListedPlace(
            street=_text(item, "STREET"),
            city=_text(item, "CITY"),
            state_province=_text(item, "STATE_PROVINCE"),
            zip_code=_text(item, "ZIP_CODE"),
            country_name=country,
            country=find_country(country) if country else None,
            note=_text(item, "NOTE"),
        )
        if place != ListedPlace():
            yield place


def _documents(record: etree._Element) -> Iterator[ListedDocument]:
    for item in record.iterfind("INDIVIDUAL_DOCUMENT"):
        if all(not (part.text or "").strip() for part in item):
            continue
        yield ListedDocument(
            type=_text(item, "TYPE_OF_DOCUMENT"),
            number=_text(item, "NUMBER"),
            type_detail=_text(item, "TYPE_OF_DOCUMENT2"),
            issuing_country=_country(_text(item, "ISSUING_COUNTRY")),
            issued_on=_text(item, "DATE_OF_ISSUE"),
            issued_city=_text(item, "CITY_OF_ISSUE"),
            issued_country=_country(_text(item, "COUNTRY_OF_ISSUE")),
            note=_text(item, "NOTE"),
        )


def _nationalities(record: etree._Element) -> tuple[ListedCountry, ...]:
    published = [*_values(record, "NATIONALITY"), _text(record, "NATIONALITY2")]
    found = (_country(text) for text in dict.fromkeys(published))
    return tuple(country for country in found if country)


def party_of(record: etree._Element, kind: Kind) -> ListedParty:
    """The party of a record that has a DATAID and a FIRST_NAME."""
    original = as_json(record, _LISTS.__contains__)
    assert isinstance(original, dict)
    person = kind == "person"
    nationalities = _nationalities(record)
    addresses = tuple(_places(record, "INDIVIDUAL_ADDRESS" if person else "ENTITY_ADDRESS"))
    birth_places = tuple(_places(record, "INDIVIDUAL_PLACE_OF_BIRTH"))
    documents = tuple(_documents(record))
    countries = {c.country for d in documents for c in (d.issuing_country, d.issued_country) if c}
    countries |= {n.country for n in nationalities}
    countries |= {place.country for place in (*addresses, *birth_places)}
    updated = (_day(text) for text in _values(record, "LAST_DAY_UPDATED"))
    return ListedParty(
        key=_text(record, "DATAID"),
        reference=_text(record, "REFERENCE_NUMBER"),
        kind=kind,
        names=_names(record, kind),
        birth_dates=tuple(_birth_dates(record)),
        birth_places=birth_places,
        nationalities=nationalities,
        countries=tuple(sorted(c for c in countries if c)),
        documents=documents,
        addresses=addresses,
        programme=_text(record, "UN_LIST_TYPE"),
        listed_on=_day(_text(record, "LISTED_ON")),
        updated_on=tuple(day for day in updated if day),
        delisted_on=_day(_text(record, "DELISTED_ON")),
        gender=_text(record, "GENDER"),
        titles=_values(record, "TITLE"),
        designations=_values(record, "DESIGNATION"),
        remarks=_text(record, "COMMENTS1"),
        original=original,
        digest=digest_of(original),
    )
