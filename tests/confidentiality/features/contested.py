"""Objections to assessments and measures in the matrix: seen by whoever sees the statement."""

from __future__ import annotations

from uuid import uuid4

from tests.confidentiality.scene import AGENCIES, Scene
from tests.partners.objections.test_objections import objection_body

_STATEMENTS = {
    "agency_only": "assessment",
    "restricted": "assessment",
    "inter_agency": "assessment",
    "entry": "sanction_entry",
}


async def prepare(scene: Scene) -> None:
    """An objection to each, raised by the owner on the partner's behalf; and one by the partner
    itself, to what another agency has submitted and shows to it alone."""
    owner = await scene.owner()
    url = f"/v1/partners/{scene.ids['partner']}/objections"
    for name, kind in _STATEMENTS.items():
        body = objection_body(scene.ids[name], kind, evidence=[str(uuid4())])
        scene.ids[f"objection_{name}"] = (await owner.made(url, body))["id"]
    partner = await scene.api_for(scene.ids["partner_client"])
    early = await partner.made(
        "/v1/self/objections", objection_body(scene.ids["asked"], "assessment")
    )
    scene.ids["objection_early"] = early["id"]


_ALL = frozenset(AGENCIES)
SHOWS = {
    "objection_agency_only": frozenset({"owner"}),
    "objection_restricted": _ALL,
    "objection_inter_agency": _ALL,
    "objection_entry": _ALL,
    "objection_early": frozenset({"stranger"}),
}
"""For `listObjections`, whose rule is with flags."""
