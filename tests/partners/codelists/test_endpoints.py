"""Code lists over HTTP."""

from __future__ import annotations

import pytest

from app.core import codelists
from app.core.countries import ALL
from app.partners.codelists.service import language_of
from app.partners.identifiers import IdentifierScheme
from app.partners.types import PartnerTag, PartnerType
from tests.conftest import ApiFor


async def test_every_list_is_listed_page_by_page(api_for: ApiFor) -> None:
    api = await api_for("WFP", "partners:read")
    first = await api.read("/v1/codelists?limit=20")
    second = await api.read(f"/v1/codelists?limit=20&cursor={first['next_cursor']}")
    codes = [item["code"] for item in first["items"] + second["items"]]
    assert codes == sorted(codelists.everything())
    assert second["next_cursor"] is None


async def test_a_list_in_the_language_asked_for(api_for: ApiFor) -> None:
    api = await api_for("WFP", "agencies:read")
    french = await api.get("/v1/codelists/countries", headers={"Accept-Language": "fr-CH, en;q=.9"})
    assert french.headers["content-language"] == "fr"
    labels = {item["code"]: item["label"] for item in french.json()["items"]}
    assert len(labels) == len(ALL)
    assert (labels["DEU"], labels["XKX"]) == ("Allemagne", "Kosovo (under UNSCR 1244)")
    english = await api.get("/v1/codelists/countries?lang=en", headers={"Accept-Language": "fr"})
    assert english.headers["etag"] != french.headers["etag"]
    again = await api.get(
        "/v1/codelists/countries?lang=fr", headers={"If-None-Match": french.headers["etag"]}
    )
    assert again.status_code == 304


async def test_a_version_that_is_none_is_absent(api_for: ApiFor) -> None:
    api = await api_for("WFP", "partners:read")
    now = await api.read("/v1/codelists/sectors")
    assert await api.read(f"/v1/codelists/sectors?version={now['version']}") == now
    for path in ("sectors?version=1999.1", "colours"):
        answer = await api.get(f"/v1/codelists/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "code_list_not_found")
    for path in ("sectors?lang=de", "sectors?version=-", "Sectors", "sectors?language=fr"):
        assert (await api.get(f"/v1/codelists/{path}")).status_code == 422, path
    assert (await (await api_for("WFP", "audit:read")).get("/v1/codelists")).status_code == 403


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de, fr;q=0.5", "fr"),
        ("es;q=0.1, ru;q=0.9", "ru"),
        ("zh-Hans-CN", "zh"),
        ("AR", "ar"),
        ("fr;q=0, en;q=0.2", "en"),
        ("fr;q=2", "en"),
        ("\x00,;;q=,fr", "fr"),
        ("x" * 10_000 + ",fr", "en"),
    ],
)
def test_the_best_language_of_a_header(header: str, language: str) -> None:
    assert language_of(None, header) == language


def test_lists_say_what_the_code_says() -> None:
    assert [item.code for item in codelists.current("partner_types").items] == list(PartnerType)
    assert {item.code for item in codelists.current("partner_tags").items} == set(PartnerTag)
    assert set(IdentifierScheme) <= codelists.current("identifier_schemes").by_code.keys()
