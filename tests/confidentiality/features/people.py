"""Files, documents and people in the matrix."""

from __future__ import annotations

from typing import Any

from tests.confidentiality.model import Facts, Row, Table, Who, either, own
from tests.confidentiality.rules import (
    EVERYONE,
    GONE,
    OK,
    OWNER_ONLY,
    PURPOSE,
    V1,
    Call,
    Rule,
    fresh,
    only,
    plain,
    posted,
)
from tests.confidentiality.scene import AGENCIES, Scene
from tests.partners.documents.factories import PDF, announce, document_body, upload
from tests.partners.people.factories import add_person, file_request, person_body, request_body


async def prepare(scene: Scene) -> None:
    """A person with a request, a document, a restricted one, a draft."""
    owner, ids = await scene.owner(), scene.ids
    partner = ids["partner"]
    ids["member"] = (await add_person(owner, partner, full_name="Canary Kamau"))["id"]
    url = f"/v1/partners/{partner}/people/{ids['member']}"
    changed = await owner.patch(url, json={"full_name": "Canary Njeri"}, headers=V1)
    assert changed.status_code == 200
    other = await scene.api_for(AGENCIES["shared"])
    ids["person_request"] = (await file_request(other, partner, ids["member"]))["id"]
    ids["document"] = (await upload(owner, partner, title="Canary minutes"))["id"]
    more: dict[str, Any] = {"level": "RESTRICTED", "title": "Canary evidence"}
    ids["restricted_document"] = (await upload(owner, partner, **more))["id"]
    ids["draft_document"] = (await announce(owner, partner, title="Canary draft"))["id"]


async def _person(scene: Scene) -> dict[str, str]:
    partner = scene.ids["partner"]
    made = await add_person(await scene.owner(), partner)
    return {"partner_id": partner, "person_id": made["id"]}


async def _request(scene: Scene) -> dict[str, str]:
    path = await _person(scene)
    made = await file_request(await scene.owner(), path["partner_id"], path["person_id"])
    return path | {"request_id": made["id"]}


async def _document(scene: Scene) -> dict[str, str]:
    partner = scene.ids["partner"]
    return {
        "partner_id": partner,
        "document_id": (await upload(await scene.owner(), partner))["id"],
    }


async def _deletion(scene: Scene, relation: str) -> Call:
    call = await fresh(_document, partner_id="partner", document_id="document")(scene, relation)
    return Call(call.path, params={"reason": "wrong_file"})


async def _upload(scene: Scene, relation: str) -> Call:
    path = {"partner_id": scene.ids["partner"], "document_id": scene.ids["draft_document"]}
    if relation == "owner":
        draft = await announce(await scene.owner(), scene.ids["partner"])
        path["document_id"] = draft["id"]
    kind = {"Content-Type": "application/octet-stream"}
    return Call(path, headers=V1 | kind, content=PDF)


def _reading(**path: str) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        call = await plain(**path)(scene, relation)
        return Call(call.path, headers=PURPOSE)

    return make


_P: dict[str, Any] = {"partner_id": "partner"}
_PERSON = _P | {"person_id": "member"}
_REQUEST = _PERSON | {"request_id": "person_request"}

RULES: dict[str, Rule] = {
    # people: every agency with the scope, for a purpose; the log names who was shown
    "listPeople": Rule(_reading(**_P), EVERYONE, logged=True),
    "addPerson": Rule(posted(lambda scene: person_body(), **_P), EVERYONE),
    "getPartnerPerson": Rule(_reading(**_PERSON), EVERYONE, logged=True),
    "changePartnerPerson": Rule(
        fresh(_person, {"phone": None}, **_PERSON),
        only("owner", others=frozenset({412})),
    ),
    "endPerson": Rule(
        fresh(_person, {"valid_to": "2026-03-01"}, **_PERSON),
        only(*AGENCIES, granted=frozenset({201, 409})),
    ),
    "getPrivacyNotice": Rule(plain(), EVERYONE | {"partner": OK}),
    # what a person asks for: the agency that answers, and the one that filed it
    "filePersonRequest": Rule(posted(lambda scene: request_body(), **_PERSON), EVERYONE),
    "listRequestsOfPerson": Rule(
        plain(**_PERSON), EVERYONE, shows={"person_request": frozenset({"owner", "shared"})}
    ),
    "getPersonRequest": Rule(
        plain(**_REQUEST), only("owner", "shared"), hides="request_id", logged=True
    ),
    "decidePersonRequest": Rule(
        fresh(_request, {"decision": "refused", "reason": "Canary"}, **_REQUEST),
        OWNER_ONLY,
        hides="request_id",
    ),
    "listPersonRequests": Rule(plain(), EVERYONE, shows={"person_request": frozenset({"owner"})}),
    # documents: of every agency once they have a file; a draft is its uploader's
    "announceDocument": Rule(posted(lambda scene: document_body(), **_P), EVERYONE),
    "uploadDocument": Rule(_upload, OWNER_ONLY, hides="document_id"),
    "listDocuments": Rule(
        plain(**_P),
        EVERYONE,
        shows={
            "document": frozenset(AGENCIES),
            "restricted_document": frozenset(AGENCIES),
            "draft_document": frozenset({"owner"}),
        },
    ),
    "getDocument": Rule(plain(document_id="draft_document", **_P), OWNER_ONLY, hides="document_id"),
    "readDocumentContent": Rule(
        _reading(document_id="restricted_document", **_P), EVERYONE, logged=True
    ),
    "deleteDocument": Rule(_deletion, only("owner", others=GONE), hides="document_id"),
}


def _bound(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None or _of_partner(row, who, facts)


def _of_partner(row: Row, who: Who, facts: Facts) -> bool:
    return who.partner is not None and row["partner_id"] == who.partner


def _by_partner(column: str) -> Any:
    return lambda row, who, facts: row[column] is None and _of_partner(row, who, facts)


def _document_seen(row: Row, who: Who, facts: Facts) -> bool:
    if who.agency is not None:
        return row["blob_id"] is not None or row["uploaded_by"] == who.agency
    theirs = row["uploaded_by"] is None
    shown = row["blob_id"] is not None and row["level"] == "INTER_AGENCY"
    return _of_partner(row, who, facts) and (theirs or shown)


_UPLOADER = either(own("uploaded_by"), _by_partner("uploaded_by"))
_FILER = either(own("filed_by"), _by_partner("filed_by"))
_ANSWERS = own("owner_agency")

TABLES: dict[str, Table] = {
    "blobs": Table(("id",), select=_bound, insert=_bound, update=_bound),
    "partner_documents": Table(("id",), select=_document_seen, insert=_UPLOADER, update=_UPLOADER),
    "partner_people": Table(
        ("id",),
        select=_bound,
        insert=either(own("added_by"), _by_partner("added_by")),
        update=_bound,
    ),
    "partner_people_versions": Table(("person_id", "version"), closed=True),
    "partner_people_requests": Table(
        ("id",),
        select=either(_ANSWERS, _FILER),
        insert=lambda row, who, facts: row["state"] == "open" and _FILER(row, who, facts),
        update=lambda row, who, facts: row["state"] == "open" and _ANSWERS(row, who, facts),
    ),
}
