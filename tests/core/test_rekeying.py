"""Keys change beside a running service: nothing is lost, nothing stays under the old key."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI

from app.auth.key_rotation import WRAPPED
from app.auth.keys import SigningKeys
from app.core import crypto, rekeying
from app.core.crypto import HEADER, KeyRing, RootKey, Undecipherable, agency_scope, key_id_of
from app.core.db import Database
from app.core.key_provider import RootKeys
from app.core.rekeying import RotationProblem, rewrap, rotate_encryption
from app.core.settings import Settings
from app.main import create_app
from tests.assessments.factories import PURPOSE, make_assessment, make_share, request_body
from tests.conftest import cloned, settings_for
from tests.partners.factories import make_partner
from tests.sanctions.factories import reviewed_case
from tests.support import Api, World, build_world, open_api

CANARY = b"Canary"
SCREENED = {"subject": {"kind": "person", "names": ["Canary Screened"], "countries": ["KE"]}}


class Interrupted(Exception):
    """Ctrl-C, as the progress bar sees it."""


def silent(step: str, done: int, total: int) -> None:
    """A report that nobody reads."""


@dataclass
class House:
    """A running service on a database of its own, with something sealed in every table."""

    app: FastAPI
    world: World
    operator: Database
    apis: dict[str, Api] = field(default_factory=dict)
    reads: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def root(self) -> RootKey:
        key: RootKey = self.app.state.root.current
        return key

    async def api_for(self, name: str, *scopes: str) -> Api:
        if name not in self.apis:
            self.apis[name] = await open_api(self.app, self.world, name, ())
        return self.apis[name]

    async def contents(self) -> list[Any]:
        """Everything that was sealed, as its readers get it."""
        return [
            await (await self.api_for(name)).read(url, headers=headers)
            for name, url, headers in self.reads
        ]

    async def keys(self) -> dict[tuple[int, UUID], int]:
        """How many values there are under each key."""
        async with self.operator.connection() as connection:
            return await rekeying.census(connection, silent)

    async def fetch(self, sql: str, *values: object) -> Any:
        async with self.operator.connection() as connection:
            return await connection.fetch(sql, *values)

    async def fill(self) -> None:
        api_for = self.api_for
        unicef, wfp, undp = await api_for("UNICEF"), await api_for("WFP"), await api_for("UNDP")
        made = await make_assessment(unicef)
        await make_share(unicef, made["id"])
        asked = await wfp.made("/v1/access-requests", request_body(made["id"], purpose="AUDIT"))
        url = f"/v1/access-requests/{asked['id']}"
        denied = await unicef.post(
            f"{url}/decision",
            json={"decision": "deny", "reason": "Canary: under revision"},
            headers={"If-Match": '"v1"'},
        )
        assert denied.status_code == 200, denied.text
        case = await reviewed_case(api_for, made["partner_id"])
        await wfp.made("/v1/screenings", SCREENED)
        clearance = await wfp.made(
            "/v1/clearances",
            {"partner": {"name": "Canary Cleared", "country": "KEN"}, "country": "KEN",
             "purpose": "PARTNER_SELECTION"},
        )  # fmt: skip
        detail = f"/v1/assessments/{made['id']}/detail"
        self.reads = [
            ("UNICEF", detail, {}),
            ("WFP", detail, PURPOSE),
            ("WFP", url, {}),
            ("UNDP", f"/v1/sanctions/cases/{case['id']}", {}),
            ("WFP", f"/v1/clearances/{clearance['clearance_id']}", {}),
        ]
        await undp.read(f"/v1/sanctions/cases/{case['id']}")


@asynccontextmanager
async def opened(settings: Settings, world: World) -> AsyncIterator[House]:
    app = create_app(settings)
    operator = Database(settings.require("database_migration_url"), settings)
    async with app.router.lifespan_context(app):
        house = House(app, world, operator)
        yield house
        for api in house.apis.values():
            await api.aclose()
    await operator.close()


@dataclass
class Filled:
    """A database with something sealed in every table, to be cloned."""

    name: str
    world: World
    reads: list[tuple[str, str, dict[str, str]]]


@pytest.fixture(scope="module")
async def filled(worker_name: str, root_key: Path) -> AsyncIterator[Filled]:
    async with cloned(f"registry_filled_{worker_name}_{secrets.token_hex(3)}") as name:
        settings = settings_for(name, root_key)
        world = await build_world(settings)
        async with opened(settings, world) as house:
            await house.fill()
        yield Filled(name, world, house.reads)


@pytest.fixture
async def house(filled: Filled, root_key: Path) -> AsyncIterator[House]:
    async with (
        cloned(f"{filled.name}_{secrets.token_hex(3)}", filled.name) as name,
        opened(settings_for(name, root_key), filled.world) as found,
    ):
        found.reads = list(filled.reads)
        yield found


def stop_at(step: str) -> Callable[[str, int, int], None]:
    """A report that is interrupted at this step."""

    def report(name: str, done: int, total: int) -> None:
        if name == step:
            raise Interrupted

    return report


async def _write(house: House, stop: asyncio.Event, made: list[str]) -> None:
    """File assessments, as UNICEF's own system does all day."""
    unicef = await house.api_for("UNICEF")
    # Of a partner of its own: a later result would supersede one that is compared.
    partner = (await make_partner(unicef))["id"]
    while not stop.is_set():
        made.append((await make_assessment(unicef, partner))["id"])


# ------------------------------------------------------------------------------- encryption keys


async def test_a_rotation_is_interrupted_resumed_and_loses_nothing_while_others_write(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto, "_CACHE_S", 0.5)
    monkeypatch.setattr(rekeying, "_BLOCKS", 1)
    before, old = await house.contents(), await house.keys()
    assert sum(old.values()) >= 12, "something is sealed in every table"
    stop, made = asyncio.Event(), list[str]()
    writers = [asyncio.create_task(_write(house, stop, made)) for _ in range(2)]

    with pytest.raises(Interrupted):
        await rotate_encryption(house.operator, house.root, None, stop_at("moving clearances"))
    between = await house.keys()
    assert old.keys() & between.keys(), "not all has moved"
    assert between.keys() - old.keys(), "something has moved"
    assert await house.contents() == before

    # The settling time of this run: half a second of memory, and transactions of milliseconds.
    outcome = await rotate_encryption(house.operator, house.root, None, silent, settle_s=2)
    stop.set()
    await asyncio.gather(*writers)

    assert outcome.scopes == 0, "the keys that the first run made are used"
    assert outcome.values > 0
    assert set(outcome.deleted) == {key for _, key in old}
    assert (outcome.kept, outcome.unsettled) == ({}, 0)
    after = await house.keys()
    assert not after.keys() & old.keys()
    current = await house.fetch("SELECT id FROM encryption_keys")
    assert {key for _, key in after} <= {UUID(str(row[0])) for row in current}
    assert len(current) == 3, "one key for each agency that sealed something"
    assert await house.contents() == before
    unicef = await house.api_for("UNICEF")
    assert len(made) > 5
    for name in made:
        await unicef.read(f"/v1/assessments/{name}/detail")


async def test_a_replay_is_the_same_after_a_rotation(house: House) -> None:
    wfp = await house.api_for("WFP")
    key = {"Idempotency-Key": uuid4().hex}
    first = await wfp.post("/v1/screenings", json=SCREENED, headers=key)
    await rotate_encryption(house.operator, house.root, None, silent, settle_s=0)
    again = await wfp.post("/v1/screenings", json=SCREENED, headers=key)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_no_table_of_the_database_holds_a_sealed_text(house: House) -> None:
    """As `pg_dump` would print it, before and after a change of keys."""
    for _ in range(2):
        tables = await house.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert len(tables) > 20
        found = [
            row[0]
            for row in tables
            for line in await house.fetch(f'SELECT t::text FROM "{row[0]}" t')
            if CANARY.decode() in line[0] or CANARY.hex() in line[0]
        ]
        assert found == []
        await rotate_encryption(house.operator, house.root, None, silent, settle_s=0)


async def test_values_exchanged_between_rows_do_not_open(house: House) -> None:
    """Neither whole nor in parts: under one key of one owner."""
    unicef = await house.api_for("UNICEF")
    ids = [(await make_assessment(unicef))["id"] for _ in range(2)]
    urls = [f"/v1/assessments/{name}/detail" for name in ids]
    for url in urls:
        await unicef.read(url)
    sealed = "(SELECT sealed FROM assessment_details WHERE assessment_id = $2)"
    for value in (
        sealed,
        f"overlay(sealed PLACING substring({sealed} FOR {HEADER}) FROM 1)",
        f"overlay({sealed} PLACING substring(sealed FOR {HEADER}) FROM 1)",
    ):
        kept = (await house.fetch(sealed.replace("$2", "$1"), UUID(ids[0])))[0][0]
        await house.fetch(
            f"UPDATE assessment_details SET sealed = {value} WHERE assessment_id = $1",
            *map(UUID, ids),
        )
        assert (await unicef.get(urls[0])).status_code == 500
        await house.fetch(
            "UPDATE assessment_details SET sealed = $2 WHERE assessment_id = $1",
            UUID(ids[0]),
            kept,
        )
        await unicef.read(urls[0])


async def test_one_scope_alone(house: House) -> None:
    old = await house.keys()
    scope = agency_scope(house.world.agencies["UNDP"])
    outcome = await rotate_encryption(house.operator, house.root, scope, silent, settle_s=0)
    assert (outcome.scopes, len(outcome.deleted)) == (1, 1)
    assert len(old.keys() - (await house.keys()).keys()) == 1
    with pytest.raises(RotationProblem, match="no encryption key of scope agency:nobody"):
        await rotate_encryption(house.operator, house.root, "agency:nobody", silent)


async def test_an_old_key_stays_while_a_process_may_still_use_it(house: House) -> None:
    unicef = await house.api_for("UNICEF")
    await make_assessment(unicef)
    outcome = await rotate_encryption(house.operator, house.root, None, silent, sleep=None)
    assert (outcome.scopes, outcome.deleted, outcome.unsettled) == (3, (), 3)
    # What this process remembers is the old key, and it may seal with it.
    late = (await make_assessment(unicef))["id"]
    again = await rotate_encryption(house.operator, house.root, None, silent, sleep=None)
    assert (again.scopes, again.unsettled) == (0, 3), "unfinished: no second new key"
    assert again.values == 3, "the detail, its stored answer, and that of its partner"
    last = await rotate_encryption(house.operator, house.root, None, silent, settle_s=0)
    assert len(last.deleted) == 3
    await unicef.read(f"/v1/assessments/{late}/detail")


async def test_it_waits_until_nobody_can_use_the_old_keys(house: House) -> None:
    seconds: list[float] = []

    async def sleep(for_: float) -> None:
        seconds.append(for_)

    outcome = await rotate_encryption(house.operator, house.root, None, silent, sleep=sleep)
    assert 145 <= sum(seconds) <= 150
    assert outcome.unsettled == 3, "the clock of the database says whether the time has passed"


async def test_what_keeps_appearing_under_an_old_key_is_said(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is still in use is not deleted, whatever the clock says."""

    async def none(*args: object) -> int:
        return 0

    monkeypatch.setattr(rekeying, "_move_all", none)
    with pytest.raises(RotationProblem, match="keep appearing"):
        await rotate_encryption(house.operator, house.root, None, silent, settle_s=0)
    assert await house.contents()


async def test_two_rotations_at_once_make_one_new_key(house: House) -> None:
    outcomes = await asyncio.gather(
        *(rotate_encryption(house.operator, house.root, None, silent, sleep=None) for _ in range(4))
    )
    assert sum(outcome.scopes for outcome in outcomes) == 3
    assert len(await house.fetch("SELECT id FROM encryption_keys")) == 6
    assert await house.contents()


def sealed_first_format(key: crypto.Kek, context: str, plain: bytes) -> bytes:
    """As the first release sealed: the data key bound to the context as well."""
    bound = f"v1|{key.id}|{context}".encode()
    data_key, one, two = os.urandom(32), os.urandom(12), os.urandom(12)
    wrapped = AESGCM(key.secret).encrypt(one, data_key, bound)
    return (
        b"\x01" + key.id.bytes + one + wrapped + two + AESGCM(data_key).encrypt(two, plain, bound)
    )


async def test_the_first_format_is_read_and_keeps_its_key(house: House) -> None:
    ring = KeyRing(house.root)
    owner = house.world.agencies["WFP"]
    (row,) = await house.fetch("SELECT id, agency_id, sealed_answer FROM clearances")
    context = f"clearances.answer|{row['id']}|{owner}"
    async with house.operator.connection() as connection:
        plain = await ring.open(connection, context, row["sealed_answer"])
        key = await ring._key(connection, key_id_of(row["sealed_answer"]))
        # As it lies in a database that an older release has filled.
        await connection.execute("ALTER TABLE clearances DISABLE TRIGGER USER")
        await connection.execute(
            "UPDATE clearances SET sealed_answer = $1", sealed_first_format(key, context, plain)
        )
        await connection.execute("ALTER TABLE clearances ENABLE TRIGGER USER")
    before = await house.contents()
    for kept in ({key.id: 1}, {}):
        outcome = await rotate_encryption(house.operator, house.root, None, silent, settle_s=0)
        assert (outcome.scopes, outcome.kept) == (3, kept)
        assert len(outcome.deleted) == 3 - len(kept)
        assert await house.contents() == before
    old = sealed_first_format(key, "other", plain)
    with pytest.raises(Undecipherable):
        async with house.operator.connection() as connection:
            await ring.open(connection, context, old)


# ------------------------------------------------------------------------------ append-only


def _turned(*places: int) -> str:
    """SQL that turns every bit of these bytes over: never what stood there."""
    value = "sealed_answer"
    for place in places:
        value = f"set_byte({value}, {place - 1}, 255 - get_byte({value}, {place - 1}))"
    return f"sealed_answer = {value}"


_CHANGES = (
    (_turned(HEADER), True),
    (_turned(2), True),
    (_turned(HEADER, HEADER + 1), False),
    ("sealed_answer = overlay(sealed_answer PLACING '\\x01' FROM 1)", False),
    (f"sealed_answer = substring(sealed_answer FOR {HEADER})", False),
    ("sealed_answer = sealed_answer", False),
    (f"outcome = 'CLEAR', {_turned(2)}", False),
    ("receipt_payload = 'x'", False),
)
"""What is written over a row, and whether a change of keys may."""


async def test_an_append_only_row_takes_another_key_header_and_nothing_else(house: House) -> None:
    for change, allowed in _CHANGES:
        for role in ("reg_owner", "reg_app"):
            await _written_over(house, role, change, allowed and role == "reg_owner")


async def _written_over(house: House, role: str, change: str, allowed: bool) -> None:
    update = f"UPDATE clearances SET {change}"
    agency = house.world.agencies["WFP"]
    async with house.operator.connection() as connection:
        outer = connection.transaction()
        await outer.start()
        await connection.execute(f"SELECT set_config('app.agency_id', '{agency}', true)")
        if role == "reg_app":
            await connection.execute("GRANT UPDATE ON clearances TO reg_app")
            await connection.execute(
                "CREATE POLICY p ON clearances FOR UPDATE TO reg_app USING (true)"
            )
        await connection.execute(f"SET LOCAL ROLE {role}")
        await connection.execute("SET LOCAL app.rekey = 'on'")
        # Whatever a session prints bytes as.
        await connection.execute("SET LOCAL bytea_output = 'escape'")
        if allowed:
            assert await connection.execute(update) == "UPDATE 1", change
        else:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await connection.execute(update)
        await outer.rollback()


async def test_the_operator_that_does_not_change_keys_sees_nothing_sealed(house: House) -> None:
    async with house.operator.connection() as connection:
        for declared, rows in ((None, 0), ("off", 0), ("on", 1)):
            async with connection.transaction():
                await connection.execute("SET LOCAL ROLE reg_owner")
                if declared:
                    await connection.execute(f"SET LOCAL app.rekey = '{declared}'")
                assert await connection.fetchval("SELECT count(*) FROM clearances") == rows
                changed = await connection.execute(f"UPDATE clearances SET {_turned(HEADER)}")
                assert changed == f"UPDATE {rows}"


async def test_an_append_only_row_is_not_deleted_by_the_operator(house: House) -> None:
    async with house.operator.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await connection.execute("DELETE FROM clearances")


async def test_the_operator_reaches_every_table_that_holds_sealed_values(house: House) -> None:
    async with house.operator.connection() as connection:
        tables = await rekeying.sealed_tables(connection)
        assert {"assessment_details", "clearances", "sanction_case_steps"} <= {
            table.name for table in tables
        }
        without = [
            (table.name, command)
            for table in tables
            for command in ("r", "w")
            if not await connection.fetchval(
                "SELECT NOT c.relrowsecurity OR EXISTS (SELECT FROM pg_policy y "
                "WHERE y.polrelid = c.oid AND y.polcmd::text IN ('*', $2) "
                "AND 'reg_owner'::regrole = ANY (y.polroles)) FROM pg_class c "
                "WHERE c.oid = $1::regclass",
                table.name,
                command,
            )
        ]
    assert without == []


# --------------------------------------------------------------------------------- root key


async def _rewrap(house: House, root: RootKeys, report: Any = silent) -> int:
    return await rewrap(house.operator, root, (rekeying.ENCRYPTION_KEYS, WRAPPED), report)


async def _readable(house: House, root: RootKeys | RootKey) -> bool:
    """Whether a process that starts with these root keys opens and signs everything."""
    database: Database = house.app.state.database
    keys, ring = SigningKeys(database, root), KeyRing(root)
    try:
        for use in ("token", "list", "receipt"):
            await keys.signing_key(use)
        await keys.note_key()
        async with database.session() as session:
            for row in await house.fetch("SELECT id FROM encryption_keys"):
                await ring._key(session, row[0])
    except Undecipherable:
        return False
    return True


async def test_a_root_key_is_changed_in_steps_that_may_be_interrupted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rekeying, "_BATCH", 2)
    former, new = house.root, RootKey.generate("demo")
    both = RootKeys(new, (former,))
    with pytest.raises(Interrupted):
        await _rewrap(house, both, stop_at("wrapping signing_keys"))
    assert not await _readable(house, former)
    assert not await _readable(house, new)
    assert await _readable(house, RootKeys(former, (new,))), "a process of before the change"
    assert await _readable(house, both), "a process of after it"

    # A process that still wraps with the former key makes a key for an agency of no key yet.
    fao = agency_scope(house.world.agencies["FAO"])
    async with house.app.state.database.session() as session:
        await KeyRing(RootKeys(former, (new,))).seal(session, fao, "r", b"x")
    assert await _rewrap(house, both) > 0
    assert await _readable(house, new)
    assert not await _readable(house, former)
    assert await _rewrap(house, both) == 0, "nothing is left to do"


async def test_a_key_that_neither_root_key_wrapped_stops_the_change(house: House) -> None:
    stranger = RootKeys(RootKey.generate("demo"), (RootKey.generate("demo"),))
    with pytest.raises(Undecipherable):
        await _rewrap(house, stranger)
    assert await _readable(house, house.root)


# ------------------------------------------------------------------------------------- cost


@pytest.mark.drill
async def test_figures_of_sealing_and_of_a_rotation(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Values sealed, opened and moved per second."""
    ring, scope = KeyRing(house.root), agency_scope(house.world.agencies["FAO"])
    clock = asyncio.get_running_loop().time
    database: Database = house.app.state.database
    plain = os.urandom(1_024)
    async with database.fast_write(None) as connection:
        await ring.seal(connection, scope, "r", plain)
    async with database.fast_write(None) as connection:
        await ring.seal(connection, scope, "r", plain)
        started = clock()
        values = [await ring.seal(connection, scope, "r", plain) for _ in range(20_000)]
        sealed_at = clock()
        for value in values:
            await ring.open(connection, "r", value)
        opened_at = clock()
    await house.fetch(
        "INSERT INTO idempotency_keys (agency_id, client_id, route, key, fingerprint, status, "
        "headers, sealed_body) SELECT $1, 'x', 'x', ordinality::text, '', 201, '{}', value "
        "FROM unnest($2::bytea[]) WITH ORDINALITY AS t (value, ordinality)",
        house.world.agencies["FAO"],
        values,
    )
    moving_at = clock()
    outcome = await rotate_encryption(house.operator, house.root, scope, silent, settle_s=0)
    ended = clock()
    assert outcome.values == 20_000
    with capsys.disabled():
        print(  # noqa: T201 - figures for a person
            f"\n1 KB: {20_000 / (sealed_at - started):.0f} sealed/s, "
            f"{20_000 / (opened_at - sealed_at):.0f} opened/s, "
            f"{20_000 / (ended - moving_at):.0f} moved/s"
        )
