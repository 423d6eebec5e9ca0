"""Of what is RESTRICTED nothing can be read in a dump of the database or in its write-ahead log."""

from __future__ import annotations

import io
import secrets

import asyncpg

from app.core.settings import Settings
from tests.assessments.documents.factories import move, upload
from tests.assessments.factories import (
    PURPOSE,
    assessment_body,
    make_share,
    psea_detail,
    request_body,
)
from tests.assessments.self_assessments.factories import answers, decide, hand_in
from tests.assessments.support import as_superuser
from tests.conftest import ApiFor, Settle
from tests.partners.claims.support import claimed_partner
from tests.partners.documents.factories import PDF
from tests.partners.factories import make_partner
from tests.support import World


async def _everything(api_for: ApiFor, world: World, canary: str) -> None:
    """Every text that goes with an assessment, through the API, with the canary in it."""
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner, own = await claimed_partner(api_for, world)
    body = assessment_body(partner, status="draft", detail=psea_detail(comment=canary))
    one = (await unicef.made("/v1/assessments", body))["id"]
    await upload(unicef, one, PDF + f"% {canary}\n".encode() * 9, title=f"Report {canary}")
    await move(unicef, one, "submitted")
    await move(unicef, one, "draft", 2, note=f"Once more: {canary}")
    await move(unicef, one, "final", 3)
    url = f"/v1/assessments/{one}"
    await make_share(unicef, one)
    await wfp.read(f"{url}/detail", headers=PURPOSE)
    asked = request_body(one, purpose="AUDIT", justification=f"Because {canary}")
    request = (await wfp.made("/v1/access-requests", asked))["id"]
    v1 = {"If-Match": '"v1"'}
    decision = {"decision": "deny", "reason": f"Not now: {canary}"}
    denied = await unicef.post(f"/v1/access-requests/{request}/decision", json=decision, headers=v1)
    assert denied.status_code == 200, denied.text
    other = {"value": "LOW_CAPACITY", "reason": f"A finding: {canary}"}
    proposed = (await unicef.made(f"{url}/adjustments", other))["id"]
    second = await api_for("UNICEF_APPROVER")
    decided = await second.post(
        f"{url}/adjustments/{proposed}/decision",
        json={"decision": "refuse", "reason": f"No: {canary}"},
        headers=v1,
    )
    assert decided.status_code == 200, decided.text
    words = {"text": f"We say: {canary}"}
    await own.made(f"/v1/self/statements/assessment/{one}/comments", words)
    sent = await hand_in(own, standards=answers(comment=canary))
    back = await decide(unicef, sent, decision="return", reason=f"More: {canary}")
    assert back.status_code == 200, back.text
    withdrawal = {"reason": "ERROR_FOUND", "note": f"Wrong: {canary}"}
    version = (await unicef.read(url))["version"]
    headers = {"If-Match": f'"v{version}"'}
    await unicef.made(f"{url}/withdrawal", withdrawal, headers=headers)


async def _dump(connection: asyncpg.Connection) -> dict[str, bytes]:
    """Every table as a dump has it: binary values in hex."""
    found = {}
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for row in tables:
        buffer = io.BytesIO()
        await connection.copy_from_table(row[0], output=buffer)
        found[row[0]] = buffer.getvalue()
    return found


async def _log_since(connection: asyncpg.Connection, start: str) -> bytes:
    """The segments of the write-ahead log from a place in it to now."""
    await connection.execute("SELECT pg_switch_wal()")
    names = await connection.fetch(
        "SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' "
        "AND name BETWEEN pg_walfile_name($1::text::pg_lsn) "
        "AND pg_walfile_name(pg_current_wal_insert_lsn()) ORDER BY name",
        start,
    )
    parts = [
        await connection.fetchval("SELECT pg_read_binary_file('pg_wal/' || $1)", row[0])
        for row in names
    ]
    return b"".join(parts)


async def test_neither_a_dump_nor_the_log_says_what_was_written(
    api_for: ApiFor, world: World, settings: Settings, settle: Settle
) -> None:
    canary, open_word = secrets.token_hex(16), secrets.token_hex(16)
    async with as_superuser(settings) as connection:
        start = str(await connection.fetchval("SELECT pg_current_wal_lsn()::text"))
        # What is meant for all is found in both, or nothing would be proved.
        await make_partner(await api_for("UNICEF"), legal_name=f"Amani {open_word}")
        await _everything(api_for, world, canary)
        await settle()
        tables = await _dump(connection)
        log = await _log_since(connection, start)
    assert {"assessment_documents", "blob_chunks", "idempotency_keys", "outbox"} <= tables.keys()
    for wanted, expected in ((open_word, True), (canary, False)):
        needles = (wanted.encode(), wanted.encode().hex().encode())
        holding = {name for name, text in tables.items() if any(one in text for one in needles)}
        assert bool(holding) is expected, (wanted, holding)
        assert any(one in log for one in needles) is expected, wanted
