"""One record of the World Bank's list as a ListedParty."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

from app.core.countries import find_country
from app.sanctions.sources.base import (
    Kind,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    digest_of,
)
from app.sanctions.sources.draft import one_line
from app.sanctions.sources.world_bank_names import continued, footnotes, names_of, without_marks

KNOWN = frozenset(
    {
        *("MANDT", "SUPP_ID", "SUPP_NAME", "SUPP_TYPE_CODE", "SUPP_PRE_ACRN", "SUPP_POST_ACRN"),
        *("LAND1", "COUNTRY_NAME", "SUPP_STATE_CODE", "SUPP_CITY", "SUPP_ADDR", "SUPP_ZIP_CODE"),
        *("SUPP_POST_CODE", "SUPP_PROV_NAME", "LEGACY_FLG", "UN_SUPP_FLG", "INELIG_FLG"),
        *("DEBAR_TYPE", "DEBAR_FROM_DATE", "DEBAR_TO_DATE", "DEBAR_REASON", "AML_ENTR_IND"),
        *("ADD_SUPP_INFO", "DNB_ID", "DNB_PAR_ID", "DNB_ULTM_ID", "CRIS_SUPP_ID"),
        *("SUPP_ELIG_STAT", "CRPD_MATCH", "CRPD_STAT", "ELIG_STAT", "CREATE_USER", "CREATE_DATE"),
        *("CREATE_TIME", "UPD_USER", "UPD_DATE", "UPD_TIME", "REGISTER", "REGISTER_ID", "PARENT"),
        *("CREATE_USER_NAME", "UPD_USER_NAME", "RECHK_IND", "INELIGIBLY_STATUS"),
        "LAST_REFRESH_DATE",
    }
)
# Times that carry the day of the run, not of an event of the record.
VOLATILE = frozenset({"CREATE_TIME", "UPD_TIME", "LAST_REFRESH_DATE"})
_KINDS: dict[str, Kind] = {"F": "organisation", "I": "person"}  # U and C: not said which
_CROSS = re.compile(r"\bcross[\s-]*debar\w*\s*:?\s*(?P<bank>[A-Za-z]{2,6})\b", re.IGNORECASE)
_BANKS = {"ADB": "ADB", "AFDB": "AfDB", "IDB": "IDB", "IADB": "IDB", "EBRD": "EBRD"}
_NO_END = frozenset({"permanent", "ongoing", "indefinite"})
_FAR = 2900  # 2999-12-31 and 9999-12-31 stand for "no end"
_TITLE = re.compile(r"^\(?(?P<title>MRS?|MS|DR|PROF|ENG|IR)\.\)?\s+", re.IGNORECASE)
# A bound on each part keeps a hostile text from being read for ever.
_NUMBER = re.compile(
    r"(?P<label>Reg(?:istration|\.)?\s?Nos?|Corp\.\s?ID|National ID|Tax ID(?:\s?No)?|\bTIN|N°)"
    r"\s?[.:]{0,2}\s?(?P<value>[^()*;]{0,60}\d[^()*;]{0,60})",
    re.IGNORECASE,
)


def text_of(record: dict[str, Any], name: str) -> str:
    """A member as text on one line, "" if it is absent or null."""
    value = record.get(name)
    return "" if value is None else one_line(str(value))


def key_of(record: dict[str, Any]) -> str:
    """What identifies the record for ever."""
    return text_of(record, "SUPP_ID")


def kind_of(record: dict[str, Any]) -> Kind:
    """Firm or individual; anything else is not said."""
    return _KINDS.get(text_of(record, "SUPP_TYPE_CODE").upper(), "unknown")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _names(record: dict[str, Any], kind: Kind) -> tuple[ListedName, ...]:
    published = text_of(record, "SUPP_NAME")
    if not published:
        return ()
    title = _TITLE.match(published) if kind == "person" else None
    bare = published[title.end() :] if title else published
    found = names_of(bare, "primary")
    if not found or found[0].type != "primary":
        found.insert(0, ListedName(published, "primary"))
    about = text_of(record, "ADD_SUPP_INFO")
    affixes = (text_of(record, "SUPP_PRE_ACRN"), found[0].name, text_of(record, "SUPP_POST_ACRN"))
    repeated = found[0].name.startswith(f"{affixes[0]} ")
    if kind != "person" and any(affixes[::2]) and not repeated:
        found.append(ListedName(" ".join(filter(None, affixes)), "alias", derived=True))
    found += continued(without_marks(bare), _NUMBER.sub("", about))
    if kind == "person":
        found = [replace(name, name=_TITLE.sub("", name.name)) for name in found]
    unique: dict[str, ListedName] = {}
    for name in found:
        unique.setdefault(name.name, name)
    return tuple(unique.values())


def _titles(record: dict[str, Any], kind: Kind) -> tuple[str, ...]:
    title = _TITLE.match(text_of(record, "SUPP_NAME")) if kind == "person" else None
    before = text_of(record, "SUPP_PRE_ACRN") if kind == "person" else ""
    return tuple(dict.fromkeys(filter(None, (title["title"] if title else "", before))))


def _identifiers(record: dict[str, Any]) -> tuple[ListedIdentifier, ...]:
    found = []
    for name in ("SUPP_NAME", "ADD_SUPP_INFO"):
        for match in _NUMBER.finditer(text_of(record, name)):
            label = " ".join(match["label"].lower().split())
            found.append(ListedIdentifier(label, match["value"].strip(" ,.")))
    if number := text_of(record, "REGISTER_ID"):
        found.append(ListedIdentifier("register", number))
    if number := text_of(record, "DNB_ID"):
        found.append(ListedIdentifier("duns", number))
    return tuple(dict.fromkeys(found))


def _addresses(record: dict[str, Any]) -> tuple[ListedPlace, ...]:
    name, code = text_of(record, "COUNTRY_NAME"), text_of(record, "LAND1")
    state = (text_of(record, part) for part in ("SUPP_STATE_CODE", "SUPP_PROV_NAME"))
    place = ListedPlace(
        street=text_of(record, "SUPP_ADDR"),
        city=text_of(record, "SUPP_CITY"),
        state_province=", ".join(filter(None, state)),
        zip_code=text_of(record, "SUPP_ZIP_CODE") or text_of(record, "SUPP_POST_CODE"),
        country_name=name or code,
        country=(find_country(name) if name else None) or find_country(code),
    )
    return (place,) if place != ListedPlace() else ()


def _measure(record: dict[str, Any]) -> ListedMeasure:
    """The one measure of a record. A far date and "ongoing" say that there is no end."""
    grounds = text_of(record, "DEBAR_REASON")
    cross = _CROSS.search(grounds)
    bank = cross["bank"].upper() if cross else ""
    to, status = text_of(record, "DEBAR_TO_DATE"), text_of(record, "INELIGIBLY_STATUS")
    until = _day(to)
    far = until is not None and until.year >= _FAR
    endless = far or status.lower() in _NO_END or to.lower() in _NO_END
    return ListedMeasure(
        imposed_by=_BANKS.get(bank, bank) or "World Bank",
        listed_by="World Bank",
        measure=text_of(record, "SUPP_ELIG_STAT"),
        programme="cross-debarment" if cross else "",
        grounds=grounds,
        since=_day(text_of(record, "DEBAR_FROM_DATE")),
        until=None if endless else until,
        indefinite=endless,
        reference=key_of(record),
    )


def party_of(record: dict[str, Any]) -> ListedParty:
    """The party of a record; without key or names if the record lacks them."""
    kind, measure = kind_of(record), _measure(record)
    addresses = _addresses(record)
    updated = _day(text_of(record, "UPD_DATE"))
    remarks = (*footnotes(text_of(record, "SUPP_NAME")), text_of(record, "ADD_SUPP_INFO"))
    return ListedParty(
        key=key_of(record),
        reference=key_of(record),
        kind=kind,
        names=_names(record, kind),
        birth_dates=(),
        birth_places=(),
        nationalities=(),
        countries=tuple(sorted({place.country for place in addresses if place.country})),
        documents=(),
        addresses=addresses,
        programme=measure.programme,
        listed_on=measure.since,
        updated_on=(updated,) if updated else (),
        delisted_on=None,
        gender="",
        titles=_titles(record, kind),
        designations=(),
        remarks="; ".join(filter(None, remarks)),
        original=record,
        digest=digest_of(record, VOLATILE),
        identifiers=_identifiers(record),
        measures=(measure,),
    )
