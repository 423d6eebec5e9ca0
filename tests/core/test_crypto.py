"""Sealed values open for their own record under their own key, and for nothing else."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import crypto
from app.core.crypto import KeyRing, RootKey, Undecipherable
from app.core.db import Database
from app.core.settings import UnsafeSettings

ROOT = RootKey.generate("demo")


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    async with database.session() as session:
        yield session


def _scope() -> str:
    return f"agency:{secrets.token_hex(8)}"


async def test_a_sealed_value_opens_with_its_context_and_hides_its_text(
    session: AsyncSession,
) -> None:
    ring, scope = KeyRing(ROOT), _scope()
    for plain in (b"", b"x", b"canary" * 10_000):
        sealed = await ring.seal(session, scope, "record|1", plain)
        assert b"canary" not in sealed
        assert await ring.open(session, "record|1", sealed) == plain


async def test_the_same_text_twice_is_sealed_differently(session: AsyncSession) -> None:
    ring, scope = KeyRing(ROOT), _scope()
    assert await ring.seal(session, scope, "r", b"x") != await ring.seal(session, scope, "r", b"x")


async def test_a_value_moved_to_another_record_does_not_open(session: AsyncSession) -> None:
    ring, scope = KeyRing(ROOT), _scope()
    sealed = await ring.seal(session, scope, "assessment|1|v1|UNICEF", b"text")
    for context in ("assessment|2|v1|UNICEF", "assessment|1|v2|UNICEF", "assessment|1|v1|WFP", ""):
        with pytest.raises(Undecipherable):
            await ring.open(session, context, sealed)


async def test_any_changed_byte_is_noticed(session: AsyncSession) -> None:
    ring = KeyRing(ROOT)
    sealed = await ring.seal(session, _scope(), "r", b"some text")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Undecipherable):
            await ring.open(session, "r", bytes(changed))


async def test_what_is_no_sealed_value_does_not_open(session: AsyncSession) -> None:
    for value in (b"", b"\x01", b"\x03" + bytes(200), b"\x02" + bytes(103), b"\x01" + bytes(103)):
        with pytest.raises(Undecipherable):
            await KeyRing(ROOT).open(session, "r", value)


async def test_the_header_of_one_value_does_not_open_another(session: AsyncSession) -> None:
    ring, scope = KeyRing(ROOT), _scope()
    first = await ring.seal(session, scope, "r", b"first")
    second = await ring.seal(session, scope, "r", b"other")
    with pytest.raises(Undecipherable):
        await ring.open(session, "r", first[:77] + second[77:])


async def test_another_root_key_opens_nothing(session: AsyncSession) -> None:
    sealed = await KeyRing(ROOT).seal(session, _scope(), "r", b"text")
    with pytest.raises(Undecipherable):
        await KeyRing(RootKey.generate("demo")).open(session, "r", sealed)


async def test_agencies_have_keys_of_their_own(session: AsyncSession) -> None:
    ring = KeyRing(ROOT)
    ids = {(await ring.seal(session, scope, "r", b"x"))[1:17] for scope in (_scope(), _scope())}
    assert len(ids) == 2


@pytest.mark.parametrize("seals", [1, 2])
async def test_a_key_that_was_rolled_back_is_not_remembered(seals: int, database: Database) -> None:
    """The second seal of a transaction sees the key that the first one made and may yet lose."""
    ring, scope = KeyRing(ROOT), _scope()
    async with database.session() as session:
        for _ in range(seals):
            await ring.open(session, "r", await ring.seal(session, scope, "r", b"lost"))
        await session.rollback()
    async with database.session() as session:
        sealed = await ring.seal(session, scope, "r", b"kept")
    async with database.session() as session:
        assert await KeyRing(ROOT).open(session, "r", sealed) == b"kept"


async def test_one_scope_gets_one_key_from_many_writers(database: Database) -> None:
    scope = _scope()
    found = set()
    for _ in range(4):
        async with database.session() as session:
            found.add((await KeyRing(ROOT).seal(session, scope, "r", b"x"))[1:17])
    assert len(found) == 1


async def test_keys_are_read_again_after_a_minute(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, scope = KeyRing(ROOT), _scope()
    async with database.session() as session:
        sealed = await ring.seal(session, scope, "r", b"x")
    reads: list[str] = []
    fetch = crypto.fetch

    async def counted(connection: object, sql: str, *args: object) -> object:
        reads.append(sql)
        return await fetch(connection, sql, *args)

    monkeypatch.setattr(crypto, "fetch", counted)
    async with database.session() as session:
        for _ in range(3):
            await ring.seal(session, scope, "r", b"x")
            await ring.open(session, "r", sealed)
        assert len(reads) == 1, "read once, remembered after"
        monkeypatch.setattr(crypto, "_CACHE_S", 0.0)
        await ring.seal(session, scope, "r", b"x")
        await ring.open(session, "r", sealed)
        assert len(reads) == 3


async def test_a_raw_connection_works_as_well(database: Database) -> None:
    ring, scope = KeyRing(ROOT), _scope()
    async with database.fast_write(None) as connection:
        sealed = await ring.seal(connection, scope, "r", b"fast")
    async with database.fast_read() as connection:
        assert await ring.open(connection, "r", sealed) == b"fast"


async def test_a_missing_key_says_so(
    session: AsyncSession, database: Database, operator_database: Database
) -> None:
    scope = _scope()
    async with database.session() as other:
        sealed = await KeyRing(ROOT).seal(other, scope, "r", b"x")
    async with operator_database.connection() as connection:
        await connection.execute("DELETE FROM encryption_keys WHERE scope = $1", scope)
    with pytest.raises(Undecipherable, match="gone"):
        await KeyRing(ROOT).open(session, "r", sealed)


def test_a_root_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "root.key"
    ROOT.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert RootKey.load(path) == ROOT
    with pytest.raises(FileExistsError):
        RootKey.generate("demo").save(path)
    production = RootKey.generate("production")
    production.save(tmp_path / "production.key")
    assert RootKey.load(tmp_path / "production.key").purpose == "production"


_GOOD = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "content",
    ["", "x", "registry-root-key:v1:demo:", "registry-root-key:v1:demo:AAAA", f"demo:{_GOOD}",
     f"registry-root-key:v1:other:{_GOOD}", "registry-root-key:v1:demo:!!!!",
     "registry-root-key:v1:é"],
)  # fmt: skip
def test_a_broken_root_key_file_is_one_clear_sentence(content: str, tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    path.write_text(content, "utf-8")
    with pytest.raises(UnsafeSettings, match=r"^The root key file .*\.$"):
        RootKey.load(path)
    with pytest.raises(UnsafeSettings, match="cannot be read"):
        RootKey.load(tmp_path / "absent.key")


async def test_derived_keys_differ_by_purpose_and_by_root() -> None:
    assert ROOT.derive("cursors") == ROOT.derive("cursors")
    assert len({ROOT.derive("a"), ROOT.derive("b"), RootKey.generate("demo").derive("a")}) == 3
    wrapped = await ROOT.wrap(b"key", "context")
    assert await ROOT.unwrap(wrapped, "context") == b"key"
    for value, context in ((wrapped, "other"), (wrapped[:-1], "context"), (b"", "context")):
        with pytest.raises(Undecipherable):
            await ROOT.unwrap(value, context)
