"""Wire shapes of the feed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.core.schemas import Instant, QueryInt, Schema

StreamName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_.]{0,40}(:[a-z0-9_]{1,40})?$",
        description="`inter_agency` (contains public), `public`, `source.<code>` (that of a list "
        "which agencies switch on is there for those that did), or `agency`: RESTRICTED measures "
        "of the caller's own agency",
        examples=["inter_agency"],
    ),
]


class ChangeOut(Schema):
    """One change of a stream."""

    seq: int
    op: Literal["put", "remove"]
    entry_id: str
    entry: dict[str, Any] | None = Field(description="the entry; its canonical bytes are RFC 8785")
    reason: str | None = Field(description="why it was removed; annulled and error mean purge")
    at: Instant


class ChangesOut(Schema):
    """Changes after a cursor, with the manifest that the copy must arrive at."""

    stream: str
    from_: int = Field(alias="from", description="the cursor that was sent")
    to: int = Field(description="the next cursor")
    changes: list[ChangeOut]
    more: bool
    manifest: str = Field(description="compact JWS, typ `debarred-manifest+jwt`")


class KeysOut(Schema):
    """JWS general JSON with the keys, signed by at least two offline root keys."""

    payload: str
    signatures: list[dict[str, str]]


class ChangesQuery(Schema):
    """Cursor, page size and long poll."""

    stream: StreamName = "inter_agency"
    after: Annotated[QueryInt, Field(ge=0, le=2**53)] = 0
    limit: Annotated[QueryInt, Field(ge=1, le=1_000)] = 200
    wait: Annotated[QueryInt, Field(ge=0, le=55)] = 0


class FeedDeltaOut(Schema):
    """A skip delta: the last change of each entry among the numbers after `from` up to `to`."""

    from_: int = Field(alias="from", description="take it when this is not above your number")
    to: int = Field(description="your number once it is applied")
    sha256: str = Field(description="name of the gzip file under `chunks`")
    bytes: int
    raw_sha256: str
    raw_bytes: int
    count: int = Field(description="lines, each a change as `changes` has them")


class WithdrawnOut(Schema):
    """A file that held what was annulled or wrong."""

    sha256: str
    at: int = Field(description="seconds since 1970")


class PurgedOut(Schema):
    """An entry that was annulled or wrong: who takes the full set is told no other way."""

    entry_id: str
    reason: Literal["annulled", "error"]
    at: int = Field(description="seconds since 1970")


class FeedFilesOut(Schema):
    """What there is of a stream beside its index."""

    stream: str
    version: int
    seq_to: int
    changes_from: int = Field(description="the lowest `after` that `changes` answers")
    deltas: list[FeedDeltaOut]
    withdrawn: list[WithdrawnOut] = Field(description="delete every copy of these")
    purged: list[PurgedOut] = Field(
        description="erase every copy of these; those of 24 months, the newest 10,000"
    )


class FtmResource(Schema):
    """A file of the dataset."""

    name: str = Field(examples=["entities.ftm.json"])
    url: str = Field(
        examples=["https://registry.example/v1/feeds/sanctions/ftm/entities.ftm.json?stream=public"]
    )
    mime_type: str = Field(examples=["application/json+ftm"])
    timestamp: Instant
    checksum: str | None = Field(
        None,
        description="SHA-1 of the file; it and `size` follow up to a few minutes after a change",
        examples=["da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    )
    size: int | None = Field(None, description="bytes")


class FtmDataset(Schema):
    """A stream as a dataset of the FollowTheMoney world."""

    name: str = Field(examples=["partner_registry_public"])
    title: str = Field(examples=["External sanction lists, as published"])
    version: str = Field(
        description="rises as a text when the content changes", examples=["20261122093000-3f9"]
    )
    updated_at: Instant
    last_export: Instant
    entity_count: int = Field(description="parties and their Sanctions")
    thing_count: int = Field(description="parties")
    target_count: int
    delta_url: str = Field(
        examples=["https://registry.example/v1/feeds/sanctions/ftm/delta.json?stream=public"]
    )
    resources: list[FtmResource]


class FtmIndexOut(FtmDataset):
    """The dataset, and a catalogue that has it as its only one."""

    datasets: list[FtmDataset]


class FtmDeltasOut(Schema):
    """The versions that operations lead to."""

    versions: dict[str, str] = Field(
        description="address of the operations that lead to each from the one before",
        examples=[
            {
                "20261122093000-3f9": "https://registry.example/v1/feeds/sanctions/ftm/"
                "20261122093000-3f9/entities.delta.json?stream=public"
            }
        ],
    )
    updated_at: Instant | None
