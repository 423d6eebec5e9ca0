"""A change of encryption keys reaches every sealed column of every feature; all still opens.

The scene of the matrix makes a record of each feature, so a new sealed table is in here as soon as
it is in there; without a value in it this test is red.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from app.core import rekeying
from app.core.crypto import HEADER, KeyRing, agency_scope, key_id_of
from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from tests.audit.support import add_officer
from tests.confidentiality.matrix import PREPARE
from tests.confidentiality.scene import OWNER, Scene, build_scene
from tests.partners.claims.support import claimed_partner
from tests.support import Api, build_world, open_api


@dataclass
class Sealings:
    """What was sealed as what: by the bytes that no change of keys touches."""

    said: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seal = KeyRing.seal

        async def watched(
            ring: KeyRing, connection: Any, scope: str, context: str, plain: bytes
        ) -> bytes:
            sealed = await seal(ring, connection, scope, context, plain)
            self.said[sealed[HEADER:]] = (context, plain)
            return sealed

        monkeypatch.setattr(KeyRing, "seal", watched)


@pytest.fixture
async def filled(
    empty_database: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Any, Database, Sealings]]:
    sealings = Sealings()
    sealings.watch(monkeypatch)
    world, app = await build_world(empty_database), create_app(empty_database)
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    apis: dict[tuple[str, tuple[str, ...]], Api] = {}

    async def api_for(name: str, *scopes: str) -> Api:
        if (name, scopes) not in apis:
            apis[name, scopes] = await open_api(app, world, name, scopes)
        return apis[name, scopes]

    async with app.router.lifespan_context(app):
        scene = await build_scene(api_for, world, operator)
        for prepare in PREPARE:
            await prepare(scene)
        await _answered(scene)
        await _written(scene, KeyRing(app.state.root))
        yield app, operator, sealings
        for api in apis.values():
            await api.aclose()
    await operator.close()


async def _answered(scene: Scene) -> None:
    """Reasons and answers that end what the scene leaves open."""
    owner, second = await scene.owner(), await scene.api_for("UNICEF_APPROVER")
    partner, ids, v1 = scene.ids["partner"], scene.ids, {"If-Match": '"v1"'}
    why = {"reason": "Canary: seen."}
    profile = f"/v1/partners/{partner}"
    holds = f"/v1/legal-holds/{ids['hold']}/release"
    lawyer = await add_officer(scene.operator, scene.world, OWNER, "LEGAL", "LEGAL")
    await (await scene.api_for(lawyer)).made(holds, why)
    kept, admin = await claimed_partner(scene.api_for, scene.world)
    asked = {"pointer": "/profile/acronym", "proposed": "CAN", "reason": "Canary"}
    filed = await owner.made(f"/v1/partners/{kept}/corrections", asked)
    person = f"{profile}/people/{ids['member']}/requests/{ids['person_request']}"
    open_one = (await owner.read(f"{profile}/objections?state=open"))["items"][0]["id"]
    for api, url, body in (
        (owner, f"/v1/access-requests/{ids['request']}", {"decision": "deny"} | why),
        (admin, f"/v1/self/corrections/{filed['id']}", {"decision": "reject"} | why),
        (second, f"{profile}/deactivations/{ids['deactivation']}", {"decision": "refuse"} | why),
        (owner, person, {"decision": "refused"} | why),
        (
            second,
            f"/v1/assessments/{ids['redacted']}/redaction",
            {"decision": "undo"} | why,
        ),
        (
            second,
            f"/v1/objections/{open_one}",
            {"decision": "rejected", "answer": "Canary: it is as it was said."},
        ),
    ):
        done = await api.post(f"{url}/decision", json=body, headers=v1)
        assert done.is_success, (url, done.text)


async def _written(scene: Scene, ring: KeyRing) -> None:
    """What takes operators with keys of their own, a withdrawal, or a second administrator."""
    owner = scene.agency("owner")
    async with scene.operator.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        sealed = [
            await ring.seal(session, agency_scope(owner), name, b"Canary")
            for name in ("lift", "grounds", "window")
        ]
        values = {"lift": sealed[0], "grounds": sealed[1], "window": sealed[2], "owner": owner}
        for statement in (
            "UPDATE sanction_entries SET sealed_end_reason = :lift",
            "UPDATE partner_control_disputes SET sealed_grounds = :grounds, "
            "raised_by_client = 'an-administrator'",
            "INSERT INTO break_glass (id, owner_agency, record_kind, record_id, sealed_reason, "
            "asked_by, asked, asked_signature) VALUES (gen_random_uuid(), :owner, 'assessment', "
            "gen_random_uuid(), :window, 'an-operator', '{}', 'x')",
        ):
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            await session.execute(text(statement), used)


async def _values(database: Database) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    async with database.connection() as connection:
        for table in await rekeying.sealed_tables(connection):
            for column in table.columns:
                rows = await connection.fetch(
                    f"SELECT {column} FROM {table.name} WHERE length({column}) > 0"
                )
                found[f"{table.name}.{column}"] = [bytes(row[0]) for row in rows]
    return found


async def test_a_rotation_moves_what_every_feature_sealed_and_it_still_opens(
    filled: tuple[Any, Database, Sealings],
) -> None:
    app, operator, sealings = filled
    before = await _values(operator)
    assert [name for name, values in before.items() if not values] == []
    old = {key_id_of(value) for values in before.values() for value in values}
    outcome = await rekeying.rotate_encryption(
        operator, app.state.root, None, lambda step, done, total: None, settle_s=0
    )
    assert (set(outcome.deleted), outcome.kept, outcome.unsettled) == (old, {}, 0)
    after, ring = await _values(operator), KeyRing(app.state.root)
    async with operator.connection() as connection:
        for name, values in after.items():
            assert len(values) == len(before[name]), name
            for value in values:
                assert key_id_of(value) not in old, name
                context, plain = sealings.said[value[HEADER:]]
                assert await ring.open(connection, context, value) == plain, name
