"""The stored tree: reading hashes of complete subtrees, roots and proofs of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.merkle import Node, Span, cover, hashes_of

Fetch: TypeAlias = Callable[..., Awaitable[Sequence[Any]]]
"""``await fetch(sql, *values)`` with ``$1``: a connection's own, or `fetch_by`."""

_NODES = """SELECT w.level, w.index,
    CASE WHEN w.level = 0 THEN (SELECT leaf_hash FROM log_leaves WHERE seq = w.index + 1)
    ELSE (SELECT n.hash FROM log_nodes n WHERE n.level = w.level AND n.index = w.index) END AS hash
    FROM unnest($1::smallint[], $2::bigint[]) AS w (level, index)"""


class NodeMissing(Exception):
    """A subtree of the log is not stored: the log is broken."""


def fetch_by(session: AsyncSession) -> Fetch:
    """Statements of this module, in the transaction of a session."""

    async def fetch(sql: str, *values: object) -> Sequence[Any]:
        result = await (await session.connection()).exec_driver_sql(sql, values)
        return result.all()

    return fetch


async def read_nodes(fetch: Fetch, nodes: Iterable[Node]) -> dict[Node, bytes]:
    """Hashes of complete subtrees. Raises NodeMissing."""
    wanted = sorted(set(nodes))
    if not wanted:
        return {}
    rows = await fetch(_NODES, [level for level, _ in wanted], [index for _, index in wanted])
    found = {(row[0], row[1]): row[2] for row in rows}
    for node, value in found.items():
        if value is None:
            raise NodeMissing(f"node {node[0]}/{node[1]} is missing")
    return found


async def read_spans(fetch: Fetch, spans: Sequence[Span]) -> list[bytes]:
    """Roots of spans, in one statement. Raises NodeMissing."""
    nodes = await read_nodes(fetch, [node for span in spans for node in cover(span)])
    return hashes_of(spans, nodes.__getitem__)
