"""The demo's folder: its lock, passwords, keys and credentials. Everything secret is 0600."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.core.crypto import RootKey
from app.core.embedded.files import write_private
from app.demo.processes import DemoFailed
from app.sanctions.feed import root_keys

_PATIENCE_S = 6.0


class Folder:
    """The var folder of one demo; held by one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.postgres = self.path / "pg"
        self.root_key = self.path / "root.key"
        self.root_keys = self.path / "root-keys"
        self.anchor = self.path / "anchor.json"
        self.credentials = self.path / "demo-credentials.json"
        self.environment = self.path / "demo.env"
        self._state = self.path / "demo.json"
        self._lock: int | None = None

    def hold(self) -> None:
        """Take the folder. Raises DemoFailed when another demo runs on it.

        The processes of a demo hold it too, so one that was killed is waited for.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path / "demo.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(handle)
                    raise DemoFailed(
                        f"Another demo runs on {self.path}: stop it, or choose another folder "
                        "with REGISTRY_VAR_DIR."
                    ) from None
                time.sleep(0.1)
        self._lock = handle

    def release(self) -> None:
        """Give the folder back; the kernel does so for a process that is killed."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def state(self) -> dict[str, Any]:
        """What earlier starts wrote down: passwords of the roles, the server they started."""
        return _read(self._state)

    def remember(self, **facts: object) -> dict[str, Any]:
        """Add to the state."""
        state = self.state() | facts
        write_private(self._state, json.dumps(state) + "\n")
        return state

    def passwords(self) -> tuple[str, str]:
        """Passwords of reg_app and reg_worker, made once."""
        state = self.state()
        if "reg_app" not in state:
            state = self.remember(
                reg_app=secrets.token_urlsafe(32), reg_worker=secrets.token_urlsafe(32)
            )
        return state["reg_app"], state["reg_worker"]

    def ensure_keys(self, issuer: str) -> bool:
        """Root key, offline keys and anchor; True when the anchor names another issuer now."""
        if not self.root_key.exists():
            RootKey.generate("demo").save(self.root_key)
        made = self.root_keys / root_keys.ANCHOR
        if not made.exists():
            # A kill between the keys and the anchor leaves keys that nobody pinned yet.
            for leftover in self.root_keys.glob("root-*.pem"):
                leftover.unlink()
            root_keys.root_init(self.root_keys, issuer)
        anchor = root_keys.read_anchor(made)
        moved = bool(anchor["issuer"] != issuer)
        if moved:
            root_keys.write_anchor(made, issuer, anchor["keys"])
        self.anchor.write_bytes(made.read_bytes())
        return moved

    def kept_secrets(self) -> dict[str, str]:
        """Client secrets of the credentials file, empty when it was lost or damaged."""
        clients = _read(self.credentials).get("clients")
        if not isinstance(clients, dict):
            return {}
        return {
            name: entry["client_secret"]
            for name, entry in clients.items()
            if isinstance(entry, dict) and isinstance(entry.get("client_secret"), str)
        }

    def write_credentials(self, token_url: str, found: Mapping[str, str]) -> None:
        """Write who can log in how."""
        clients = {
            name: {"client_id": name, "client_secret": secret} for name, secret in found.items()
        }
        content = {"token_url": token_url, "clients": clients}
        write_private(self.credentials, json.dumps(content, indent=2) + "\n")

    def write_environment(self, settings: Mapping[str, str]) -> None:
        """Write the settings for a shell, so that `registry` commands can work on the demo."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
        write_private(self.environment, "\n".join(lines) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
