"""Wire shapes of the list of events and of the catalogue."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.core.paging import CursorText, Limit
from app.core.schemas import Instant, QueryInt, Schema


class EventsQuery(Schema):
    """What is asked for."""

    after: CursorText | None = Field(
        None, description="`cursor` of the answer before; without it from the oldest one kept"
    )
    start: Literal["oldest", "now"] = Field(
        "oldest", description="without `after`: `now` for what comes from now on"
    )
    limit: Limit = 100
    wait: Annotated[
        QueryInt, Field(ge=0, le=55, description="seconds to wait for an event if there is none")
    ] = 0


class EventOut(Schema):
    """An event, as webhooks are sent it."""

    id: UUID
    type: str = Field(examples=["sanction.imposed"])
    timestamp: Instant
    seq: int = Field(description="counts your agency's events without a gap", examples=[1])
    data: dict[str, Any] = Field(
        description="by the schema of the type in the catalogue",
        examples=[{"resource": "/v1/sanctions/entries/…", "agency": "UNDP"}],
    )


class EventsOut(Schema):
    """Some events, oldest first, and where to go on."""

    items: list[EventOut]
    cursor: str = Field(description="`after` of the next request; good as long as events are kept")
    more: bool = Field(description="there are more already")


class EventTypeOut(Schema):
    """A type of event."""

    type: str = Field(examples=["sanction.imposed"])
    title: str
    told: Literal["owner", "related", "everyone", "list"] = Field(
        description="who is told: the agency it concerns; agencies with a current relation to the "
        "partner; all; all or the users of an opt-in list"
    )
    json_schema: dict[str, Any] = Field(description="JSON Schema 2020-12 of the message")


class CatalogueOut(Schema):
    """Every type an agency may be told of."""

    version: str = Field(examples=["2026.1"])
    items: list[EventTypeOut]
