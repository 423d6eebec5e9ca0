"""`registry webhooks`: the operator sees how they fare, tests and replays, and reads no message."""

from __future__ import annotations

import json
from uuid import uuid4

from sqlalchemy import text

from app.core.db import Database
from app.core.settings import Settings
from app.events.webhooks.delivery import Deliverer
from tests.cli.commands import environment_of, registry
from tests.events.conftest import Happen, Hook
from tests.events.receiver import Receiver


async def test_the_operator_lists_tests_and_replays(
    settings: Settings,
    hook: Hook,
    happen: Happen,
    receiver: Receiver,
    deliverer: Deliverer,
    operator_database: Database,
) -> None:
    env, made = environment_of(settings), await hook()
    await happen(2)
    while await deliverer.step():
        continue
    first = [one["seq"] for one in receiver.events]
    assert len(first) >= 2
    listed = await registry("webhooks", "list", "--agency", "UNICEF", "--json", env=env)
    (mine,) = [one for one in json.loads(listed.stdout) if one["id"] == made["id"]]
    assert (mine["agency"], mine["status"], mine["waiting"]) == ("UNICEF", "active", 0)
    answer = await registry("webhooks", "test", made["id"], env=env)
    assert answer.exit_code == 0, answer.output
    numbers = "--from-seq", str(first[0]), "--to-seq", str(first[-1])
    answer = await registry("webhooks", "replay", made["id"], *numbers, env=env)
    assert answer.stdout == f"{len(first)} messages wait for the worker.\n"
    receiver.calls.clear()
    while await deliverer.step():
        continue
    assert [one["seq"] for one in receiver.events] == first
    assert "webhook.ping" in {one.said["type"] for one in receiver.calls}
    shown = await registry("webhooks", "log", made["id"], "--state", "delivered", env=env)
    lines = shown.stdout.splitlines()
    assert lines[0].split("\t") == [
        "id", "seq", "type", "state", "attempts", "created_at", "finished_at"
    ]  # fmt: skip
    assert len(lines) >= 1 + len(first)
    async with operator_database.session() as session:
        logged = await session.scalars(
            text(
                "SELECT event FROM audit_events WHERE subject_id = :id AND client_id = 'operator'"
            ),
            {"id": made["id"]},
        )
    assert set(logged) == {"agency:webhook:call", "agency:webhook:replay"}


async def test_what_cannot_be_done_is_one_sentence(settings: Settings, hook: Hook) -> None:
    env, made = environment_of(settings), await hook()
    unknown = str(uuid4())
    for arguments, words in (
        (("log", unknown), f"There is no webhook {unknown}."),
        (("list", "--agency", "NOWHERE"), "There is no agency NOWHERE."),
        (("replay", made["id"]), "Value error, name numbers or times."),
    ):
        answer = await registry("webhooks", *arguments, env=env)
        assert (answer.exit_code, answer.stderr.strip()) == (1, words)
