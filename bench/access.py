"""Cost of confidentiality at a million assessments: ``python -m bench.access [--records 1000000]``.

Fills a database of its own by SQL, then prints time and buffers of the statements that read
assessments, first and second run, and how long a standing share takes to begin and to end.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import asyncpg as dialect

from app.assessments import queries
from bench.plans import _FILL, _explain, _whole_tables
from bench.stand import ROOT, Stand, build

_RECORDS = """
INSERT INTO assessments (id, partner_id, type, methodology, owner_agency, status, conducted_on,
  valid_until, confidentiality, level, rating_scheme, rating_value, rating_dimension,
  rating_source, submitted_at, finalised_at, created_at)
SELECT gen_random_uuid(), p.id, 'psea', 'UN-PSEA-2020', g.ids[1 + (n + i) % 3], 'final',
  '2026-01-01', '2031-01-01', l.level, l.level, 'UN-PSEA-2020', 'FULL_CAPACITY', 'sea_risk',
  'computed', now(), now(), now() - make_interval(secs => n * 10 + i)
FROM (SELECT id, row_number() OVER () AS n FROM partners) p,
  generate_series(0, 9) i,
  (SELECT array_agg(id ORDER BY code) AS ids FROM agencies) g,
  LATERAL (SELECT (ARRAY['RESTRICTED', 'RESTRICTED', 'INTER_AGENCY', 'AGENCY_ONLY'])
    [1 + (n + i) % 4] AS level) l
"""
_DETAILS = """
INSERT INTO assessment_details (assessment_id, owner_agency, level, version, sealed)
SELECT id, owner_agency, level, 1, decode(repeat('00', 400), 'hex') FROM assessments
"""
_SHARES = """
INSERT INTO assessments_acl (agency_id, record_id, share_id, owner_agency, level, purpose,
  valid_from, valid_to)
SELECT (SELECT id FROM agencies WHERE code = 'WFP'), id, gen_random_uuid(), owner_agency, 'detail',
  'AUDIT', now() - interval '1 day', now() + interval '1 year'
FROM assessments WHERE level = 'RESTRICTED' AND hashtext(id::text) % 2 = 0
  AND owner_agency <> (SELECT id FROM agencies WHERE code = 'WFP')
"""
_POLICY = """
INSERT INTO sharing_policies (id, owner_agency, shared_with, level, purpose, country, valid_from,
  created_by_person, created_by_client)
SELECT gen_random_uuid(), a.id, b.id, 'detail', 'AUDIT', $1, now(), p.id, 'bench'
FROM agencies a, agencies b, persons p WHERE a.code = 'WFP' AND b.code = 'UNDP' LIMIT 1
RETURNING id
"""


async def _fill(stand: Stand, records: int) -> None:
    owner = await asyncpg.connect(stand.settings.require("database_migration_url"))
    # Without triggers: the bench measures them apart.
    await owner.execute("SET session_replication_role = replica")
    for sql, args in ((_FILL, (records // 10,)), (_RECORDS, ()), (_DETAILS, ()), (_SHARES, ())):
        await owner.execute(sql, *args, timeout=900)
    await owner.execute("VACUUM ANALYZE", timeout=900)
    await owner.close()


def _list(**filters: Any) -> tuple[Any, ...]:
    """The statement of a list page as the service would send it."""
    clauses = [queries._KNOWN, *(queries._LIST_FILTERS[name] for name in filters)]
    sql = (
        f"SELECT {queries.COLUMNS} {queries.FROM} WHERE {' AND '.join(clauses)} "
        "ORDER BY a.created_at DESC, a.id DESC LIMIT 51"
    )
    values = {name: value for name, value in filters.items() if value is not True}
    return _positional(sql, values | {"holder": True})


def _positional(sql: str, values: dict[str, Any]) -> tuple[Any, ...]:
    compiled = text(sql).compile(dialect=dialect.dialect())
    names = list(compiled.positiontup or ())
    plain = re.sub(r"(\$\d+)::\w+", r"\1", str(compiled))
    return (plain, *(values[name] for name in names))


async def _measure(stand: Stand, records: int) -> None:
    await _fill(stand, records)
    owner = await asyncpg.connect(stand.settings.require("database_migration_url"))
    wfp = await owner.fetchval("SELECT id FROM agencies WHERE code = 'WFP'")
    pick = "SELECT id FROM assessments WHERE {} LIMIT 1 OFFSET 1000"
    own = await owner.fetchval(pick.format("owner_agency = $1"), wfp)
    shared = await owner.fetchval(
        "SELECT record_id FROM assessments_acl WHERE agency_id = $1 LIMIT 1 OFFSET 5000", wfp
    )
    hidden = await owner.fetchval(
        pick.format(
            "owner_agency <> $1 AND level = 'RESTRICTED' AND NOT EXISTS (SELECT 1 FROM "
            "assessments_acl x WHERE x.record_id = assessments.id)"
        ),
        wfp,
    )
    partner = await owner.fetchval("SELECT partner_id FROM assessments WHERE id = $1", own)
    await owner.close()
    app = await asyncpg.connect(stand.settings.require("database_url"))
    await app.execute("SELECT set_config('app.agency_id', $1, false)", str(wfp))
    summary, detail = str(queries._READ), queries.DETAIL_FAST
    statements = {
        "list page, any": _list(),
        "list page, own": _list(owner_agency="WFP"),
        "list page, another agency's": _list(owner_agency="UNICEF"),
        "list page, one partner": _list(partner_id=partner),
        "list page, one country": _list(countries=["KEN"]),
        "list page, a country without records": _list(countries=["ABW"]),
        "list page, client below AGENCY_ONLY": _list(open_only=True),
        "summary by id, own": _positional(summary, {"id": own, "holder": True}),
        "summary by id, another's": _positional(summary, {"id": shared, "holder": True}),
        "detail by id, own": (detail, "WFP", own, True),
        "detail by id, shared": (detail, "WFP", shared, True),
        "detail by id, hidden": (detail, "WFP", hidden, True),
    }
    print("| statement | first ms | again ms | buffers | whole tables read |")
    print("|---|---|---|---|---|")
    for label, (sql, *args) in statements.items():
        first, again = await _explain(app, sql, *args), await _explain(app, sql, *args)
        plan = again["Plan"]
        buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        whole = ", ".join(sorted(set(_whole_tables(plan)))) or "none"
        print(
            f"| {label} | {first['Execution Time']:.2f} | {again['Execution Time']:.2f} "
            f"| {buffers} | {whole} |"
        )
    for country in ("KEN", None):
        await _standing(app, country)
    await app.close()


async def _standing(app: asyncpg.Connection, country: str | None) -> None:
    """Begin and end a standing share of one country's records, or of all, as reg_app."""
    sql = _POLICY if country else _POLICY.replace("country,", "everything,").replace("$1", "true")
    policy = await app.fetchval(sql, *([country] if country else []))
    started = time.perf_counter()
    count = await app.fetchval("SELECT start_sharing_policy($1)", policy, timeout=300)
    begun = time.perf_counter()
    await app.execute("DELETE FROM assessments_acl WHERE share_id = $1", policy, timeout=300)
    ended = time.perf_counter()
    print(
        f"standing share of {count} records: begins in {begun - started:.2f} s, "
        f"ends in {ended - begun:.2f} s"
    )


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench-access"
    folder.mkdir(parents=True, exist_ok=True)
    stand = build(folder, 1)
    try:
        asyncio.run(_measure(stand, options.records))
    finally:
        stand.server.stop()


if __name__ == "__main__":
    main()
