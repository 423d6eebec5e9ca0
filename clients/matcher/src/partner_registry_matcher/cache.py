"""Where compiled code is kept: decided before anything is compiled.

Numba keeps it beside the package, or in `NUMBA_CACHE_DIR`, and wants to write there even to read.
Of an installation that cannot be written what was compiled at its making is copied to a private
folder for temporary files, once for each user and installation.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

try:
    import fcntl
except ImportError:  # Windows: a store is one person's there, and compiles once
    fcntl = None  # type: ignore[assignment]  # what a missing module is

# Numba says nothing of their types.
config: Any = numba.config
_locator: Any = caching.UserProvidedCacheLocator
BESIDE = Path(__file__).parent / "__pycache__"
_LOCK = "partner-registry-matcher.lock"
_STAMP = "partner-registry-matcher.sources"


def settle() -> None:
    """Say where compiled code is kept, and bring what there is."""
    if not config.CACHE_DIR and not _writable(BESIDE):
        config.CACHE_DIR = str(_private(Path(tempfile.gettempdir())))
    if config.CACHE_DIR:
        name = _locator.get_suitable_cache_subpath(__file__)
        with contextlib.suppress(OSError):
            _drop_former(Path(config.CACHE_DIR) / name)
            _copy(BESIDE, Path(config.CACHE_DIR) / name)
    else:
        _drop_former(BESIDE)


def sources() -> str:
    """What is compiled, as one digest."""
    found = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


def _drop_former(folder: Path) -> None:
    """Forget what was compiled of other sources.

    Numba looks at the file of a function alone, but what a function calls is compiled into it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp, now = folder / _STAMP, sources()
    with alone():
        if not stamp.exists() or stamp.read_text() != now:
            for file in folder.glob("*.nb[ic]"):
                file.unlink()
            stamp.write_text(now)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _private(parent: Path) -> Path:
    """A folder that nobody else can write: code is loaded from it."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    place = hashlib.sha256(str(BESIDE).encode()).hexdigest()[:8]
    folder = parent / f"partner-registry-matcher-{user}-{place}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077 and found.st_uid in (user, 0):
        return folder
    return Path(tempfile.mkdtemp(prefix="partner-registry-matcher-"))


def _copy(source: Path, target: Path) -> None:
    """Compiled code of ``source``, unless ``target`` has some."""
    target.mkdir(parents=True, exist_ok=True)
    with alone():
        if not any(target.glob("*.nbi")) and _compiled(source):
            # The index of a function comes after the code that it names.
            for pattern in ("*.nbc", "*.nbi"):
                for file in source.glob(pattern):
                    shutil.copyfile(file, target / file.name)


def _compiled(folder: Path) -> bool:
    """Whether a folder holds what was compiled of these sources."""
    stamp = folder / _STAMP
    return stamp.exists() and stamp.read_text() == sources()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of the folder that the compiled code is kept in."""
    folder = Path(config.CACHE_DIR) if config.CACHE_DIR else BESIDE
    with (folder / _LOCK).open("wb") as handle:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


settle()
