"""A party out of the rows of a mapped table."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from app.core.countries import find_country
from app.sanctions.sources.base import (
    Kind,
    ListedCountry,
    ListedDocument,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    digest_of,
)
from app.sanctions.sources.draft import one_line
from app.sanctions.sources.mapping import (
    Cell,
    KindRule,
    Mapping,
    MeasureRule,
    NameRule,
    NumberRule,
    PlaceRule,
)

Cells = dict[str, str]


def _split(text: str, separators: Iterable[str]) -> list[str]:
    parts = [text]
    for separator in separators:
        parts = [piece for part in parts for piece in part.split(separator)]
    return [line for part in parts if (line := one_line(part))]


class Reading:
    """One row as its mapping reads it."""

    def __init__(self, mapping: Mapping, row: Cells) -> None:
        self.mapping = mapping
        self.row = row

    def cell(self, column: str) -> str:
        """A cell as published, "" for what stands for nothing in this table."""
        text = self.row[column]
        return "" if text.strip() in self.mapping.file.empty else text

    def texts(self, *fields: Cell | None) -> list[str]:
        """What the fields say, each part on one line."""
        found = []
        for field in fields:
            if field and field.text is not None:
                found.append(field.text)
            elif field and field.column is not None:
                found += _split(self.cell(field.column), field.separators)
        return found

    def text(self, field: Cell | None) -> str:
        """The same as one text."""
        return "; ".join(self.texts(field))

    def key(self) -> str:
        """What identifies the party; "" if a column of it is empty."""
        parts = [one_line(self.row[column]) for column in self.mapping.key]
        if not all(parts):
            return ""
        return parts[0] if len(parts) == 1 else json.dumps(parts, ensure_ascii=False)

    def kind(self) -> Kind:
        """What the row lists."""
        rule: KindRule = self.mapping.kind
        if rule.always:
            return rule.always
        text = self.text(Cell(column=rule.column))
        known = {value.casefold(): kind for value, kind in rule.values.items()}
        return known.get(text.casefold(), rule.otherwise)

    def names(self) -> Iterator[ListedName]:
        """Every name, in the order of the rules."""
        for rule in self.mapping.names:
            yield from self._names(rule)

    def _names(self, rule: NameRule) -> Iterator[ListedName]:
        whole = " ".join(self.cell(column) for column in rule.columns)
        parts = _split(whole, rule.separators)
        for part in parts:
            yield ListedName(
                name=part,
                type=rule.type,
                quality=self.text(rule.quality),
                note=self.text(rule.note),
                derived=len(parts) > 1,
                language=self.text(rule.language),
            )

    def countries(self, *fields: Cell | None) -> list[ListedCountry]:
        """The countries that the fields name."""
        return [ListedCountry(text, find_country(text)) for text in self.texts(*fields)]

    def place(self, rule: PlaceRule) -> ListedPlace | None:
        """An address or a place, None if the row says nothing of it."""
        said = {name: getattr(rule, name) for name in PlaceRule.model_fields}
        if not any(self.texts(field) for field in said.values() if field and field.column):
            return None
        country = self.text(rule.country)
        return ListedPlace(
            street=self.text(rule.street),
            city=self.text(rule.city),
            state_province=self.text(rule.state_province),
            zip_code=self.text(rule.zip_code),
            country_name=country,
            country=find_country(country) if country else None,
            note=self.text(rule.note),
        )

    def identifiers(self, rule: NumberRule) -> Iterator[ListedIdentifier]:
        """The numbers of a rule."""
        country = next(iter(self.countries(rule.country)), None)
        for value in self.texts(rule.value):
            yield ListedIdentifier(rule.type, value, country, self.text(rule.note))

    def documents(self, rule: NumberRule) -> Iterator[ListedDocument]:
        """The documents of a rule."""
        country = next(iter(self.countries(rule.country)), None)
        for value in self.texts(rule.value):
            yield ListedDocument(
                type=rule.type,
                number=value,
                issuing_country=country,
                issued_on=self.text(rule.issued_on),
                note=self.text(rule.note),
            )

    def measure(self, rule: MeasureRule) -> ListedMeasure | None:
        """A measure, None if the row says nothing of it. What no format reads is no date."""
        said = {name: getattr(rule, name) for name in MeasureRule.model_fields}
        if not any(self.texts(field) for field in said.values() if field and field.column):
            return None
        dates, until = self.mapping.dates, self.text(rule.until)
        endless = dates.is_endless(until)
        return ListedMeasure(
            imposed_by=self.text(rule.imposed_by),
            listed_by=self.text(rule.listed_by),
            measure=self.text(rule.measure),
            programme=self.text(rule.programme),
            grounds=self.text(rule.grounds),
            legal_basis=self.text(rule.legal_basis),
            since=dates.day(self.text(rule.since)),
            until=None if endless else dates.day(until),
            indefinite=endless,
            reference=self.text(rule.reference),
        )

    def unread_dates(self) -> list[str]:
        """Texts in columns of dates that no format reads, each with the name of its column."""
        mapping = self.mapping
        fields = [mapping.listed_on, mapping.updated_on]
        fields += [field for rule in mapping.measures for field in (rule.since, rule.until)]
        found = []
        for field in fields:
            text = self.text(field)
            if (
                field
                and text
                and not mapping.dates.day(text)
                and not mapping.dates.is_endless(text)
            ):
                found.append(f"{field.column or 'text'}: {text}")
        return found


def _names(readings: Sequence[Reading]) -> tuple[ListedName, ...]:
    """Every name once, the first primary one before all others."""
    found = [name for reading in readings for name in reading.names()]
    primary = next((name for name in found if name.type == "primary"), None)
    if primary is None:
        return ()
    unique = {primary.name: primary}
    for name in found:
        if name.type == "primary":
            name = ListedName(
                name.name, "alias", name.quality, name.note, name.derived, name.language
            )
        unique.setdefault(name.name, name)
    return tuple(unique.values())


class _Rows:
    """All rows of a party: what they say, each thing once."""

    def __init__(self, mapping: Mapping, rows: Sequence[Cells]) -> None:
        self.mapping = mapping
        self.readings = [Reading(mapping, row) for row in rows]

    def kind(self) -> Kind:
        kinds = {reading.kind() for reading in self.readings}
        return kinds.pop() if len(kinds) == 1 else "unknown"

    def texts(self, *fields: Cell | None) -> tuple[str, ...]:
        return tuple(dict.fromkeys(t for r in self.readings for t in r.texts(*fields)))

    def text(self, field: Cell | None) -> str:
        return "; ".join(self.texts(field))

    def days(self, field: Cell | None) -> tuple[date, ...]:
        found = {self.mapping.dates.day(text) for text in self.texts(field)}
        return tuple(sorted(day for day in found if day))

    def countries(self, *fields: Cell | None) -> tuple[ListedCountry, ...]:
        return tuple(dict.fromkeys(c for r in self.readings for c in r.countries(*fields)))

    def places(self, rules: Sequence[PlaceRule]) -> tuple[ListedPlace, ...]:
        found = (reading.place(rule) for reading in self.readings for rule in rules)
        return tuple(dict.fromkeys(place for place in found if place))

    def identifiers(self) -> tuple[ListedIdentifier, ...]:
        rules = self.mapping.identifiers
        found = (one for r in self.readings for rule in rules for one in r.identifiers(rule))
        return tuple(dict.fromkeys(found))

    def documents(self) -> tuple[ListedDocument, ...]:
        rules = self.mapping.documents
        found = (one for r in self.readings for rule in rules for one in r.documents(rule))
        return tuple(dict.fromkeys(found))

    def measures(self) -> tuple[ListedMeasure, ...]:
        found = (r.measure(rule) for r in self.readings for rule in self.mapping.measures)
        return tuple(dict.fromkeys(measure for measure in found if measure))

    def same_as(self) -> tuple[str, ...]:
        found = ((one.list, t) for one in self.mapping.same_as for t in self.texts(one.reference))
        return tuple(dict.fromkeys(f"{code}:{reference}" for code, reference in found))

    def remarks(self) -> str:
        unread = dict.fromkeys(t for reading in self.readings for t in reading.unread_dates())
        return "\n".join([*self.texts(*self.mapping.remarks), *unread])

    def codes(self) -> tuple[str, ...]:
        """Every country that something of the party names."""
        mapping = self.mapping
        named: list[ListedCountry | None] = [item.country for item in self.identifiers()]
        named += [item.issuing_country for item in self.documents()]
        named += self.countries(*mapping.nationalities, *mapping.countries)
        codes = {country.country for country in named if country}
        codes |= {p.country for p in self.places((*mapping.addresses, *mapping.birth_places))}
        return tuple(sorted(code for code in codes if code))


def party_of(mapping: Mapping, key: str, rows: Sequence[Cells]) -> ListedParty:
    """The party of these rows; without names if none of them has a primary one."""
    said = _Rows(mapping, rows)
    original: dict[str, Any] = {"rows": list(rows)}
    return ListedParty(
        key=key,
        reference=said.text(mapping.reference) or key,
        kind=said.kind(),
        names=_names(said.readings),
        birth_dates=tuple(mapping.dates.birth(text) for text in said.texts(*mapping.birth_dates)),
        birth_places=said.places(mapping.birth_places),
        nationalities=said.countries(*mapping.nationalities),
        countries=said.codes(),
        documents=said.documents(),
        addresses=said.places(mapping.addresses),
        programme=said.text(mapping.programme),
        listed_on=next(iter(said.days(mapping.listed_on)), None),
        updated_on=said.days(mapping.updated_on),
        delisted_on=None,
        gender=said.text(mapping.gender),
        titles=said.texts(*mapping.titles),
        designations=said.texts(*mapping.designations),
        remarks=said.remarks(),
        original=original,
        digest=digest_of(original),
        identifiers=said.identifiers(),
        measures=said.measures(),
        same_as=said.same_as(),
        urls=said.texts(*mapping.urls),
    )
