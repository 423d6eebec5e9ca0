"""The files around an embedded server: its record, its secret, its settings, its pid file."""

import fcntl
import json
import os
import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.embedded.errors import EmbeddedPostgresError

HBA = """\
# Written by the registry at every start. Passwords only, on the loopback address only.
host  all          all  127.0.0.1/32  scram-sha-256
host  replication  all  127.0.0.1/32  scram-sha-256
"""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    # Durability is what a registry is for: never weaker unless a test asks for it by name.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_messages": "warning",
    # Statements and error details carry record contents, which may not reach a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

_SETTING_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")


@dataclass(frozen=True)
class Postmaster:
    """What `postmaster.pid` says. `status` is one of starting, ready, stopping or empty."""

    pid: int
    port: int | None
    status: str


def read_postmaster(data: Path) -> Postmaster | None:
    """The pid file of a data folder, or None when there is none that makes sense."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    port = lines[3].strip() if len(lines) > 3 else ""
    status = lines[7].strip() if len(lines) > 7 else ""
    return Postmaster(abs(pid), int(port) if port.isdigit() else None, status)


def serves(pid: int, data: Path) -> bool:
    """Whether the process is a live server of this data folder.

    The pid alone proves nothing: after a crash another program may have it, and in a
    container usually has. A zombie has no arguments left, so it does not count either.
    """
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        if Path("/proc/self").exists():
            return False
        return f"-D {data}" in _listed(pid)
    return os.fsencode(data) in arguments


def _listed(pid: int) -> str:
    """The command line of a process where there is no /proc."""
    listing = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout  # noqa: S603 - a fixed program and a number


def settings_text(settings: Mapping[str, str]) -> str:
    """A PostgreSQL settings file; refuses names that are none."""
    lines = ["# Written by the registry at every start; ALTER SYSTEM is kept and wins."]
    for name, value in settings.items():
        if not _SETTING_NAME.fullmatch(name):
            raise EmbeddedPostgresError(f"{name!r} is not the name of a PostgreSQL setting.")
        quoted = value.replace("\\", "\\\\").replace("'", "''")
        if "\n" in quoted:
            raise EmbeddedPostgresError(f"The value of the setting {name!r} has a line break.")
        lines.append(f"{name} = '{quoted}'")
    return "\n".join(lines) + "\n"


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:  # also when the process is told to end
        draft.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, empty when there is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise EmbeddedPostgresError(f"{path} is damaged: restore it or remove {path.parent}.")
    return content


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time starts or stops a server; the kernel lets go when it dies."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
