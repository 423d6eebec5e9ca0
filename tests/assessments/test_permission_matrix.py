"""The cells of the field's matrix for ASSESS, PSEA, ASSURE, PERF and PLAN, through HTTP.

The words are those of the field reference, 9.3, set down here a second time: a change of
roles.yaml alone is seen. What the database does is in tests/confidentiality.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.assessments.factories import PURPOSE, make_share
from tests.assessments.plans.support import PURPOSE as FOR_PLANS
from tests.assessments.plans.support import agreed_plan, plan_body
from tests.assessments.test_type_rights import body_of
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner

__all__ = ["scoped"]

ROLES = ("ERP", "PO", "CO", "HFP", "PFP", "OVS", "SAO", "IPU", "RCO")
# R read, S summary, C create own, A decide; own, g by a share, cc in the country scope, - nothing.
SUMMARY = {
    "ASSESS": ("R", "R cc", "R", "R", "R", "R", "R", "R", "S cc"),
    "PSEA": ("R", "R", "R", "R", "R", "R", "R", "R", "S cc"),
    "ASSURE": ("R", "R cc", "R", "R", "-", "R", "-", "R", "S cc"),
    "PERF": ("R", "R cc", "R", "R", "R", "R", "R", "R", "S cc"),
}
"""Of PERF the matrix has the text alone; its grade is a summary as any (5.3)."""
DETAIL = {
    "ASSESS": ("g", "R own g", "R own g", "C cc g", "-", "R own g", "-", "R own A", "-"),
    "PSEA": ("-", "-", "R own g", "-", "C cc g", "R own", "-", "R own A", "-"),
    "ASSURE": ("g", "R own cc", "R own", "C cc g", "-", "R own g", "-", "R own", "-"),
    "PERF": ("-", "C cc", "R own g", "-", "-", "R own", "-", "R own A", "-"),
}
PLAN = ("-", "C cc", "R cc", "C cc", "C cc", "R", "-", "R", "S cc")
TYPES = {"ASSESS": "hact_micro", "PSEA": "psea", "ASSURE": "audit", "PERF": "performance"}
COUNTRY, ELSEWHERE = "KEN", "UGA"


def passes(answer: Any) -> bool:
    """Whether the caller got in; every refusal here is a 403 or a 404."""
    assert answer.status_code in (200, 201, 403, 404), answer.text
    return bool(answer.status_code < 300)


@pytest.mark.parametrize("family", list(TYPES))
async def test_every_cell_of_a_family(family: str, api_for: ApiFor, scoped: ScopedApi) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    kind = TYPES[family]
    mine, theirs, shared = [
        (await owner.made("/v1/assessments", body_of(kind, (await make_partner(wfp))["id"])))["id"]
        for owner in (wfp, unicef, unicef)
    ]
    given = await make_share(unicef, shared)
    assert given["shared_with"] == "WFP"
    partner = (await make_partner(wfp))["id"]
    for number, role in enumerate(ROLES):
        summary, detail = SUMMARY[family][number], DETAIL[family][number]
        for country in (COUNTRY, ELSEWHERE):
            api = await scoped("WFP", roles=(role,), countries=(country,))
            there = country == COUNTRY
            found = {
                "summary": passes(await api.get(f"/v1/assessments/{theirs}")),
                "own": passes(await api.get(f"/v1/assessments/{mine}/detail")),
                "other": passes(await api.get(f"/v1/assessments/{theirs}/detail", headers=PURPOSE)),
                "shared": passes(
                    await api.get(f"/v1/assessments/{shared}/detail", headers=PURPOSE)
                ),
                "create": passes(await api.post("/v1/assessments", json=body_of(kind, partner))),
            }
            assert found == {
                "summary": there and summary != "-",
                # Who may read what others have shared may read what need not be shared with it.
                "own": there and bool({"own", "C", "g"} & set(detail.split())),
                "other": False,
                "shared": there and "g" in detail.split(),
                "create": there and "C" in detail,
            }, (role, country)
            assert not passes(await api.get(f"/v1/assessments/{theirs}/adjustments"))


async def test_every_cell_of_plans(api_for: ApiFor, scoped: ScopedApi) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    theirs = (await agreed_plan(unicef))["id"]
    partner = (await make_partner(wfp))["id"]
    for number, role in enumerate(ROLES):
        cell = PLAN[number]
        for country in (COUNTRY, ELSEWHERE):
            api = await scoped("WFP", roles=(role,), countries=(country,))
            there = country == COUNTRY
            url = f"/v1/capacity-plans/{theirs}"
            found = {
                "read": passes(await api.get(f"{url}/detail", headers=FOR_PLANS)),
                "create": passes(await api.post("/v1/capacity-plans", json=plan_body(partner))),
            }
            assert found == {"read": there and "R" in cell, "create": there and "C" in cell}, (
                role,
                country,
            )
            if "R" in cell or "S" in cell:
                assert passes(await api.get(url)) == there, (role, country)
