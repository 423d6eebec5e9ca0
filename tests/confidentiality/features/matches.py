"""Potential matches, what agencies say of them and what partners are asked, in the matrix."""

from __future__ import annotations

from typing import Any

from app.sanctions.matches.found import Found
from app.sanctions.matches.items import found_for_entry
from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, GONE, OK, OWNER_ONLY, PURPOSE, V1, Call, Rule
from tests.confidentiality.rules import plain as plain_call
from tests.confidentiality.scene import AGENCIES, Scene, until
from tests.sanctions.matches.support import REASON, URL, a_find
from tests.support import Api

_ALL = frozenset(AGENCIES)
_ASKED = {"kinds": ["other_names"], **REASON}
_FACTS = {"facts": {"other_names": "Canary: Amani Trust"}}
_REDACTED = {"reason": "Canary: it names a witness."}


async def _found(scene: Scene, *, own_list: bool = True) -> dict[str, str]:
    """A pair of the scene's partner, of the owner's own list unless it is one of all."""
    holder = scene.agency("owner") if own_list else None
    explanation = {"names": ["Canary: near"]}
    found: Found = a_find(scene.ids["partner"], holder=holder, explanation=explanation)
    owner = await scene.owner()
    async with scene.operator.session() as session:
        await found_for_entry(session, owner.ring, found.entry_id, [found])
    page = await owner.read(URL, params={"limit": "200"})
    [match] = [one for one in page["items"] if one["entry_id"] == str(found.entry_id)]
    return {"match_id": match["id"]}


async def _said(api: Api, match_id: str, decision: str, version: int = 1) -> dict[str, Any]:
    return await api.made(
        f"{URL}/{match_id}/decision",
        {"decision": decision, **REASON},
        headers={"If-Match": f'"v{version}"'},
    )


async def prepare(scene: Scene) -> None:
    """Pairs of all and of an own list, words in every state, questions in every state."""
    ids, owner = scene.ids, await scene.owner()
    reviewer = await scene.api_for("UNICEF_REVIEWER")
    other = await scene.api_for(AGENCIES["shared"])
    ids["match"] = (await _found(scene, own_list=False))["match_id"]
    ids["match_own"] = (await _found(scene))["match_id"]
    await _said(owner, ids["match"], "NOT_A_MATCH")
    await _said(other, ids["match"], "TRUE_MATCH", 2)
    await _said(owner, ids["match_own"], "NOT_A_MATCH")
    taken_back = await _said(owner, ids["match_own"], "TRUE_MATCH", 2)
    ids["proposal"] = taken_back["own"]["pending"]
    pending = (await _found(scene, own_list=False))["match_id"]
    proposed = (await _said(owner, pending, "TRUE_MATCH"))["own"]["pending"]
    body = {"proposal_id": proposed, "decision": "refuse", "reason": "Canary: no."}
    await reviewer.made(f"{URL}/{pending}/confirmation", body)
    read = await owner.read(f"{URL}/{ids['match_own']}", headers=PURPOSE)
    ids["match_word"] = read["decisions"][0]["id"]
    officer = await scene.officer()
    for name in ("facts_kept_back", "facts_answered", "facts"):
        match = (await _found(scene, own_list=False))["match_id"]
        ids[name] = (await owner.made(f"{URL}/{match}/facts-request", _ASKED))["id"]
    await officer.made(
        "/v1/withholdings",
        {
            "subject_kind": "match_facts",
            "subject_id": ids["facts_kept_back"],
            "until": until(),
            "reason": "Canary: a case is open.",
        },
    )
    partner = await scene.api_for(ids["partner_client"])
    await partner.made(f"/v1/self/facts-requests/{ids['facts_answered']}/answer", _FACTS)


def _on(body: Any) -> Any:
    """A write on a pair of the owner's own list: of this very call where the owner calls."""

    async def make(scene: Scene, relation: str) -> Call:
        path = {"match_id": scene.ids["match_own"]}
        if relation == "owner":
            path = await _found(scene)
        return Call(path, body, V1)

    return make


async def _read(scene: Scene, relation: str) -> Call:
    return Call({"match_id": scene.ids["match_own"]}, headers=PURPOSE)


async def _confirmation(scene: Scene, relation: str) -> Call:
    path, proposal = {"match_id": scene.ids["match_own"]}, scene.ids["proposal"]
    if relation == "owner":
        path = await _found(scene)
        reviewer = await scene.api_for("UNICEF_REVIEWER")
        proposed = await _said(reviewer, path["match_id"], "TRUE_MATCH")
        proposal = proposed["own"]["pending"]
    return Call(path, {"proposal_id": proposal, "decision": "refuse", **REASON})


async def _acceptance(scene: Scene, relation: str) -> Call:
    """Of a word of another agency than the owner, on a pair of all."""
    path = await _found(scene, own_list=False)
    author = await scene.api_for("UNHCR_REVIEWER")
    await _said(author, path["match_id"], "NOT_A_MATCH")
    read = await author.read(f"{URL}/{path['match_id']}", headers=PURPOSE)
    return Call(path, {"decision_id": read["decisions"][0]["id"], **REASON})


async def _word(scene: Scene, *, hidden: bool) -> dict[str, str]:
    path = await _found(scene)
    reviewer = await scene.api_for("UNICEF_REVIEWER")
    await _said(reviewer, path["match_id"], "NOT_A_MATCH")
    read = await reviewer.read(f"{URL}/{path['match_id']}", headers=PURPOSE)
    path["decision_id"] = read["decisions"][0]["id"]
    if hidden:
        url = f"{URL}/{path['match_id']}/decisions/{path['decision_id']}/redaction"
        await reviewer.made(url, _REDACTED)
    return path


def _redaction(body: Any, *, hidden: bool) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        path = {"match_id": scene.ids["match_own"], "decision_id": scene.ids["match_word"]}
        if relation == "owner":
            path = await _word(scene, hidden=hidden)
        return Call(path, body, V1)

    return make


async def _answer(scene: Scene, relation: str) -> Call:
    if relation != "partner":
        return Call({"request_id": scene.ids["facts"]}, _FACTS)
    match = (await _found(scene, own_list=False))["match_id"]
    asked = await (await scene.owner()).made(f"{URL}/{match}/facts-request", _ASKED)
    return Call({"request_id": asked["id"]}, _FACTS)


async def _nothing(scene: Scene, relation: str) -> Call:
    return Call()


_DECISION = {"decision": "NOT_A_MATCH", **REASON}
_UNDO = {"decision": "undo", "reason": "Canary: no need."}
_BUT_AUTHOR = {name: GONE if name == "stranger" else OK for name in AGENCIES}

RULES: dict[str, Rule] = {
    "listMatches": Rule(
        plain_call(), EVERYONE, shows={"match": _ALL, "match_own": frozenset({"owner"})}
    ),
    "readMatchStatistics": Rule(_nothing, EVERYONE),
    "getMatch": Rule(_read, OWNER_ONLY, hides="match_id", logged=True),
    "decideMatch": Rule(_on(_DECISION), OWNER_ONLY, hides="match_id"),
    "confirmMatchDecision": Rule(_confirmation, OWNER_ONLY, hides="match_id"),
    "acceptMatchDecision": Rule(_acceptance, _BUT_AUTHOR),
    "askFactsForMatch": Rule(_on(_ASKED), OWNER_ONLY, hides="match_id"),
    "redactMatchDecision": Rule(
        _redaction(_REDACTED, hidden=False), OWNER_ONLY, hides="decision_id"
    ),
    "decideMatchDecisionRedaction": Rule(
        _redaction(_UNDO, hidden=True), OWNER_ONLY, hides="decision_id"
    ),
    "listOwnFactsRequests": Rule(_nothing, {"partner": OK}),
    "answerFactsRequest": Rule(_answer, {"partner": OK}),
}


# ------------------------------------------------------------------------------ row security

STAGED = (
    # A word on another agency's own list, which nobody could give over HTTP: it stays hidden.
    "INSERT INTO match_decisions (id, match_id, owner_agency, match_version, round, subject_hash, "
    "entry_hash, decision, state, proposed_by, sealed) SELECT gen_random_uuid(), m.id, "
    "p.agency_id, 1, 1, 'x', 'x', 'NOT_A_MATCH', 'standing', p.id, 'x' "
    "FROM screening_matches m, persons p WHERE m.holder IS NOT NULL AND p.agency_id <> m.holder "
    "LIMIT 1",
)


def _match(row: Row, facts: Facts) -> Row:
    return next(one for one in facts.rows["screening_matches"] if one["id"] == row["match_id"])


def _sees_match(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None and row["holder"] in (None, who.agency)


_OWNER = own("owner_agency")


def _sees_word(row: Row, who: Who, facts: Facts) -> bool:
    shared = _match(row, facts)["holder"] is None and who.agency is not None
    return _OWNER(row, who, facts) or (row["state"] == "standing" and shared)


def _gives_word(row: Row, who: Who, facts: Facts) -> bool:
    return _OWNER(row, who, facts) and _sees_match(_match(row, facts), who, facts)


def _asked(row: Row, who: Who, facts: Facts) -> bool:
    kept_back = any(
        mark["subject_id"] == row["id"] and mark["ended_at"] is None and mark["until"] > facts.now
        for mark in facts.withholdings
    )
    return who.partner is not None and row["partner_id"] == who.partner and not kept_back


TABLES: dict[str, Table] = {
    "screening_matches": Table(("id",), select=_sees_match),
    "match_decisions": Table(
        ("id",),
        select=_sees_word,
        insert=_gives_word,
        update=lambda row, who, facts: row["state"] == "proposed" and _OWNER(row, who, facts),
        change="state = 'refused'",
    ),
    "match_questions": Table(
        ("id",),
        select=lambda row, who, facts: _OWNER(row, who, facts) or _asked(row, who, facts),
        insert=_OWNER,
        update=lambda row, who, facts: row["state"] == "open" and _asked(row, who, facts),
        change="state = 'answered'",
    ),
}
