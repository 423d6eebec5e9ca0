"""What a section was: recorded when, valid since when, and no more of it than is read today."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from app.partners.sections.kinds import ALL
from app.partners.sections.schemas import SectionCode
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.partners.factories import make_partner
from tests.partners.sections.factories import FULL, save, saved
from tests.partners.test_protected import ORDINARY
from tests.support import Api, World


async def _contact(api: Api, **more: Any) -> str:
    """The URL of section contact of a new partner, saved twice."""
    partner = (await make_partner(api, **more))["id"]
    await saved(api, partner, "contact", {"city": "Nairobi", "other_languages": "Swahili"})
    await saved(api, partner, "contact", {"city": "Kisumu", "other_languages": "Luo"}, 1)
    return f"/v1/partners/{partner}/sections/contact"


def test_every_section_has_a_history() -> None:
    assert get_args(SectionCode) == tuple(ALL)


async def test_each_version_is_told_and_can_be_read(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    url = f"/v1/partners/{partner}/sections/contact"
    assert (await unicef.read(f"{url}/history"))["items"] == []
    said = [
        await saved(unicef, partner, "contact", {"city": "Nairobi", "phone": "+254 20 1234"}),
        await saved(wfp, partner, "contact", {"city": "Kisumu"}, 1),
        await saved(unicef, partner, "contact", {"phone": None}, 2),
    ]
    found = (await wfp.read(f"{url}/history"))["items"]
    assert [(item["version"], item["by"], item["changed"]) for item in found] == [
        (3, "UNICEF", ["phone"]), (2, "WFP", ["city"]), (1, "UNICEF", ["city", "phone"]),
    ]  # fmt: skip
    assert found[0]["recorded_to"] is None
    assert found[1]["recorded_to"] == found[0]["recorded_from"]
    for item, then in zip(found, reversed(said), strict=True):
        assert await wfp.read(url, params={"as_of": item["recorded_from"]}) == then
    early = await wfp.get(url, params={"as_of": "2001-01-01T00:00:00Z"})
    assert (early.status_code, early.json()["code"]) == (404, "not_known_then")
    other = await wfp.get(f"/v1/partners/{partner}/sections/nothing/history")
    assert other.status_code == 422


async def test_the_history_is_paged(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    for number in range(4):
        await saved(api, partner, "other", {"remarks": f"R{number}"}, number)
    url: str | None = f"/v1/partners/{partner}/sections/other/history?limit=3"
    seen: list[int] = []
    while url:
        page = await api.read(url)
        seen += [item["version"] for item in page["items"]]
        assert all(item["changed"] == ["remarks"] for item in page["items"])
        cursor = page["next_cursor"]
        url = cursor and f"/v1/partners/{partner}/sections/other/history?limit=3&cursor={cursor}"
    assert seen == [4, 3, 2, 1]


async def test_two_times_what_held_then_and_what_was_known_of_it(api_for: ApiFor) -> None:
    """The address of 2022 was learnt late, and what was believed before stays readable."""
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    url = f"/v1/partners/{partner}/sections/contact"
    for version, (city, since) in enumerate(
        (("First", "2020-01-01"), ("Third", "2024-01-01"), ("Second", "2022-01-01"))
    ):
        body = {"city": city, "valid_from": since}
        done = await saved(api, partner, "contact", body, version)
        assert (done["valid_from"], "valid_from" in done["body"]) == (since, False)
        assert done["sources"].keys() == {"city"}
        if city == "Third":
            before = done["updated_at"]

    async def city_of(**params: str) -> str:
        return str((await api.read(url, params=params))["body"]["city"])

    assert await city_of(valid_on="2021-06-01") == "First"
    assert await city_of(valid_on="2023-06-01") == "Second"
    assert await city_of(valid_on="2023-06-01", as_of=before) == "First"
    assert await city_of(valid_on="2025-06-01", as_of=before) == "Third"
    unknown = await api.get(url, params={"valid_on": "2019-12-31"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_known_then")
    days = [item["valid_from"] for item in (await api.read(f"{url}/history"))["items"]]
    assert days == ["2022-01-01", "2024-01-01", "2020-01-01"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"city": "X", "valid_from": "2999-01-01"}, "invalid_request"),
        ({"city": "X", "valid_from": "yesterday"}, "invalid_request"),
        ({"valid_from": "2020-01-01"}, "patch_empty"),
    ],
)
async def test_a_day_to_come_and_a_day_alone_are_refused(
    api_for: ApiFor, body: dict[str, Any], code: str
) -> None:
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    refused = await save(api, partner, "contact", body)
    assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_the_past_answers_304_and_gives_no_version_to_change(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    url = await _contact(api)
    params = {"as_of": (await api.read(f"{url}/history"))["items"][1]["recorded_from"]}
    tag = (await api.get(url, params=params)).headers["etag"]
    assert not tag.startswith('"v')
    again = await api.get(url, params=params, headers={"If-None-Match": tag})
    assert again.status_code == 304


async def test_the_past_shows_no_more_than_today(api_for: ApiFor) -> None:
    """Protected since: who knows it by its vendor number learns nothing of where it was, either."""
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP", *ORDINARY)
    fao = await api_for("FAO", *ORDINARY)
    url = await _contact(unicef)
    partner = url.split("/")[3]
    vendor = {"scheme": "AGENCY_VENDOR", "value": "V-HISTORY-1", "country": "KEN"}
    await wfp.made(f"/v1/partners/{partner}/identifiers", vendor)
    first = (await wfp.read(f"{url}/history"))["items"][-1]
    assert first["changed"] == ["city", "other_languages"]
    profile = await unicef.get(f"/v1/partners/{partner}")
    hidden = await unicef.patch(
        f"/v1/partners/{partner}",
        json={"protected": True},
        headers={"If-Match": profile.headers["etag"]},
    )
    assert hidden.status_code == 200
    params = {"as_of": first["recorded_from"]}
    then = await wfp.read(url, params=params)
    assert (then["body"]["city"], then["body"]["other_languages"]) == (None, "Swahili")
    assert then["sources"].keys() == {"other_languages"}
    assert "city" in then["withheld"]
    told = (await wfp.read(f"{url}/history"))["items"]
    assert [item["changed"] for item in told] == [["other_languages"]] * 2
    assert (await unicef.read(url, params=params))["body"]["city"] == "Nairobi"
    for path in (f"{url}/history", f"{url}?as_of={first['recorded_from']}"):
        assert (await fao.get(path)).status_code == 404


async def test_the_partner_reads_the_history_of_its_own_sections(
    api_for: ApiFor, world: World
) -> None:
    partner, api = await claimed_partner(api_for, world)
    url = "/v1/self/sections/contact"
    for version, city in enumerate(("Nairobi", "Kisumu")):
        answer = await api.patch(
            url,
            json=FULL["contact"] | {"city": city},
            headers={"If-Match": f'"v{version}"'},
        )
        assert answer.status_code == 200, answer.text
    found = (await api.read(f"{url}/history"))["items"]
    assert [(item["version"], item["by"]) for item in found] == [(2, None), (1, None)]
    assert found[0]["changed"] == ["city"]
    then = await api.read(url, params={"as_of": found[1]["recorded_from"]})
    assert then["body"]["city"] == "Nairobi"
    late = await api.get(url, params={"valid_on": "2001-01-01"})
    assert late.json()["code"] == "not_known_then"
    seen = await (await api_for("WFP")).read(f"/v1/partners/{partner}/sections/contact/history")
    assert seen["items"] == found
