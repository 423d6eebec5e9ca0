"""The stream of one agency: nobody else sees it, nor a number of it move."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from app.core.db import Database
from app.sanctions.entries.expiry import complete_own_streams
from tests.conftest import ApiFor, Settle
from tests.sanctions.entries.support import lift, new_partner
from tests.sanctions.factories import suspend
from tests.sanctions.feed.conftest import FEED, Stand, entry, index, manifest, whole_set


async def test_it_is_the_callers_own_and_tells_nobody_else(stand: Stand) -> None:
    undp, wfp = await stand.api("UNDP"), await stand.api("WFP")
    before = {name: await manifest(wfp, name) for name in ("agency", "inter_agency", "public")}
    one = str(uuid4())
    await stand.put(entry(one, level="RESTRICTED"), stand.own("UNDP"))
    assert set(await whole_set(undp, "agency")) == {one}
    claims = await manifest(undp, "agency")
    assert (claims["stream"], claims["agency"]) == ("agency", str(stand.world.agencies["UNDP"]))
    page = await undp.read(f"{FEED}/changes?stream=agency&after=0")
    assert [change["entry_id"] for change in page["changes"]] == [one]
    assert await whole_set(wfp, "agency") == {}
    after = {name: await manifest(wfp, name) for name in before}
    assert after == before
    files = [
        claims["index"]["sha256"],
        *(c["sha256"] for c in (await index(undp, "agency"))["chunks"]),
    ]
    for sha256 in files:
        assert (await undp.get(f"{FEED}/chunks/{sha256}")).status_code == 200
        refused = await wfp.get(f"{FEED}/chunks/{sha256}")
        assert refused.json()["code"] == "file_not_found"
    named = await wfp.get(f"{FEED}/manifest?stream=agency:{stand.world.agencies['UNDP']}")
    assert named.status_code in (404, 422)


async def test_what_is_handed_out_of_it_is_logged(stand: Stand) -> None:
    undp = await stand.api("UNDP")
    last = (await manifest(undp, "agency"))["seq_to"]
    await stand.put(entry(str(uuid4())), stand.own("UNDP"))
    count = "SELECT count(*) FROM audit_events WHERE event = 'sanction:own_feed:read'"
    before = (await stand.run(count))[0]
    await undp.read(f"{FEED}/changes?stream=agency&after={last}")
    chunk = (await index(undp, "agency"))["chunks"][0]["sha256"]
    answer = await undp.get(f"{FEED}/chunks/{chunk}")
    # The index, the chunk, the page; no name, no content.
    assert (await stand.run(count))[0] == before + 3
    unread = await undp.get(
        f"{FEED}/chunks/{chunk}", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert unread.status_code == 304
    await undp.read(f"{FEED}/changes?stream=agency&after={last + 1}")
    assert (await stand.run(count))[0] == before + 3


async def test_who_may_not_read_such_measures_finds_no_stream(stand: Stand) -> None:
    undp = await stand.api("UNDP")
    await stand.put(entry(str(uuid4())), stand.own("UNDP"))
    chunk = (await index(undp, "agency"))["chunks"][0]["sha256"]
    reviewer = await stand.api("UNDP_REVIEWER")
    for change in ("max_level = 'INTER_AGENCY'", "countries = '{KEN}'"):
        assert (await reviewer.get(f"{FEED}/manifest?stream=agency")).status_code == 200
        update = "UPDATE clients SET {} WHERE id = 'UNDP_REVIEWER' RETURNING id"
        await stand.run(update.format(change))
        answer = await reviewer.get(f"{FEED}/manifest?stream=agency")
        assert (change, answer.json()["code"]) == (change, "stream_not_found")
        assert (await reviewer.get(f"{FEED}/chunks/{chunk}")).json()["code"] == "file_not_found"
        twin = await reviewer.get(f"{FEED}/ftm/index.json?stream=agency")
        assert (change, twin.json()["code"]) == (change, "stream_not_found")
        await stand.run(update.format("max_level = 'AGENCY_ONLY', countries = '{}'"))


async def test_an_agency_without_a_head_has_no_stream_yet(stand: Stand) -> None:
    stream = stand.own("FAO")
    await stand.run("DELETE FROM feed_heads WHERE stream = $1 RETURNING 1", stream)
    answer = await (await stand.api("FAO")).get(f"{FEED}/manifest?stream=agency")
    assert answer.json()["code"] == "stream_not_found"
    await stand.run("DELETE FROM feed_chunks WHERE stream = $1 RETURNING 1", stream)
    await stand.beat()
    assert (await manifest(await stand.api("FAO"), "agency"))["version"] == 1


async def test_one_waits_for_it_as_for_any_other(stand: Stand) -> None:
    undp, one = await stand.api("UNDP"), str(uuid4())
    last = (await manifest(undp, "agency"))["seq_to"]
    waiting = asyncio.create_task(undp.read(f"{FEED}/changes?stream=agency&after={last}&wait=30"))
    await asyncio.sleep(0.05)
    await stand.put(entry(one), stand.own("UNDP"))
    assert [change["entry_id"] for change in (await waiting)["changes"]] == [one]


async def test_a_suspension_is_there_while_it_lasts(
    api_for: ApiFor, settle: Settle, worker_database: Database, operator_database: Database
) -> None:
    entry = await suspend(api_for, await new_partner(api_for))
    await settle()
    undp, wfp = await api_for("UNDP"), await api_for("WFP")

    async def told() -> list[tuple[str, str | None]]:
        url, after, found = f"{FEED}/changes?stream=agency&limit=1000", 0, []
        while True:
            page = await undp.read(f"{url}&after={after}")
            found += [c for c in page["changes"] if c["entry_id"] == entry["entry_id"]]
            after = page["to"]
            if not page["more"]:
                return [(c["op"], c["reason"]) for c in found]

    assert await told() == [("put", None)]
    changed = await (await api_for("UNICEF")).patch(
        f"/v1/partners/{entry['partner_id']}",
        json={"legal_name": f"Renamed {uuid4().hex}"},
        headers={"If-Match": '"v1"'},
    )
    assert changed.status_code == 200, changed.text
    await settle()
    assert await told() == [("put", None)] * 2
    # Lost, as before there were such streams, or handed over to another agency: it is put there.
    async with operator_database.connection() as connection:
        await connection.execute("DELETE FROM feed_entries WHERE entry_id = $1", entry["entry_id"])
        await connection.execute(
            "UPDATE feed_heads SET count = count - 1 WHERE stream = "
            "(SELECT 'agency:' || id FROM agencies WHERE code = 'UNDP')"
        )
    await complete_own_streams(worker_database)
    await complete_own_streams(worker_database)
    await settle()
    assert await told() == [("put", None)] * 3
    read = await undp.read(f"/v1/sanctions/entries/{entry['entry_id']}")
    assert (await lift(api_for, read)).status_code == 201
    await settle()
    assert await told() == [*[("put", None)] * 3, ("remove", "lifted")]
    page = await wfp.read(f"{FEED}/changes?stream=agency&after=0&limit=1000")
    assert entry["entry_id"] not in {c["entry_id"] for c in page["changes"]}
