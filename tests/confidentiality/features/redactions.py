"""Redacted words of measures, individuals in cases and questions to partners, in the matrix."""

from __future__ import annotations

from typing import Any

from tests.confidentiality.features.matches import _ASKED, _found
from tests.confidentiality.model import Table
from tests.confidentiality.rules import OWNER_ONLY, V1, Call, Rule, only
from tests.confidentiality.scene import CANARY, OWNER, REASON, Scene
from tests.sanctions.cases.support import Case
from tests.sanctions.factories import ended, impose
from tests.sanctions.matches.support import URL as MATCHES

_UNDO = {"decision": "undo", "reason": CANARY}
_PERSON = {"relation": "PRINCIPAL", "individual": {"names": ["Canary Person"]}}
_SAME_PERSON = frozenset({409})
"""The owner's person hid it itself; that is no 404 to it."""


async def _text(scene: Scene) -> dict[str, str]:
    """The reasons of a rejected annulment."""
    entry = await impose(scene.api_for, None, OWNER)
    act = await ended(scene.api_for, entry, "annul", decision="reject")
    return {"entry_id": entry["entry_id"], "text_id": act["id"]}


async def _individual(scene: Scene) -> dict[str, str]:
    case = await Case.open(scene.api_for, OWNER)
    made = await (await scene.owner()).made(f"{case.url}/respondents", _PERSON)
    return {"case_id": case.opened["id"], "respondent_id": made["respondents"][1]["id"]}


async def _question(scene: Scene) -> dict[str, str]:
    match = (await _found(scene, own_list=False))["match_id"]
    asked = await (await scene.owner()).made(f"{MATCHES}/{match}/facts-request", _ASKED)
    return {"match_id": match, "request_id": asked["id"]}


_WORDS = {
    "/v1/sanctions/entries/{entry_id}/texts/{text_id}": _text,
    "/v1/sanctions/cases/{case_id}/respondents/{respondent_id}": _individual,
    "/v1/sanctions/matches/{match_id}/facts-requests/{request_id}": _question,
}


async def prepare(scene: Scene) -> None:
    """Words of each kind that the owner has hidden."""
    owner = await scene.owner()
    for url, make in _WORDS.items():
        path = await make(scene)
        await owner.made(f"{url.format(**path)}/redaction", REASON)
        scene.ids |= {f"redacted_{name}": value for name, value in path.items()}


def _known(scene: Scene, url: str) -> dict[str, str]:
    names = [part[1:-1] for part in url.split("/") if part.startswith("{")]
    return {name: scene.ids[f"redacted_{name}"] for name in names}


def _hide(url: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        path = await _WORDS[url](scene) if relation == "owner" else _known(scene, url)
        return Call(path, REASON)

    return make


def _decide(url: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        return Call(_known(scene, url), _UNDO, V1)

    return make


_OPERATIONS = (
    ("redactSanctionEntryText", "decideSanctionEntryTextRedaction", "text_id"),
    ("redactSanctionCaseIndividual", "decideSanctionCaseIndividualRedaction", "case_id"),
    ("redactMatchFacts", "decideMatchFactsRedaction", "request_id"),
)
RULES: dict[str, Rule] = {}
for _url, (_hiding, _deciding, _name) in zip(_WORDS, _OPERATIONS, strict=True):
    RULES[_hiding] = Rule(_hide(_url), OWNER_ONLY, hides=_name)
    RULES[_deciding] = Rule(_decide(_url), only("owner", granted=_SAME_PERSON), hides=_name)

TABLES = {"hidden_words": Table(("redaction_id", "place"), closed=True)}
