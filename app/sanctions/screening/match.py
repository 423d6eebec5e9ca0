"""Between FollowTheMoney entities and screenings: datasets, queries, results. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from app.core.countries import parse_country
from app.sanctions.feed import ftm
from app.sanctions.lists.audience import known, level_of, own_stream
from app.sanctions.screening import scorer
from app.sanctions.screening.errors import DatasetNotFound, MatchUnfit
from app.sanctions.screening.lists import AGENCIES, Chosen, Lists
from app.sanctions.screening.match_schemas import MatchParams, MatchQuery
from app.sanctions.screening.schemas import Asked, SubjectIn
from app.sanctions.screening.scorer import Hit, Listed

DEFAULT = "default"
"""Dataset of all that counts for the caller: what clients ask for that name none."""
_KINDS = {
    "Person": "person",
    "Organization": "organisation",
    "Company": "organisation",
    "PublicBody": "organisation",
    "LegalEntity": "unknown",
}
SCHEMAS = {"person": "Person", "organisation": "Organization", "unknown": "LegalEntity"}
_NAMES = ("name", "alias", "previousName", "weakAlias", "abbreviation")
_PARTS = ("firstName", "secondName", "middleName", "fatherName", "lastName")
_COUNTRIES = ("country", "nationality", "citizenship", "jurisdiction", "mainCountry")
_IDENTIFIERS = (
    *("registrationNumber", "idNumber", "taxNumber", "vatCode", "leiCode", "dunsCode"),
    *("uniqueEntityId", "passportNumber", "socialSecurityNumber", "innCode", "ogrnCode"),
    *("uscCode", "permId", "npiCode", "licenseNumber"),
)
_GENDERS = {"male": "male", "female": "female", "other": "other"}


@dataclass(frozen=True, slots=True)
class Datasets:
    """What the caller may match against: streams of the feed, by both of their names."""

    lists: Lists

    @property
    def shared(self) -> frozenset[str]:
        """Codes of the lists that count for all."""
        return frozenset(one["code"] for one in self.lists.shared)

    @property
    def own(self) -> frozenset[str]:
        """Codes of the caller's own lists."""
        return frozenset(one["code"] for one in self.lists.own)

    def streams(self) -> dict[str, frozenset[str]]:
        """Every stream, with the lists in it."""
        public = (code for code in self.shared if _is_public(code))
        every = sorted((self.shared | self.own) - {AGENCIES})
        return {
            "inter_agency": self.shared,
            "public": frozenset(public),
            **{own_stream(code): frozenset({code}) for code in every},
        }

    def codes(self, name: str) -> tuple[frozenset[str], bool]:
        """Lists of a dataset, and whether it is one list alone. Raises DatasetNotFound."""
        if name == DEFAULT:
            return self.shared | self.own, False
        for stream, codes in self.streams().items():
            if name in (stream, ftm.dataset(stream)):
                return codes, stream.startswith("source.")
        raise DatasetNotFound

    def chosen(self, name: str, params: MatchParams) -> Chosen:
        """The lists that count. Raises DatasetNotFound, also for one that is to be left out."""
        taken: frozenset[str] = frozenset()
        alone: frozenset[str] = frozenset()
        whole = False
        for one in (name, *params.include_dataset):
            codes, single = self.codes(one)
            taken |= codes
            alone |= codes if single else frozenset()
            whole = whole or not single
        for one in params.exclude_dataset:
            taken -= self.codes(one)[0]
        return self.lists.pick(taken, alone, whole=whole)


def _is_public(code: str) -> bool:
    source = known(code)
    return source is not None and level_of(source) == "PUBLIC"


# ------------------------------------------------------------------------------------ queries


def asked_of(query: MatchQuery, chosen: Chosen, params: MatchParams) -> Asked:
    """A query as a screening. Raises MatchUnfit for what would be answered wrongly."""
    kind = _KINDS.get(query.schema_)
    if kind is None:
        raise MatchUnfit(f"Schema is not one of {', '.join(_KINDS)}.")
    given = {
        name: [values] if isinstance(values, str) else values
        for name, values in query.properties.items()
    }
    names = list(dict.fromkeys(_names(given)))
    if not names:
        raise MatchUnfit("A query needs a name.")
    births = dict.fromkeys(_all(given, ("birthDate",)))
    subject = {
        "kind": kind,
        "names": names,
        "countries": list(_countries(given)),
        # Of several dates one would contradict what another confirms: then none is used.
        "birth_date": next(iter(births))[:10] if len(births) == 1 else None,
        "gender": next(filter(None, map(_GENDERS.get, _all(given, ("gender",)))), None),
        "identifiers": list(dict.fromkeys(_all(given, _IDENTIFIERS))),
    }
    lists = None if chosen.sources is None else sorted(chosen.sources)
    asked = {"threshold": params.threshold, "limit": min(params.limit, 50), "lists": lists}
    try:
        return Asked.model_validate(asked | {"subject": _dated(subject)})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = "/".join(str(part) for part in first["loc"][:2])
        raise MatchUnfit(f"A query has a value that cannot be screened: {where}.") from None


def _dated(subject: dict[str, Any]) -> dict[str, Any]:
    """Without a date of birth that is none: it could only keep somebody from being found."""
    try:
        SubjectIn.model_validate({**subject, "names": ["x"], "countries": [], "identifiers": []})
    except ValidationError:
        return subject | {"birth_date": None}
    return subject


def _all(given: Mapping[str, Sequence[str]], names: Iterable[str]) -> Iterator[str]:
    return (value for name in names for value in given.get(name, ()) if value)


def _names(given: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from _all(given, _NAMES)
    parts = [given[name][0] for name in _PARTS if given.get(name)]
    if len(parts) > 1 and given.get("lastName"):
        yield " ".join(parts)


def _countries(given: Mapping[str, Sequence[str]]) -> Iterator[str]:
    found: dict[str, None] = {}
    for code in _all(given, _COUNTRIES):
        try:
            found[parse_country(code)] = None
        except ValueError:
            # Not a country of ISO 3166 (`eu`, `suhh`): it says nothing for or against.
            continue
    return iter(found)


# ------------------------------------------------------------------------------------ results


def left_out(params: MatchParams) -> bool:
    """Whether the caller left entities out beside choosing datasets."""
    return bool(
        params.exclude_schema or params.topics or params.changed_since or params.exclude_entity_ids
    )


def kept(listed: Listed, params: MatchParams) -> bool:
    """Whether an entity counts for the caller, but for when it changed."""
    topic = "debarment" if listed.source == AGENCIES else "sanction"
    return (
        listed.entry_id not in params.exclude_entity_ids
        and SCHEMAS[listed.kind] not in params.exclude_schema
        and (not params.topics or topic in params.topics)
    )


def since(params: MatchParams) -> datetime | None:
    """From when on an entity must have changed. Raises MatchUnfit."""
    if params.changed_since is None:
        return None
    try:
        return datetime.fromisoformat(params.changed_since).replace(tzinfo=UTC)
    except ValueError:
        raise MatchUnfit("changed_since is no day or time.") from None


def result(
    hit: Hit, listed: Listed, row: Mapping[str, Any] | None, threshold: float
) -> dict[str, Any]:
    """A hit as a scored entity; ``row`` is its entry in the feed, if it still has one."""
    if row is None:
        entity = {
            "id": listed.entry_id,
            "caption": listed.caption,
            "schema": SCHEMAS[listed.kind],
            "properties": {"name": [listed.caption]},
            "datasets": [],
            "referents": [],
            "target": True,
        }
    else:
        entity = ftm.entity(row["entry"], row["stream"])
    return entity | {
        "first_seen": None,
        "last_seen": None,
        "last_change": plain_time(row["at"]) if row else None,
        "score": hit.score,
        "match": hit.score >= threshold,
        "explanations": scorer.features(hit.explanation),
    }


def plain_time(at: datetime | None) -> str | None:
    """UTC without a zone and without fractions, as this form has times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if at else None
