"""A million profiles to be listed and searched: kept in ``var/search`` and used again.

The names are those of `partner_world`; statuses, tags, sectors and populations are spread as in the
field: most profiles are drafts or verified, a tag is on few, sectors on one in three.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg

from app.core import codelists
from app.core.embedded import EmbeddedPostgres
from app.core.ids import new_id
from app.core.settings import Settings
from app.partners.matching import names
from bench.partner_world import world
from bench.stand import Stand, build

_CHUNK = 20_000
_COLUMNS = (
    *("id", "legal_name", "legal_name_native", "acronym", "aliases", "former_names"),
    *("partner_type", "country", "year_established", "website"),
)
_MORE = (
    *("created_by", "tags", "sectors", "specialisations", "populations", "complete"),
    *("verification", "verified_by", "verified_on", "deactivated_at", "publication_consent"),
    *("protected", "updated_at"),
)
_TAGS = (("FAITH_BASED", 0.05), ("WOMEN_LED", 0.04), ("YOUTH_LED", 0.01), ("REFUGEE_LED", 0.0005))
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def stand(folder: Path, count: int) -> Stand:
    """The stand of the last run where it has as many profiles, else a new one."""
    note = folder / "search.json"
    known = json.loads(note.read_text()) if note.exists() else {}
    if known.get("partners") == count:
        server = EmbeddedPostgres(folder / "pg")
        server.start()
        settings = Settings(**known["settings"], root_key_file=folder / "root.key")
        return Stand(folder, server, settings, known["secret"], known["ids"], [])
    made = build(folder, 0)
    kept = ("env", "database_url", "database_worker_url", "database_migration_url", "issuer")
    values = {name: _plain(getattr(made.settings, name)) for name in kept}
    made.partner_ids = asyncio.run(_fill(made, count))
    note.write_text(
        json.dumps(
            {"partners": count, "settings": values, "secret": made.secret, "ids": made.partner_ids}
        )
    )
    return made


def _plain(value: Any) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


def _codes(name: str) -> list[str]:
    return [item.code for item in codelists.current(name).items]


def _more(agency: Any, rng: random.Random, lists: dict[str, list[str]]) -> tuple[Any, ...]:
    tags = sorted(tag for tag, share in _TAGS if rng.random() < share)
    chosen = rng.sample(lists["specialisations"], rng.randint(1, 4)) if rng.random() < 0.35 else []
    sectors = sorted({code.split(".")[0] for code in chosen})
    peoples = rng.sample(lists["populations"], rng.randint(0, 2)) if chosen else []
    verified = rng.random()
    verification = "verified" if verified < 0.3 else "unverified" if verified < 0.31 else None
    by, on = (agency, date(2026, 3, 1)) if verification else (None, None)
    gone = _SINCE if rng.random() < 0.002 else None
    return (
        agency, tags, sectors, sorted(chosen), sorted(peoples), bool(chosen), verification, by, on,
        gone, rng.random() < 0.4, rng.random() < 0.001,
        _SINCE + timedelta(seconds=rng.randrange(25_000_000)),
    )  # fmt: skip


async def _fill(made: Stand, count: int) -> list[str]:
    owner = await asyncpg.connect(made.settings.require("database_migration_url"))
    agency = await owner.fetchval("SELECT id FROM agencies WHERE code = 'UNICEF'")
    rng = random.Random(11)
    lists = {name: _codes(name) for name in ("specialisations", "populations")}
    partners, ids = world(count), []
    spent = 0.0
    while chunk := list(islice(partners, _CHUNK)):
        keys = names.rows(chunk)
        records = [(*(getattr(p, c) for c in _COLUMNS), *_more(agency, rng, lists)) for p in chunk]
        started = time.perf_counter()
        await owner.copy_records_to_table(
            "partners", records=records, columns=(*_COLUMNS, *_MORE), timeout=600
        )
        spent += time.perf_counter() - started
        await owner.copy_records_to_table(
            "partner_names", records=keys, columns=("partner_id", "keys"), timeout=600
        )
        await owner.copy_records_to_table(
            "partner_identifiers",
            records=[(new_id(), p.id, "ORG_ID", p.identifier, agency) for p in chunk],
            columns=("id", "partner_id", "scheme", "value", "created_by"),
            timeout=600,
        )
        ids += [str(p.id) for p in chunk[::1_000]]
    print(f"profiles with their indexes, by COPY: {count / spent:,.0f} a second")
    await owner.execute("VACUUM ANALYZE", timeout=1_800)
    await owner.close()
    return ids
