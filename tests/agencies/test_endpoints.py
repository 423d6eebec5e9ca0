"""Profiles, focal points, offices and settings over HTTP: own alone, and never broken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from app.agencies import settings
from app.agencies.schemas import PartnerTypeCode
from app.core.clock import utc_now
from app.core.db import Database
from app.partners.types import PartnerType
from tests.agencies.support import calling, events_of, new_agency, new_code, refusal, withdraw
from tests.assessments.factories import make_assessment, share_body
from tests.conftest import ApiFor
from tests.support import Api, World

V1 = {"If-Match": '"v1"'}
MAIL = {"email": "unit@agency.example"}


def tag(version: int) -> dict[str, str]:
    return {"If-Match": f'"v{version}"'}


# --------------------------------------------------------------------------------------- profile


async def test_a_profile_is_changed_by_its_own_agency(
    operator_database: Database, app: FastAPI, world: World, api_for: ApiFor
) -> None:
    code = await new_agency(operator_database, world)
    url = f"/v1/agencies/{code}"
    statement = {
        "statement": "Mutual Recognition Statement, 2018",
        "signed_on": "2018-11-15",
        "source": "from memory",
        "confirmed": False,
    }
    async with calling(app, world, code) as api:
        before = await api.read(url)
        patch: dict[str, Any] = {
            "website": "https://www.agency.example/partners",
            "partner_unit": "Partner unit",
            "partner_unit_email": "unit@agency.example",
            "eligible_partner_types": ["NGO_LOCAL", "CBO", "CBO"],
            "mutual_recognition": statement,
        }
        changed = await api.patch(url, json=patch, headers=tag(before["version"]))
        assert changed.status_code == 200, changed.text
        assert changed.headers["ETag"] == f'"v{before["version"] + 1}"'
        body = changed.json()
        assert body["eligible_partner_types"] == ["CBO", "NGO_LOCAL"]
        assert body["mutual_recognition"] == statement
        again = await api.patch(url, json=patch, headers=tag(before["version"]))
        assert again.status_code == 412
        later = statement | {"signed_on": None, "confirmed": True}
        patch = {"mutual_recognition": later}
        assert (await api.patch(url, json=patch, headers=tag(body["version"]))).status_code == 200
        assert (await api.patch(url, json={}, headers=tag(9))).json()["code"] == "patch_empty"
    # Everyone reads it; both statements stay.
    other = await (await api_for("WFP")).read(url)
    assert other["mutual_recognition"] == later
    kept = "SELECT count(*) FROM agency_signatories WHERE agency_id = $1"
    async with operator_database.connection() as connection:
        assert await connection.fetchval(kept, world.agencies[code]) == 2
    assert "agency:profile:change" in await events_of(operator_database, world.agencies[code])
    cached = await (await api_for("WFP")).get(
        url, headers={"If-None-Match": f'"v{other["version"]}"'}
    )
    assert cached.status_code == 304


@pytest.mark.parametrize(
    "patch",
    [
        {"website": "http://agency.example"},
        {"website": "https://agency.example/\u202ex"},
        {"contact_email": "Ada Example <ada@agency.example>"},
        {"contact_office": None},
        {"partner_unit": "Half of a unit"},
        {"eligible_partner_types": ["cbo"]},
        {"mutual_recognition": None},
        {"name": "Another name"},
        {"status": "active"},
        {
            "mutual_recognition": {
                "statement": "S",
                "signed_on": "2190-01-01",
                "source": "S",
                "confirmed": True,
            }
        },
    ],
)
async def test_a_bad_profile_is_refused(patch: dict[str, Any], api_for: ApiFor) -> None:
    api = await api_for("FAO")
    version = (await api.read("/v1/agencies/FAO"))["version"]
    answer = await api.patch("/v1/agencies/FAO", json=patch, headers=tag(version))
    assert answer.status_code == 422, answer.text
    assert (await api.read("/v1/agencies/FAO"))["version"] == version


def test_every_partner_type_may_be_named() -> None:
    adapter = TypeAdapter(PartnerTypeCode)
    assert [adapter.validate_python(kind.value) for kind in PartnerType] == list(PartnerType)


async def test_only_applicants_are_left_out_of_the_list(
    operator_database: Database, world: World, api_for: ApiFor
) -> None:
    gone = await new_agency(operator_database, world)
    await withdraw(operator_database, gone, "UNDP")
    applicant = new_code()
    async with operator_database.connection() as connection:
        await connection.execute(
            "INSERT INTO agencies (id, code, name, contact_office, contact_email) "
            "VALUES (uuidv7(), $1, 'x', 'x', 'x')",
            applicant,
        )
    api = await api_for("WFP")
    listed = await api.read("/v1/agencies?status=withdrawn&limit=200")
    found = {item["code"]: item for item in listed["items"]}
    assert found[gone]["custodian"] == "UNDP"
    assert {item["status"] for item in found.values()} == {"withdrawn"}
    everyone = {item["code"] for item in (await api.read("/v1/agencies?limit=200"))["items"]}
    assert {gone, "WFP"} <= everyone
    assert applicant not in everyone
    for path in ("", "/offices", "/focal-points"):
        assert (await refusal(api, "GET", f"/v1/agencies/{applicant}{path}"))[0] == 404
    assert (await refusal(api, "GET", "/v1/agencies?status=applicant"))[0] == 422


WRITES = (
    ("PATCH", "", {"website": None}),
    ("POST", "/focal-points", {"subject": "legal", "office": "Unit", **MAIL}),
    ("PATCH", "/focal-points/{id}", {"office": "Unit"}),
    ("DELETE", "/focal-points/{id}", None),
    ("POST", "/offices", {"code": "HQ", "name": "HQ", "kind": "hq"}),
    ("PATCH", "/offices/{id}", {"name": "HQ"}),
    ("PUT", "/settings/default_share_months", {"value": 3}),
    ("GET", "/settings", None),
    ("GET", "/settings/default_share_months", None),
    ("GET", "/settings/default_share_months/history", None),
)


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_another_agencys_administrator_finds_nothing(
    method: str, path: str, body: Any, api_for: ApiFor
) -> None:
    api = await api_for("UNHCR")
    focal = (await api.read("/v1/agencies/FAO/focal-points"))["items"][0]["id"]
    answers = [
        await api.request(
            method, f"/v1/agencies/{code}{path}".replace("{id}", focal), json=body, headers=V1
        )
        for code in ("NOBODY", "FAO")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    absent, theirs = (answer.json() | {"instance": None} for answer in answers)
    assert absent == theirs
    # Under the own code another agency's record is not found, either.
    if "{id}" in path:
        url = f"/v1/agencies/UNHCR{path}".replace("{id}", focal)
        assert (await refusal(api, method, url, json=body, headers=V1))[0] == 404


@pytest.mark.parametrize(("method", "path", "body"), [item for item in WRITES if item[0] != "GET"])
async def test_a_machine_changes_nothing(
    method: str, path: str, body: Any, operator_database: Database, app: FastAPI, world: World
) -> None:
    code = await new_agency(operator_database, world, machine=True)
    async with calling(app, world, f"{code}_MACHINE") as api:
        url = f"/v1/agencies/{code}{path}".replace("{id}", str(uuid4()))
        assert await refusal(api, method, url, json=body, headers=V1) == (403, "person_required")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE agencies SET website = NULL WHERE id = $1",
        "UPDATE focal_points SET office = 'x' WHERE agency_id = $1",
        "DELETE FROM focal_points WHERE agency_id = $1",
        "UPDATE offices SET name = 'x' WHERE agency_id = $1",
        "UPDATE agency_settings SET superseded_at = now() WHERE agency_id = $1",
    ],
)
async def test_row_security_lets_no_agency_write_anothers(
    sql: str, database: Database, world: World
) -> None:
    async with database.fast_write(world.agencies["WFP"]) as connection:
        assert (await connection.execute(sql, world.agencies["FAO"])).endswith(" 0")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO focal_points (id, agency_id, subject, office, email) "
        "VALUES (uuidv7(), $1, 'legal', 'x', 'x@x')",
        "INSERT INTO offices (id, agency_id, code, name, kind) "
        "VALUES (uuidv7(), $1, 'X', 'x', 'hq')",
        "INSERT INTO agency_signatories (agency_id, version, statement, source, confirmed, set_by) "
        "VALUES ($1, 99, 'x', 'x', false, uuidv7())",
        "INSERT INTO agency_settings (agency_id, key, version, value, effective_from, set_by) "
        "VALUES ($1, 'default_share_months', 99, '1', current_date, uuidv7())",
    ],
)
async def test_row_security_lets_no_agency_write_in_anothers_name(
    sql: str, database: Database, world: World
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.fast_write(world.agencies["WFP"]) as connection:
            await connection.execute(sql, world.agencies["FAO"])


async def test_settings_of_another_agency_are_not_seen(
    operator_database: Database, app: FastAPI, database: Database, world: World
) -> None:
    code = await new_agency(operator_database, world)
    async with calling(app, world, code) as api:
        await set_months(api, code, 0, value=3)
    count = "SELECT count(*) FROM agency_settings WHERE agency_id = $1"
    for bound, seen in ((code, 1), ("WFP", 0)):
        async with database.fast_write(world.agencies[bound]) as connection:
            assert await connection.fetchval(count, world.agencies[code]) == seen


# ---------------------------------------------------------------------------------- focal points


async def test_focal_points_come_and_go_but_for_the_last(
    operator_database: Database, app: FastAPI, world: World
) -> None:
    code = await new_agency(operator_database, world)
    url = f"/v1/agencies/{code}/focal-points"
    async with calling(app, world, code) as api:
        old = next(
            item for item in (await api.read(url))["items"] if item["subject"] == "oversight"
        )
        assert await refusal(api, "DELETE", f"{url}/{old['id']}") == (409, "last_focal_point")
        moved = await refusal(
            api, "PATCH", f"{url}/{old['id']}", json={"subject": "psea"}, headers=V1
        )
        assert moved == (409, "last_focal_point")
        new = await api.made(
            url, {"subject": "oversight", "office": "Inspector", "country": "KE", **MAIL}
        )
        assert new["country"] == "KEN"
        assert (await api.delete(f"{url}/{old['id']}")).status_code == 204
        assert await refusal(api, "DELETE", f"{url}/{new['id']}") == (409, "last_focal_point")
        named = await api.patch(f"{url}/{new['id']}", json={"office": "Audit"}, headers=V1)
        assert (named.json()["office"], named.json()["version"]) == ("Audit", 2)
        assert (await api.patch(f"{url}/{new['id']}", json={}, headers=tag(2))).status_code == 422
        stale = await refusal(api, "PATCH", f"{url}/{new['id']}", json={"office": "A"}, headers=V1)
        assert stale == (412, "precondition_failed")
        nobody = {"subject": "legal", "office": "x", "office_id": str(uuid4()), **MAIL}
        assert await refusal(api, "POST", url, json=nobody) == (422, "office_unknown")
        person = nobody | {"office_id": None, "email": "not a mailbox"}
        assert (await refusal(api, "POST", url, json=person))[0] == 422
    assert "agency:focal_point:remove" in await events_of(operator_database, world.agencies[code])


async def test_of_two_last_focal_points_removed_at_once_one_stays(
    operator_database: Database, app: FastAPI, world: World
) -> None:
    code = await new_agency(operator_database, world)
    url = f"/v1/agencies/{code}/focal-points"
    async with calling(app, world, code) as api:
        await api.made(url, {"subject": "legal", "office": "Second", **MAIL})
        legal = [item for item in (await api.read(url))["items"] if item["subject"] == "legal"]
        answers = await asyncio.gather(*(api.delete(f"{url}/{item['id']}") for item in legal))
        assert sorted(answer.status_code for answer in answers) == [204, 409]


# --------------------------------------------------------------------------------------- offices


async def open_office(api: Api, code: str, kind: str, parent: Any, **more: Any) -> dict[str, Any]:
    countries = {"country": ["KEN"], "multi_country": ["KEN", "UGA"]}.get(kind, [])
    body = {
        "code": new_code(),
        "name": "An office",
        "kind": kind,
        "parent_id": parent and parent["id"],
        "countries": countries,
    }
    return await api.made(f"/v1/agencies/{code}/offices", body | more)


async def test_offices_form_a_tree(operator_database: Database, app: FastAPI, world: World) -> None:
    code = await new_agency(operator_database, world)
    url = f"/v1/agencies/{code}/offices"
    async with calling(app, world, code) as api:
        hq = await open_office(api, code, "hq", None)
        region = await open_office(api, code, "region", hq)
        shared = await open_office(api, code, "multi_country", region)
        country = await open_office(api, code, "country", shared)
        await open_office(api, code, "country", hq)  # a country office may report to headquarters
        listed = (await api.read(url))["items"]
        assert len(listed) == 5

        async def patch(office: dict[str, Any], **fields: Any) -> tuple[int, str]:
            answer = await api.patch(
                f"{url}/{office['id']}", json=fields, headers=tag(office["version"])
            )
            office["version"] += answer.status_code == 200
            return answer.status_code, answer.json().get("code", "")

        # No loop, no parent of the same or a narrower kind, no second root.
        unfit = (422, "parent_unfit")
        assert await patch(region, parent_id=shared["id"]) == unfit
        assert await patch(region, parent_id=region["id"]) == unfit
        assert await patch(region, parent_id=None) == unfit
        assert await patch(hq, parent_id=region["id"]) == unfit
        assert await patch(country, parent_id=str(uuid4())) == unfit
        assert (await patch(country, parent_id=hq["id"]))[0] == 200
        assert (await patch(country, parent_id=shared["id"]))[0] == 200
        # Closing goes from the leaves.
        assert await patch(shared, active=False) == (409, "offices_open_below")
        assert (await patch(country, active=False))[0] == 200
        assert (await patch(shared, active=False))[0] == 200
        assert await patch(country, active=True) == unfit
        assert (await patch(country, countries=[]))[0] == 422
        assert (await patch(country))[1] == "patch_empty"
        closed = await api.read(f"{url}?active=false")
        assert {item["id"] for item in closed["items"]} == {shared["id"], country["id"]}
        stale = await refusal(
            api, "PATCH", f"{url}/{region['id']}", json={"name": "x"}, headers=tag(7)
        )
        assert stale == (412, "precondition_failed")
        first = await api.read(f"{url}?limit=2")
        second = await api.read(f"{url}?limit=2&cursor={first['next_cursor']}")
        assert not {i["id"] for i in first["items"]} & {i["id"] for i in second["items"]}


async def test_a_bad_office_is_refused(api_for: ApiFor, world: World) -> None:
    api = await api_for("FAO")
    url = "/v1/agencies/FAO/offices"
    known = (await api.read(url))["items"]
    hq = known[0] if known else await open_office(api, "FAO", "hq", None)
    base = {"code": new_code(), "name": "Office", "kind": "country", "parent_id": hq["id"]}
    for wrong, code in (
        ({"kind": "hq", "parent_id": None}, "head_office_exists"),
        ({"kind": "hq"}, "parent_unfit"),
        ({"parent_id": None, "countries": ["KEN"]}, "parent_unfit"),
        ({"countries": ["KEN", "UGA"]}, "invalid_request"),
        ({"kind": "multi_country", "countries": ["KEN", "KEN"]}, "invalid_request"),
        ({"countries": ["XXX"]}, "invalid_request"),
        ({"countries": ["KEN"], "code": "ken co"}, "invalid_request"),
        ({"countries": ["KEN"], "code": hq["code"]}, "office_code_taken"),
    ):
        assert (await refusal(api, "POST", url, json=base | wrong))[1] == code, wrong


async def test_of_two_headquarters_at_once_one_is_opened(
    operator_database: Database, app: FastAPI, world: World
) -> None:
    code = await new_agency(operator_database, world)
    async with calling(app, world, code) as api:
        answers = await asyncio.gather(
            *(
                api.post(
                    f"/v1/agencies/{code}/offices",
                    json={"code": f"HQ{n}", "name": "HQ", "kind": "hq"},
                )
                for n in range(4)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_an_office_is_not_opened_under_one_that_closes(
    operator_database: Database, app: FastAPI, world: World
) -> None:
    code = await new_agency(operator_database, world)
    async with calling(app, world, code) as api:
        hq = await open_office(api, code, "hq", None)
        for _ in range(5):
            region = await open_office(api, code, "region", hq)
            url = f"/v1/agencies/{code}/offices"
            child = {
                "code": new_code(),
                "name": "Child",
                "kind": "country",
                "parent_id": region["id"],
                "countries": ["KEN"],
            }
            opened, closed = await asyncio.gather(
                api.post(url, json=child),
                api.patch(f"{url}/{region['id']}", json={"active": False}, headers=V1),
            )
            assert (opened.status_code == 201) != (closed.status_code == 200)


# -------------------------------------------------------------------------------------- settings


async def set_months(api: Api, code: str, version: int, **body: Any) -> dict[str, Any]:
    answer = await api.put(
        f"/v1/agencies/{code}/settings/default_share_months", json=body, headers=tag(version)
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_setting_has_effective_dates_and_a_history(
    operator_database: Database, app: FastAPI, world: World
) -> None:
    code, today = await new_agency(operator_database, world), utc_now().date()
    url = f"/v1/agencies/{code}/settings/default_share_months"
    async with calling(app, world, code) as api:
        assert (await api.read(url)) | {"title": ""} == {
            "key": "default_share_months",
            "title": "",
            "value": 12,
            "default": 12,
            "effective_from": None,
            "effective_to": None,
            "version": 0,
        }
        assert (await set_months(api, code, 0, value=6))["value"] == 6
        later = today + timedelta(days=30)
        planned = await set_months(api, code, 1, value=3, effective_from=later.isoformat())
        assert planned["value"] == 6
        assert planned["effective_to"] == (later - timedelta(days=1)).isoformat()
        # Overtaken before it began; what is set today takes the place of today's.
        assert (await set_months(api, code, 2, value=9))["value"] == 9
        history = (await api.read(f"{url}/history"))["items"]
        assert [(item["version"], item["value"]) for item in history] == [(3, 9), (2, 3), (1, 6)]
        assert [item["superseded_at"] is None for item in history] == [True, False, False]
        page = await api.read(f"{url}/history?limit=1")
        following = await api.read(f"{url}/history?limit=1&cursor={page['next_cursor']}")
        assert following["items"][0]["version"] == 2
        ends = await set_months(api, code, 3, value=4, effective_to=today.isoformat())
        assert ends["effective_to"] == today.isoformat()
        shown = (await api.read(f"/v1/agencies/{code}/settings"))["items"]
        defaults = {key: known.default for key, known in settings.KEYS.items()}
        values = {item["key"]: item["value"] for item in shown}
        assert values == defaults | {"default_share_months": 4}
    assert "agency:setting:change" in await events_of(operator_database, world.agencies[code])


@pytest.mark.parametrize(
    ("body", "version", "answer"),
    [
        ({"value": 0}, 0, (422, "invalid_request")),
        ({"value": 61}, 0, (422, "invalid_request")),
        ({"value": True}, 0, (422, "invalid_request")),
        ({"value": "12"}, 0, (422, "invalid_request")),
        ({"value": {"a": 1}}, 0, (422, "invalid_request")),
        ({"value": 3, "effective_from": "2020-01-01"}, 0, (422, "setting_date_invalid")),
        (
            {"value": 3, "effective_from": "2190-01-02", "effective_to": "2190-01-01"},
            0,
            (422, "setting_date_invalid"),
        ),
        ({"value": 3}, 5, (412, "precondition_failed")),
    ],
)
async def test_a_bad_setting_is_refused(
    body: Any, version: int, answer: tuple[int, str], api_for: ApiFor
) -> None:
    api = await api_for("UNDP")
    url = "/v1/agencies/UNDP/settings/default_share_months"
    assert await refusal(api, "PUT", url, json=body, headers=tag(version)) == answer


async def test_an_unknown_setting_is_not_there(api_for: ApiFor) -> None:
    api = await api_for("UNDP")
    url = "/v1/agencies/UNDP/settings/nonsense"
    absent = (404, "setting_not_found")
    assert await refusal(api, "GET", url) == absent
    assert await refusal(api, "GET", f"{url}/history") == absent
    assert await refusal(api, "PUT", url, json={"value": 1}, headers=tag(0)) == absent
    missing = "/v1/agencies/UNDP/settings/default_share_months"
    assert (await refusal(api, "PUT", missing, json={"value": 1}))[0] == 428


async def test_of_two_settings_at_once_one_is_kept(
    operator_database: Database, app: FastAPI, world: World
) -> None:
    code = await new_agency(operator_database, world)
    url = f"/v1/agencies/{code}/settings/default_share_months"
    async with calling(app, world, code) as api:
        for version in (0, 1):
            answers = await asyncio.gather(
                *(api.put(url, json={"value": n + 1}, headers=tag(version)) for n in range(4))
            )
            assert sorted(a.status_code for a in answers) == [200, 412, 412, 412]


async def test_a_share_lasts_as_long_as_its_giver_has_set(
    operator_database: Database, app: FastAPI, world: World
) -> None:
    code = await new_agency(operator_database, world)
    async with calling(app, world, code) as api:
        await set_months(api, code, 0, value=1)
        made = await make_assessment(api)
        body = share_body()
        del body["valid_until"]
        given = await api.made(f"/v1/assessments/{made['id']}/shares", body)
    assert given["valid_until"][:7] == _month_after(given["valid_from"][:7])


def _month_after(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02d}"


def test_every_default_is_a_value_of_its_kind() -> None:
    for key in settings.KEYS.values():
        assert key.type.validate_python(key.default) == key.default
