"""Raw SQL as reg_app, compared with the model: who sees and touches which rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from tests.confidentiality.matrix import TABLES
from tests.confidentiality.model import Facts, Table, Who

Rows = Sequence[asyncpg.Record]
_SAMPLE = 6
"""Rows of a table that are tried for INSERT, from either end, of those that somebody may and of
those that it may not insert; SELECT, UPDATE and DELETE try all."""

Finding = tuple[str, str, str]
"""Table, verb, and in whose name SQL and the model disagree."""


async def protected_tables(connection: asyncpg.Connection) -> list[str]:
    """Tables with row security."""
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relkind IN ('r', 'p') ORDER BY 1"
    )
    return [row[0] for row in rows]


class Matrix:
    """Holds what the tables contain, and asks row security about it."""

    def __init__(self, connection: asyncpg.Connection, relations: dict[str, Who]) -> None:
        self._connection = connection
        self._relations = relations
        self._rows: dict[str, Rows] = {}
        self._facts: Facts | None = None
        # Grants, which no policy changes: asked once a table.
        self._columns: dict[str, list[str]] = {}
        self._changed: dict[str, str | None] = {}

    async def load(self) -> None:
        """Read everything as the superuser, whom row security does not bind."""
        for table in TABLES:
            self._rows[table] = await self._connection.fetch(f"TABLE {table}")
        # What the database itself says of who calls with which roles now.
        self._rows["client_status"] = await self._connection.fetch("TABLE client_status")
        self._facts = Facts(
            await self._connection.fetchval("SELECT now()"),
            list(self._rows["assessments_acl"]),
            list(self._rows["withholdings"]),
            {row["id"]: row["agency_id"] for row in self._rows["clients"]},
            self._rows,
        )

    def rows(self, table: str) -> int:
        return len(self._rows[table])

    async def findings(self, tables: Iterable[str], first: bool = False) -> list[Finding]:
        """Where SQL and the model disagree; with ``first`` at most one."""
        found: list[Finding] = []
        for table in tables:
            for name, who in self._relations.items():
                await self._connection.execute("SET LOCAL ROLE reg_app")
                await self._bind(who)
                found += [
                    (table, verb, name)
                    for verb in ("select", "update", "delete", "insert")
                    if not await self._agrees(table, TABLES[table], verb, who)
                ]
                await self._connection.execute("RESET ROLE")
                if first and found:
                    return found
        return found

    async def _bind(self, who: Who) -> None:
        await self._connection.execute(
            "SELECT set_config('app.agency_id', $1, true), "
            "set_config('app.partner_id', $2, true), set_config('app.oversight', $3, true)",
            str(who.agency or ""),
            str(who.partner or ""),
            "on" if who.oversight else "",
        )

    async def _agrees(self, table: str, rules: Table, verb: str, who: Who) -> bool:
        assert self._facts is not None
        may = getattr(rules, verb)
        rows = self._rows[table]
        if verb == "insert":
            return await self._insert_agrees(table, rows, may, who)
        wanted = {_key(rules, row) for row in rows if may(row, who, self._facts)}
        if verb != "select":
            seen = {_key(rules, row) for row in rows if rules.select(row, who, self._facts)}
            wanted &= seen
        if verb == "update" and not await self._blindly(table, rules, who):
            return False
        if verb == "delete" and not await self._deletes_blindly(table, rules, who):
            return False
        return await self._touched(table, rules, verb) == wanted

    async def _blindly(self, table: str, rules: Table, who: Who) -> bool:
        """An UPDATE that reads nothing is bound by the policy for UPDATE alone."""
        assert self._facts is not None
        column = await self._updatable(table)
        if column is None:
            return True
        wanted = [row for row in self._rows[table] if rules.update(row, who, self._facts)]
        value = self._rows[table][0][column]
        try:
            async with Undone(self._connection):
                if rules.change is None:
                    done = await self._connection.execute(
                        f"UPDATE {table} SET {column} = $1", value
                    )
                else:
                    done = await self._connection.execute(f"UPDATE {table} SET {rules.change}")
        except asyncpg.InsufficientPrivilegeError:
            return not wanted
        except asyncpg.PostgresError:  # a constraint: a row was let through to it
            return bool(wanted)
        return int(str(done).removeprefix("UPDATE ")) == len(wanted)

    async def _deletes_blindly(self, table: str, rules: Table, who: Who) -> bool:
        """A DELETE that reads nothing is bound by the policy for DELETE alone."""
        if not await self._may(table, "DELETE"):
            return True
        assert self._facts is not None
        wanted = [row for row in self._rows[table] if rules.delete(row, who, self._facts)]
        try:
            async with Undone(self._connection):
                done = await self._connection.execute(f"DELETE FROM {table}")
        except asyncpg.PostgresError:  # a constraint: a row was let through to it
            return bool(wanted)
        return int(str(done).removeprefix("DELETE ")) == len(wanted)

    async def _updatable(self, table: str) -> str | None:
        """A column that reg_app may change; ``version`` before others, which keys may bind."""
        if table in self._changed:
            return self._changed[table]
        name: str | None = await self._connection.fetchval(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 "
            "AND has_column_privilege($1::regclass, attnum, 'UPDATE') "
            "ORDER BY attname <> 'version' LIMIT 1",
            table,
        )
        self._changed[table] = name
        return name

    async def _touched(self, table: str, rules: Table, verb: str) -> set[tuple[Any, ...]]:
        key = ", ".join(rules.key)
        if verb == "select":
            if not await self._may(table, "SELECT"):
                return set()
            sql = f"SELECT {key} FROM {table}"
        elif verb == "delete":
            if not await self._may(table, "DELETE"):
                return set()
            sql = f"DELETE FROM {table} RETURNING {key}"
        else:
            column = await self._updatable(table)
            if column is None:
                return set()
            if rules.change is not None:
                return await self._one_by_one(table, rules, f"UPDATE {table} SET {rules.change}")
            sql = f"UPDATE {table} SET {column} = {column} RETURNING {key}"
        try:
            async with Undone(self._connection):
                return {tuple(row) for row in await self._connection.fetch(sql)}
        except asyncpg.CheckViolationError:  # of one row that was let through; who were the others?
            return await self._one_by_one(table, rules, sql.partition(" RETURNING ")[0])

    async def _one_by_one(self, table: str, rules: Table, verb: str) -> set[tuple[Any, ...]]:
        """Rows that the policies let be touched, each tried alone; constraints come later."""
        touched = set()
        where = " AND ".join(f"{name} = ${n}" for n, name in enumerate(rules.key, 1))
        for row in self._rows[table]:
            try:
                async with Undone(self._connection):
                    done = await self._connection.execute(
                        f"{verb} WHERE {where}", *_key(rules, row)
                    )
            except asyncpg.InsufficientPrivilegeError:
                continue
            except asyncpg.PostgresError:
                done = "refused by a constraint"
            if not done.endswith(" 0"):
                touched.add(_key(rules, row))
        return touched

    async def _may(self, table: str, privilege: str) -> bool:
        asked = "has_table_privilege" if privilege == "DELETE" else "has_any_column_privilege"
        return bool(
            await self._connection.fetchval(f"SELECT {asked}($1::regclass, $2)", table, privilege)
        )

    async def _insert_agrees(self, table: str, rows: Rows, may: Any, who: Who) -> bool:
        """A policy is asked before any key: a copy that passes it fails as a duplicate."""
        allowed = await self._may(table, "INSERT")
        own: list[asyncpg.Record] = []
        others: list[asyncpg.Record] = []
        for row in rows:
            (own if may(row, who, self._facts) else others).append(row)
        # Both ends of the table, and one of each client where rows are a client's.
        by_client = "client_id" in TABLES[table].key
        for wanted, some in ((True, own), (False, others)):
            ends = some if len(some) <= 2 * _SAMPLE else [*some[:_SAMPLE], *some[-_SAMPLE:]]
            of_clients = {row["client_id"]: row for row in some} if by_client else {}
            for row in [*ends, *of_clients.values()]:
                if (allowed and await self._passes(table, row)) != wanted:
                    return False
        return True

    async def _passes(self, table: str, row: asyncpg.Record) -> bool:
        names = await self._insertable(table)
        columns = ", ".join(names)
        marks = ", ".join(f"${number}" for number in range(1, len(names) + 1))
        try:
            async with Undone(self._connection):
                await self._connection.execute(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks})",
                    *(row[name] for name in names),
                )
        except asyncpg.InsufficientPrivilegeError:
            return False
        except asyncpg.PostgresError:
            return True
        return True

    async def _insertable(self, table: str) -> list[str]:
        if table not in self._columns:
            rows = await self._connection.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 "
                "AND NOT attisdropped AND attgenerated = '' "
                "AND has_column_privilege($1::regclass, attnum, 'INSERT')",
                table,
            )
            self._columns[table] = [row[0] for row in rows]
        return self._columns[table]


class Undone:
    """A savepoint that is always rolled back."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._transaction = connection.transaction()

    async def __aenter__(self) -> None:
        await self._transaction.start()

    async def __aexit__(self, *error: object) -> None:
        await self._transaction.rollback()


def _key(rules: Table, row: asyncpg.Record) -> tuple[Any, ...]:
    return tuple(row[name] for name in rules.key)
