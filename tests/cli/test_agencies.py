"""``registry agencies``: an agency comes, is suspended, leaves, and takes its records along."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import text

from app.agencies import export
from app.cli.agencies import EXPORTED
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.db import Database, bind_now
from app.core.settings import Settings
from tests.agencies.support import calling, new_agency, new_code
from tests.assessments.factories import SECRET, make_assessment, make_share, request_body
from tests.cli.commands import environment_of, registry
from tests.conftest import ApiFor
from tests.sanctions.factories import impose
from tests.support import World

WHY = ("--reason", "a test", "--by", "tester")
HASH = "ab" * 32


async def well(*arguments: str | Path, env: dict[str, str]) -> str:
    """Output of a command that must work."""
    done = await registry("agencies", *arguments, env=env)
    assert done.exit_code == 0, done.output
    return done.stdout


async def ill(*arguments: str | Path, env: dict[str, str]) -> str:
    """The sentence of a command that must be refused."""
    done = await registry("agencies", *arguments, env=env)
    assert done.exit_code == 1, done.output
    assert done.stderr.count("\n") == 1
    return done.stderr


async def apply(code: str, env: dict[str, str]) -> None:
    await well("create", code, "--name", code, "--office", "x", "--email", "p@x.org", env=env)
    for kind in ("participation", "data_sharing", "data_protection_assessment"):
        signed = ("--reference", f"{code}-{kind}", "--signed-on", "2026-01-15", "--sha256", HASH)
        await well("agreement", code, kind, *signed, env=env)
    for subject in ("implementing_partners", "data_protection", "legal", "oversight"):
        unit = ("--office", "Unit", "--email", "unit@x.org", "--country", "KE")
        await well("focal-point", code, subject, *unit, env=env)


async def test_the_life_of_an_agency_by_command(settings: Settings, world: World) -> None:
    env, code = environment_of(settings), new_code()
    lacking = new_code()
    await well("create", lacking, "--name", "x", "--office", "x", "--email", "p@x.org", env=env)
    assert "lacks agreement:data_protection_assessment" in await ill(
        "activate", lacking, *WHY, env=env
    )
    await apply(code, env)
    shown = await well("show", code, env=env)
    assert "status\tapplicant" in shown
    assert "lacks\t-" in shown
    assert f"participation\t{code}-participation, 2026-01-15 to -" in shown
    assert "takes part" in await well("activate", code, *WHY, env=env)
    assert "is suspended" in await well("suspend", code, *WHY, env=env)
    assert "again" in await well("resume", code, *WHY, env=env)
    left = await well("withdraw", code, "--custodian", "UNDP", *WHY, env=env)
    assert left == f"Agency {code} has withdrawn; UNDP answers for its statements.\n"
    assert f"{code}\t{code}\twithdrawn" in await well("list", env=env)
    assert "is withdrawn" in await ill("activate", code, *WHY, env=env)
    wrong = ("--entries", "some", *WHY)
    assert "`all` or the id" in await ill("handover", code, "FAO", *wrong, env=env)
    assert "no such running" in await ill(
        "handover", code, "FAO", "--entries", "all", *WHY, env=env
    )
    country = ("--office", "x", "--email", "p@x.org", "--country", "nowhere")
    assert "no country code" in await ill("focal-point", code, "legal", *country, env=env)


async def test_a_measure_is_handed_over_by_command(
    settings: Settings, operator_database: Database, world: World, api_for: ApiFor
) -> None:
    env = environment_of(settings)
    code = await new_agency(operator_database, world)
    entry = (await impose(api_for, agency=code))["entry_id"]
    await well("withdraw", code, "--custodian", "A desk of the CEB", *WHY, env=env)
    done = await well("handover", code, "FAO", "--entries", entry, *WHY, env=env)
    assert done == f"1 of {code} are in the hands of FAO.\n"


async def test_an_export_holds_everything_it_owns_and_nothing_else(
    settings: Settings,
    operator_database: Database,
    app: FastAPI,
    world: World,
    api_for: ApiFor,
    tmp_path: Path,
) -> None:
    env = environment_of(settings)
    code = await new_agency(operator_database, world)
    unicef = await api_for("UNICEF")
    foreign = await make_assessment(unicef)
    entry = await impose(api_for, agency=code)
    async with calling(app, world, code) as api:
        made = await make_assessment(api)
        await make_share(api, made["id"], shared_with="WFP")
        await make_share(unicef, foreign["id"], shared_with=code)
        await api.made("/v1/screenings", {"subject": {"kind": "person", "names": ["Canary Name"]}})
        await api.made("/v1/access-requests", request_body((await make_assessment(unicef))["id"]))
        body = {"partner": {"id": made["partner_id"]}, "country": "KEN", "purpose": "CONTRACTING"}
        cleared = await api.post("/v1/clearances", json=body)
    folder = tmp_path / "out" / code
    done = await well("export", code, folder, "--reference", "REQ-1", env=env)
    manifest = (folder / "manifest.json").read_bytes()
    assert done.rstrip().endswith(hashlib.sha256(manifest).hexdigest())
    tables: dict[str, Any] = json.loads(manifest)["tables"]
    assert set(tables) == {table.name for table in EXPORTED}
    found: dict[str, list[dict[str, Any]]] = {}
    for name, facts in tables.items():
        content = (folder / facts["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
        found[name] = [json.loads(line) for line in content.splitlines()]
        assert len(found[name]) == facts["rows"]
        assert (folder / facts["file"]).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [row["id"] for row in found["assessments"]] == [made["id"]]
    assert found["assessments"][0]["detail"]["standards"][0]["comment"] == SECRET
    assert len(found["assessment_shares"]) == 2
    assert found["access_requests"][0]["justification"].startswith("Canary")
    assert [row["id"] for row in found["sanction_entries"]] == [entry["entry_id"]]
    steps = {row["kind"]: row["content"] for row in found["sanction_case_steps"]}
    assert steps["decision"]["reason"] == "Forged invoices."
    assert len(found["persons"]) == len(found["clients"]) == 3
    assert cleared.status_code == 201, cleared.text
    assert json.loads(found["clearances"][0]["answer"])["outcome"] == cleared.json()["outcome"]
    assert found["screenings"][0]["screening"]["request"]["subject"]["names"] == ["Canary Name"]
    whole = b"".join(path.read_bytes() for path in folder.iterdir())
    assert world.secrets[code].encode() not in whole
    assert foreign["id"] not in {row["id"] for row in found["assessments"]}
    assert str(world.persons["UNICEF"]).encode() not in whole
    async with operator_database.connection() as connection:
        logged = await connection.fetch(
            "SELECT reference, detail::jsonb ->> 'stage' AS stage FROM audit_events "
            "WHERE event = 'agency:record:export' AND subject_id = $1 ORDER BY id",
            world.agencies[code],
        )
    assert [tuple(row) for row in logged] == [("REQ-1", "started"), ("REQ-1", "done")]
    assert "exists already" in await ill("export", code, folder, "--reference", "R", env=env)


async def test_an_export_holds_nothing_that_is_redacted(
    settings: Settings, operator_database: Database, app: FastAPI, world: World, tmp_path: Path
) -> None:
    code = await new_agency(operator_database, world)
    async with calling(app, world, code) as api, calling(app, world, f"{code}_APPROVER") as second:
        hidden = (await make_assessment(api))["id"]
        destroyed = (await make_assessment(api))["id"]
        for one in (hidden, destroyed):
            await api.made(f"/v1/assessments/{one}/redaction", {"reason": "names a survivor"})
        await second.made(
            f"/v1/assessments/{destroyed}/redaction/decision",
            {"decision": "confirm", "reason": "checked"},
            headers={"If-Match": '"v1"'},
        )
    folder = tmp_path / code
    env = environment_of(settings)
    await well("export", code, folder, "--reference", "REQ-2", env=env)
    lines = (folder / "assessments.jsonl").read_bytes().splitlines()
    rows = {row["id"]: row for row in map(json.loads, lines)}
    assert rows.keys() == {hidden, destroyed}
    for row in rows.values():
        assert (row["redacted"], row["detail"]) == (True, None)


async def test_an_export_that_fails_leaves_nothing(
    settings: Settings, operator_database: Database, app: FastAPI, world: World, tmp_path: Path
) -> None:
    code = await new_agency(operator_database, world)
    async with calling(app, world, code) as api:
        made = await make_assessment(api)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE assessment_details SET sealed = set_byte(sealed, 110, "
            "get_byte(sealed, 110) # 1) WHERE assessment_id = $1",
            made["id"],
        )
    failed = await registry(
        "agencies",
        "export",
        code,
        tmp_path / code,
        "--reference",
        "R",
        env=environment_of(settings),
    )
    assert failed.exit_code == 1
    assert os.listdir(tmp_path) == []


async def test_the_owner_role_itself_reads_the_bound_agency_alone(
    settings: Settings, operator_database: Database, app: FastAPI, world: World, tmp_path: Path
) -> None:
    """The operator of a managed database is no superuser: row security holds for it, too."""
    # Two agencies that no other test knows: nothing is shared between them.
    code = await new_agency(operator_database, world)
    other = await new_agency(operator_database, world)
    for owner in (code, other):
        async with calling(app, world, owner) as api:
            await make_assessment(api)
    database = Database(settings.require("database_migration_url"), settings)
    try:
        async with database.session() as session:
            await session.execute(text("SET LOCAL ROLE reg_owner"))
            await bind_now(session, world.agencies[code])
            done = await export.write(
                session,
                KeyRing(app.state.root),
                (world.agencies[code], code),
                EXPORTED,
                tmp_path / code,
                utc_now(),
                lambda table, count, total: None,
            )
            assert done.counts["assessments"] == 1
            for table, column in (
                ("assessments", "owner_agency"),
                ("sanction_cases", "agency_id"),
                ("clearances", "agency_id"),
            ):
                others = await session.scalar(
                    text(f"SELECT count(*) FROM {table} WHERE {column} = :other"),
                    {"other": world.agencies[other]},
                )
                assert others == 0
    finally:
        await database.close()
