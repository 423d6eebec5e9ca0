"""What happens without anybody writing: measures end, manifests are signed again, files go."""

from __future__ import annotations

from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy import text

from app.auth import jose
from app.auth.keys import SigningKeys
from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.entries.expiry import expire_entries
from app.sanctions.feed.stream import FeedStream
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose


async def _run(database: Database, sql: str, **values: object) -> None:
    async with database.session() as session:
        await session.execute(text(sql), values)


async def test_a_measure_ends_on_its_day_and_the_feed_says_so(
    api_for: ApiFor, settle: Settle, worker_database: Database, operator_database: Database
) -> None:
    entry = await impose(api_for)
    await settle()
    wfp = await api_for("WFP")
    before = (await wfp.read("/v1/feeds/sanctions/changes?after=0&limit=1000"))["to"]
    await expire_entries(worker_database)  # what other tests left behind
    await _run(
        operator_database,
        "UPDATE sanction_entries SET effective_to = current_date - 1 WHERE id = :id",
        id=entry["entry_id"],
    )
    assert await expire_entries(worker_database) == 1
    assert await expire_entries(worker_database) == 0
    await settle()
    read = await wfp.read(f"/v1/sanctions/entries/{entry['entry_id']}")
    assert read["status"] == "EXPIRED"
    assert read["seq"] is None
    page = await wfp.read(f"/v1/feeds/sanctions/changes?after={before}")
    change = next(c for c in page["changes"] if c["entry_id"] == entry["entry_id"])
    assert (change["op"], change["reason"]) == ("remove", "expired")
    answer = await wfp.made(
        "/v1/clearances",
        {"partner": {"id": entry["partner_id"]}, "country": "KEN", "purpose": "CONTRACTING"},
    )
    assert answer["restrictions"] == []


async def test_a_measure_past_its_day_counts_no_more_even_before_the_worker_comes(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    entry = await impose(api_for)
    await _run(
        operator_database,
        "UPDATE sanction_entries SET effective_to = current_date - 1 WHERE id = :id",
        id=entry["entry_id"],
    )
    answer = await (await api_for("WFP")).made(
        "/v1/clearances",
        {"partner": {"id": entry["partner_id"]}, "country": "KEN", "purpose": "CONTRACTING"},
    )
    assert answer["restrictions"] == []
    await expire_entries(worker_database)


async def test_an_old_manifest_is_signed_again_without_a_new_version(
    api_for: ApiFor,
    settle: Settle,
    app: FastAPI,
    settings: Settings,
    worker_database: Database,
    operator_database: Database,
) -> None:
    await impose(api_for)
    await settle()
    wfp = await api_for("WFP")
    old = jose.unverified_claims((await wfp.get("/v1/feeds/sanctions/manifest")).text)
    await _run(
        operator_database,
        "UPDATE feed_heads SET signed_at = now() - interval '61 minutes' "
        "WHERE stream = 'inter_agency'",
    )
    stream = FeedStream(SigningKeys(worker_database, app.state.root), settings.issuer)
    async with worker_database.connection() as connection:
        await stream.heartbeat(connection, ["inter_agency"])
    new = jose.unverified_claims((await wfp.get("/v1/feeds/sanctions/manifest")).text)
    times = ("iat", "exp", "log")
    assert {k: v for k, v in new.items() if k not in times} == {
        k: v for k, v in old.items() if k not in times
    }
    assert new["iat"] >= old["iat"]
    assert new["exp"] == new["iat"] + 86_400


async def test_old_files_go_and_present_ones_stay(
    api_for: ApiFor,
    settle: Settle,
    app: FastAPI,
    settings: Settings,
    worker_database: Database,
    operator_database: Database,
) -> None:
    await settle()
    wfp = await api_for("WFP")
    gone = jose.unverified_claims((await wfp.get("/v1/feeds/sanctions/manifest")).text)["index"]
    await impose(api_for)
    await settle()
    kept = jose.unverified_claims((await wfp.get("/v1/feeds/sanctions/manifest")).text)["index"]
    await _run(operator_database, "UPDATE feed_blobs SET current_at = now() - interval '49 hours'")
    stream = FeedStream(SigningKeys(worker_database, app.state.root), settings.issuer)
    async with worker_database.connection() as connection:
        await stream.heartbeat(connection, [])
    url = "/v1/feeds/sanctions/chunks/"
    assert (await wfp.get(url + gone["sha256"])).json()["code"] == "file_not_found"
    assert (await wfp.get(url + kept["sha256"])).status_code == 200


async def test_without_a_signed_document_there_are_no_keys(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    assert (await wfp.get("/v1/feeds/sanctions/keys")).json()["code"] == "keys_not_published"
    await _run(
        operator_database,
        'INSERT INTO keys_documents (version, document) VALUES (1, \'{"payload": "e30"}\')',
    )
    found = await wfp.get("/v1/feeds/sanctions/keys")
    again = await wfp.get(
        "/v1/feeds/sanctions/keys", headers={"If-None-Match": found.headers["etag"]}
    )
    await _run(operator_database, "DELETE FROM keys_documents")
    assert found.json() == {"payload": "e30"}
    assert again.status_code == 304


async def test_every_name_of_a_partner_is_on_its_entry(api_for: ApiFor, settle: Settle) -> None:
    partner = await make_partner(
        await api_for("UNICEF"),
        acronym=None,
        legal_name_native="أماني للإغاثة",
        former_names=["Amani Aid"],
    )
    wfp = await api_for("WFP")
    await impose(api_for, partner["id"])
    await settle()
    page = await wfp.read("/v1/feeds/sanctions/changes?after=0&limit=1000")
    entry = page["changes"][-1]["entry"]
    assert {(name["type"], name["name"]) for name in entry["names"]} == {
        ("primary", partner["legal_name"]),
        ("original_script", "أماني للإغاثة"),
        ("alias", "Amani Trust"),
        ("former", "Amani Aid"),
    }


async def test_a_step_in_the_future_or_before_the_one_it_follows_is_refused(
    api_for: ApiFor,
) -> None:
    partner = await make_partner(await api_for("UNICEF"))
    undp = await api_for("UNDP")
    body = {"partner_id": partner["id"], "practices": ["CORRUPT"]}
    late = {"finding": {"reference": "X", "on": "2190-01-01"}}
    assert (await undp.post("/v1/sanctions/cases", json=body | late)).status_code == 422
    nobody = {"partner_id": str(uuid4()), "finding": {"reference": "X", "on": "2026-04-02"}}
    unknown = await undp.post("/v1/sanctions/cases", json=body | nobody)
    assert unknown.json()["code"] == "partner_unknown"
    made = await undp.made(
        "/v1/sanctions/cases", body | {"finding": {"reference": "X", "on": "2026-04-02"}}
    )
    url = f"/v1/sanctions/cases/{made['id']}"
    early = await undp.post(f"{url}/notice", json={"sent_on": "2026-04-01", "summary": "S"})
    assert early.json()["code"] == "date_not_possible"
    await undp.made(f"{url}/notice", {"sent_on": "2026-05-04", "summary": "S"})
    twice = await undp.post(f"{url}/notice", json={"sent_on": "2026-05-04", "summary": "S"})
    assert twice.json()["code"] == "step_out_of_order"
    early = await undp.post(f"{url}/reply", json={"received_on": "2026-05-03", "text": "T"})
    assert early.json()["code"] == "date_not_possible"
