"""Wire shapes of webhooks."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, Strict, StringConstraints, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Flag, Instant, Line, Schema
from app.events.catalogue import EventType

Status = Literal["unverified", "active", "disabled"]
DeliveryState = Literal["queued", "retrying", "delivered", "dead"]
Address = Annotated[
    str, Strict(), StringConstraints(pattern=r"^https?://[!-~]+$", min_length=8, max_length=2_048)
]
InFlight = Annotated[int, Strict(), Field(ge=1, le=10)]
Number = Annotated[int, Strict(), Field(ge=1, le=9_223_372_036_854_775_807)]
Types = Annotated[list[EventType], Field(max_length=200)]


class WebhookIn(Schema):
    """An address that is to be called."""

    url: Address = Field(
        description="public https on port 443, without credentials; a name of other letters in its "
        "`xn--` form",
        examples=["https://erp.unicef.example/registry-events"],
    )
    description: Line | None = Field(None, examples=["Vendor master, production"])
    types: Types = Field(
        default_factory=list,
        description="types of the catalogue; none means all",
        examples=[["sanction.imposed", "assessment.withdrawn"]],
    )
    max_in_flight: InFlight = Field(
        1, description="messages sent at once; with more than 1 their order is not kept"
    )


class WebhookPatch(Schema):
    """What is to change. Another `url` must answer a challenge before it is called with events."""

    url: Address | None = None
    description: Line | None = None
    types: Types | None = None
    max_in_flight: InFlight | None = None
    enabled: Flag | None = Field(None, description="switch off, or on again")

    @model_validator(mode="after")
    def _no_nulls(self) -> Self:
        for name in self.model_fields_set - {"description"}:
            if getattr(self, name) is None:
                raise ValueError("only the description may be null")
        return self


class SecretOut(Schema):
    """A generation of signing secrets."""

    id: UUID
    public_key: str = Field(
        description="`whpk_…`: checks the signatures `v1a`",
        examples=["whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    )
    created_at: Instant
    ends_at: Instant | None = Field(description="null for the present one")


class WebhookOut(Schema):
    """A webhook of the own agency, and how it fares."""

    id: UUID
    url: str = Field(examples=["https://erp.unicef.example/registry-events"])
    description: str | None
    types: list[str] = Field(examples=[["sanction.imposed"]])
    max_in_flight: int
    status: Status
    disabled_reason: Literal["agency", "gone", "failing"] | None = Field(
        description="`agency`: you did; `gone`: it answered 410; `failing`: five days of failures"
    )
    verified_at: Instant | None
    failures: int = Field(description="in a row")
    failing_since: Instant | None
    paused_until: Instant | None = Field(description="nothing is sent before that")
    secrets: list[SecretOut] = Field(description="those that sign now")
    version: int
    created_at: Instant
    updated_at: Instant


class WebhookMade(WebhookOut):
    """With what is shown this once."""

    secret: str | None = Field(
        description="`whsec_…`: checks the signatures `v1`; null in a replay",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class RotationIn(Schema):
    """For how long the former secrets still sign beside the new ones."""

    overlap_hours: Annotated[int, Strict(), Field(ge=0, le=168)] = 24


class SecretMade(SecretOut):
    """With what is shown this once."""

    secret: str | None = Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])


class DeliveryFilter(PageQuery):
    """Filters of the delivery log."""

    state: DeliveryState | None = None


class DeliveryOut(Schema):
    """A message and what became of it."""

    id: UUID
    kind: Literal["event", "ping", "challenge"]
    type: str = Field(examples=["sanction.imposed"])
    seq: int | None = Field(description="number of the event; null for a ping or challenge")
    state: DeliveryState
    attempts: int
    last_status: int | None = Field(examples=[200])
    last_failure: str | None = Field(
        description="when there was no usable answer: `address`, `url`, `scheme_or_port`, "
        "`resolve`, `connection`, `protocol`, `late`, `challenge`, `secret`, `pruned`"
    )
    next_at: Instant | None = Field(description="of one that waits")
    created_at: Instant
    finished_at: Instant | None


class AttemptOut(Schema):
    """One call."""

    number: int
    at: Instant
    ms: int
    status: int | None = Field(examples=[200])
    failure: str | None


class DeliveryDetailOut(DeliveryOut):
    """With every call of it. Neither what was sent nor what was answered is kept."""

    calls: list[AttemptOut]


class ReplayIn(Schema):
    """Which events are sent again: by number, or by time."""

    from_seq: Number | None = None
    to_seq: Number | None = None
    since: Instant | None = Field(None, examples=["2026-11-20T00:00:00Z"])
    until: Instant | None = None
    only_missed: Flag = Field(
        False, description="leave out what was delivered: after a time when it was switched off"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_number = self.from_seq is not None or self.to_seq is not None
        by_time = self.since is not None or self.until is not None
        if by_number == by_time:
            raise ValueError("name numbers or times")
        return self


class ReplayOut(Schema):
    """What was queued."""

    queued: int
    to_seq: int | None = Field(description="up to which event was looked at")
    more: bool = Field(description="there are more: go on behind `to_seq`")
