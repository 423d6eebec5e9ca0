"""What other agencies decide about a measure, and the conditions of an agreement."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.recognition.measures import Asked, weigh
from app.recognition.requirements import ALL
from app.recognition.requirements.sanctions import SanctionsRule
from app.sanctions.entries.cross_debarment import AGREEMENTS, Debarment, unmet
from tests.conftest import ApiFor
from tests.sanctions.entries.support import clearance, measure, new_partner, reasons
from tests.sanctions.factories import ended

_MET = Debarment(
    measure="DEBARMENT_FIXED",
    practices=["FRAUDULENT"],
    effective_from=date(2026, 3, 1),
    effective_to=date(2028, 2, 29),
    public=True,
    decided_on=date(2026, 2, 1),
    practice_ended_on=date(2020, 1, 1),
    original=True,
)


async def _decide(api_for: ApiFor, entry: dict[str, Any], agency: str, decision: str) -> Any:
    url = f"/v1/sanctions/entries/{entry['entry_id']}/recognitions"
    body = {"decision": decision, "reason": f"{agency}: the same standard.", "policy": "3.2"}
    return await (await api_for(f"{agency}_APPROVER")).post(url, json=body)


async def test_a_recognising_agency_treats_it_as_its_own(api_for: ApiFor) -> None:
    partner = await new_partner(api_for)
    entry = await measure(api_for, partner)
    made = await _decide(api_for, entry, "WFP", "recognise")
    assert (made.status_code, made.json()["agency"]) == (201, "WFP")
    assert reasons(await clearance(api_for, partner)) == {"SANCTIONED_RECOGNISED": "BLOCKED"}
    assert reasons(await clearance(api_for, partner, "FAO")) == {"SANCTIONED_OTHER_AGENCY": "REFER"}
    await _decide(api_for, entry, "FAO", "not_recognise")
    assert reasons(await clearance(api_for, partner, "FAO")) == {
        "SANCTION_NOT_RECOGNISED": "CLEAR_WITH_CONDITIONS"
    }
    await _decide(api_for, entry, "WFP", "not_recognise")
    assert reasons(await clearance(api_for, partner)) == {
        "SANCTION_NOT_RECOGNISED": "CLEAR_WITH_CONDITIONS"
    }
    shown = (await (await api_for("UNICEF")).read(f"/v1/sanctions/entries/{entry['entry_id']}"))[
        "recognitions"
    ]
    assert [(one["agency"], one["decision"], one["policy"]) for one in shown] == [
        ("FAO", "not_recognise", "3.2"),
        ("WFP", "not_recognise", "3.2"),
    ]


async def test_what_cannot_be_recognised(api_for: ApiFor) -> None:
    entry = await measure(api_for)
    own = await _decide(api_for, entry, "UNDP", "recognise")
    assert (own.status_code, own.json()["code"]) == (422, "own_measure")
    await ended(api_for, entry, "annul")
    gone = await _decide(api_for, entry, "WFP", "recognise")
    assert (gone.status_code, gone.json()["code"]) == (409, "entry_ended")
    bad = await _decide(api_for, entry, "WFP", "perhaps")
    assert bad.status_code == 422


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"measure": "CENSURE"}, ["NOT_A_DEBARMENT"]),
        ({"measure": "INTERIM_SUSPENSION"}, ["NOT_A_DEBARMENT"]),
        ({"practices": ["OBSTRUCTIVE"]}, ["PRACTICE"]),
        ({"practices": ["OBSTRUCTIVE", "CORRUPT"]}, []),
        ({"practices": ["SEA"]}, ["PRACTICE"]),
        # More than a year, its last day included.
        ({"effective_to": date(2027, 2, 28)}, ["PERIOD"]),
        ({"effective_to": date(2027, 3, 1)}, []),
        ({"effective_to": None}, []),
        ({"effective_from": None}, ["PERIOD"]),
        ({"public": False}, ["PUBLIC"]),
        # Within ten years of the practice, to the day.
        ({"practice_ended_on": date(2016, 2, 1)}, []),
        ({"practice_ended_on": date(2016, 1, 31)}, ["TOO_LATE"]),
        ({"practice_ended_on": None}, ["TOO_LATE"]),
        ({"decided_on": None}, ["TOO_LATE"]),
        ({"original": False}, ["NOT_ORIGINAL"]),
        ({"original": None}, ["NOT_ORIGINAL"]),
        ({"public": False, "practices": []}, ["PRACTICE", "PUBLIC"]),
    ],
)
def test_each_condition_of_the_agreement(change: dict[str, Any], codes: list[str]) -> None:
    assert unmet(replace(_MET, **change), "MDB-2010") == codes


def test_the_agreement_is_data_with_its_source() -> None:
    wanted = AGREEMENTS.sets["MDB-2010"]
    assert "7.5" in wanted.source
    assert wanted.original_confirmed is False
    assert wanted.practices == {"CORRUPT", "FRAUDULENT", "COERCIVE", "COLLUSIVE"}


_ENTRY: dict[str, Any] = {
    "entry_id": "x", "imposing_agency": "UNDP", "measure": "DEBARMENT_FIXED", "blocking": True,
    "regime": "IMPLEMENTING_PARTNER", "level": "PUBLIC", "practices": ["CORRUPT"],
    "effective_from": "2026-03-01", "effective_to": None, "decided_on": "2026-02-01",
    "practice_ended_on": "2020-01-01", "recognition": None, "contact_office": None,
    "contact_email": None, "scope": {"countries": [], "modalities": []},
}  # fmt: skip
_RULE: dict[str, object] = {"other_agency_blocking": "REFER", "conditions": "CLEAR_WITH_CONDITIONS"}


@pytest.mark.parametrize(
    ("entry", "auto", "code", "outcome"),
    [
        ({}, None, "SANCTIONED_OTHER_AGENCY", "REFER"),
        ({}, "MDB-2010", "SANCTIONED_RECOGNISED", "BLOCKED"),
        ({"level": "INTER_AGENCY"}, "MDB-2010", "SANCTIONED_OTHER_AGENCY", "REFER"),
        ({"practice_ended_on": None}, "MDB-2010", "SANCTIONED_OTHER_AGENCY", "REFER"),
        # A single decision goes before what the policy says.
        (
            {"recognition": "not_recognise"},
            "MDB-2010",
            "SANCTION_NOT_RECOGNISED",
            "CLEAR_WITH_CONDITIONS",
        ),
        ({"blocking": False}, "MDB-2010", "SANCTION_CONDITIONS", "CLEAR_WITH_CONDITIONS"),
        ({"regime": "VENDOR"}, "MDB-2010", "SANCTIONED_OTHER_REGIME", "REFER"),
    ],
)
def test_a_policy_recognises_on_conditions(
    entry: dict[str, Any], auto: str | None, code: str, outcome: str
) -> None:
    rule = SanctionsRule.model_validate(_RULE | {"auto_recognise": auto})
    found = weigh(_ENTRY | entry, Asked("WFP", "KEN", None), rule)
    assert (found.code, found.outcome) == (code, outcome)


def test_a_policy_names_an_agreement_that_there_is() -> None:
    ALL["SANCTIONS"].parse([_RULE | {"auto_recognise": "MDB-2010"}])
    with pytest.raises(ValueError, match="agreement"):
        ALL["SANCTIONS"].parse([_RULE | {"auto_recognise": "MDB-1999"}])
