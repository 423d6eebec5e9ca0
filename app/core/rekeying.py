"""Change of keys: the root key above the wrapped ones, and key-encryption keys above contents.

Works as the operator, beside a running service. Every step is a small transaction, what is done
is seen in the data itself, and so an interrupted run goes on where it stopped when it is started
again. Contents are never opened: a value gets another header (see `crypto`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from app.core import crypto
from app.core.crypto import FORMAT, HEADER, Kek
from app.core.db import Database
from app.core.key_provider import KeyProvider, RootKeys

Report = Callable[[str, int, int], None]
SETTLE_S = 150.0
"""A process remembers a current key for 60 s and a transaction lives for 60 s at most: after
this nothing can be sealed any more under a key that was retired."""
_BLOCKS = 128
_BATCH = 100
_PASSES = 20
_OPERATOR = "SET LOCAL ROLE reg_owner; SELECT set_config('app.rekey', 'on', true)"
"""The policies that show the operator every sealed value hold in such a transaction only."""


class RotationProblem(Exception):
    """Keys cannot change as asked; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """A table of keys wrapped by the root key: its key and the context, as SQL over its columns."""

    table: str
    key: str
    context: str


ENCRYPTION_KEYS = WrappedKeys("encryption_keys", "id::text", "'kek|' || id || '|' || scope")


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table that holds sealed values, and in which columns."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rotation of key-encryption keys did."""

    scopes: int
    values: int
    deleted: tuple[UUID, ...]
    kept: dict[UUID, int]
    """Retired keys that still have values of the first format, and how many."""
    unsettled: int
    """Retired keys that other processes may still write with: run again."""


# ----------------------------------------------------------------------------------- root key


async def rewrap(
    database: Database, root: RootKeys, tables: Sequence[WrappedKeys], report: Report
) -> int:
    """Wrap every key anew that the current root key did not wrap; returns how many there were.

    Raises Undecipherable for a key that none of the root keys wrapped.
    """
    changed = 0
    for table in tables:
        passed = -1
        # A process that still wraps with the former root key may add one behind our back.
        while passed:
            passed = await _rewrap_table(database, root, table, report)
            changed += passed
    return changed


async def _rewrap_table(
    database: Database, root: KeyProvider, table: WrappedKeys, report: Report
) -> int:
    after, done, changed = "", 0, 0
    async with database.connection() as connection:
        total = await connection.fetchval(f"SELECT count(*) FROM {table.table}")  # noqa: S608 - names from the catalogue
        while True:
            async with connection.transaction():
                await connection.execute(_OPERATOR)
                rows = await connection.fetch(
                    f"SELECT {table.key} AS key, {table.context} AS context, wrapped "  # noqa: S608 - constants
                    f"FROM {table.table} WHERE {table.key} > $1 ORDER BY 1 "
                    f"LIMIT {_BATCH} FOR UPDATE",
                    after,
                )
                old = [row for row in rows if not root.is_current(row["wrapped"])]
                for row in old:
                    secret = await root.unwrap(row["wrapped"], row["context"])
                    await connection.execute(
                        f"UPDATE {table.table} SET wrapped = $2 WHERE {table.key} = $1",  # noqa: S608 - names from the catalogue
                        row["key"],
                        await root.wrap(secret, row["context"]),
                    )
            done, changed = done + len(rows), changed + len(old)
            report(f"wrapping {table.table}", min(done, total), total)
            if len(rows) < _BATCH:
                return changed
            after = rows[-1]["key"]


# ------------------------------------------------------------------------ key-encryption keys


async def rotate_encryption(
    database: Database,
    root: KeyProvider,
    scope: str | None,
    report: Report,
    *,
    settle_s: float = SETTLE_S,
    sleep: Callable[[float], Awaitable[object]] | None = asyncio.sleep,
) -> Outcome:
    """Give every scope, or one, a new key, and move every sealed value under it.

    A scope whose last rotation is not finished gets no second new key; it is finished. With
    ``sleep`` None it does not wait until nobody can use the old keys any more: another run
    finishes. Raises RotationProblem for a scope without a key.
    """
    scopes = await _retire(database, root, scope)
    values = await _move_all(database, root, report)
    if sleep is not None:
        await _settle(database, settle_s, report, sleep)
    for _ in range(_PASSES):
        moved = await _move_all(database, root, report)
        values += moved
        ended = await _end_settled(database, settle_s, report)
        if ended is not None:
            deleted, kept, unsettled = ended
            return Outcome(scopes, values, deleted, kept, unsettled)
    raise RotationProblem("Values under the old keys keep appearing: run the command again.")


async def _retire(database: Database, root: KeyProvider, scope: str | None) -> int:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT scope, bool_or(state = 'retired' AND moved_at IS NULL) AS unfinished "
            "FROM encryption_keys WHERE $1::text IS NULL OR scope = $1 GROUP BY scope "
            "ORDER BY scope",
            scope,
        )
        if scope is not None and not rows:
            raise RotationProblem(f"There is no encryption key of scope {scope}.")
        fresh = [row["scope"] for row in rows if not row["unfinished"]]
        return sum([await _retire_one(connection, root, name) for name in fresh])


async def _retire_one(connection: asyncpg.Connection, root: KeyProvider, scope: str) -> bool:
    async with connection.transaction():
        await connection.execute(_OPERATOR)
        # Two commands at once: the second finds no current row after its wait for the first, or
        # sees the key that the first one retired.
        retired = await connection.fetchrow(
            "UPDATE encryption_keys SET state = 'retired', retired_at = clock_timestamp() "
            "WHERE scope = $1 AND state = 'current' AND NOT EXISTS (SELECT FROM encryption_keys o "
            "WHERE o.scope = $1 AND o.state = 'retired' AND o.moved_at IS NULL) "
            "RETURNING id, wrapped",
            scope,
        )
        if retired is None:
            return False
        # With a root key that is not this database's, no key may be made.
        await crypto.unwrapped(root, retired["id"], scope, retired["wrapped"])
        key_id = uuid4()
        await connection.execute(
            "INSERT INTO encryption_keys (id, scope, wrapped) VALUES ($1, $2, $3)",
            key_id,
            scope,
            await crypto.new_wrapped(root, key_id, scope),
        )
        return True


async def _settle(
    database: Database,
    settle_s: float,
    report: Report,
    sleep: Callable[[float], Awaitable[object]],
) -> None:
    async with database.connection() as connection:
        left = await connection.fetchval(
            "SELECT ceil(max($1 - extract(epoch FROM clock_timestamp() - retired_at)))::int "
            "FROM encryption_keys WHERE state = 'retired' AND moved_at IS NULL",
            settle_s,
        )
    for second in range(left or 0):
        report("waiting until no process uses the old keys", second, left)
        await sleep(1)
    if left and left > 0:
        report("waiting until no process uses the old keys", left, left)


async def sealed_tables(connection: asyncpg.Connection) -> list[SealedTable]:
    """Every table with columns named ``sealed`` or ``sealed_…``, from the catalogue."""
    rows = await connection.fetch(
        """SELECT quote_ident(c.relname) AS name,
            array_agg(quote_ident(a.attname) ORDER BY a.attnum) AS columns
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
          AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'bytea'::regtype
          AND (a.attname = 'sealed' OR starts_with(a.attname, 'sealed_'))
        GROUP BY c.relname ORDER BY c.relname"""
    )
    return [SealedTable(row["name"], tuple(row["columns"])) for row in rows]


async def _unfinished(
    connection: asyncpg.Connection, root: KeyProvider
) -> dict[UUID, tuple[Kek, Kek]]:
    """Retired keys whose values move, each with the one they move to."""
    rows = await connection.fetch(
        "SELECT o.id, o.scope, o.wrapped, n.id AS new_id, n.wrapped AS new_wrapped "
        "FROM encryption_keys o JOIN encryption_keys n ON n.scope = o.scope "
        "WHERE n.state = 'current' AND o.state = 'retired' AND o.moved_at IS NULL"
    )
    found = {}
    for row in rows:
        old = await crypto.unwrapped(root, row["id"], row["scope"], row["wrapped"])
        new = await crypto.unwrapped(root, row["new_id"], row["scope"], row["new_wrapped"])
        found[old.id] = (old, new)
    return found


async def _move_all(database: Database, root: KeyProvider, report: Report) -> int:
    async with database.connection() as connection:
        keys = await _unfinished(connection, root)
        if not keys:
            return 0
        return sum(
            [
                await _move_table(connection, table, keys, report)
                for table in await sealed_tables(connection)
            ]
        )


async def _move_table(
    connection: asyncpg.Connection,
    table: SealedTable,
    keys: dict[UUID, tuple[Kek, Kek]],
    report: Report,
) -> int:
    """Walk the table's blocks, as they are now. What is written meanwhile, the next walk finds."""
    blocks: int = await connection.fetchval(
        f"SELECT pg_relation_size('{table.name}') / current_setting('block_size')::int"
    )
    prefixes = [FORMAT + key.bytes for key in keys]
    done = 0
    for first in range(0, blocks, _BLOCKS):
        async with connection.transaction():
            await connection.execute(_OPERATOR)
            window = ((first, 0), (first + _BLOCKS, 0))
            rows = await connection.fetch(_select(table), *window, prefixes)
            if rows:
                changes = [_change(row, keys) for row in rows]
                await connection.executemany(_update(table), changes)
        done += len(rows)
        report(f"moving {table.name}", min(first + _BLOCKS, blocks), blocks)
    return done


def _select(table: SealedTable) -> str:
    heads = ", ".join(f"substring({name} FOR {HEADER})" for name in table.columns)
    mine = " OR ".join(f"substring({name} FOR 17) = ANY ($3)" for name in table.columns)
    return (
        f"SELECT ctid, {heads} FROM {table.name} "  # noqa: S608 - names of the catalogue
        f"WHERE ctid >= $1 AND ctid < $2 AND ({mine}) FOR UPDATE"
    )


def _update(table: SealedTable) -> str:
    """Replace headers where they are still what was read; the row is locked, this is a belt."""
    new = ", ".join(
        f"{name} = coalesce(${number}::bytea || substring({name} FROM {HEADER + 1}), {name})"
        for number, name in enumerate(table.columns, 2)
    )
    first = len(table.columns) + 2
    same = " AND ".join(
        f"substring({name} FOR {HEADER}) IS NOT DISTINCT FROM ${number}::bytea"
        for number, name in enumerate(table.columns, first)
    )
    return f"UPDATE {table.name} SET {new} WHERE ctid = $1 AND {same}"  # noqa: S608 - names from the catalogue


def _change(row: Any, keys: dict[UUID, tuple[Kek, Kek]]) -> list[Any]:
    place, *heads = row
    return [place, *(_moved(head, keys) for head in heads), *heads]


def _moved(header: bytes | None, keys: dict[UUID, tuple[Kek, Kek]]) -> bytes | None:
    if header is None or header[:1] != FORMAT:
        return None
    pair = keys.get(crypto.key_id_of(header))
    return crypto.moved(header, *pair) if pair else None


async def census(connection: asyncpg.Connection, report: Report) -> dict[tuple[int, UUID], int]:
    """How many sealed values there are, by format and key. In the caller's transaction."""
    found: dict[tuple[int, UUID], int] = {}
    tables = await sealed_tables(connection)
    for number, table in enumerate(tables, 1):
        for column in table.columns:
            rows = await connection.fetch(
                f"SELECT substring({column} FOR 17) AS head, count(*) AS values "  # noqa: S608 - names from the catalogue
                f"FROM {table.name} WHERE {column} IS NOT NULL GROUP BY 1"
            )
            for row in rows:
                if len(row["head"]) == 17:
                    name = (row["head"][0], crypto.key_id_of(row["head"]))
                    found[name] = found.get(name, 0) + row["values"]
        report("counting what is left", number, len(tables))
    return found


async def _end_settled(
    database: Database, settle_s: float, report: Report
) -> tuple[tuple[UUID, ...], dict[UUID, int], int] | None:
    """Delete the old keys that nothing refers to; None when there is something left to move.

    One snapshot: a row that moves within its table while we count is counted once, not never.
    """
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read"),
    ):
        await connection.execute(
            f"{_OPERATOR}; SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0"
        )
        rows = await connection.fetch(
            "SELECT id, clock_timestamp() - retired_at > make_interval(secs => $1) AS settled "
            "FROM encryption_keys WHERE state = 'retired' AND moved_at IS NULL",
            settle_s,
        )
        values = await census(connection, report) if rows else {}
        old = [UUID(str(row["id"])) for row in rows if row["settled"]]
        if any(values.get((FORMAT[0], key)) for key in old):
            return None
        kept = {key: values[1, key] for key in old if values.get((1, key))}
        deleted = tuple(key for key in old if key not in kept)
        await connection.execute(
            "DELETE FROM encryption_keys WHERE id = ANY ($1::uuid[])", list(deleted)
        )
        await connection.execute(
            "UPDATE encryption_keys SET moved_at = clock_timestamp() WHERE id = ANY ($1::uuid[])",
            list(kept),
        )
        return deleted, kept, len(rows) - len(old)
