"""A scope that a role holds for one act opens no other act of the same scope."""

from __future__ import annotations

import pytest

from app.core.db import Database
from tests.assessments.factories import assessment_body
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import World

CASE = {"practices": ["FRAUDULENT"], "finding": {"reference": "X-1", "on": "2026-04-02"}}


@pytest.mark.parametrize(("role", "files", "opens"), [("LEGAL", 403, 403), ("OVS", 403, 201)])
async def test_who_may_redact_may_not_for_that_file_or_open(
    api_for: ApiFor,
    operator_database: Database,
    world: World,
    role: str,
    files: int,
    opens: int,
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    name = await add_officer(operator_database, world, "UNICEF", f"{role}9", role)
    officer = await api_for(name)
    filed = await officer.post("/v1/assessments", json=assessment_body(partner))
    assert filed.status_code == files, filed.text
    opened = await officer.post("/v1/sanctions/cases", json={"partner_id": partner} | CASE)
    assert opened.status_code == opens, opened.text
