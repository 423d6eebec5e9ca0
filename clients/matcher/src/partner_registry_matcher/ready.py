"""Compile, or load what was compiled before, so that the first screening is quick.

The compiled code is kept in files (`NUMBA_CACHE_DIR`, else beside the package). Their index is
read, changed and written again, so two processes that compile at once could each leave the other's
code under its own name: whoever gets ready holds a lock while it does.
"""

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .matcher import Matcher
from .qualifiers import Party, Subject
from .statistics import EMPTY

try:
    import fcntl
except ImportError:  # Windows: a store is one person's there, and compiles once
    fcntl = None  # type: ignore[assignment]

_PARTIES = [
    Party("1", ("organisation",), ["Northern Relief Foundation Ltd", "NRF"]),
    Party("2", ("person",), ["Amina Warsame"]),
]
_ASKED = ("Relief Foundation North", "Warsame Amina", "NRF", "")
_LOCK = "partner-registry-matcher.lock"
_once = threading.Lock()
_done = False


def ready() -> None:
    """Return when everything compiled is at hand; at once after the first time in a process.

    Seconds when it was compiled before, about a minute when not. Blocks: call it off an event loop.
    """
    global _done
    with _once:
        if not _done:
            with _alone():
                _exercise()
            _done = True


def _exercise() -> None:
    for parties in (_PARTIES, []):
        matcher = Matcher(parties, EMPTY)
        for name in _ASKED:
            matcher.screen(Subject(None, [name]), 0.0)
            matcher.compare(Subject(None, [name]), _PARTIES[0])
            matcher.compare(Subject(None, [name]), _PARTIES[1])


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of the folder that the compiled code is kept in."""
    with _lock_file() as handle:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _lock_file() -> IO[bytes]:
    """In the first folder that can be written: the same for all that share the compiled code."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(named) if named else Path(__file__).parent / "__pycache__"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / _LOCK).open("wb")
    except OSError:
        # Numba keeps the code in the user's own folder then: one lock for each user.
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return (Path(tempfile.gettempdir()) / f"{user}-{_LOCK}").open("wb")
