"""One party of OFAC's Advanced XML, gathered from all over the file, as a ListedParty."""

from collections.abc import Callable
from datetime import date

from app.sanctions.sources.base import (
    Kind,
    ListedDate,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    NameType,
)
from app.sanctions.sources.draft import Draft, country_of, one_line, place_of_text
from app.sanctions.sources.ofac_references import References
from app.sanctions.sources.ofac_terms import (
    PUBLISHER,
    Paper,
    add_feature,
    alias,
    kind_of,
    programmes_of,
)
from app.sanctions.sources.record import Record, is_true, many, one, text, text_of, texts

_ORDER = {
    "First Name": 0,
    "Middle Name": 1,
    "Nickname": 2,
    "Patronymic": 3,
    "Last Name": 4,
    "Matronymic": 5,
}
_PARTS = {
    "ADDRESS1": "street",
    "ADDRESS2": "street",
    "ADDRESS3": "street",
    "CITY": "city",
    "STATE/PROVINCE": "state_province",
    "POSTAL CODE": "zip_code",
}


def lists_of(record: Record, refs: References) -> list[str]:
    """The names of the lists that a party is on."""
    numbers = (text(entry, "@ListID") for entry in record["SanctionsEntry"])
    return [refs.text("List", number) for number in numbers if number]


def party_of(record: Record, refs: References, wanted: Callable[[str], bool]) -> ListedParty:
    """The party of a record that `ofac_advanced` gathered."""
    party = record["DistinctParty"]
    profiles = many(party, "Profile")
    draft = Draft(text(party, "@FixedRef"), _kind(profiles, refs))
    draft.remarks += texts(party, "Comment")
    places = {text(place, "@ID"): place for place in record["Location"]}
    for profile in profiles:
        draft.remarks += texts(profile, "Comment")
        for identity in many(profile, "Identity"):
            _add_identity(draft, identity, refs)
        for feature in many(profile, "Feature"):
            type_ = refs.text("FeatureType", text(feature, "@FeatureTypeID"))
            for version in many(feature, "FeatureVersion"):
                _add_feature(draft, type_, version, places, refs)
    # The primary name first, whichever identity it stands in.
    draft.names.sort(key=lambda name: name.type != "primary")
    for paper in record["IDRegDocument"]:
        _add_document(draft, paper, refs)
    for relation in record["ProfileRelationship"]:
        other = text(relation, "@To-ProfileID")
        draft.related.append(other)
        type_ = refs.text("RelationType", text(relation, "@RelationTypeID"))
        draft.remarks.append(f"{type_}: {other}")
    for entry in record["SanctionsEntry"]:
        on_list = refs.text("List", text(entry, "@ListID"))
        if not on_list or wanted(on_list):
            _add_measure(draft, entry, on_list, refs)
    days = [measure.since for measure in draft.measures if measure.since]
    draft.listed_on = min(days, default=None)
    return draft.finish(record)


def _kind(profiles: list[Record], refs: References) -> Kind:
    """Vessels and aircraft are sub-types, persons and organisations are types."""
    for profile in profiles:
        subtype = refs.value("PartySubType", text(profile, "@PartySubTypeID"))
        type_ = refs.text("PartyType", text(subtype, "@PartyTypeID"))
        for word in (text_of(subtype), type_):
            if kind_of(word) != "unknown":
                return kind_of(word)
    return "unknown"


def _add_identity(draft: Draft, identity: Record, refs: References) -> None:
    groups = {
        text(group, "@ID"): refs.text("NamePartType", text(group, "@NamePartTypeID"))
        for master in many(identity, "MasterNamePartGroup", "NamePartGroups")
        for group in many(master, "NamePartGroup")
    }
    false = is_true(identity, "@False")
    main = is_true(identity, "@Primary") and not false
    draft.remarks += texts(identity, "Comment")
    for published in many(identity, "Alias"):
        low = is_true(published, "@LowQuality")
        type_ = refs.text("AliasType", text(published, "@AliasTypeID"))
        primary = main and is_true(published, "@Primary")
        for documented in many(published, "DocumentedName"):
            name, script = _name(documented, groups, refs)
            listed = alias(name, type_, low, "low" if low else "")
            sort: NameType = listed.type
            if primary and not any(known.type == "primary" for known in draft.names):
                sort = "primary"
            elif script not in ("", "Latin") and sort == "alias":
                sort = "original_script"
            written = f"{script} script" if script not in ("", "Latin") else listed.note
            note = "; ".join(filter(None, (written, "false identity" if false else "")))
            draft.names.append(ListedName(name, sort, listed.quality, note))


def _name(documented: Record, groups: dict[str, str], refs: References) -> tuple[str, str]:
    """The parts of a name in the order in which people say them, and its script."""
    parts: list[tuple[int, str]] = []
    script = ""
    for part in many(documented, "DocumentedNamePart"):
        value = one(part, "NamePartValue")
        type_ = groups.get(text(value, "@NamePartGroupID"), "")
        around = (text(part, "@LeadingChars"), text_of(value), text(part, "@TrailingChars"))
        parts.append((_ORDER.get(type_, _ORDER["Last Name"]), "".join(around)))
        script = script or refs.text("Script", text(value, "@ScriptID"))
    in_order = sorted(parts, key=lambda found: found[0])
    return one_line(" ".join(word for _, word in in_order)), script


def _add_feature(
    draft: Draft, type_: str, version: Record, places: dict[str, Record], refs: References
) -> None:
    reliability = refs.text("Reliability", text(version, "@ReliabilityID"))
    doubt = f"reliability: {reliability}" if reliability not in ("", "Confirmed") else ""
    note = "; ".join(filter(None, (doubt, *texts(version, "Comment"))))
    numbers = [text(place, "@LocationID") for place in many(version, "VersionLocation")]
    where = [_place(places[number], refs, note) for number in numbers if number in places]
    details = [
        text_of(detail) or refs.text("DetailReference", text(detail, "@DetailReferenceID"))
        for detail in many(version, "VersionDetail")
    ]
    periods = many(version, "DatePeriod")
    if type_ == "Birthdate":
        draft.birth_dates += [_born(period, note) for period in periods]
    elif type_ == "Place of Birth":
        draft.birth_places += [
            place if place.country else place_of_text(place.city, place.note) for place in where
        ]
        draft.birth_places += [ListedPlace(city=word, note=note) for word in details if word]
    elif type_ in ("Citizenship Country", "Nationality Country"):
        named = [place.country_name for place in where] or details
        draft.nationalities += filter(None, map(country_of, named))
    else:
        draft.addresses += where if type_ == "Location" else []
        draft.other_countries += [place.country for place in where]
        for word in filter(None, (*details, *map(_period, periods))):
            add_feature(draft, Paper(type_, word, None, "", ""), note)


def _place(location: Record, refs: References, note: str) -> ListedPlace:
    parts: dict[str, list[str]] = {}
    for part in many(location, "LocationPart"):
        type_ = refs.text("LocPartType", text(part, "@LocPartTypeID"))
        # A place of birth is one text under a type called "Unknown".
        column = _PARTS.get(type_, "city" if type_ == "Unknown" else "note")
        values = [text(value, "Value") for value in many(part, "LocationPartValue")]
        parts.setdefault(column, []).extend(values)
    parts.setdefault("note", []).append(note)
    named = [
        refs.text("Country", text(country, "@CountryID"))
        for country in many(location, "LocationCountry")
    ]
    for code in many(location, "LocationAreaCode"):
        area = refs.value("AreaCode", text(code, "@AreaCodeID"))
        named.append(refs.text("Country", text(area, "@CountryID")))
        named.append(text(area, "@Description"))
    country = next(filter(None, map(country_of, named)), None)
    return ListedPlace(
        country_name=country.name if country else "",
        country=country.country if country else None,
        **{column: ", ".join(filter(None, values)) for column, values in parts.items()},
    )


def _add_document(draft: Draft, item: Record, refs: References) -> None:
    dates = {"issu": "", "expir": ""}
    others = texts(item, "Comment")
    for dated in many(item, "DocumentDate"):
        type_ = refs.text("IDRegDocDateType", text(dated, "@IDRegDocDateTypeID"))
        span = ", ".join(filter(None, map(_period, many(dated, "DatePeriod"))))
        word = next((word for word in dates if word in type_.lower()), None)
        if word:
            dates[word] = span
        else:
            others.append(f"{type_} {span}")
    validity = refs.text("Validity", text(item, "@ValidityID"))
    others += [validity] if validity not in ("", "Valid") else []
    others += texts(item, "IssuingAuthority")
    paper = Paper(
        refs.text("IDRegDocType", text(item, "@IDRegDocTypeID")),
        text(item, "IDRegistrationNo"),
        country_of(refs.text("Country", text(item, "@IssuedBy-CountryID"))),
        dates["issu"],
        dates["expir"],
    )
    add_feature(draft, paper, "; ".join(others))


def _point(around: Record, name: str) -> date | None:
    """The day in a part of this name, None if there is none or it is no day of the calendar."""
    found = one(around, name)
    try:
        year, month, day = (int(text(found, part)) for part in ("Year", "Month", "Day"))
        return date(year, month, day)
    except (ValueError, OverflowError):
        return None


def _ends(period: Record) -> tuple[date | None, date | None, bool]:
    """The first and the last day a period may cover, and whether that is approximate."""
    start, end = one(period, "Start"), one(period, "End")
    first = _point(start, "From") or _point(start, "To")
    last = _point(end, "To") or _point(end, "From") or _point(start, "To") or first
    about = is_true(start, "@Approximate") or is_true(end, "@Approximate")
    return first or last, last, about


def _period(period: Record) -> str:
    first, last, about = _ends(period)
    if first is None or last is None:
        return ""
    days = first.isoformat() if first == last else f"{first}/{last}"
    return f"circa {days}" if about else days


def _born(period: Record, note: str) -> ListedDate:
    first, last, about = _ends(period)
    exact = first is not None and first == last and not about
    plain = exact or (
        not about
        and first is not None
        and last is not None
        and (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)
    )
    return ListedDate(
        type="APPROXIMATELY" if about else "",
        on=first.isoformat() if first and exact else None,
        year_from=first.year if first else None,
        year_to=last.year if last else None,
        note="; ".join(filter(None, ("" if plain else _period(period), note))),
    )


def _add_measure(draft: Draft, entry: Record, on_list: str, refs: References) -> None:
    programmes: list[str] = []
    types: list[str] = []
    for measure in many(entry, "SanctionsMeasure"):
        type_ = refs.text("SanctionsType", text(measure, "@SanctionsTypeID"))
        comments = texts(measure, "Comment")
        if type_ == "Program":
            programmes += comments
        else:
            types.append(" ".join((type_, *comments)))
    events = many(entry, "EntryEvent")
    basis = [refs.text("LegalBasis", text(event, "@LegalBasisID")) for event in events]
    days = [_point(event, "Date") for event in events]
    programmes_of(draft, [draft.programme, *programmes])
    draft.remarks += [*texts(entry, "LimitationsToListing"), *texts(entry, "Comment")]
    for info in many(entry, "SupportingInfo"):
        draft.remarks.append(text(info, "Text"))
        draft.urls.append(text(info, "DirectURL"))
    draft.measures.append(
        ListedMeasure(
            imposed_by=PUBLISHER,
            listed_by=PUBLISHER,
            measure="; ".join(dict.fromkeys(types)),
            programme="; ".join(dict.fromkeys(programmes)),
            legal_basis="; ".join(dict.fromkeys(filter(None, basis))),
            since=min((day for day in days if day), default=None),
            reference=on_list,
        )
    )
