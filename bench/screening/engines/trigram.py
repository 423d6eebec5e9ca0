"""PostgreSQL's pg_trgm over romanised names, in a temporary server of the project's own helper."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from app.core.embedded import EmbeddedPostgres
from bench.screening.engines.base import Hit, Row, once
from bench.screening.text import folded

_FIND = """
    SELECT id, similarity(norm, $2) FROM listed
    WHERE kind = $1 AND norm % $2 ORDER BY 2 DESC LIMIT $3
"""


class Trigram:
    """A GIN index a kind; the extension's own default threshold."""

    name = "pg_trgm"
    threshold = 0.3

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder / "pg_trgm")
        self._server.start()
        self._loop = asyncio.Runner()
        self._database = self._loop.run(asyncpg.connect(self._server.url()))
        self._do("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        self._do("SET jit = off")

    def _do(self, statement: str) -> None:
        self._loop.run(self._database.execute(statement))

    def score(self, a: str, b: str, kind: str) -> float:
        statement = "SELECT similarity($1, $2)"
        return float(self._loop.run(self._database.fetchval(statement, folded(a), folded(b))))

    def build(self, entities: Sequence[Row]) -> None:
        self._do("DROP TABLE IF EXISTS listed")
        self._do("CREATE TABLE listed (id text, kind text, norm text)")
        rows = [(row["id"], row["kind"], folded(row["name"])) for row in entities]
        self._loop.run(self._database.copy_records_to_table("listed", records=rows))
        for kind in ("person", "organization"):
            self._do(f"CREATE INDEX ON listed USING gin (norm gin_trgm_ops) WHERE kind = '{kind}'")
        self._do("VACUUM ANALYZE listed")

    def query(
        self,
        name: str,
        kind: str,
        k: int,
        birth_date: str | None = None,
        countries: Sequence[str] = (),
    ) -> list[Hit]:
        found = self._loop.run(self._database.fetch(_FIND, kind, folded(name), 4 * k))
        return once(((row[0], float(row[1])) for row in found), k)

    def memory(self) -> float | None:
        """The size of the table and its indexes: all of it is cached."""
        size = self._loop.run(self._database.fetchval("SELECT pg_total_relation_size('listed')"))
        return float(size) / 2**20

    def close(self) -> None:
        self._loop.run(self._database.close())
        self._loop.close()
        self._server.stop()
