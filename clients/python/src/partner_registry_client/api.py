"""The registry's HTTP interface, as far as a client of the feed needs it.

Nothing that arrives is believed here: this module only bounds how much may arrive, for how
long, and from where. Signatures and digests are checked by those who asked.
"""

from __future__ import annotations

import base64
import ipaddress
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from partner_registry_client.encoding import Fields, b64url_encode, read_json
from partner_registry_client.errors import (
    Malformed,
    NotConfigured,
    Refused,
    TooLarge,
    Unavailable,
    Unreachable,
)
from partner_registry_client.jws import sign_compact
from partner_registry_client.manifest import MAX_MANIFEST_BYTES
from partner_registry_client.trust import MAX_KEYS_BYTES

MAX_CHANGES_BYTES = 16 * 1024 * 1024
MAX_PROBLEM_BYTES = 64 * 1024
ATTEMPTS = 4
MAX_PAUSE_S = 60.0
DEADLINE_S = 300.0
PAGE = 200
_RETRIED = {429, 502, 503, 504}
_FEED = "/v1/feeds/sanctions"
_random = secrets.SystemRandom()


class Credential(Protocol):
    """One way of proving to the token endpoint who is asking."""

    def token_request(self, issuer: str, now: float) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and form fields; made anew for each attempt."""
        ...


@dataclass(frozen=True, repr=False)
class SecretCredential:
    client_id: str
    secret: str

    def token_request(self, issuer: str, now: float) -> tuple[dict[str, str], dict[str, str]]:
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        pair = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}


@dataclass(frozen=True, repr=False)
class KeyCredential:
    client_id: str
    key: ec.EllipticCurvePrivateKey

    def token_request(self, issuer: str, now: float) -> tuple[dict[str, str], dict[str, str]]:
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": issuer,
            "iat": int(now),
            "exp": int(now) + 60,
            "jti": b64url_encode(secrets.token_bytes(18)),
        }
        assertion = sign_compact(self.key, typ="client-authentication+jwt", claims=claims)
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {}, {"client_assertion_type": kind, "client_assertion": assertion}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def etag(self) -> str | None:
        value: str | None = self.headers.get("etag")
        return value


class Api:
    """A connection to one registry; use it as a context manager."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        issuer: str,
        sleep: Callable[[float], None] = time.sleep,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        loopback = check_url(base_url)
        self._base = base_url.rstrip("/")
        self._credential = credential
        self._issuer = issuer
        self._sleep = sleep
        self._deadline_s = deadline_s
        self._token: tuple[str, float] | None = None
        self._http = httpx.Client(
            follow_redirects=False,
            timeout=httpx.Timeout(30, connect=10),
            trust_env=not loopback,  # a proxy has no business with this host's own addresses
            headers={"Accept-Encoding": "identity", "User-Agent": "partner-registry-client"},
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def keys_document(self) -> bytes:
        return self._get(f"{_FEED}/keys", limit=MAX_KEYS_BYTES).body

    def manifest(self, stream: str) -> Answer:
        return self._get(f"{_FEED}/manifest", {"stream": stream}, limit=MAX_MANIFEST_BYTES)

    def changes(self, stream: str, after: int, etag: str | None) -> Answer:
        """Changes after a number; status 304 when `etag` still names the newest set."""
        return self._get(
            f"{_FEED}/changes",
            {"stream": stream, "after": str(after), "limit": str(PAGE)},
            limit=MAX_CHANGES_BYTES,
            headers={"If-None-Match": etag} if etag else {},
        )

    def chunk(self, sha256: str, length: int) -> bytes:
        return self._get(f"{_FEED}/chunks/{sha256}", limit=length).body

    def _get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        fixed = dict(headers or {})

        def request() -> dict[str, Any]:
            return {"params": params, "headers": fixed | {"Authorization": f"Bearer {token}"}}

        token = self._access_token()
        answer = self._send("GET", path, request, limit)
        if answer.status == 401:  # expired or revoked early: one new token, one more try
            self._token = None
            token = self._access_token()
            answer = self._send("GET", path, request, limit)
        return _require_success(answer, path)

    def _access_token(self) -> str:
        if self._token and time.monotonic() < self._token[1]:
            return self._token[0]

        def request() -> dict[str, Any]:
            headers, form = self._credential.token_request(self._issuer, time.time())
            grant = {"grant_type": "client_credentials", "scope": "feed:read"}
            return {"headers": headers, "data": grant | form}

        path = "/oauth/token"
        body = _require_success(self._send("POST", path, request, MAX_PROBLEM_BYTES), path).body
        fields = Fields(read_json(body, "token answer"), "token answer")
        token = fields.text("access_token", 8192)
        if not token.isascii() or not token.isprintable():
            raise Malformed("token answer: not a token")
        lifetime = fields.integer("expires_in", most=86400)
        self._token = (token, time.monotonic() + max(lifetime - 30, 0))
        return token

    def _send(
        self, method: str, path: str, request: Callable[[], dict[str, Any]], limit: int
    ) -> Answer:
        """One answer; tried again while the registry is unreachable, or asks to be left alone."""
        for attempt in range(ATTEMPTS):
            pause = min(2.0**attempt, MAX_PAUSE_S) * _random.uniform(0.5, 1.0)
            failure: Unavailable
            try:
                answer = self._once(method, path, request(), limit)
            except httpx.HTTPError as error:
                failure = Unreachable(f"{path}: {type(error).__name__}: {error}")
                failure.__cause__ = error
            else:
                if answer.status not in _RETRIED:
                    return answer
                failure = _refusal(answer, path)
                pause = max(pause, _retry_after(answer.headers.get("retry-after")))
            if attempt + 1 == ATTEMPTS or pause > MAX_PAUSE_S:
                break
            self._sleep(pause)
        raise failure

    def _once(self, method: str, path: str, request: dict[str, Any], limit: int) -> Answer:
        ends = time.monotonic() + self._deadline_s
        with self._http.stream(method, self._base + path, **request) as response:
            encoding = response.headers.get("content-encoding", "identity")
            if response.status_code < 400 and encoding.lower() != "identity":
                raise Malformed(f"{path}: compressed on the way; the bytes cannot be checked")
            if response.status_code >= 400:
                limit = MAX_PROBLEM_BYTES
            body = bytearray()
            for piece in response.iter_raw():
                body += piece
                if len(body) > limit:
                    raise TooLarge(f"{path}: more than the {limit} bytes that may come")
                if time.monotonic() > ends:
                    raise httpx.ReadTimeout("the answer takes too long")
            return Answer(response.status_code, response.headers, bytes(body))


def check_url(url: str) -> bool:
    """Refuse an address that would send credentials in the clear; say whether it is loopback."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise NotConfigured(f"not an address: {error}") from error
    if not parts.host or parts.userinfo or parts.query or parts.fragment:
        raise NotConfigured("the address must be like https://registry.example, and no more")
    try:
        loopback = ipaddress.ip_address(parts.host).is_loopback
    except ValueError:
        loopback = parts.host == "localhost"
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise NotConfigured("the address must begin with https:// (http only on this host)")
    return loopback


def printable(text: str, longest: int = 300) -> str:
    """Text of a stranger, fit for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:longest])


def _require_success(answer: Answer, path: str) -> Answer:
    if answer.status not in (200, 304):
        raise _refusal(answer, path)
    if answer.headers.get("content-type", "").startswith("text/html"):
        raise Refused(
            f"{path}: a web page answered instead of the registry (a proxy or portal in between?)",
            status=answer.status,
        )
    return answer


def _refusal(answer: Answer, path: str) -> Refused:
    try:
        problem = Fields(read_json(answer.body, "problem"), "problem").raw
    except Malformed:
        problem = {}
    code = _words(problem, "code", "error") or None
    words = _words(problem, "detail", "title", "error_description")
    redirect = "redirects are not followed" if 300 <= answer.status < 400 else ""
    said = " ".join(part for part in (str(answer.status), code, words, redirect) if part)
    return Refused(f"{path}: the registry answered {said}", status=answer.status, code=code)


def _words(problem: Mapping[str, Any], *names: str) -> str:
    """The first of these members that is text."""
    found = (problem[name] for name in names if isinstance(problem.get(name), str))
    return printable(next(found, ""))


def _retry_after(value: str | None) -> float:
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
