"""Whatever a superuser changes in the log is found, and the record is named."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.audit import notes
from app.audit.merkle import node_hash
from app.audit.stream import AuditStream
from tests.audit.conftest import Log
from tests.cli.commands import environment_of, registry

SIZE = 300
SWAP_LEAVES = (
    "UPDATE log_leaves SET seq = -{a} WHERE seq = {a}",
    "UPDATE log_leaves SET seq = {a} WHERE seq = {b}",
    "UPDATE log_leaves SET seq = {b} WHERE seq = -{a}",
)
SWAP_EVENTS = (
    "UPDATE log_leaves a SET event_id = gen_random_uuid() WHERE seq IN ({a}, {b})",
    "UPDATE log_leaves SET event_id = '{y}' WHERE seq = {a}",
    "UPDATE log_leaves SET event_id = '{x}' WHERE seq = {b}",
)
ACROSS = (
    "UPDATE audit_events SET id = '{z}' WHERE id = '{x}'",
    "UPDATE audit_events SET id = '{x}' WHERE id = '{y}'",
    "UPDATE audit_events SET id = '{y}' WHERE id = '{z}'",
)
EDITED = "the event was edited: it does not give its leaf hash"


async def test_an_untouched_log_holds(audit_log: Log) -> None:
    await audit_log.grow(1, 1, 2, 60, SIZE, 1)
    result = await audit_log.verify(await audit_log.note())
    assert [str(fault) for fault in result.faults] == []
    assert (result.records, result.checkpoints, result.waiting) == (SIZE + 65, 6, 0)


async def test_an_empty_log_holds(audit_log: Log) -> None:
    assert await audit_log.faults() == []


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (
            ("UPDATE audit_events SET event = 'x:y:z' WHERE id = '{x}'",),
            ["seq {a}, event {x}: " + EDITED],
        ),
        (
            ("UPDATE audit_events SET detail = '{{\"version\": 9}}' WHERE id = '{x}'",),
            ["seq {a}, event {x}: " + EDITED],
        ),
        (
            ("UPDATE audit_events SET at = at + interval '1 microsecond' WHERE id = '{x}'",),
            ["seq {a}, event {x}: " + EDITED],
        ),
        (
            ("DELETE FROM audit_events WHERE id = '{x}'",),
            ["seq {a}, event {x}: the event was deleted; its leaf is still there"],
        ),
        (
            (
                "DELETE FROM audit_events WHERE id = '{x}'",
                "DELETE FROM log_leaves WHERE seq = {a}",
            ),
            ["seq {a}: the leaf was deleted"],
        ),
        (
            ("DELETE FROM log_leaves WHERE seq BETWEEN {a} AND {a} + 9",),
            ["seq {a}: the leaf was deleted, and all up to seq {a9}"],
        ),
        (
            SWAP_EVENTS,
            [
                "seq {a}, event {y}: out of order: the event at this number belongs at seq {b}",
                "seq {b}, event {x}: out of order: the event at this number belongs at seq {a}",
            ],
        ),
        (
            ACROSS,
            [
                "seq {a}, event {x}: " + EDITED,
                "seq {b}, event {y}: " + EDITED,
            ],
        ),
        (
            SWAP_LEAVES,
            [
                "seq {a}, event {y}: out of order: the record now at seq {b} belongs here",
                "seq {b}, event {x}: out of order: the record now at seq {a} belongs here",
            ],
        ),
        (
            ("UPDATE log_leaves SET leaf_hash = sha256('x') WHERE seq = {a}",),
            [
                "seq {a}, event {x}: the leaf hash was changed; the event is as it was signed",
            ],
        ),
        (
            ("UPDATE log_nodes SET hash = sha256('x') WHERE level = 3 AND index = 5",),
            ["subtree 3/5 was changed"],
        ),
        (
            ("DELETE FROM log_nodes WHERE level = 2 AND index = 7",),
            ["subtree 2/7 is missing"],
        ),
        (
            ("UPDATE streams SET seq = seq + 1 WHERE name = 'audit'",),
            ["361 numbers were given out; the last is 360"],
        ),
        (
            ("DELETE FROM log_checkpoints WHERE size = 59",),
            ["a checkpoint is missing between seq 40 and 360: the one of 59"],
        ),
        (
            ("DELETE FROM log_checkpoints WHERE size = 360",),
            ["a checkpoint is missing: nothing is signed after seq 59"],
        ),
        (
            ("UPDATE log_checkpoints SET root = sha256('x') WHERE size = 59",),
            ["checkpoint 59 was changed: its note says 59"],
        ),
        (
            ("UPDATE log_checkpoints SET note = replace(note, E'\\n5', E'\\n4') WHERE size = 59",),
            ["checkpoint 59 is not signed by this registry: a signature is wrong"],
        ),
        (
            (
                "INSERT INTO audit_events (id, event, at) VALUES ('{z}', 'a:b:c', "
                "now() - interval '2 minutes')",
            ),
            ["event {z}: without a number for more than a minute, and not queued for one"],
        ),
    ],
)
async def test_a_change_is_found_and_named(
    statements: tuple[str, ...], found: list[str], audit_log: Log
) -> None:
    await audit_log.grow(40, 19, SIZE + 1)
    a, b = 76, 233
    x, y, z = await audit_log.event_at(a), await audit_log.event_at(b), uuid4()
    names = {"a": a, "a9": a + 9, "b": b, "x": x, "y": y, "z": z}
    await audit_log.tamper(*(statement.format(**names) for statement in statements))
    faults = await audit_log.faults()
    wanted = [text.format(**names) for text in found]
    if "DELETE FROM log_leaves" in statements[-1] and "BETWEEN" in statements[-1]:
        # Their events are still there, and have no number now; they are too young to be late.
        await audit_log.tamper("UPDATE audit_events SET at = now() - interval '5 minutes'")
        late = [fault for fault in await audit_log.faults() if "without a number" in fault]
        assert len(late) == 10
    assert sorted(faults) == sorted(wanted)


async def test_siblings_that_changed_places_are_named(audit_log: Log) -> None:
    await audit_log.grow(SIZE)
    x, y = await audit_log.event_at(101), await audit_log.event_at(102)
    await audit_log.tamper(*(statement.format(a=101, b=102) for statement in SWAP_LEAVES))
    assert await audit_log.faults() == [
        f"seq 101, event {y}: out of order: the record now at seq 102 belongs here",
        f"seq 102, event {x}: out of order: the record now at seq 101 belongs here",
    ]


async def test_a_record_replaced_with_its_leaf_is_narrowed_to_a_pair(audit_log: Log) -> None:
    await audit_log.grow(SIZE)
    other = await audit_log.event_at(SIZE)
    await audit_log.tamper(
        f"DELETE FROM log_leaves WHERE seq = {SIZE}",
        "UPDATE log_leaves SET event_id = gen_random_uuid(), leaf_hash = sha256('1') WHERE seq = 7",
        "DELETE FROM audit_events WHERE id NOT IN (SELECT event_id FROM log_leaves)",
    )
    found = await audit_log.faults()
    assert f"seq {SIZE}: the leaf was deleted" in found
    assert any(text.startswith("seq 7,") and "the event was deleted" in text for text in found)
    assert sum("record 7 or 8 was replaced with its leaf" in text for text in found) == 2
    assert str(other) not in "".join(found)


async def _rebuild(log: Log, seq: int) -> None:
    """Change a leaf and every stored subtree above it, as one who knows the format would."""
    async with log.operator.connection() as connection:
        rows = await connection.fetch("SELECT seq, leaf_hash FROM log_leaves")
        nodes = {(0, row["seq"] - 1): row["leaf_hash"] for row in rows}
        rows = await connection.fetch("SELECT level, index, hash FROM log_nodes")
        nodes |= {(row["level"], row["index"]): row["hash"] for row in rows}
    level, index = 0, seq - 1
    nodes[0, index] = b"\x07" * 32
    statements = [f"UPDATE log_leaves SET leaf_hash = '\\x{'07' * 32}' WHERE seq = {seq}"]
    while (level + 1, index >> 1) in nodes:
        level, index = level + 1, index >> 1
        value = node_hash(nodes[level - 1, 2 * index], nodes[level - 1, 2 * index + 1])
        nodes[level, index] = value
        statements.append(
            f"UPDATE log_nodes SET hash = '\\x{value.hex()}' "
            f"WHERE level = {level} AND index = {index}"
        )
    await log.tamper(*statements)


async def test_a_rebuilt_tree_does_not_fit_what_was_signed(audit_log: Log) -> None:
    await audit_log.grow(100, 50, 150, 10)
    event = await audit_log.event_at(120)
    await _rebuild(audit_log, 120)
    assert await audit_log.faults() == [
        f"seq 120, event {event}: {EDITED}",
        "records 101 to 150 do not give the signed root of checkpoint 150: one or more were "
        "changed, and the tree with them",
    ]


async def test_a_checkpoint_of_another_key_is_refused(audit_log: Log) -> None:
    await audit_log.grow(10)
    root = await audit_log.value("SELECT root FROM log_checkpoints")
    assert isinstance(root, bytes)
    forged = notes.sign(
        notes.Checkpoint("127.0.0.1:8000/log", 10, root), Ed25519PrivateKey.generate()
    )
    await audit_log.tamper(f"UPDATE log_checkpoints SET note = '{forged}'")
    assert await audit_log.faults() == [
        "checkpoint 10 is not signed by this registry: no known key has signed it"
    ]


async def test_a_note_kept_outside_finds_a_log_cut_back_or_written_anew(audit_log: Log) -> None:
    await audit_log.grow(50)
    short = await audit_log.note()
    await audit_log.grow(50)
    kept = await audit_log.note()
    assert await audit_log.faults(short) == []
    await audit_log.tamper(
        "DELETE FROM audit_events WHERE id IN (SELECT event_id FROM log_leaves WHERE seq > 40)",
        "DELETE FROM log_leaves",
        "DELETE FROM log_nodes",
        "DELETE FROM log_checkpoints",
        "DELETE FROM streams WHERE name = 'audit'",
        "INSERT INTO audit_pending (event_id) SELECT id FROM audit_events ORDER BY id DESC",
    )
    # A worker that was started anew remembers nothing, and signs what it finds.
    audit_log.stream = AuditStream(audit_log.keys, audit_log.settings.issuer)
    await audit_log.grow(20)
    assert await audit_log.faults() == [], "by itself the new log is whole"
    assert await audit_log.faults(kept) == [
        "the log was cut back: it ends at seq 60, the checkpoint kept outside at 100"
    ]
    found = await audit_log.faults(short)
    assert found == ["the first 50 records are not those of the note kept outside"]


async def test_events_that_wait_for_the_worker_are_no_fault(audit_log: Log) -> None:
    await audit_log.write(5)
    await audit_log.tamper("UPDATE audit_events SET at = now() - interval '5 minutes'")
    result = await audit_log.verify()
    assert result.faults == []
    assert result.waiting == 5


async def test_the_command_names_the_record_and_fails(audit_log: Log, tmp_path: Path) -> None:
    await audit_log.grow(200)
    settings, file = audit_log.settings, tmp_path / "checkpoint"
    file.write_text(await audit_log.note())
    env = environment_of(settings)
    good = await registry("audit", "verify", "--checkpoint", file, env=env)
    assert good.exit_code == 0, good.output
    assert "200 records (0 erased) and 1 checkpoints hold." in good.stdout
    event = await audit_log.event_at(77)
    await audit_log.tamper(f"UPDATE audit_events SET role = 'x' WHERE id = '{event}'")
    env.pop("REGISTRY_DATABASE_MIGRATION_URL")
    bad = await registry("audit", "verify", env=env)
    assert bad.exit_code == 1
    assert f"BROKEN seq 77, event {event}: {EDITED}" in bad.stdout
    await audit_log.tamper("UPDATE audit_events SET role = 'x'")
    many = await registry("audit", "verify", env=env)
    assert "and 100 more" in many.stdout
    file.write_text("not a note")
    refused = await registry("audit", "verify", "--checkpoint", file, env=env)
    assert refused.exit_code == 1
    assert "is no checkpoint of this registry" in refused.stderr
    await audit_log.write(1)
    await audit_log.tamper("UPDATE audit_events SET at = now() - interval '5 minutes'")
    assert "1 events wait for a number" in (await registry("audit", "verify", env=env)).stdout


async def _one_in(log: Log, size: int) -> None:
    """A superuser's edit, delete and reorder of one row each, in a log of ``size``."""
    await log.write(size)
    assert await log.number() == size
    a, b, c, d = size // 3, size // 2 + 1, size // 5, size - 7
    ids = {seq: await log.event_at(seq) for seq in (a, b, c, d)}
    assert await log.faults() == []
    await log.tamper(
        f"UPDATE audit_events SET client_id = 'FAO' WHERE id = '{ids[a]}'",
        f"DELETE FROM audit_events WHERE id = '{ids[b]}'",
        *(text.format(a=c, b=d) for text in SWAP_LEAVES),
    )
    assert sorted(await log.faults()) == sorted(
        [
            f"seq {a}, event {ids[a]}: {EDITED}",
            f"seq {b}, event {ids[b]}: the event was deleted; its leaf is still there",
            f"seq {c}, event {ids[d]}: out of order: the record now at seq {d} belongs here",
            f"seq {d}, event {ids[c]}: out of order: the record now at seq {c} belongs here",
        ]
    )


async def test_one_row_in_two_thousand_is_found(audit_log: Log) -> None:
    await _one_in(audit_log, 2_000)


@pytest.mark.drill
@pytest.mark.timeout(900)
async def test_one_row_in_a_hundred_thousand_is_found(audit_log: Log) -> None:
    await _one_in(audit_log, 100_000)
