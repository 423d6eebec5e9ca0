"""Wire shapes of the token service (RFC 6749, 7517, 8414, 9728)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class TokenOut(BaseModel):
    """RFC 6749 5.1."""

    access_token: str = Field(description="ES256 JWT, typ `at+jwt` (RFC 9068)")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a name of RFC 6750
    expires_in: int = Field(description="seconds", examples=[300])
    scope: str = Field(examples=["partners:read partners:write"])
    issued_token_type: str | None = Field(
        None,
        description="of a token exchange only",
        examples=["urn:ietf:params:oauth:token-type:access_token"],
    )


class TokenError(BaseModel):
    """RFC 6749 5.2."""

    error: str = Field(examples=["invalid_client"])


class Jwk(BaseModel):
    kty: str
    crv: str
    x: str
    y: str
    kid: str
    alg: str
    use: str


class JwksOut(BaseModel):
    """RFC 7517 key set."""

    keys: list[Jwk]


class ServerMetadata(BaseModel):
    """RFC 8414."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    scopes_supported: list[str]
    response_types_supported: list[str]
    tls_client_certificate_bound_access_tokens: bool = Field(description="RFC 8705 3.3")
    service_documentation: str


class ResourceMetadata(BaseModel):
    """RFC 9728."""

    resource: str
    authorization_servers: list[str]
    jwks_uri: str
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    tls_client_certificate_bound_access_tokens: bool = Field(description="RFC 8705 3.3")
    resource_name: str
    resource_documentation: str
