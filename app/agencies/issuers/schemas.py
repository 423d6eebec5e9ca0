"""Wire shapes of trusted issuers."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, Strict, StringConstraints

from app.core.paging import PageQuery
from app.core.schemas import Code, Instant, Line, Schema

Algorithm = Literal["ES256", "ES384", "RS256"]
IgnoredHeader = Literal["x5t", "x5t#S256"]
ClientClaim = Literal["sub", "azp", "appid", "client_id", "cid"]
IssuerStatus = Literal["proposed", "active", "refused", "revoked"]
Url = Annotated[
    str,
    Strict(),
    StringConstraints(pattern=r"^https?://[!-~]+$", max_length=255),
]
Audience = Annotated[
    str, Strict(), StringConstraints(pattern=r"^[!-~]+$", min_length=1, max_length=255)
]
Seconds = Annotated[int, Strict(), Field(ge=60, le=5_400)]


class TrustedIssuerIn(Schema):
    """An identity provider of the calling agency, and the terms for its tokens."""

    issuer: Url = Field(
        description="exactly as `iss` has it, byte by byte",
        examples=["https://login.unicef.example/tenant"],
    )
    jwks_uri: Url = Field(
        description="where its keys are; public https on port 443",
        examples=["https://login.unicef.example/tenant/keys"],
    )
    algorithms: list[Algorithm] = Field(min_length=1, max_length=3, examples=[["RS256"]])
    audience: Audience = Field(
        description="the only audience its tokens may have", examples=["https://registry.example"]
    )
    token_type: Literal["at+jwt", "JWT"] = Field(examples=["JWT"])
    ignored_headers: list[IgnoredHeader] = Field(
        default_factory=list, max_length=2, description="header fields that are passed over"
    )
    client_claim: ClientClaim = Field(
        "sub",
        description="claim that names a machine client; a person is always named by `sub`",
    )
    token_id_claim: Literal["jti", "uti"] | None = Field(
        "jti", description="claim that identifies a token, null where there is none"
    )
    max_life_s: Seconds = Field(3_600, description="longest life of a token")
    scope_ceiling: list[Code] = Field(
        min_length=1,
        max_length=100,
        description="the most its clients and persons may do",
        examples=[["partners:read", "sanctions:review"]],
    )
    valid_to: Instant | None = Field(None, description="end of trust; null for none")


class ApprovalIn(Schema):
    """What the second person says."""

    decision: Literal["approve", "refuse"] = Field(examples=["approve"])
    reason: Line = Field(examples=["Checked with the identity team, ticket 4711"])


class TrustedIssuerFilter(PageQuery):
    """Filters of the list."""

    agency: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,15}$")] | None = None
    status: IssuerStatus | None = None


class TrustedIssuerSummaryOut(Schema):
    """Which issuer speaks for which agency."""

    id: UUID
    issuer: str = Field(examples=["https://login.unicef.example/tenant"])
    agency: str
    status: IssuerStatus
    valid_from: Instant
    valid_to: Instant | None


class TrustedIssuerOut(TrustedIssuerSummaryOut):
    """All terms, for the agency itself."""

    jwks_uri: str = Field(examples=["https://login.unicef.example/tenant/keys"])
    algorithms: list[Algorithm]
    audience: str = Field(examples=["https://registry.example"])
    token_type: Literal["at+jwt", "JWT"]
    ignored_headers: list[IgnoredHeader]
    client_claim: str = Field(examples=["sub"])
    token_id_claim: str | None = Field(examples=["jti"])
    max_life_s: int = Field(examples=[3_600])
    scope_ceiling: list[str] = Field(examples=[["partners:read", "sanctions:review"]])
    proposed_by: UUID = Field(description="person")
    decided_by: UUID | None = Field(description="person")
    decided_at: Instant | None
    reason: str | None
    version: int
    created_at: Instant
