"""Wire shapes of the log."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.core.paging import PageQuery
from app.core.schemas import Code, Instant, Schema

_HASH = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
_NOTE = (
    "registry.example/log\n4711\nqINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=\n\n"
    "— registry.example/log 8Zq0Yl4cTQ…\n"
)
Hash = Annotated[str, Field(examples=[_HASH], description="SHA-256, hex")]
Note = Annotated[str, Field(examples=[_NOTE])]
Size = Annotated[int, Field(examples=[4_711])]


class AuditFilter(PageQuery):
    """Filters of the log."""

    event: (
        Annotated[
            str,
            Field(pattern=r"^[a-z_]{1,40}(:[a-z_]{1,40}){2}$", examples=["assessment:detail:read"]),
        ]
        | None
    ) = None
    subject_id: UUID | None = Field(None, description="the record an event is about")
    partner_id: UUID | None = None
    agency: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,15}$")] | None = Field(
        None, description="who acted"
    )
    client_id: Code | None = Field(None, description="a client of the own agency")
    purpose: Annotated[str, Field(pattern=r"^[A-Z_]{1,40}$")] | None = None
    since: Instant | None = Field(None, alias="from")
    until: Instant | None = Field(None, alias="to", description="up to but not including")


class AuditEventOut(Schema):
    """Who did what to which record, when, why and on which basis."""

    id: UUID
    at: Instant
    event: str = Field(examples=["assessment:detail:read"])
    agency: str | None = Field(examples=["WFP"], description="who acted; null: the registry itself")
    office: str | None = Field(examples=["Nairobi"])
    role: str | None = Field(examples=["Partnerships officer"])
    client_id: str | None = Field(description="of the own agency's acts only")
    person: str | None = Field(
        examples=["A. Example"], description="name, for an oversight role only"
    )
    subject_id: UUID | None
    owner_agency: str | None
    partner_id: UUID | None
    purpose: str | None
    reference: str | None
    basis: str | None = Field(examples=["OWN_RECORD"])
    request_id: str | None = Field(examples=["req-20260301"])
    claimed_user: str | None = Field(
        description="what the own agency's system said of its user; believed by nobody"
    )
    held: bool = Field(description="held back from all but oversight roles")
    erased: bool = Field(description="what told of persons was erased; the proof stays")
    detail: dict[str, Any] = Field(examples=[{"version": 3}])


class AuditEventDetail(AuditEventOut):
    """An event with what proves it: SHA-256 over 0x00, salt and leaf is the leaf's hash."""

    seq: int | None = Field(description="number in the log, from 1; null for the next seconds")
    leaf_hash: Hash | None
    salt: str | None = Field(
        examples=["c2FsdA=="],
        description="base64; with `leaf` only for who may see all that the leaf holds",
    )
    leaf: str | None = Field(
        examples=["eyJ2IjoxfQ=="], description="canonical JSON (RFC 8785) of the event, base64"
    )


class PartnerAccess(Schema):
    """What a partner reads of the log: that an agency read or acted, and when."""

    agency: str = Field(examples=["WFP"])
    at: Instant


class InclusionProof(Schema):
    """That a leaf is in the tree of `size` (RFC 9162, 2.1.3)."""

    leaf: Hash
    index: int = Field(examples=[41], description="number of the event, less one")
    size: Size
    root: Hash
    hashes: list[Hash]
    checkpoint: Note | None = Field(description="signed note of this size, if one was published")


class ConsistencyProof(Schema):
    """That the tree of `to` continues the tree of `from` (RFC 9162, 2.1.4)."""

    from_: Size = Field(alias="from", serialization_alias="from")
    to: Size
    from_root: Hash
    to_root: Hash
    hashes: list[Hash]
    checkpoint: Note | None = Field(description="signed note of `to`, if one was published")
