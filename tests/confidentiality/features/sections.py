"""Sections, declarations and code lists: shared with every agency; two texts are RESTRICTED."""

from __future__ import annotations

from app.partners.sections.kinds import ALL
from tests.confidentiality.model import Facts, Row, Table, Who
from tests.confidentiality.rules import EVERYONE, OK, PURPOSE, Call, Maker, Rule, plain
from tests.confidentiality.scene import AGENCIES, Scene
from tests.partners.declarations.factories import declaration_body, sign
from tests.partners.factories import make_partner
from tests.partners.sections.factories import saved

_PARTNER = {"partner_id": "partner"}


_FIELD = {
    "registration": "missing_reason", "contact": "city", "mandate": "background",
    "funding": "main_donors", "collaboration": "networks", "implementation": "key_results",
    "other": "remarks",
}  # fmt: skip


def _changing(section: str) -> Maker:
    async def make(scene: Scene, relation: str) -> Call:
        api = await scene.api_for(AGENCIES.get(relation, AGENCIES["owner"]))
        partner = (await make_partner(api))["id"]
        return Call({"partner_id": partner}, {_FIELD[section]: None}, {"If-Match": '"v0"'})

    return make


async def _sign(scene: Scene, relation: str) -> Call:
    return Call({"partner_id": scene.ids["partner"]}, declaration_body())


async def _reason(scene: Scene, relation: str) -> Call:
    return Call({"partner_id": scene.ids["partner"]}, headers=PURPOSE)


async def _signature(scene: Scene, relation: str) -> Call:
    path = {"partner_id": scene.ids["partner"], "declaration_id": scene.ids["declaration"]}
    return Call(path, headers=PURPOSE)


RULES: dict[str, Rule] = {
    "getPartnerSections": Rule(plain(**_PARTNER), EVERYONE, hides="partner_id"),
    "getPartnerCompleteness": Rule(plain(**_PARTNER), EVERYONE, hides="partner_id"),
    "readRegistrationReason": Rule(_reason, EVERYONE, hides="partner_id", logged=True),
    "listDeclarations": Rule(plain(**_PARTNER), EVERYONE, hides="partner_id"),
    "signDeclaration": Rule(_sign, EVERYONE, hides="partner_id"),
    "readDeclarationSignature": Rule(_signature, EVERYONE, hides="declaration_id", logged=True),
    "listCodeLists": Rule(plain(), EVERYONE | {"partner": OK}),
    "getCodeList": Rule(plain(code="sectors"), EVERYONE | {"partner": OK}),
    **{
        f"getPartner{section.capitalize()}": Rule(plain(**_PARTNER), EVERYONE, hides="partner_id")
        for section in ALL
    },
    **{
        f"changePartner{section.capitalize()}": Rule(_changing(section), EVERYONE)
        for section in ALL
    },
}


def _reads(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None or (who.partner is not None and who.partner == row["partner_id"])


def _writes(row: Row, who: Who, facts: Facts) -> bool:
    if row["written_by"] is None:
        return who.partner is not None and who.partner == row["partner_id"]
    return bool(who.agency == row["written_by"])


TABLES: dict[str, Table] = {
    "partner_sealed_texts": Table(("id",), select=_reads, insert=_writes),
}


async def prepare(scene: Scene) -> None:
    """A reason and a signature of the scene's partner, and one that the partner gave itself."""
    owner, partner = await scene.owner(), scene.ids["partner"]
    body = {"missing_reason": "UNSAFE", "missing_reason_text": "Canary: names are handed on."}
    await saved(owner, partner, "registration", body)
    scene.ids["declaration"] = (await sign(owner, partner))["id"]
    async with scene.operator.connection() as connection:
        await connection.execute(
            "INSERT INTO partner_sealed_texts (id, partner_id, kind, sealed, written_at) "
            "SELECT gen_random_uuid(), partner_id, kind, sealed, written_at - interval '1 day' "
            "FROM partner_sealed_texts WHERE partner_id = $1 AND kind = 'registration_reason'",
            partner,
        )
