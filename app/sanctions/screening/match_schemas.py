"""Wire shapes of matching as FollowTheMoney programs ask for it. Names of fields are theirs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from app.core.schemas import Keyed, QueryInt, Schema, Text
from app.sanctions.screening.scorer import ALGORITHM, DEFAULT_THRESHOLD

MOST_QUERIES = 100
_Value = Annotated[Text, StringConstraints(max_length=300)]
_Values = Annotated[list[_Value], Field(max_length=50)]
_Name = Annotated[Text, StringConstraints(max_length=80)]
_NONE = "scores have no weights or settings of the caller's own"
_Ratio = Annotated[float, Field(ge=0, le=1)]
_EXAMPLE = {"q1": {"schema": "Organization", "properties": {"name": ["Amani Relief Trust"]}}}


class MatchQuery(Schema):
    """An entity by example."""

    id: Annotated[Text, StringConstraints(max_length=255)] | None = Field(None, examples=["my-1"])
    schema_: _Name = Field(alias="schema", examples=["Organization"])
    properties: Annotated[dict[str, _Values | _Value], Field(max_length=100), Keyed] = Field(
        examples=[{"name": ["Amani Relief Trust"], "country": ["ke"]}]
    )


class MatchIn(Schema):
    """Queries by keys of the caller's own."""

    queries: Annotated[
        dict[Annotated[str, StringConstraints(max_length=255)], MatchQuery],
        Field(max_length=1_000, examples=[_EXAMPLE]),
        Keyed,
    ]
    weights: Annotated[dict[str, float], Keyed] = Field(
        default_factory=dict, max_length=0, examples=[{}], description=_NONE
    )
    config: Annotated[dict[str, Any], Keyed] = Field(
        default_factory=dict, max_length=0, examples=[{}], description=_NONE
    )


class MatchParams(Schema):
    """How results are cut, and which entities are left out."""

    limit: Annotated[QueryInt, Field(ge=1, le=500)] = 5
    threshold: _Ratio = DEFAULT_THRESHOLD
    cutoff: _Ratio = 0.5
    algorithm: _Name = "best"
    include_dataset: list[_Name] = Field(default=[], max_length=50)
    exclude_dataset: list[_Name] = Field(default=[], max_length=50)
    exclude_schema: list[_Name] = Field(default=[], max_length=50)
    topics: list[_Name] = Field(default=[], max_length=50)
    changed_since: str | None = Field(
        None,
        pattern=r"^\d{4}-\d{2}-\d{2}([T ]\d{2}(:\d{2}(:\d{2}(\.\d{1,6})?)?)?)?$",
        description="day or time, UTC",
    )
    exclude_entity_ids: list[_Name] = Field(default=[], max_length=50)


class FeatureOut(Schema):
    """One part of a score."""

    score: float
    detail: str | None = None
    query: str | None = None
    candidate: str | None = None


class ScoredEntity(Schema):
    """A listed party as an entity, with its score."""

    id: str
    caption: str
    schema_: str = Field(alias="schema", examples=["Organization"])
    properties: dict[str, list[str]] = Field(examples=[{"name": ["Amani Relief Trust"]}])
    datasets: list[str]
    referents: list[str]
    target: bool
    first_seen: str | None = None
    last_seen: str | None = None
    last_change: str | None = Field(None, examples=["2026-03-01T09:30:00"])
    score: float = Field(ge=0, le=1)
    match: bool
    explanations: dict[str, FeatureOut] = Field(examples=[{"name_match": {"score": 0.93}}])


class TotalOut(Schema):
    """How many results reach the threshold."""

    value: int
    relation: str = Field(examples=["eq"])


class MatchAnswer(Schema):
    """Results of one query."""

    status: int = Field(examples=[200])
    query: dict[str, Any] = Field(examples=[_EXAMPLE["q1"]])
    results: list[ScoredEntity]
    total: TotalOut


class MatchOut(Schema):
    """Results by the keys of the queries."""

    responses: dict[str, MatchAnswer] = Field(
        examples=[
            {
                "q1": {
                    "status": 200,
                    "query": _EXAMPLE["q1"],
                    "results": [],
                    "total": {"value": 0, "relation": "eq"},
                }
            }
        ]
    )
    limit: int


class DatasetOut(Schema):
    """Something that can be matched against."""

    name: str = Field(examples=["partner_registry_inter_agency"])
    title: str
    version: str | None
    index_version: str | None
    index_current: bool
    load: bool
    updated_at: str | None = Field(examples=["2026-03-01T09:30:00"])
    entity_count: int | None
    children: list[str]


class CatalogOut(Schema):
    """Every dataset that the caller may match against."""

    datasets: list[DatasetOut]
    current: list[str]
    outdated: list[str] = Field(description="lists that are too old to answer from")
    index_stale: bool = Field(description="whether a list is that every answer needs")


class MatchAlgorithm(Schema):
    """A way to compare names."""

    name: str = Field(examples=[ALGORITHM])
    description: str
    docs: dict[str, Any] = Field(examples=[{}])


class MatchAlgorithmsOut(Schema):
    """Algorithms, and which is taken for `best`."""

    algorithms: list[MatchAlgorithm]
    default: str = Field(examples=[ALGORITHM])
    best: str = Field(examples=[ALGORITHM])
