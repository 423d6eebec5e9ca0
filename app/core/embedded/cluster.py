"""Creating a data folder and bringing a server up on it; the caller holds the folder's lock."""

import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from app.core.embedded import files
from app.core.embedded.account import Account
from app.core.embedded.errors import EmbeddedPostgresError, explain, port_taken

SUPERUSER = "postgres"
POLL_S = 0.02
START_TIMEOUT_S = 120.0  # crash recovery of a busy server takes its time
_QUIT_S = 10.0
_ATTEMPTS = 20
_LOG_LIMIT_BYTES = 10 * 1024 * 1024
# Below the range from which the machine takes ports for outgoing connections.
_PORTS = range(15_432, 32_000)
# pg_trgm and full text search ask the C library what a letter is: plain C would know ASCII only.
_CTYPES = ("C.UTF-8", "en_US.UTF-8", "C")
# What is left of a killed server may take a moment to go away.
_PASSING = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')

# Their parent must reap them, or a killed server would keep its pid for ever.
_children: set[int] = set()


def find_server(data: Path) -> files.Postmaster | None:
    """The live server of a data folder, whoever started it."""
    _reap()
    known = files.read_postmaster(data)
    return known if known is not None and files.serves(known.pid, data) else None


def _reap() -> None:
    for pid in list(_children):
        try:
            gone, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # reaped already, or the child of the process we forked from
            gone = pid
        if gone:
            _children.discard(pid)


def create(account: Account, password: str, *, sync: bool) -> None:
    """Make the data folder unless it is there. A kill half-way leaves nothing in its place."""
    data = account.place / "data"
    version = data / "PG_VERSION"
    if version.exists():
        _check_version(account, version)
        return
    if data.exists():
        try:
            data.rmdir()
        except OSError:
            raise EmbeddedPostgresError(
                f"{data} holds something that is not a database: move it away and start again."
            ) from None
    _sweep(account.place)
    for ctype in _CTYPES:
        draft = account.place / f"data.new-{secrets.token_hex(4)}"
        output = _initdb(account, draft, password, ctype, sync=sync)
        if output is None:
            draft.rename(data)
            _sync_folder(account.place)
            return
        shutil.rmtree(draft, ignore_errors=True)
        if "invalid locale name" not in output:
            break
    raise explain(output or "", account.place)


def _initdb(account: Account, draft: Path, password: str, ctype: str, *, sync: bool) -> str | None:
    """Run initdb; None when it went well, else what it said."""
    draft.mkdir(mode=0o700)
    account.give(draft)
    secret = draft.with_suffix(".password")
    files.write_private(secret, password + "\n")
    account.give(secret)
    command = account.command(
        "initdb",
        f"--pgdata={draft}",
        f"--username={SUPERUSER}",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # Built in: sorts the same on every machine and never changes with the C library.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        f"--lc-ctype={ctype}",
        "--no-instructions",
        *([] if sync else ["--no-sync"]),
    )
    try:
        result = account.run(command)
    finally:
        secret.unlink(missing_ok=True)
    return None if result.returncode == 0 else result.stdout


def launch(account: Account, log: Path, settings: Mapping[str, str], last: int | None) -> int:
    """Start the server and return its port: that of `settings`, else the last, else a free one."""
    pinned = settings.get("port")
    _forget_dead(account.place / "data")
    _rotate(log)
    for attempt in range(_ATTEMPTS):
        # After a refusal the last port is somebody else's.
        port = int(pinned) if pinned else _free_port(last if attempt == 0 else None)
        if pinned and not _is_free(port):
            raise port_taken(port)
        _configure(account, {**settings, "port": str(port)})
        said = _try_start(account, log)
        if said is None:
            return port
        if any(mark in said for mark in _PASSING):
            last = port
            time.sleep(0.5)
        elif "could not bind" not in said:
            break
        elif pinned:
            raise port_taken(port)
    raise explain(said or "", account.place, log)


def _try_start(account: Account, log: Path) -> str | None:
    """One start; None when the server takes connections, else what it wrote to the log."""
    data = account.place / "data"
    command = account.command("postgres", "-D", str(data))
    command += ["-c", f"config_file={account.place / 'registry.conf'}"]
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as output:
        begin = output.seek(0, os.SEEK_END)
        child = account.spawn(command, output)
    deadline = time.monotonic() + START_TIMEOUT_S
    while child.poll() is None:
        known = files.read_postmaster(data)
        if known is not None and known.pid == child.pid and known.status == "ready":
            _children.add(child.pid)
            child.returncode = 0  # it outlives this object, which would complain about that
            return None
        if time.monotonic() > deadline:
            _end(child)
            break
        time.sleep(POLL_S)
    with log.open("rb") as written:
        written.seek(begin)
        return written.read().decode(errors="replace")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a server that does not come up; one that young may not listen to a polite signal yet."""
    child.send_signal(signal.SIGQUIT)
    try:
        child.wait(_QUIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _configure(account: Account, settings: Mapping[str, str]) -> None:
    """Write the settings outside the data folder, where the server itself never writes."""
    programs = account.run(account.command("pg_config", "--configure")).stdout
    wanted = dict(files.SETTINGS)
    if "--with-lz4" in programs:
        wanted["wal_compression"] = "lz4"
    hba = account.place / "pg_hba.conf"
    wanted["hba_file"] = str(hba)
    # What initdb found out about the machine stays; everything of ours comes after it.
    text = "include_if_exists = 'data/postgresql.conf'\n"
    text += files.settings_text({**wanted, **settings})
    for path, content in ((hba, files.HBA), (account.place / "registry.conf", text)):
        files.write_private(path, content)
        account.give(path)


def _forget_dead(data: Path) -> None:
    """Remove a dead server's pid file when its pid is taken again: PostgreSQL would refuse.

    Whether old server processes still hold the data, PostgreSQL sees by its shared memory.
    """
    known = files.read_postmaster(data)
    if known is None or files.serves(known.pid, data):
        return
    try:
        os.kill(known.pid, 0)
    except ProcessLookupError:
        return
    except PermissionError:
        pass
    (data / "postmaster.pid").unlink(missing_ok=True)


def _check_version(account: Account, version: Path) -> None:
    made_by = version.read_text(encoding="utf-8").strip()
    said = account.run(account.command("postgres", "--version")).stdout
    found = re.search(r"\) (\d+)", said)
    if found is None:
        raise explain(said, account.place)
    if made_by != found[1]:
        raise EmbeddedPostgresError(
            f"{version.parent} was made by PostgreSQL {made_by} and the installed one is "
            f"{found[1]}: carry the data over by pg_dump, or remove the folder to start anew."
        )


def _free_port(preferred: int | None) -> int:
    # Not a secret; only two servers should not meet on one number.
    tried = [preferred] if preferred else []
    tried += random.sample(_PORTS, 50)
    for port in tried:
        if _is_free(port):
            return port
    raise EmbeddedPostgresError("No free port was found on 127.0.0.1 for the embedded PostgreSQL.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As PostgreSQL does: connections that ended a moment ago do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _sweep(place: Path) -> None:
    """Remove what a killed initdb left."""
    for leftover in place.glob("data.new-*"):
        if leftover.is_dir():
            # One that is still being written goes next time.
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _rotate(log: Path) -> None:
    """Keep one old log; copy-and-truncate by other tools works at any time too."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
