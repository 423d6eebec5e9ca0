"""Who reads a measure less than whole, or as the one that it is on."""

from __future__ import annotations

from uuid import uuid4

from app.core.db import Database
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.sanctions.entries.support import measure, new_partner
from tests.sanctions.factories import decided_upon, suspend
from tests.support import World

URL = "/v1/self/sanction-entries"


async def test_a_partner_reads_every_measure_on_it_and_no_other(
    api_for: ApiFor, world: World
) -> None:
    partner, own = await claimed_partner(api_for, world)
    _, other = await claimed_partner(api_for, world)
    entry = await decided_upon(api_for, partner, "FAO")
    hidden = await suspend(api_for, partner, "UNDP")
    stranger = await measure(api_for)
    seen = (await own.read(URL))["items"]
    assert {one["entry_id"] for one in seen} == {entry["entry_id"], hidden["entry_id"]}
    shown = await own.read(f"{URL}/{entry['entry_id']}")
    assert [one["condition"] for one in shown["conditions"]] == ["Repay what was lost."]
    assert (shown["imposing_agency"], shown["recognitions"]) == ("FAO", [])
    assert "Canary" not in str(seen)
    for url in (f"{URL}/{stranger['entry_id']}", f"{URL}/{uuid4()}"):
        answer = await own.get(url)
        assert (answer.status_code, answer.json()["code"]) == (404, "entry_not_found")
    assert (await other.read(URL))["items"] == []
    assert (await other.get(f"{URL}/{entry['entry_id']}")).status_code == 404
    page = await own.read(f"{URL}?limit=1")
    rest = await own.read(f"{URL}?limit=1&cursor={page['next_cursor']}")
    assert {one["entry_id"] for one in (*page["items"], *rest["items"])} == {
        one["entry_id"] for one in seen
    }
    assert (await (await api_for("FAO")).get(URL)).status_code == 403


async def test_an_rco_reads_by_country_what_holds_and_not_why(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    partner = await new_partner(api_for)
    entry = await decided_upon(api_for, partner)
    name = await add_officer(operator_database, world, "WFP", "RCOX", "RCO")
    rco, whole = await api_for(name), await api_for("WFP")
    country = (await whole.read(f"/v1/partners/{partner}"))["country"]
    url = f"/v1/sanctions/entries?partner_id={partner}"
    (shown,) = (await rco.read(f"{url}&country={country}"))["items"]
    assert (await rco.read(f"{url}&country=NO"))["items"] == []
    (full,) = (await whole.read(url))["items"]
    same = ("entry_id", "measure", "imposing_agency", "status", "effect", "scope", "effective_to")
    assert [shown[key] for key in same] == [full[key] for key in same]
    assert full["practices"] == ["FRAUDULENT"]
    for key in ("practices", "conditions", "recognitions", "cross_debarment"):
        assert (shown[key], bool(full[key])) == ([], True), key
    one = f"/v1/sanctions/entries/{entry['entry_id']}"
    assert (await rco.read(one))["practices"] == []
    assert (await rco.get(f"{one}/history")).status_code == 404
