"""Wire shapes of clients, their secrets and feed tokens."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from app.auth.clients import AuthMethod
from app.auth.scopes import AGENCY
from app.core.paging import PageQuery
from app.core.schemas import Country, Flag, Instant, Line, Schema, Text

ClientStatus = Literal["active", "revoked"]
Level = Literal["INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY"]
ClientId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$", examples=["UNICEF_ERP_NAIROBI"])
]
RoleCode = Annotated[Text, StringConstraints(pattern=r"^[A-Z]{2,8}$"), Field(examples=["PO"])]
Roles = Annotated[list[RoleCode], Field(max_length=20)]
Subject = Annotated[
    Text, StringConstraints(min_length=1, max_length=255), Field(examples=["8f14e45f-ceea"])
]


def _scope(value: str) -> str:
    if value not in AGENCY:
        raise ValueError("is not a scope of agencies")
    return value


ScopeName = Annotated[
    Text,
    AfterValidator(_scope),
    Field(json_schema_extra={"enum": sorted(AGENCY)}, examples=["partners:read"]),
]
Scopes = Annotated[list[ScopeName], Field(min_length=1, max_length=100)]
Countries = Annotated[
    list[Country], Field(max_length=250, description="empty: every country", examples=[["KEN"]])
]
_B64 = r"^[A-Za-z0-9_-]+$"
Part = Annotated[Text, StringConstraints(min_length=1, max_length=1_400, pattern=_B64)]


class ClientKey(Schema):
    """A public key (RFC 7517): EC P-256 or P-384, or RSA of 2,048 bits and more."""

    kty: Literal["EC", "RSA"]
    kid: Annotated[
        Text, StringConstraints(min_length=1, max_length=128), Field(examples=["2026-11"])
    ]
    alg: Literal["ES256", "ES384", "RS256"] | None = None
    use: Literal["sig"] | None = None
    key_ops: list[Literal["verify"]] | None = Field(None, max_length=1)
    crv: Literal["P-256", "P-384"] | None = Field(None, examples=["P-256"])
    x: Part | None = Field(None, examples=["f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"])
    y: Part | None = Field(None, examples=["x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"])
    n: Part | None = None
    e: Part | None = None


class ClientKeys(Schema):
    """The public keys a client signs its assertions with; never a private part."""

    keys: list[ClientKey] = Field(min_length=1, max_length=10)

    def stored(self) -> dict[str, Any]:
        """As it is kept: what was sent, without nulls."""
        return self.model_dump(exclude_none=True)


class ClientIn(Schema):
    """A new client of the caller's agency."""

    id: ClientId | None = Field(
        None, description="`<AGENCY>_…`; chosen by the service when it is absent"
    )
    name: Line = Field(examples=["Vendor system, Nairobi"])
    auth_method: AuthMethod = "private_key_jwt"
    jwks: ClientKeys | None = Field(None, description="for `private_key_jwt`")
    scopes: Scopes = Field(examples=[["partners:read", "clearance:run"]])
    roles: Roles = Field(default=[], examples=[["ERP"]])
    countries: Countries = Field(default=[])
    max_level: Level = "INTER_AGENCY"
    office_id: UUID | None = None
    person_id: UUID | None = Field(
        None, description="the natural person it acts for; a deciding scope needs one"
    )
    certificate_bound: Flag = Field(False, description="its tokens work with its certificate only")
    issuer_id: UUID | None = Field(None, description="for `trusted_issuer`, with `subject`")
    subject: Subject | None = Field(None, description="who it is to that issuer")


class ClientPatch(Schema):
    """JSON Merge Patch of a client: what is absent stays."""

    name: Line = ""
    scopes: Scopes = Field(default=[])
    roles: Roles = Field(default=[])
    countries: Countries = Field(default=[])
    max_level: Level = "INTER_AGENCY"
    office_id: UUID | None = None
    jwks: ClientKeys | None = None
    certificate_bound: Flag = False


class SecretOut(Schema):
    """A secret, as far as it is known: only its digest is kept, and that is never served."""

    id: UUID
    created_at: Instant
    expires_at: Instant


class ClientOut(Schema):
    """A client of the caller's agency."""

    id: str = Field(examples=["UNICEF_ERP_NAIROBI"])
    agency: str
    name: str = Field(examples=["Vendor system, Nairobi"])
    status: ClientStatus
    auth_method: AuthMethod
    jwks: ClientKeys | None
    scopes: list[str] = Field(examples=[["partners:read", "clearance:run"]])
    roles: list[str] = Field(examples=[["ERP"]])
    countries: list[str] = Field(examples=[["KEN"]])
    max_level: Level
    office_id: UUID | None
    person_id: UUID | None
    certificate_bound: bool
    issuer_id: UUID | None
    subject: str | None
    secrets: list[SecretOut] = Field(description="at most two, the newest first")
    version: int
    created_at: Instant


SECRET = Field(
    description="shown this once; null in a replay", examples=["3q2-7wAAbGx4c0VjMk5vT1R5cDlsR0hk"]
)


class ClientMade(ClientOut):
    """The new client, with its secret if it has one."""

    secret: str | None = SECRET


class SecretMade(SecretOut):
    """A new secret."""

    secret: str | None = SECRET
    ended: list[UUID] = Field(description="secrets that stopped working")


class ClientFilter(PageQuery):
    """Filters of the list of clients."""

    status: ClientStatus | None = None
    person_id: UUID | None = None


class FeedTokenIn(Schema):
    """A new feed token."""

    name: Line = Field(examples=["Screening engine, Geneva"])
    days: Annotated[int, Field(strict=True, ge=1, le=365)] = Field(365, examples=[365])


class FeedTokenOut(Schema):
    """A long-lived token for the FollowTheMoney files; only its digest is kept."""

    id: UUID
    name: str = Field(examples=["Screening engine, Geneva"])
    created_at: Instant
    expires_at: Instant
    revoked_at: Instant | None


class FeedTokenMade(FeedTokenOut):
    """The new token."""

    token: str | None = Field(
        description="shown this once; null in a replay",
        examples=["prf_3q2-7wAAbGx4c0VjMk5vT1R5cDlsR0hkYWJjZGVmZ2hpamts"],
    )
