"""Many clearances by lines: in order, each with its own error, each stored before it leaves."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from app.core.db import Database
from app.recognition import clearing
from app.recognition.decide import Facts, Verdict, decide
from app.recognition.quota import QUOTA
from tests.conftest import ApiFor
from tests.recognition.support import ask, inquired, lone_name, lone_partner
from tests.support import Api, World

URL = "/v1/clearances/batch"


async def send(api: Api, lines: list[Any]) -> list[dict[str, Any]]:
    body = b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
    answer = await api.post(URL, content=body, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_lines_are_answered_in_order_and_bad_ones_alone_refused(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(await api_for("UNICEF")))["id"]
    good = ask({"id": partner})
    lines: list[Any] = [{"id": str(number)} | good for number in range(45)]
    lines[3] = b"{not json"
    lines[7] = {"id": "gone"} | ask({"id": str(uuid4())})
    lines[11] = {"id": "wrong"} | good | {"country": "nowhere"}
    found = await send(wfp, lines)
    assert [one["line"] for one in found] == list(range(1, 46))
    errors = {one["line"]: one["error"]["code"] for one in found if "error" in one}
    assert errors == {4: "malformed_json", 8: "partner_not_found", 12: "invalid_request"}
    assert found[7]["id"] == "gone"
    given = [one["clearance"]["clearance_id"] for one in found if "clearance" in one]
    assert len(set(given)) == 42
    stored = await wfp.read(f"/v1/clearances?partner_id={partner}&limit=200")
    assert {one["clearance_id"] for one in stored["items"]} == set(given)
    first = found[0]["clearance"]
    url = f"/v1/clearances/{first['clearance_id']}"
    assert await wfp.read(url) == first
    assert (await wfp.read(f"{url}/recomputation"))["equal"] is True
    assert (await wfp.get(f"{url}/receipt")).status_code == 200


async def test_lines_sent_again_are_answered_again(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(await api_for("UNICEF")))["id"]
    line = {"id": "V-1"} | ask({"id": partner})
    both = [(await send(wfp, [line]))[0]["clearance"]["clearance_id"] for _ in range(2)]
    assert len(set(both)) == 2


async def test_variations_of_a_group_count_and_only_those_beyond_are_refused(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    fao, partner = await api_for("FAO"), await lone_partner(await api_for("UNICEF"))
    await inquired(operator_database, world.agencies["FAO"], partner["id"], QUOTA.variations - 1)
    named = {"name": partner["legal_name"], "country": partner["country"]}
    lines = [
        {"id": "in"} | ask({"id": partner["id"]}),
        {"id": "again"} | ask(named),
        {"id": "beyond"} | ask({"id": partner["id"]}, amount_usd="5.00"),
        {"id": "unknown"} | ask({"name": lone_name(), "country": "KEN"}),
    ]
    found = await send(fao, lines)
    assert [one.get("error", {}).get("code") for one in found] == [
        None,
        None,
        "clearance_quota",
        None,
    ]
    by = [(one["clearance"]["match"] or {}).get("by") for one in found if "clearance" in one]
    assert by == ["id", "name", None]
    stored = await fao.read(f"/v1/clearances?partner_id={partner['id']}&limit=200")
    assert len(stored["items"]) == 2


async def test_a_line_that_cannot_be_decided_keeps_no_other_from_it(
    api_for: ApiFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(facts: Facts) -> Verdict:
        if facts.amount == 13:
            raise KeyError("a fault")
        return decide(facts)

    monkeypatch.setattr(clearing, "decide", fails)
    partner = (await lone_partner(await api_for("UNICEF")))["id"]
    lines = [
        {"id": amount} | ask({"id": partner}, amount_usd=amount) for amount in ("12.00", "13.00")
    ]
    good, bad = await send(await api_for("WFP"), lines)
    assert (good["clearance"]["outcome"], bad["error"]["code"]) == ("REFER", "not_cleared")


@pytest.mark.drill
async def test_thousands_of_lines(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(await api_for("UNICEF")))["id"]
    found = await send(wfp, [{"id": str(n)} | ask({"id": partner}) for n in range(3_000)])
    assert sum("clearance" in one for one in found) == 3_000
