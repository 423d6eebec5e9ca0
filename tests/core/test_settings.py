"""Settings refuse what would be unsafe, each in one sentence that names what to set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.core.settings import Settings, UnsafeSettings

GOOD: dict[str, Any] = {
    "env": "production",
    "database_url": "postgresql://reg_app:x@db/registry",
    "root_key_file": Path("root.key"),
    "issuer": "https://registry.example.org",
}


def test_a_complete_production_is_accepted() -> None:
    assert Settings(**GOOD).env == "production"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"database_url": None}, "REGISTRY_DATABASE_URL must be set in production."),
        ({"root_key_file": None}, "REGISTRY_ROOT_KEY_FILE must be set in production."),
        *(
            (
                {"outbound_allow": networks},
                "REGISTRY_OUTBOUND_ALLOW names a network that is not public",
            )
            for networks in ("127.0.0.0/8:*", "1.1.1.1/32:8443, 10.0.0.0/8:443", "0.0.0.0/0:*")
        ),
        (
            {"issuer": "http://127.0.0.1:8000"},
            "REGISTRY_ISSUER must be an https address in production.",
        ),
    ],
)
def test_production_wants_its_secrets_and_https(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings(**(GOOD | change))


@pytest.mark.parametrize(
    "issuer",
    [
        "http://registry.example.org",
        "http://127.0.0.1.example.org",
        "https://registry.example.org/",
        "registry.example.org",
        "https://",
    ],
)
def test_an_issuer_is_https_or_loopback_and_compared_byte_by_byte(issuer: str) -> None:
    with pytest.raises(ValidationError):
        Settings(issuer=issuer)


def test_settings_do_not_change_and_do_not_show_their_secrets() -> None:
    settings = Settings(**GOOD)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, "env", "test")  # noqa: B010 - the point is that it is refused
    assert "reg_app:x" not in repr(settings)


def test_a_missing_address_is_named() -> None:
    with pytest.raises(UnsafeSettings, match="REGISTRY_DATABASE_WORKER_URL is not set"):
        Settings(database_worker_url=None).require("database_worker_url")


def test_what_may_be_called_beside_public_https() -> None:
    def said(**more: Any) -> list[tuple[str, int | None]]:
        found = Settings(**more).outbound_networks
        return [(str(allowed.network), allowed.port) for allowed in found]

    assert said() == said(env="test") == [("127.0.0.0/8", None)]
    assert said(outbound_allow="") == said(**GOOD) == []
    exact = said(**(GOOD | {"outbound_allow": "1.1.1.1/32:8443"}))
    assert exact == [("1.1.1.1/32", 8_443)]
    with pytest.raises(ValidationError, match="outbound_allow"):
        Settings(outbound_allow="somewhere")
