"""Measures, their conditions, ends and recognition in the matrix."""

from __future__ import annotations

from typing import Any

from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, OK, OWNER_ONLY, PURPOSE, Call, Rule, only, plain
from tests.confidentiality.scene import OWNER, Scene
from tests.partners.factories import partner_body
from tests.sanctions.factories import decided_upon, impose

_REASON = {"reason": "Canary: it was on the wrong partner."}
_RECOGNITION = {"decision": "recognise", "reason": "The same standard of proof."}
_VERIFIED = {"state": "met", "note": "Canary: the monitor's report."}
_RESTRICTED = {
    "level": "RESTRICTED",
    "regime": "VENDOR",
    "conditions": [{"condition": "Keep the records."}],
}
STAGED = (
    # Nobody recognises what it cannot read; such a row all the same stays hidden with the measure.
    "INSERT INTO sanction_recognitions (id, entry_id, owner_agency, decision, reason, "
    "entry_version, decided_by) SELECT gen_random_uuid(), e.id, p.agency_id, 'recognise', 'x', 1, "
    "p.id FROM sanction_entries e, persons p WHERE e.level = 'RESTRICTED' "
    "AND p.agency_id <> e.imposing_agency LIMIT 1",
)


async def prepare(scene: Scene) -> None:
    """A RESTRICTED measure, one that was decided upon in every way, one whose end is asked for."""
    ids = scene.ids
    ids["interim"] = (await impose(scene.api_for, ids["partner"], OWNER, **_RESTRICTED))["entry_id"]
    # A former row of it.
    done = await (await scene.owner()).patch(
        f"/v1/sanctions/entries/{ids['interim']}",
        json={"contact_office": "Ethics office"},
        headers={"If-Match": '"v1"'},
    )
    assert done.status_code == 200, done.text
    made = await scene.owner()
    other = await made.made("/v1/partners", _partner())
    entry = await decided_upon(scene.api_for, other["id"], OWNER)
    ids["measure"], ids["condition"] = entry["entry_id"], entry["conditions"][0]["id"]
    theirs = (await impose(scene.api_for, None, "UNDP"))["entry_id"]
    await made.made(f"/v1/sanctions/entries/{theirs}/recognitions", _RECOGNITION)
    verified = await made.post(
        f"/v1/sanctions/entries/{ids['measure']}/conditions/{ids['condition']}/verification",
        json=_VERIFIED | {"state": "breached"},
        headers={"If-Match": '"v1"'},
    )
    assert verified.status_code == 200, verified.text
    ids["act"] = await _asked(scene, entry)


def _partner() -> dict[str, Any]:
    return partner_body()


async def _asked(scene: Scene, entry: dict[str, Any]) -> str:
    """An annulment that another person than the owner's own caller asked for."""
    reviewer = await scene.api_for(f"{OWNER}_REVIEWER")
    url = f"/v1/sanctions/entries/{entry['entry_id']}/annul"
    version = {"If-Match": f'"v{entry["version"]}"'}
    return str((await reviewer.made(url, _REASON, headers=version))["id"])


def _on_measure(body: Any, **more: Any) -> Any:
    """A POST on a measure: the owner's on one of this very call."""

    async def make(scene: Scene, relation: str) -> Call:
        path = {"entry_id": scene.ids["measure"]}
        if relation == "owner":
            entry = await impose(scene.api_for, None, OWNER, **more)
            path = {"entry_id": entry["entry_id"]}
        return Call(path, body, {"If-Match": '"v1"'})

    return make


async def _verification(scene: Scene, relation: str) -> Call:
    path = {"entry_id": scene.ids["measure"], "condition_id": scene.ids["condition"]}
    if relation == "owner":
        more = {"conditions": [{"condition": "Repay."}]}
        entry = await impose(scene.api_for, None, OWNER, **more)
        path = {"entry_id": entry["entry_id"], "condition_id": entry["conditions"][0]["id"]}
    return Call(path, _VERIFIED, {"If-Match": '"v1"'})


async def _decision(scene: Scene, relation: str) -> Call:
    path = {"entry_id": scene.ids["measure"], "act_id": scene.ids["act"]}
    if relation == "owner":
        entry = await impose(scene.api_for, None, OWNER)
        path = {"entry_id": entry["entry_id"], "act_id": await _asked(scene, entry)}
    return Call(path, {"decision": "reject", **_REASON}, {"If-Match": '"v1"'})


async def _recognition(scene: Scene, relation: str) -> Call:
    return Call({"entry_id": scene.ids["measure"]}, _RECOGNITION)


async def _interims(scene: Scene, relation: str) -> Call:
    return Call(headers=PURPOSE, params={"partner_id": scene.ids["partner"]})


_PARTNER_ONLY = {"partner": OK}
RULES: dict[str, Rule] = {
    "listOwnSanctionEntries": Rule(plain(), _PARTNER_ONLY),
    "readOwnSanctionEntry": Rule(plain(entry_id="interim"), _PARTNER_ONLY),
    "getSanctionEntry": Rule(plain(entry_id="interim"), OWNER_ONLY, hides="entry_id"),
    "listSanctionEntryHistory": Rule(plain(entry_id="interim"), OWNER_ONLY, hides="entry_id"),
    "listInterimSuspensions": Rule(_interims, EVERYONE),
    "changeSanctionEntry": Rule(
        _on_measure({"contact_office": "Ethics office"}), OWNER_ONLY, hides="entry_id"
    ),
    # The owner's is released in its case.
    "proposeSanctionRelease": Rule(
        _on_measure(_REASON), only("owner", granted=frozenset({409})), hides="entry_id"
    ),
    "proposeSanctionAnnulment": Rule(_on_measure(_REASON), OWNER_ONLY, hides="entry_id"),
    "listSanctionActs": Rule(plain(entry_id="measure"), EVERYONE),
    "decideSanctionAct": Rule(_decision, OWNER_ONLY, hides="act_id"),
    "verifySanctionCondition": Rule(_verification, OWNER_ONLY, hides="condition_id"),
    # The owner does not recognise its own.
    "recogniseSanctionEntry": Rule(
        _recognition,
        {name: frozenset({422}) if name == "owner" else only(name)[name] for name in EVERYONE},
    ),
}


# ------------------------------------------------------------------------------ row security


def responsible(row: Row, who: Who, facts: Facts) -> bool:
    """The imposing agency of a measure, or its custodian once there is one."""
    return who.agency is not None and who.agency == (
        row["custodian_agency"] or row["imposing_agency"]
    )


def _of_entry(row: Row, facts: Facts) -> Row:
    return next(one for one in facts.rows["sanction_entries"] if one["id"] == row["entry_id"])


def sees_entry(row: Row, who: Who, facts: Facts) -> bool:
    """RESTRICTED ones are those who answer for them, and the partner's own."""
    if row["level"] != "RESTRICTED" or responsible(row, who, facts):
        return True
    kept_back = any(
        mark["subject_id"] == row["id"]
        and mark["subject_kind"] != "read_log"
        and mark["ended_at"] is None
        and mark["until"] > facts.now
        for mark in facts.withholdings
    )
    return who.partner is not None and row["partner_id"] == who.partner and not kept_back


def _sees_part(row: Row, who: Who, facts: Facts) -> bool:
    return sees_entry(_of_entry(row, facts), who, facts)


def _former(row: Row, who: Who, facts: Facts) -> bool:
    return row["level"] != "RESTRICTED" or responsible(row, who, facts)


_OWNER = own("owner_agency")


def _of_own(row: Row, who: Who, facts: Facts) -> bool:
    return _OWNER(row, who, facts) and responsible(_of_entry(row, facts), who, facts)


def _answers(row: Row, who: Who, facts: Facts) -> bool:
    return responsible(_of_entry(row, facts), who, facts)


def _others(row: Row, who: Who, facts: Facts) -> bool:
    entry = _of_entry(row, facts)
    stranger = sees_entry(entry, who, facts) and not responsible(entry, who, facts)
    return _OWNER(row, who, facts) and stranger


TABLES: dict[str, Table] = {
    "sanction_entries": Table(
        ("id",),
        select=sees_entry,
        insert=lambda row, who, facts: own("imposing_agency")(row, who, facts),
        update=responsible,
    ),
    "sanction_entry_history": Table(("id", "recorded_from"), select=_former),
    "sanction_conditions": Table(("id",), select=_sees_part, insert=_of_own, update=_answers),
    "sanction_entry_acts": Table(
        ("id",),
        select=_OWNER,
        insert=_of_own,
        update=lambda row, who, facts: row["state"] == "proposed" and _OWNER(row, who, facts),
    ),
    "sanction_recognitions": Table(("id",), select=_sees_part, insert=_others),
}
