"""Settings: read once from the environment, frozen, checked before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.addresses import AllowedNetwork, is_public, parse_allowed

DEVELOPMENT_ISSUER = "http://127.0.0.1:8000"
_DEVELOPMENT_NETWORKS = "127.0.0.0/8:*"


def parse_by_list(value: str | None) -> tuple[tuple[str, str], ...]:
    """``code=value`` pairs apart by white space. Raises ValueError for anything else."""
    pairs = [part.partition("=") for part in (value or "").split()]
    if any(not code or not sign or not text for code, sign, text in pairs):
        raise ValueError("it is written as `code=value code=value`")
    return tuple((code, text) for code, _, text in pairs)


class UnsafeSettings(ValueError):
    """The settings would start an unsafe service; the message is one clear sentence."""


class Settings(BaseSettings):
    """Everything an operator can set, each as ``REGISTRY_<NAME>``. Secrets have no default."""

    model_config = SettingsConfigDict(env_prefix="REGISTRY_", frozen=True, extra="ignore")

    env: Literal["development", "test", "production"] = Field(
        "development", description="production refuses every demo key, client and unsafe setting"
    )
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL URL of the API (role reg_app)"
    )
    database_worker_url: SecretStr | None = Field(
        None, description="PostgreSQL URL of the worker (role reg_worker)"
    )
    database_migration_url: SecretStr | None = Field(
        None, description="PostgreSQL URL that may become reg_owner, for `registry db`"
    )
    pool_size: int = Field(10, ge=1, le=200, description="database connections per process")
    pool_timeout_s: float = Field(2.0, gt=0, le=60, description="wait for a free connection")
    statement_timeout_ms: int = Field(10_000, ge=100, le=600_000)
    issuer: str = Field(
        DEVELOPMENT_ISSUER, description="issuer of tokens, manifests and receipts; no trailing /"
    )
    root_key_file: Path | None = Field(
        None, description="file with the root key that wraps every other key"
    )
    root_key: SecretStr | None = Field(
        None, description="text of that file, in its place; never both"
    )
    root_key_second_file: Path | None = Field(
        None, description="file with the coming or the former root key: read, never used to wrap"
    )
    root_key_second: SecretStr | None = Field(
        None, description="text of that file, in its place; never both"
    )
    var_dir: Path = Field(Path("var"), description="where the embedded demo keeps its data")
    index_dir: Path | None = Field(
        None,
        description="folder of the service alone, where indexes of names wait for the next start",
    )
    lists_dir: Path | None = Field(
        None,
        description="folder of list files: the worker looks at them when it starts, and when they "
        "change",
    )
    lists_fetch: str | None = Field(
        None,
        max_length=8_000,
        description="where the worker fetches lists, `unsc=https://… eu_fsf=https://…`; a list of "
        "several files is named several times. Default: nowhere",
    )
    lists_fetch_hours: int = Field(12, ge=1, le=168, description="hours between two fetches")
    lists_stale_days: str | None = Field(
        None,
        max_length=2_000,
        description="days without a check after which a list is stale, where it is not its own "
        "default: `unsc=2 eu_fsf=7`",
    )
    lists_required: str | None = Field(
        None,
        max_length=2_000,
        description="lists without which nothing reads as no hit, `unsc ungm`; default: unsc",
    )
    body_limit_bytes: int = Field(262_144, ge=1_024, le=26_214_400)
    docs_enabled: bool = Field(True, description="serve /docs and /openapi.json")
    outbound_allow: str | None = Field(
        None,
        description="networks and ports that may be called beside public https, such as "
        "`203.0.113.7/32:8443`; http is allowed for them. Default: none; 127.0.0.0/8 outside "
        "production",
    )
    rate_limits: Literal["on", "off"] = Field(
        "on", description="off in development and test only; each limit counts in one process"
    )
    rate_limit_rps: int = Field(5_000, ge=1, description="requests a second of one client")
    rate_limit_burst: int = Field(10_000, ge=1, description="requests of one client at once")
    feed_token_rps: int = Field(5, ge=1, description="requests a second of one feed token")
    feed_token_burst: int = Field(50, ge=1, description="requests of one feed token at once")
    feed_waiters: int = Field(
        12_000, ge=2, description="requests that may wait for changes of the feed in one process"
    )
    token_rps: int = Field(200, ge=1, description="tokens a second for one client")
    token_burst: int = Field(2_000, ge=1, description="tokens for one client at once")
    token_failures_client: int = Field(
        100, ge=1, description="failed token requests of a client from one address, one more a s"
    )
    token_failures_address: int = Field(
        300, ge=1, description="failed token requests from one address, one more a second"
    )
    client_address_header: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="header in which the proxy, and nobody else, writes the caller's address; "
        "without it no limit goes by address in production",
    )
    agency_share: float = Field(
        0.75, gt=0, le=1, description="share of the pool that requests of one agency may hold"
    )
    agency_wait_ms: int = Field(5_000, ge=0, le=10_000, description="wait for the agency's share")
    blob_store: Literal["postgresql", "s3"] = Field(
        "postgresql", description="where files lie; they are encrypted before they get there"
    )
    s3_endpoint: str | None = Field(
        None, description="address of the S3-compatible store, no trailing /"
    )
    s3_bucket: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    s3_region: str = Field("us-east-1", pattern=r"^[a-z0-9-]{1,32}$")
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    feed_publish_dir: Path | None = Field(
        None, description="folder in which the worker keeps the public stream for everybody"
    )
    feed_publish_bucket: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="bucket for the same, at the endpoint and with the keys of REGISTRY_S3_*; "
        "never that of the sealed files",
    )
    scan_clamd: str | None = Field(
        None,
        pattern=r"^(/\S{1,200}|[A-Za-z0-9.-]{1,200}:[0-9]{1,5}|\[[0-9a-fA-F:]{2,45}\]:[0-9]{1,5})$",
        description="clamd that scans files, `host:port` or the path of a socket; with it, what "
        "it has not found clean is not served",
    )
    client_cert_header: bool = Field(
        False,
        description="believe the header Client-Cert (RFC 9440): only behind a proxy that checks "
        "client certificates, sets it, and strips what callers send under this name",
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
        if not parts.hostname or not (parts.scheme == "https" or loopback):
            raise ValueError("the issuer must be an https address (loopback may use http)")
        if value.endswith("/"):
            raise ValueError("the issuer must not end with a slash: it is compared byte by byte")
        return value

    @field_validator("lists_fetch", "lists_stale_days")
    @classmethod
    def _by_list(cls, value: str | None) -> str | None:
        parse_by_list(value)
        return value

    @model_validator(mode="after")
    def _list_days(self) -> Self:
        for _, days in parse_by_list(self.lists_stale_days):
            if not days.isdecimal() or not 1 <= int(days) <= 3_650:
                raise UnsafeSettings("REGISTRY_LISTS_STALE_DAYS needs whole days, `unsc=2`.")
        return self

    @field_validator("outbound_allow")
    @classmethod
    def _outbound_allow(cls, value: str | None) -> str | None:
        parse_allowed(value or "")
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        for name in ("root_key", "root_key_second"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                words = f"REGISTRY_{name.upper()}"
                raise UnsafeSettings(f"Set {words}_FILE or {words}, not both.")
        return self

    @model_validator(mode="after")
    def _blobs(self) -> Self:
        if self.blob_store == "s3":
            for name in ("s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key"):
                if getattr(self, name) is None:
                    raise UnsafeSettings(
                        f"REGISTRY_BLOB_STORE=s3 needs REGISTRY_{name.upper()} as well."
                    )
        if self.feed_publish_bucket is not None:
            for name in ("s3_endpoint", "s3_access_key", "s3_secret_key"):
                if getattr(self, name) is None:
                    raise UnsafeSettings(
                        f"REGISTRY_FEED_PUBLISH_BUCKET needs REGISTRY_{name.upper()} as well."
                    )
            if self.feed_publish_bucket == self.s3_bucket:
                raise UnsafeSettings("REGISTRY_FEED_PUBLISH_BUCKET must not be that of the files.")
        endpoint = self.s3_endpoint
        if endpoint is not None and (
            not urlsplit(endpoint).hostname
            or endpoint.endswith("/")
            or urlsplit(endpoint).scheme not in ("https", "http")
        ):
            raise UnsafeSettings("REGISTRY_S3_ENDPOINT must be an http(s) address without a slash.")
        return self

    @model_validator(mode="after")
    def _production(self) -> Self:
        if self.env != "production":
            return self
        if self.database_url is None:
            raise UnsafeSettings("REGISTRY_DATABASE_URL must be set in production.")
        if self.root_key_file is None and self.root_key is None:
            raise UnsafeSettings("REGISTRY_ROOT_KEY_FILE must be set in production.")
        if not self.issuer.startswith("https://"):
            raise UnsafeSettings("REGISTRY_ISSUER must be an https address in production.")
        if not all(is_public(allowed.network) for allowed in self.outbound_networks):
            raise UnsafeSettings(
                "REGISTRY_OUTBOUND_ALLOW names a network that is not public; production refuses it."
            )
        if self.s3_endpoint is not None and not self.s3_endpoint.startswith("https://"):
            raise UnsafeSettings("REGISTRY_S3_ENDPOINT must be an https address in production.")
        if self.rate_limits == "off":
            raise UnsafeSettings("REGISTRY_RATE_LIMITS cannot be off in production.")
        return self

    @property
    def outbound_networks(self) -> tuple[AllowedNetwork, ...]:
        """What REGISTRY_OUTBOUND_ALLOW says."""
        default = "" if self.env == "production" else _DEVELOPMENT_NETWORKS
        return parse_allowed(default if self.outbound_allow is None else self.outbound_allow)

    def require(self, name: str) -> str:
        """The URL or path of a setting this command cannot work without, as text.

        Raises UnsafeSettings naming the environment variable when it is missing.
        """
        value = getattr(self, name)
        if value is None:
            raise UnsafeSettings(f"REGISTRY_{name.upper()} is not set.")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
