"""From filters to conditions of SQL: built of fixed texts; every value is a parameter."""

# ruff: noqa: S608 - texts are constants, what comes between them are the places of parameters

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.auth.scopes import Scope
from app.core.errors import FieldError, InvalidRequest
from app.partners.identifiers.schemes import needs_country, normalise, rule
from app.partners.models import TERMS
from app.partners.search.schemas import Filters
from app.partners.types import TYPE_RULES, PartnerType
from app.partners.visibility import held, public, visible

VISIBLE = visible("p", "s.agency_id", held("$2::boolean"))
"""Whether the client of the row ``s`` may know of profile ``p``; $2: the token names the scope."""
SCOPED = "(s.countries = '{}' OR p.country = ANY (s.countries))"
PROTECTED = Scope.PARTNERS_PROTECTED.value
Column = Literal["country", "partner_type", "status"]
_PREFIX: tuple[Column, ...] = ("country", "status", "partner_type")
"""Columns with an index of their own that goes on by id; the first that is asked for is walked."""
_STATUSES = {
    "verified": ["verified", "deactivated", "merged"],
    "unverified": ["unverified", "deactivated", "merged"],
    "none": ["draft", "pending_verification", "deactivated", "merged"],
}
OWN_COUNTRY = "coalesce(p.country_of_origin, p.country) = p.country"


@dataclass
class Conditions:
    """What a profile must meet. ``walked`` and ``looked_up`` say the same; they differ where a
    walk along an index asks row by row and a look-up by the rarest thing is better the other way.

    ``any_of`` are groups of terms (see `TERMS`) of which a profile has at least one of each.
    ``prefixes`` are the columns whose index can be walked, with the parameter of their values.
    ``scheme`` is the parameter of a scheme of which any identifier will do.
    """

    values: list[Any]
    walked: list[str] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    any_of: list[list[str]] = field(default_factory=list)
    prefixes: dict[Column, str] = field(default_factory=dict)
    direct: bool = False
    scheme: str | None = None

    def param(self, value: Any) -> str:
        """A new parameter; its place."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, walked: str, looked_up: str | None = None) -> None:
        """One more condition."""
        self.walked.append(walked)
        self.looked_up.append(looked_up or walked)

    def one_of(self, column: Column, letter: str, values: Sequence[str]) -> None:
        """The column has one of these values."""
        place = self.param([str(value) for value in values])
        self.prefixes[column] = place
        self.any_of.append([f"{letter}:{value}" for value in values])
        self.add(f"p.{column} = ANY ({place}::text[])")

    @property
    def prefix(self) -> Column | None:
        """The column to walk by."""
        return next((name for name in _PREFIX if name in self.prefixes), None)

    def beside(self, column: Column | None) -> list[str]:
        """Conditions that the walk by this column does not see to."""
        done = f"p.{column} = ANY ({self.prefixes[column]}::text[])" if column else None
        return [clause for clause in self.walked if clause != done]

    def look_up(self, countries: Sequence[str] = ()) -> list[str]:
        """All conditions, those first that the index of terms answers. Adds parameters."""
        groups = [
            *self.any_of,
            *([[f"c:{code}" for code in sorted(countries)]] if countries else []),
        ]
        terms = []
        every = [group[0] for group in groups if len(group) == 1]
        if every:
            terms.append(f"{TERMS_OF_P} @> {self.param(every)}::text[]")
        terms += [
            f"{TERMS_OF_P} && {self.param(group)}::text[]" for group in groups if len(group) > 1
        ]
        return [*terms, *self.looked_up]


def _of_p(expression: str) -> str:
    name, _, arguments = expression.partition("(")
    columns = arguments
    for column in (
        *("country", "partner_type", "status", "created_by", "publication_consent", "protected"),
        *("tags", "sectors", "specialisations", "populations"),
    ):
        columns = columns.replace(column, f"p.{column}", 1)
    return f"{name}({columns}"


TERMS_OF_P = _of_p(TERMS)


def conditions(filters: Filters, client_id: str, token_scopes: frozenset[str]) -> Conditions:
    """What the filters ask for. $1 is the client and $2 whether the token names
    `partners:protected`. Raises InvalidRequest.
    """
    made = Conditions([client_id, PROTECTED in token_scopes])
    if filters.country:
        made.one_of("country", "c", filters.country)
    statuses = _statuses(filters)
    if statuses is not None:
        made.one_of("status", "s", statuses)
    if filters.status is None:
        made.add("p.merged_into IS NULL")
    if filters.verification is not None:
        known = None if filters.verification == "none" else filters.verification
        made.add(f"p.verification IS NOT DISTINCT FROM {made.param(known)}::text")
    _types(made, filters)
    if filters.tag:
        tags = sorted(set(filters.tag))
        made.any_of += [[tag] for tag in tags]
        made.add(f"p.tags @> {made.param(tags)}::text[]")
    for column, wanted in (
        ("sectors", filters.sector),
        ("specialisations", filters.specialisation),
        ("populations", filters.population),
    ):
        if wanted:
            made.any_of.append(sorted(set(wanted)))
            made.add(f"p.{column} && {made.param(sorted(set(wanted)))}::text[]")
    _identifier(made, filters)
    _rest(made, filters)
    return made


def _statuses(filters: Filters) -> list[str] | None:
    possible = _STATUSES[filters.verification] if filters.verification else None
    if filters.status is None:
        return possible if possible is None else [s for s in possible if s != "merged"]
    return [filters.status.value]


def _types(made: Conditions, filters: Filters) -> None:
    asked = set(filters.partner_type) or set(PartnerType)
    wanted = filters.localisation
    if wanted is None:
        if filters.partner_type:
            made.one_of("partner_type", "y", sorted(asked))
        return
    classes = {kind: TYPE_RULES.types[kind].localisation for kind in asked}
    plain = sorted(kind for kind, name in classes.items() if name == wanted)
    # National in its own country, not local in another.
    side = {"national": OWN_COUNTRY, "not_local": f"NOT ({OWN_COUNTRY})"}.get(wanted)
    split = sorted(kind for kind, name in classes.items() if name == "by_country") if side else []
    if not plain and not split:
        made.direct = True
        made.add("false")
        return
    made.one_of("partner_type", "y", [*plain, *split])
    if split:
        made.add(f"(p.partner_type <> ALL ({made.param(split)}::text[]) OR {side})")


def _invalid(name: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        errors=[FieldError(pointer=f"query:{name}", code="value_error", message=message)]
    )


def _identifier(made: Conditions, filters: Filters) -> None:
    scheme = filters.scheme
    if scheme is None:
        return
    if rule(scheme).restricted or scheme == "REGISTRY":
        raise _invalid("scheme", "profiles are not listed by identifiers of this scheme")
    place = made.param(scheme.value)
    if filters.value is None:
        made.scheme = place
        made.add(
            "coalesce((SELECT true FROM partner_identifiers i WHERE i.partner_id = p.id "
            f"AND i.scheme = {place} AND i.active LIMIT 1), false)",
            "p.id IN (SELECT i.partner_id FROM partner_identifiers i "
            f"WHERE i.scheme = {place} AND i.active)",
        )
        return
    country = None
    if needs_country(scheme):
        if len(filters.country) != 1:
            raise _invalid("country", "an identifier of this scheme needs one country")
        country = filters.country[0]
    try:
        value = normalise(scheme, filters.value, country)
    except ValueError as error:
        raise _invalid("value", str(error)) from None
    made.direct = True
    made.add(
        "p.id IN (SELECT i.partner_id FROM partner_identifiers i "
        f"WHERE i.scheme = {place} AND i.value = {made.param(value)} AND i.active)"
    )


def _rest(made: Conditions, filters: Filters) -> None:
    if filters.created_by is not None:
        place = made.param(filters.created_by)
        made.add(
            f"p.created_by = (SELECT g.id FROM agencies g WHERE g.code = {place})",
            f"{TERMS_OF_P} @> (SELECT ARRAY['a:' || g.id] FROM agencies g WHERE g.code = {place})",
        )
    if filters.hq_id is not None:
        made.direct = True
        made.add(f"p.hq_id = {made.param(filters.hq_id)}::uuid")
    if filters.updated_since is not None:
        made.add(f"p.updated_at >= {made.param(filters.updated_since)}::timestamptz")
    if filters.public is not None:
        made.add(public("p") if filters.public else f"NOT {public('p')}")
        if filters.public:
            made.any_of += [["public"], ["s:verified"]]
