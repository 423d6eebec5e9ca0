"""Official names in Latin and other scripts, former names, and who gave what when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.db import Database
from app.partners.naming import script_of, transliterated
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner, partner_body
from tests.support import Api

ARABIC = "منظمة النور للإغاثة"
TODAY = datetime.now(UTC).date().isoformat()


async def patch(api: Api, partner: dict[str, Any], **fields: Any) -> dict[str, Any]:
    url = f"/v1/partners/{partner['id']}"
    answer = await api.patch(url, json=fields, headers={"If-Match": f'"v{partner["version"]}"'})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def native_body(native: str, **more: Any) -> dict[str, Any]:
    body = partner_body(legal_name_native=native, **more)
    del body["legal_name"]
    return body


async def test_a_name_in_its_own_script_is_enough(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await unicef.made("/v1/partners", native_body(ARABIC))
    assert made["legal_name_native"] == ARABIC
    assert made["script"] == "Arab"
    assert made["legal_name_generated"] is True
    assert made["legal_name"].isascii()
    named = await patch(unicef, made, legal_name="Al Nur Relief Organisation")
    assert named["legal_name_generated"] is False
    # What the registry wrote was never its name.
    assert named["former_names"] == []
    assert named["name_changed_on"] is None


async def test_a_native_name_in_latin_letters_is_no_transliteration(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await unicef.made("/v1/partners", native_body("Fjordlys Nødhjelp"))
    assert (made["legal_name"], made["legal_name_generated"]) == ("Fjordlys Nødhjelp", False)


@pytest.mark.parametrize(
    "names",
    [{}, {"legal_name": None}, {"legal_name_native": "☪"}, {"legal_name_native": "—"}],
)
async def test_no_name_is_refused(api_for: ApiFor, names: dict[str, Any]) -> None:
    unicef = await api_for("UNICEF")
    body = partner_body() | names
    if "legal_name" not in names:
        del body["legal_name"]
    answer = await unicef.post("/v1/partners", json=body)
    assert answer.status_code == 422, answer.text


async def test_the_name_given_up_is_kept_as_a_former_one(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await make_partner(unicef, legal_name="Old Relief Trust")
    changed = await patch(unicef, made, legal_name="New Relief Trust", valid_from="2024-05-01")
    assert changed["former_names"] == ["Old Relief Trust"]
    assert changed["name_changed_on"] == changed["valid_from"] == "2024-05-01"
    found = await unicef.post("/v1/partners/match", json={"legal_name": "Old Relief Trust"})
    assert made["id"] in [item["partner_id"] for item in found.json()["candidates"]]


async def test_a_typing_error_leaves_no_former_name(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await make_partner(unicef, legal_name="Amani Releif", valid_from="2020-01-01")
    put_right = await patch(unicef, made, legal_name="Amani Relief", correction=True)
    assert put_right["former_names"] == []
    assert put_right["valid_from"] == "2020-01-01"


async def test_names_that_contradict_themselves_are_refused(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    alone = await unicef.post("/v1/partners", json=partner_body(name_changed_on="2020-01-01"))
    assert alone.status_code == 422
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    early = await unicef.post("/v1/partners", json=partner_body(valid_from=tomorrow))
    assert early.json()["errors"][0]["pointer"] == "/valid_from"
    made = await unicef.made("/v1/partners", native_body(ARABIC))
    url, headers = f"/v1/partners/{made['id']}", {"If-Match": '"v1"'}
    for fields, code in (
        ({"legal_name_native": None}, "name_required"),
        ({"name_changed_on": "2020-01-01"}, "former_name_required"),
        ({"correction": True}, "patch_empty"),
        ({"valid_from": tomorrow}, "invalid_request"),
    ):
        answer = await unicef.patch(url, json=fields, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_each_field_says_who_gave_it_and_when(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await make_partner(unicef)
    await patch(wfp, made, acronym="XYZ")
    found = await unicef.read(f"/v1/partners/{made['id']}/sources")
    assert found["version"] == 2
    day = made["created_at"][:10]
    assert found["fields"]["legal_name"] == {"source": "UNICEF", "on": day}
    assert found["fields"]["acronym"]["source"] == "WFP"
    assert found["fields"]["acronym"]["on"] >= day
    assert "legal_name_native" not in found["fields"]


async def test_a_profile_is_confirmed_as_it_stands(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    made = await make_partner(wfp)
    url = f"/v1/partners/{made['id']}/confirmation"
    answer = await wfp.post(url, headers={"Idempotency-Key": f"confirm-{made['id']}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"v2"'
    assert answer.json()["last_confirmed_at"] >= made["created_at"]
    again = await wfp.post(url, headers={"Idempotency-Key": f"confirm-{made['id']}"})
    assert again.content == answer.content
    names = [row.event for row in await events_of(operator_database, made["id"])]
    assert names == ["partner:profile:create", "partner:profile:confirm"]


async def test_a_frozen_profile_takes_no_edit(api_for: ApiFor, operator_database: Database) -> None:
    wfp = await api_for("WFP")
    made = await make_partner(wfp)
    async with operator_database.connection() as connection:
        await connection.execute(
            "INSERT INTO restraints (id, partner_id, reason, source_kind, source_id) "
            "VALUES (uuidv7(), $1, 'CONTROL_DISPUTED', 'test', uuidv7())",
            made["id"],
        )
    url = f"/v1/partners/{made['id']}"
    edit = await wfp.patch(url, json={"acronym": "A"}, headers={"If-Match": '"v1"'})
    confirm = await wfp.post(f"{url}/confirmation")
    for answer in (edit, confirm):
        assert (answer.status_code, answer.json()["code"]) == (409, "control_disputed")


@pytest.mark.parametrize(
    ("name", "script"),
    [
        (ARABIC, "Arab"),
        ("Amani Trust", "Latn"),
        ("全国 NGO 協会", "Hani"),
        ("ひかりの会", "Jpan"),
        ("日本ユニセフ協会", "Jpan"),
        ("한국 구호", "Hang"),
        ("Дом и дім", "Cyrl"),
        ("Дом ኢትዮ", "Zyyy"),
        ("123", None),
    ],
)
def test_the_script_of_a_name_is_named(name: str, script: str | None) -> None:
    assert script_of(name) == script


def test_a_transliteration_is_one_line_of_ascii() -> None:
    for name in (ARABIC, "全国協会" * 80, "ชุมชน\tไทย"):
        latin = transliterated(name)
        assert latin.isascii()
        assert 0 < len(latin) <= 300
        assert latin == " ".join(latin.split())
