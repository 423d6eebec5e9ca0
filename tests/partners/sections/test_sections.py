"""Sections over HTTP: saved in parts, versioned, kept, checked against the code lists."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.partners.sections.kinds import ALL
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.partners.declarations.factories import sign
from tests.partners.factories import make_partner
from tests.partners.sections.factories import FULL, PURPOSE, missing, save, save_all, saved


async def _partner(api_for: ApiFor, **more: Any) -> str:
    made = await make_partner(await api_for("UNICEF"), **more)
    return str(made["id"])


async def test_a_section_that_was_never_saved_is_version_0_and_says_what_it_lacks(
    api_for: ApiFor,
) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    read = await api.get(f"/v1/partners/{partner}/sections/contact")
    assert (read.status_code, read.headers["etag"]) == (200, '"v0"')
    body = read.json()
    assert (body["version"], body["complete"]) == (0, False)
    assert "/city" in body["missing"]
    assert set(body["body"].values()) == {None}


async def test_a_section_is_saved_in_parts_and_each_field_says_who_gave_it(
    api_for: ApiFor,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await _partner(api_for)
    await saved(unicef, partner, "contact", {"city": "Nairobi", "phone": "+254 20 1234"})
    done = await saved(wfp, partner, "contact", {"city": "Kisumu"}, 1)
    assert (done["body"]["city"], done["body"]["phone"]) == ("Kisumu", "+254 20 1234")
    assert {name: source["by"] for name, source in done["sources"].items()} == {
        "city": "WFP",
        "phone": "UNICEF",
    }
    emptied = await saved(wfp, partner, "contact", {"phone": None}, 2)
    assert (emptied["version"], emptied["body"]["phone"]) == (3, None)
    both = await unicef.read(f"/v1/partners/{partner}/sections")
    assert both.keys() == ALL.keys()
    assert both["contact"] == emptied


async def test_what_a_section_was_is_kept_and_cannot_be_rewritten(
    api_for: ApiFor, database: Database, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    await saved(api, partner, "other", {"remarks": "First"})
    await saved(api, partner, "other", {"remarks": "Second"}, 1)
    async with operator_database.connection() as connection:
        kept = await connection.fetch(
            "SELECT version, body ->> 'remarks' AS remarks, recorded_to "
            "FROM partner_section_versions WHERE partner_id = $1",
            UUID(partner),
        )
        now = await connection.fetchval(
            "SELECT updated_at FROM partner_sections WHERE partner_id = $1", UUID(partner)
        )
    assert [(row["version"], row["remarks"]) for row in kept] == [(1, "First")]
    assert kept[0]["recorded_to"] == now
    for statement in (
        "UPDATE partner_section_versions SET body = '{}'",
        "INSERT INTO partner_section_versions SELECT * FROM partner_section_versions",
        "DELETE FROM partner_sections",
        "UPDATE partner_sections SET version = version + 2 WHERE partner_id = :partner",
        "UPDATE partner_sections SET section = 'funding' WHERE partner_id = :partner",
    ):
        with pytest.raises(Exception, match=r"permission denied|has the next version"):
            await _run(database, statement, partner)


async def _run(database: Database, statement: str, partner: str) -> None:
    values = {"partner": UUID(partner)} if ":partner" in statement else {}
    async with database.session() as session:
        await session.execute(text(statement), values)


async def test_a_write_that_did_not_see_the_other_is_refused(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    url = f"/v1/partners/{partner}/sections/other"
    assert (await api.patch(url, json={"remarks": "x"})).status_code == 428
    answers = await asyncio.gather(
        *(save(api, partner, "other", {"remarks": str(n)}) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]
    assert (await save(api, partner, "other", {}, 1)).json()["code"] == "patch_empty"


async def test_sections_saved_at_once_all_count(api_for: ApiFor) -> None:
    """The profile's row is locked: nobody computes from what it was before the others."""
    api, other = await api_for("UNICEF"), await api_for("WFP")
    partner = await _partner(api_for)
    await sign(api, partner)
    answers = await asyncio.gather(
        *(
            save((api, other)[place % 2], partner, section, body)
            for place, (section, body) in enumerate(FULL.items())
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    assert await missing(api, partner) == {}
    assert (await api.read(f"/v1/partners/{partner}"))["status"] == "pending_verification"


async def test_the_profile_follows_its_sections(
    api_for: ApiFor, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    await save_all(api, partner)
    assert await missing(api, partner) == {"declaration": ["/declaration"]}
    assert (await api.read(f"/v1/partners/{partner}"))["status"] == "draft"
    await sign(api, partner)
    profile = await api.read(f"/v1/partners/{partner}")
    assert profile["status"] == "pending_verification"
    async with operator_database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT sectors, populations, complete, last_confirmed_at, version FROM partners "
            "WHERE id = $1",
            UUID(partner),
        )
    assert row["sectors"] == ["HEALTH", "WASH"]
    assert row["populations"] == ["IDP", "REFUGEES"]
    assert (row["complete"], row["last_confirmed_at"] is not None) == (True, True)
    # Mandate, confirmation and declaration changed what lists show; the others did not.
    assert row["version"] == 4
    await saved(api, partner, "contact", {"city": None}, 1)
    after = await api.read(f"/v1/partners/{partner}")
    assert (after["status"], after["version"]) == ("draft", 5)


async def test_a_save_is_in_the_log_and_in_the_outbox_without_contents(
    api_for: ApiFor, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    await saved(api, partner, "other", {"remarks": "Secret words"})
    logged = [
        row
        for row in await events_of(operator_database, partner)
        if row.event == "partner:section:change"
    ]
    assert [row.detail for row in logged] == [
        {"section": "other", "version": 1, "fields": ["remarks"]}
    ]
    async with operator_database.connection() as connection:
        sent = await connection.fetchval(
            "SELECT data FROM outbox WHERE type = 'partner.section_changed' AND subject_id = $1",
            UUID(partner),
        )
    assert "Secret" not in sent


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("contact", {"mailing_type": "PIGEON"}, "/mailing_type"),
    ("contact", {"working_languages": ["ENG", "KLINGON"]}, "/working_languages/1"),
    ("contact", {"email": "nobody"}, "/email"),
    ("contact", {"phone": "call me"}, "/phone"),
    ("contact", {"remarks": "x"}, ""),
    ("contact", {"connectivity": "yes"}, "/connectivity"),
    ("mandate", {"staff_in_country": "1-10"}, "/staff_in_country"),
    ("mandate", {"specialisations": [{"code": "WASH", "years": "1_5"}]}, "/specialisations/0/code"),
    (
        "mandate",
        {"specialisations": [{"code": "WASH.ENERGY", "years": "1_5"}] * 2},
        "/specialisations",
    ),
    ("mandate", {"presence": ["KE", "QQ"]}, "/presence/1"),
    ("funding", {"budgets": [{"year": 2025, "band": "LT_500K"}] * 2}, "/budgets"),
    ("funding", {"budgets": [{"year": "2025", "band": "LT_500K"}]}, "/budgets/0/year"),
    ("collaboration", {"un_entities": [{"entity": "NATO"}]}, "/un_entities/0/entity"),
    (
        "registration",
        {"certificates": [{"number": "1", "authority": "A", "issued_on": "2026-01-02",
                           "expires_on": "2026-01-01"}]},
        "/certificates/0",
    ),
    ("registration", {"missing_reason": "LAZY"}, "/missing_reason"),
    ("registration", {"missing_reason_text_given": True}, ""),
    ("implementation", {"key_results": "Pay to GB82 WEST 1234 5698 7654 32"}, "/key_results"),
    ("implementation", {"controls": [{"function": "CUSTODY", "segregated": True}] * 2},
     "/controls"),
    ("other", {"remarks": "x" * 4_001}, "/remarks"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "body", "pointer"), BAD)
async def test_a_value_that_does_not_fit_is_refused_where_it_is(
    api_for: ApiFor, section: str, body: dict[str, Any], pointer: str
) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    answer = await save(api, partner, section, body)
    assert answer.status_code == 422
    assert [item["pointer"] for item in answer.json()["errors"]] == [pointer]
    assert (await api.read(f"/v1/partners/{partner}/sections/{section}"))["version"] == 0


async def test_a_section_that_is_none_and_a_partner_that_is_none(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    assert (await api.get(f"/v1/partners/{partner}/sections/people")).status_code == 404
    for path in ("sections", "sections/contact", "completeness", "declarations"):
        answer = await api.get(f"/v1/partners/{UUID(int=1)}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "partner_not_found")


async def test_a_code_that_is_deprecated_is_read_and_no_longer_written(
    api_for: ApiFor, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    await saved(api, partner, "contact", {"mailing_type": "STREET", "city": "Nairobi"})
    async with operator_database.connection() as connection:
        await connection.execute(
            'UPDATE partner_sections SET body = body || \'{"mailing_type": "PIGEON"}\', '
            "version = 2 WHERE partner_id = $1",
            UUID(partner),
        )
    url = f"/v1/partners/{partner}/sections/contact"
    assert (await api.read(url))["body"]["mailing_type"] == "PIGEON"
    done = await saved(api, partner, "contact", {"city": "Kisumu"}, 2)
    assert done["body"]["mailing_type"] == "PIGEON"
    assert (await save(api, partner, "contact", {"mailing_type": "PIGEON"}, 3)).status_code == 422


# ------------------------------------------------------------------------- why not registered


async def test_a_documented_reason_counts_as_complete_and_its_text_is_restricted(
    api_for: ApiFor, operator_database: Database
) -> None:
    api, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await _partner(api_for)
    url = f"/v1/partners/{partner}/sections/registration"
    absent = await wfp.get(f"{url}/reason", headers=PURPOSE)
    assert (absent.status_code, absent.json()["code"]) == (404, "registration_reason_not_found")
    done = await saved(
        api,
        partner,
        "registration",
        {
            "has_governing_document": True,
            "registered_to_operate": False,
            "missing_reason": "UNSAFE",
            "missing_reason_text": "Canary: lists of members are handed on.",
        },
    )
    assert done["complete"]
    assert done["body"]["missing_reason_text_given"] is True
    assert "Canary" not in str(done) + (await wfp.get(url)).text
    no_purpose = await wfp.get(f"{url}/reason")
    assert (no_purpose.status_code, no_purpose.json()["code"]) == (422, "purpose_required")
    read = await wfp.read(f"{url}/reason", headers=PURPOSE)
    assert (read["missing_reason"], read["text"][:6]) == ("UNSAFE", "Canary")
    async with operator_database.connection() as connection:
        logged = await connection.fetch(
            "SELECT purpose, reference FROM audit_events WHERE partner_id = $1 "
            "AND event = 'partner:registration_reason:read'",
            UUID(partner),
        )
        stored = await connection.fetch("SELECT t::text FROM partner_sealed_texts t")
    assert [tuple(row) for row in logged] == [("PARTNER_SELECTION", "T-1")]
    assert all("Canary" not in row[0] and b"Canary".hex() not in row[0] for row in stored)
    without = await api_for("WFP", "partners:read")
    assert (await without.get(f"{url}/reason", headers=PURPOSE)).status_code == 403

    back = await saved(api, partner, "registration", {"missing_reason_text": None}, 1)
    assert back["body"]["missing_reason_text_given"] is None
    assert (await wfp.get(f"{url}/reason", headers=PURPOSE)).status_code == 404


# ------------------------------------------------------------------------- protected, disputed


async def _set(database: Database, partner: str, assignment: str) -> None:
    async with database.connection() as connection:
        await connection.execute(
            f"UPDATE partners SET {assignment}, version = version + 1 WHERE id = $1", UUID(partner)
        )


async def test_where_a_protected_partner_is_to_be_found_is_kept_back(
    api_for: ApiFor, operator_database: Database
) -> None:
    creator = await api_for("UNICEF", "partners:read", "partners:write")
    partner = await _partner(api_for)
    await saved(creator, partner, "contact", FULL["contact"] | {"city": "Canary town"})
    number = {"scheme": "AGENCY_VENDOR", "value": f"V{partner[-12:]}", "country": "KEN"}
    async with operator_database.connection() as connection:
        await connection.execute(
            "INSERT INTO partner_identifiers (id, partner_id, scheme, value, country, agency_id, "
            "created_by) SELECT gen_random_uuid(), $1, $2, $3, $4, id, id FROM agencies "
            "WHERE code = 'FAO'",
            UUID(partner),
            *number.values(),
        )
    await _set(operator_database, partner, "protected = true")
    url = f"/v1/partners/{partner}/sections/contact"
    assert (await creator.read(url))["body"]["city"] == "Canary town"
    right = await api_for("WFP", "partners:read", "partners:protected")
    assert (await right.read(url))["body"]["city"] == "Canary town"
    stranger = await api_for("WFP", "partners:read", "partners:write")
    assert (await stranger.get(url)).json()["code"] == "partner_not_found"
    assert (await save(stranger, partner, "other", {"remarks": "x"})).status_code == 404

    vendor = await api_for("FAO", "partners:read", "partners:write")
    for read in (await vendor.read(url), (await vendor.read(url[:-8]))["contact"]):
        assert read["withheld"] == ["city", "email", "phone", "po_box", "postal_code", "street"]
        assert all(read["body"][name] is None for name in read["withheld"])
        assert read["body"]["working_languages"] == ["ENG"]
    refused = await save(vendor, partner, "contact", {"city": "x"}, 1)
    assert refused.status_code == 403
    await saved(vendor, partner, "contact", {"connectivity": False}, 1)
    assert (await creator.read(url))["body"]["city"] == "Canary town"


@pytest.mark.parametrize(
    ("assignment", "code"),
    [("control = 'partner'", "owned_by_partner"), (None, "control_disputed")],
)
async def test_what_the_partner_keeps_or_is_disputed_no_agency_changes(
    api_for: ApiFor, operator_database: Database, assignment: str | None, code: str
) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api_for)
    if assignment:
        await _set(operator_database, partner, assignment)
    else:
        async with operator_database.connection() as connection:
            await connection.execute(
                "INSERT INTO restraints (id, partner_id, reason, source_kind, source_id) "
                "VALUES (gen_random_uuid(), $1, 'CONTROL_DISPUTED', 'claim', gen_random_uuid())",
                UUID(partner),
            )
    answer = await save(api, partner, "other", {"remarks": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, code)
