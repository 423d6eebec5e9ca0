"""What the partner itself downloads, disputes and asks for, in the matrix."""

from __future__ import annotations

from uuid import uuid4

from tests.confidentiality.features.identifiers import GROUNDS
from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import GONE, OK, Call, Rule
from tests.confidentiality.scene import Scene
from tests.partners.factories import make_partner

_PARTNER_ONLY = {"partner": OK}


async def _taken(scene: Scene) -> dict[str, str]:
    """An identifier that another profile holds."""
    item = {"scheme": "UNPP", "value": uuid4().hex}
    await make_partner(await scene.owner(), identifiers=[item])
    return item


async def prepare(scene: Scene) -> None:
    """A dispute that the partner raised, of which one person has said what she thinks."""
    partner, ids = await scene.api_for(scene.ids["partner_client"]), scene.ids
    made = await partner.made("/v1/self/identifier-disputes", await _taken(scene) | GROUNDS)
    ids["own_dispute"] = made["id"]
    approver = await scene.api_for("UNICEF_APPROVER")
    said = await approver.post(
        f"/v1/partners/{ids['partner']}/identifier-disputes/{made['id']}/decision",
        json={"holder": ids["partner"], "reason": "Canary: the register says so."},
        headers={"If-Match": '"v1"'},
    )
    assert said.status_code == 200, said.text


STAGED = (
    # Not asked over HTTP: there is one open request at most, and the matrix makes that one.
    "INSERT INTO deactivation_requests (id, partner_id, reason_code, asked_by_client) "
    "SELECT gen_random_uuid(), c.partner_id, 'other', min(c.id) FROM clients c "
    "WHERE c.partner_id IS NOT NULL GROUP BY c.partner_id ON CONFLICT DO NOTHING",
)


async def _document(scene: Scene, relation: str) -> Call:
    return Call({"document_id": str(uuid4())})


async def _dispute(scene: Scene, relation: str) -> Call:
    return Call(json=await _taken(scene) | GROUNDS)


async def _nothing(scene: Scene, relation: str) -> Call:
    return Call()


RULES: dict[str, Rule] = {
    "readOwnDocumentContent": Rule(_document, {"partner": GONE}),
    "raiseOwnIdentifierDispute": Rule(_dispute, _PARTNER_ONLY),
    "listOwnIdentifierDisputes": Rule(_nothing, _PARTNER_ONLY),
    "listOwnDeactivationRequests": Rule(_nothing, _PARTNER_ONLY),
}


def _any_agency(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None


def _of_partner(row: Row, who: Who, facts: Facts) -> bool:
    return who.partner is not None and row["partner_id"] == who.partner


TABLES: dict[str, Table] = {
    "identifier_dispute_voices": Table(("id",), select=_any_agency, insert=own("agency_id")),
    "deactivation_requests": Table(("id",), select=_of_partner, insert=_of_partner),
}
