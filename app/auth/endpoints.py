"""HTTP of the token service."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Form, Header, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text
from starlette.background import BackgroundTask

from app.auth import exchange, service
from app.auth.attempts import Attempt, token_attempt
from app.auth.caller import STATUS_COLUMNS
from app.auth.errors import TokenRefused
from app.auth.issuers import TrustedTokens
from app.auth.keys import SigningKeys
from app.auth.schemas import JwksOut, ResourceMetadata, ServerMetadata, TokenError, TokenOut
from app.auth.scopes import ALL
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems, refused
from app.core.limits import RateLimited
from app.core.routing import Router
from app.core.settings import Settings

router = Router(tags=["tokens"])
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 5.1
_PUBLIC = {"Cache-Control": "public, max-age=300"}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": TokenError, "description": "RFC 6749 5.2 error"},
    401: {"model": TokenError, "description": "The client did not prove itself"},
}
_AGENCY = text(f"SELECT {STATUS_COLUMNS} FROM client_status s WHERE s.client_id = :client_id")  # noqa: S608 - constant


async def settings_of(request: Request) -> Settings:
    """The application's settings."""
    settings: Settings = request.app.state.settings
    return settings


async def keys_of(request: Request) -> SigningKeys:
    """The application's signing keys."""
    keys: SigningKeys = request.app.state.keys
    return keys


async def trusted_of(request: Request) -> TrustedTokens:
    """What verifies tokens of trusted issuers."""
    trusted: TrustedTokens = request.app.state.trusted
    return trusted


SettingsDep = Annotated[Settings, Depends(settings_of)]
KeysDep = Annotated[SigningKeys, Depends(keys_of)]
TrustedDep = Annotated[TrustedTokens, Depends(trusted_of)]
# scope="function": a failure is counted before it is answered.
AttemptDep = Annotated[Attempt, Depends(token_attempt, scope="function")]
FormText = Annotated[str | None, Form(max_length=8_192)]
GrantType = Annotated[str | None, Form(max_length=8_192, examples=["client_credentials"])]
ScopeText = Annotated[str | None, Form(max_length=8_192, examples=["partners:read"])]


_GRANTS = ("client_credentials", exchange.GRANT_TYPE)


async def exchange_of(
    subject_token: FormText = None,
    subject_token_type: FormText = None,
    requested_token_type: FormText = None,
    actor_token: FormText = None,
    scope: ScopeText = None,
) -> exchange.Exchange:
    """The form fields of a token exchange (RFC 8693 2.1)."""
    return exchange.Exchange(
        subject_token, subject_token_type, requested_token_type, actor_token, scope
    )


ExchangeForm = Annotated[exchange.Exchange, Depends(exchange_of)]


@router.post(
    "/oauth/token",
    operation_id="issueToken",
    response_model=TokenOut,
    responses=_REFUSALS | problems(RateLimited),
    summary="Get an access token",
)
async def issue_token(
    attempt: AttemptDep,
    session: Session,
    settings: SettingsDep,
    keys: KeysDep,
    trusted: TrustedDep,
    now: Now,
    asked: ExchangeForm,
    authorization: Annotated[str | None, Header(max_length=8_192)] = None,
    grant_type: GrantType = None,
    scope: ScopeText = None,
    client_id: FormText = None,
    client_assertion_type: FormText = None,
    client_assertion: FormText = None,
    resource: FormText = None,
    audience: FormText = None,
) -> JSONResponse:
    """Client credentials (RFC 6749 4.4) by HTTP Basic or a signed assertion (RFC 7523).

    Without `scope` the token carries all scopes of the client. Token exchange (RFC 8693): a
    machine client sends, as `subject_token`, a token that its agency's trusted issuer gave a
    registered person; the new token stands for that person.
    """
    if not grant_type:
        raise TokenRefused("invalid_request")
    if grant_type not in _GRANTS:
        raise TokenRefused("unsupported_grant_type")
    exchanging = grant_type == exchange.GRANT_TYPE
    targets = [*attempt.resources, *([audience] if exchanging and audience else [])]
    if any(wanted != settings.issuer for wanted in targets):
        raise TokenRefused("invalid_target")
    credentials = _credentials(authorization, client_id, client_assertion_type, client_assertion)
    # What may have to be read again is read before the session takes its connection: as many
    # requests at once as the pool is large would otherwise all wait for one more.
    key = await keys.signing_key("token")
    if exchanging:
        await trusted.issuers.refresh()
    try:
        client = await service.authenticate(session, credentials, settings.issuer, now)
    except TokenRefused as refusal:
        refusal.client_id = service.claimed_client(credentials)
        raise
    row = (await session.execute(_AGENCY, {"client_id": client.id})).one_or_none()
    if row is None:
        raise TokenRefused("invalid_client", 401)
    certificate = service.bound_to(client, attempt.certificate)
    if exchanging:
        answer = await exchange.exchange(
            session, trusted, key, settings.issuer, client, asked, certificate
        )
        return JSONResponse(answer, headers=_NO_STORE)
    scopes = service.grant(client, scope)
    return JSONResponse(
        service.issue_token(
            key, settings.issuer, client.id, row.agency_code, scopes, certificate=certificate
        ),
        headers=_NO_STORE,
    )


def _credentials(
    authorization: str | None,
    client_id: str | None,
    assertion_type: str | None,
    assertion: str | None,
) -> service.Credentials:
    """The one proof that the request offers. Raises TokenRefused."""
    if authorization is not None and assertion:
        raise TokenRefused("invalid_request")
    if assertion:
        if assertion_type != service.ASSERTION_TYPE:
            raise TokenRefused("invalid_request")
        return service.Credentials(client_id or None, assertion=assertion)
    if authorization is None:
        raise TokenRefused("invalid_client", 401)
    credentials = service.basic_credentials(authorization)
    if client_id not in (None, "", credentials.client_id):
        raise TokenRefused("invalid_request")
    return credentials


@router.get(
    "/oauth/jwks", operation_id="getTokenKeys", response_model=JwksOut, summary="Token keys"
)
async def token_keys(keys: KeysDep) -> JSONResponse:
    """Public keys that access tokens are signed with (RFC 7517)."""
    return JSONResponse({"keys": await keys.public_keys("token")}, headers=_PUBLIC)


@router.get(
    "/.well-known/oauth-authorization-server",
    operation_id="getServerMetadata",
    response_model=ServerMetadata,
    summary="Token service metadata",
)
async def server_metadata(settings: SettingsDep) -> JSONResponse:
    """Where and how to get tokens (RFC 8414)."""
    return JSONResponse(
        {
            "issuer": settings.issuer,
            "token_endpoint": f"{settings.issuer}/oauth/token",
            "jwks_uri": f"{settings.issuer}/oauth/jwks",
            "grant_types_supported": list(_GRANTS),
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256", "ES384", "RS256"],
            "scopes_supported": sorted(ALL),
            "response_types_supported": [],
            "tls_client_certificate_bound_access_tokens": settings.client_cert_header,
            "service_documentation": f"{settings.issuer}/docs",
        },
        headers=_PUBLIC,
    )


@router.get(
    "/.well-known/oauth-protected-resource",
    operation_id="getResourceMetadata",
    response_model=ResourceMetadata,
    summary="Resource metadata",
)
async def resource_metadata(settings: SettingsDep) -> JSONResponse:
    """Which token service this resource trusts (RFC 9728)."""
    return JSONResponse(
        {
            "resource": settings.issuer,
            "authorization_servers": [settings.issuer],
            "jwks_uri": f"{settings.issuer}/oauth/jwks",
            "scopes_supported": sorted(ALL),
            "bearer_methods_supported": ["header"],
            "tls_client_certificate_bound_access_tokens": settings.client_cert_header,
            "resource_name": "Partner registry",
            "resource_documentation": f"{settings.issuer}/docs",
        },
        headers=_PUBLIC,
    )


async def token_refused(request: Request, error: Exception) -> JSONResponse:
    """RFC 6749 5.2: the token endpoint does not speak problem documents."""
    assert isinstance(error, TokenRefused)
    log = None
    if error.error == "invalid_client":
        request.scope["presented_client"] = error.client_id
        # After the answer: a client that we know is logged and another is not, and the time of
        # the answer must not tell which it is.
        log = BackgroundTask(refused, request, error.status, error.error)
    headers = dict(_NO_STORE)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="token"'
    return JSONResponse(
        {"error": error.error}, status_code=error.status, headers=headers, background=log
    )
