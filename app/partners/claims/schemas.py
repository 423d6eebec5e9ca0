"""Wire shapes of invitations, claims and decisions on control."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.agencies.clients.schemas import ClientKeys
from app.core.schemas import Instant, Line, Paragraph, Schema, Text
from app.partners.claims.rules import RULES, Check

Email = Annotated[
    Text,
    StringConstraints(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$"),
    Field(examples=["director@amani.example"]),
]
Code = Annotated[
    Text,
    StringConstraints(min_length=20, max_length=64, pattern=r"^[A-Za-z0-9_-]+$"),
    Field(examples=["w2uSx7nTnX3qB8mVb1yH0cJrKfZtQ5aL"]),
]
ClaimState = Literal["open", "approved", "rejected", "removed"]


class InvitationIn(Schema):
    """An invitation to claim a profile."""

    email: Email = Field(description="office address of whom it goes to; kept sealed")


class InvitationOut(Schema):
    """An invitation of the own agency, without its code."""

    id: UUID
    partner_id: UUID
    created_at: Instant
    expires_at: Instant
    used_at: Instant | None
    revoked_at: Instant | None


class InvitationMade(InvitationOut):
    """A new invitation; the registry sends nothing, and shows the code this once."""

    code: str | None = Field(description="null when this answer is a replay")


class Claimant(Schema):
    """Who says that they act for the partner. RESTRICTED."""

    name: Line = Field(examples=["Wanjiru Kamau"])
    title: Line = Field(examples=["Executive director"])
    email: Email


class OwnClaimIn(Schema):
    """A claim with an invitation code."""

    code: Code
    claimant: Claimant
    jwks: ClientKeys = Field(description="keys of the client to be (`private_key_jwt`)")


class OwnClaimOut(Schema):
    """What the claimant gets: the number of the claim, for asking the inviting agency."""

    claim_id: UUID
    state: ClaimState


class ClaimIn(Schema):
    """A claim that an agency files for somebody, with the documents that show their authority."""

    claimant: Claimant
    document_ids: list[UUID] = Field(min_length=1, max_length=RULES.documents)
    jwks: ClientKeys | None = Field(
        None, description="without keys the approved client gets a secret, shown once"
    )


class ClaimOut(Schema):
    """A claim, without its claimant."""

    id: UUID
    version: int
    partner_id: UUID
    state: ClaimState
    filed_by: str | None = Field(description="agency that filed it; null: by invitation")
    invited_by: str | None = Field(description="agency that had invited", examples=["UNICEF"])
    document_ids: list[UUID]
    contested: bool = Field(description="a decision on control is open about it")
    filed_at: Instant
    checked: Check | None
    decided_by: str | None = Field(examples=["UNHCR"])
    decided_at: Instant | None
    client_id: str | None = Field(examples=["partner-0000001-1f2e3d4c"])


class ClaimDetail(ClaimOut):
    """A claim with its claimant. RESTRICTED."""

    claimant: Claimant
    reason: str | None


class ClaimDecision(Schema):
    """Whether the claimant acts for the partner, and how that was checked."""

    decision: Literal["approve", "reject"]
    checked: Check = Field(examples=["KNOWN_CONTACT"])
    reason: Paragraph = Field(examples=["Called the office at the number we had on file."])


class ClaimDecided(ClaimOut):
    """A decided claim."""

    client_secret: str | None = Field(
        description="secret of the new client, shown this once; null for a client with keys"
    )


class ControlOut(Schema):
    """The open, else the latest dispute over who controls a profile."""

    id: UUID
    version: int
    partner_id: UUID
    claim_id: UUID = Field(description="the claim that is contested")
    raised_by: Literal["administrator", "claim"]
    raised_at: Instant
    not_by: str | None = Field(description="agency that does not decide", examples=["UNICEF"])
    state: Literal["open", "decided"]
    outcome: Literal["accept", "replace", "refuse"] | None
    checked: Check | None
    decided_by: str | None = Field(examples=["UNHCR"])
    decided_at: Instant | None


class ControlDecision(Schema):
    """Who controls the profile. `accept`: the contested claim holds, beside those before it;
    `replace`: it holds alone; `refuse`: it does not hold."""

    decision: Literal["accept", "replace", "refuse"]
    checked: Check = Field(examples=["BOARD_RESOLUTION"])
    reason: Paragraph = Field(examples=["The board minutes of 3 March 2026 name the claimant."])


class ControlDecided(ControlOut):
    """A decided dispute."""

    client_id: str | None = Field(description="client that the decision made, if it made one")
    client_secret: str | None = Field(description="its secret, shown this once, if it has one")


class Administrator(Schema):
    """A client that acts for the own organisation, or asks to."""

    claim_id: UUID | None = Field(description="null: made by the operator")
    client_id: str | None
    state: Literal["asking", "active", "revoked", "rejected"]
    since: Instant
    approved_by: str | None = Field(examples=["UNICEF"])
    self: bool = Field(description="the calling client")


class DisputeIn(Schema):
    """An administrator says that another one does not act for the organisation."""

    claim_id: UUID = Field(description="claim of the administrator that is contested")
    grounds: Paragraph = Field(examples=["She left the organisation in May 2026."])
