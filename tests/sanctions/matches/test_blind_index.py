"""People are found by hashes: made with the entry, gone with it, and nobody can read them."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from app.core import rekeying
from app.core.crypto import KeyRing
from app.core.db import Database
from app.partners.people import blind, marks
from app.sanctions.matches import sweeping
from app.sanctions.matches.found import SubjectRef
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.people.factories import add_person, file_request
from tests.sanctions.lists.support import party
from tests.sanctions.matches.conftest import Again, Put
from tests.support import World

V1, V2 = {"If-Match": '"v1"'}, {"If-Match": '"v2"'}


async def _tokens(database: Database, person: str) -> Any:
    async with database.session() as session:
        sql = "SELECT * FROM partner_person_tokens WHERE person_id = :id"
        return (await session.execute(text(sql), {"id": UUID(person)})).one_or_none()


async def _met(database: Database, keyring: KeyRing, *names: str) -> set[str]:
    async with database.session() as session:
        people, _ = await blind.met(session, keyring, names)
    return {str(one) for one in people}


@pytest.mark.parametrize(
    ("listed", "held", "like"),
    [
        ("Usama bin Laden", "Osama Ben Ladin", True),
        ("محمد حسين الجنابي", "Mohammed Hussein al-Janabi", True),
        ("Wanjiru Kamau", "Kamau, Wanjiku", True),
        ("Nurislam Khan", "Nur Islam Khan", True),
        ("Nur Islam", "Nurislam", True),
        ("Suharto", "Soeharto", True),
        ("Сергей Иванович Петров", "Sergey Petrov", True),
        ("Suharto", "Haji Suharto Wibowo", False),
        ("Wanjiru Kamau", "Wanjiru Odhiambo", False),
        ("Amina Teklehaimanot", "Zbigniew Oyelaran", False),
    ],
)
def test_a_name_is_met_by_two_words_or_as_a_whole(listed: str, held: str, like: bool) -> None:
    kept = marks.stored(held)
    fits = [bool(ask.one & kept and (ask.other or ask.one) & kept) for ask in marks.asked(listed)]
    assert any(fits) is like


async def test_tokens_come_and_go_with_the_entry(
    api_for: ApiFor, worker_database: Database, keyring: KeyRing, world: World
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    url = f"/v1/partners/{partner}/people"
    made = await add_person(unicef, partner, full_name="Perpetua Krzyzanowski")
    one = f"{url}/{made['id']}"
    assert made["id"] in await _met(worker_database, keyring, "Krzyzanovski Perpetua")
    change = {"full_name": "Dympna Ravenscroft", "native_name": "Дымпна Равенскрофт"}
    assert (await unicef.patch(one, json=change, headers=V1)).is_success
    assert made["id"] not in await _met(worker_database, keyring, "Perpetua Krzyzanowski")
    assert made["id"] in await _met(worker_database, keyring, "Ravenscroft Dympna")
    assert (await _tokens(worker_database, made["id"])).sealed_version == 2
    # Of another role, nobody that the lists are asked about.
    other = {"role": "other", "authorised": False, "board_member": False}
    assert (await unicef.patch(one, json=other, headers=V2)).is_success
    assert (await _tokens(worker_database, made["id"])).tokens == []
    signs = {"authorised": True}
    assert (await unicef.patch(one, json=signs, headers={"If-Match": '"v3"'})).is_success
    assert (await _tokens(worker_database, made["id"])).tokens != []
    # Who left long ago is not compared; who left lately is.
    for day, kept in (("2026-10-01", True), ("2020-10-01", False)):
        gone = await add_person(unicef, partner, full_name="Perpetua Krzyzanowski")
        ended = await unicef.post(f"{url}/{gone['id']}/end", json={"valid_to": day}, headers=V1)
        assert ended.is_success, ended.text
        assert bool((await _tokens(worker_database, gone["id"])).tokens) is kept
    # Erasure, by whoever, takes them in the same transaction.
    asked = await file_request(unicef, partner, made["id"], kind="erasure")
    decided = await unicef.post(
        f"{one}/requests/{asked['id']}/decision",
        json={"decision": "granted", "reason": "Asked for."},
        headers=V1,
    )
    assert decided.is_success, decided.text
    assert await _tokens(worker_database, made["id"]) is None


async def test_nothing_can_be_read_in_the_database(
    api_for: ApiFor,
    worker_database: Database,
    operator_database: Database,
    again: Again,
    lists: Put,
) -> None:
    secret = "Qx" + "".join(secrets.choice("bdfgklmnprst") for _ in range(10))
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    await lists(party("9", f"Ludmila {secret}", kind="person"))
    await add_person(unicef, partner, full_name=f"Ludmila {secret}")
    await again()
    needles = {secret.lower(), *(mark.lower() for mark in marks.stored(f"Ludmila {secret}"))}
    needles = {needle for needle in needles if len(needle) > 6}
    assert len(needles) > 3
    async with operator_database.connection() as connection:
        for table in (
            "partner_person_tokens", "blind_keys", "rescreen_tasks", "screened_subjects",
            "partner_people", "outbox", "audit_events",
        ):  # fmt: skip
            rows = await connection.fetch(f"SELECT t.*::text AS r FROM {table} t")
            whole = "\n".join(row["r"] for row in rows).lower()
            for needle in needles:
                assert needle not in whole
                assert needle.encode().hex() not in whole


async def test_the_api_writes_tokens_and_cannot_read_them(database: Database, world: World) -> None:
    for sql in (
        "SELECT person_id FROM partner_person_tokens",
        "DELETE FROM partner_person_tokens",
        "SELECT entries FROM screened_subjects",
        "SELECT subject_id FROM rescreen_tasks",
        "SELECT source FROM list_holders()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.fast_write(world.agencies["UNICEF"]) as connection:
                await connection.fetch(sql)


async def test_a_new_key_takes_over_and_everybody_is_found_meanwhile(
    api_for: ApiFor,
    worker_database: Database,
    operator_database: Database,
    keyring: KeyRing,
    again: Again,
    lists: Put,
    app: Any,
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    old = await add_person(unicef, partner, full_name="Eustachia Hollingsworth")
    ref = SubjectRef(UUID(partner), UUID(old["id"]))
    (before,) = [await _hash(again, lists, ref)]
    first = (await _tokens(worker_database, old["id"])).key_id
    async with worker_database.session() as session:
        second = await blind.retire_key(session, keyring)
        await sweeping.sweep_anew(session, "people")
    new = await add_person(unicef, partner, full_name="Eustachia Hollingsworth")
    assert (await _tokens(worker_database, new["id"])).key_id == second != first
    met = await _met(worker_database, keyring, "Hollingsworth Eustacia")
    assert {old["id"], new["id"]} <= met
    while await sweeping.sweep(worker_database):
        continue
    await again()
    assert (await _tokens(worker_database, old["id"])).key_id == second
    assert {old["id"], new["id"]} <= await _met(worker_database, keyring, "Hollingsworth Eustacia")
    # The retired key goes once nobody can write with it any more, and not before.
    assert await sweeping.end_retired_keys(worker_database) == 0
    async with operator_database.session() as session:
        # People whose sealed names other tests made unreadable keep their old tokens.
        others = "DELETE FROM partner_person_tokens WHERE key_id = :id AND person_id <> ALL (:own)"
        own = [UUID(old["id"]), UUID(new["id"])]
        await session.execute(text(others), {"id": first, "own": own})
        long_ago = "UPDATE blind_keys SET retired_at = now() - interval '1 hour' WHERE id = :id"
        await session.execute(text(long_ago), {"id": first})
    assert await sweeping.end_retired_keys(worker_database) == 1
    # Decided matches stay as they are: the hash of a subject has a key of its own.
    assert await _hash(again, lists, ref) == before
    # A change of the encryption keys leaves the hashes as they are, too.
    root = app.state.root
    await rekeying.rotate_encryption(
        operator_database, root, "partners", lambda *_: None, settle_s=0
    )
    assert old["id"] in await _met(worker_database, KeyRing(root), "Hollingsworth Eustacia")


async def _hash(again: Again, lists: Put, ref: SubjectRef) -> bytes:
    await lists(party("10", "Eustachia Hollingsworth", kind="person", remarks=secrets.token_hex(4)))
    found = [one for some in (await again()).entries.values() for one in some]
    return next(one.subject_hash for one in found if one.subject == ref)
