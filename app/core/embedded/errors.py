"""What went wrong with the embedded server, in one sentence that says what to do."""

import os
from pathlib import Path

# A start needs at least one WAL segment beside what is there already.
_LEAST_FREE_BYTES = 16 * 1024 * 1024
_FATAL = ("FATAL:", "PANIC:", "error:")


class EmbeddedPostgresError(Exception):
    """The embedded server cannot do what was asked; `message` is one sentence for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def disk_full(place: Path) -> EmbeddedPostgresError:
    """The error for a disk without room for the server's files."""
    return EmbeddedPostgresError(
        f"The disk that holds {place} is full: free some space there and start again."
    )


def port_taken(port: int) -> EmbeddedPostgresError:
    """The error for a pinned port that another program listens on."""
    return EmbeddedPostgresError(
        f"Port {port} on 127.0.0.1 is taken by another program: stop it or choose another port."
    )


def explain(output: str, place: Path, log: Path | None = None) -> EmbeddedPostgresError:
    """Turn what a failed PostgreSQL program wrote into one sentence.

    `place` is the folder it worked in, `log` the file where a person can read more.
    """
    # A full disk swallows the server's last words too, hence the second question.
    if "No space left on device" in output or _nearly_full(place):
        return disk_full(place)
    if "root" in output and ("cannot be run as" in output or "not permitted" in output):
        return EmbeddedPostgresError(
            "PostgreSQL does not run as root: use an ordinary user, or set "
            "REGISTRY_EMBEDDED_MODE to auto, userns or service-user."
        )
    more = f"; {log} says more" if log else ""
    return EmbeddedPostgresError(f"PostgreSQL failed: {_last_words(output)}{more}.")


def _nearly_full(place: Path) -> bool:
    try:
        disk = os.statvfs(place)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LEAST_FREE_BYTES


def _last_words(output: str) -> str:
    """The most telling line: the last fatal one, else the last one at all."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # What is wrong in a settings file stands before the verdict on it.
    lines = [line for line in lines if "contains errors" not in line]
    telling = [line for line in lines if any(mark in line for mark in _FATAL)]
    chosen = (telling or lines or ["it ended without a word"])[-1]
    for mark in (*_FATAL, "LOG:"):
        chosen = chosen.rpartition(mark)[2]
    return chosen.strip().rstrip(".")
