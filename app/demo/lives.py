"""What became of some partners of the demo world: complete, verified, flagged, merged, protected.

Through the services, as agencies would do it, a few of each: one of everything is enough to see.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from typing import Any
from uuid import UUID

from app.core import codelists
from app.demo.people import AGENCIES
from app.demo.profiles import Plan, plans
from app.demo.records import CASES, Report, Scene
from app.partners import service as partners
from app.partners.declarations import service as declarations
from app.partners.declarations.schemas import DeclarationIn
from app.partners.documents import service as documents
from app.partners.documents.schemas import DocumentIn
from app.partners.flags import service as flags
from app.partners.flags.schemas import FlagDecisionIn, FlagIn
from app.partners.merges import service as merges
from app.partners.merges.schemas import MergeIn
from app.partners.objections import service as objections
from app.partners.objections.schemas import ObjectionIn
from app.partners.people import service as people
from app.partners.people.schemas import PersonIn
from app.partners.schemas import PartnerIn
from app.partners.sections import service as sections
from app.partners.sections.kinds import ALL
from app.partners.types import PartnerType
from app.partners.verifications import rules
from app.partners.verifications import service as verifications
from app.partners.verifications.schemas import VerificationIn

_SECTIONS = files("app.demo").joinpath("sections.json").read_text("utf-8")
_STEPS = 6


async def make_lives(scene: Scene, report: Report) -> None:
    """Everything that this module tells of, on the first national organisations without a case."""
    cases = {plan.partner for plan in CASES}
    made = [
        (scene.partners[number], plan)
        for number, plan in enumerate(plans())
        if plan.profile.partner_type is PartnerType.NGO_NATIONAL and number not in cases
    ]
    for number, (partner, plan) in enumerate(made[:5]):
        await _complete(scene, plan.creator, partner, number)
    report("lives", 1, _STEPS)
    await _verify(scene, made)
    report("lives", 2, _STEPS)
    await _flag(scene, made[4], made[5])
    report("lives", 3, _STEPS)
    await _protect(scene, made[6][1])
    report("lives", 4, _STEPS)
    await _twin(scene, made[6][1])
    report("lives", 5, _STEPS)
    await _merge(scene, *made[7])
    report("lives", 6, _STEPS)


def _bodies(today: date) -> dict[str, dict[str, Any]]:
    text = _SECTIONS.replace("{later}", str(today.year + 2))
    for back in range(3):
        place = f'"{{year-{back}}}"' if back else '"{year}"'
        text = text.replace(place, str(today.year - back))
    bodies: dict[str, dict[str, Any]] = json.loads(text)
    return bodies


async def _complete(scene: Scene, agency: str, partner: UUID, number: int) -> None:
    """Somebody who leads it, every section, and a signed declaration, on the partner's behalf."""
    caller = await scene.acts(agency)
    session, keyring = scene.session, scene.keyring
    leads = PersonIn.model_validate(
        {
            "full_name": f"Demo Director {number + 1}",
            "job_title": "Executive director",
            "email": f"director{number + 1}@partner.example",
            "role": "head",
            "authorised": True,
        }
    )
    await people.add_person(session, keyring, caller, partner, leads)
    for code, body in _bodies(scene.now.date()).items():
        kind = ALL[code]
        patch = kind.patch.model_validate(body)
        await sections.change_section(session, keyring, caller, partner, kind, 0, patch)
    form = codelists.current("declaration_statements")
    signed = DeclarationIn.model_validate(
        {
            "form_version": form.version,
            "answers": [{"statement": item.code, "answer": True} for item in form.items],
            "signed_by": leads.full_name,
            "signed_by_title": "Executive director",
            "signed_on": "2026-03-01",
        }
    )
    await declarations.sign(session, keyring, caller, partner, signed)


async def _verify(scene: Scene, made: Sequence[tuple[UUID, Plan]]) -> None:
    """Two agencies verify the first, one each of the next; the fourth is complete and pending."""
    other = next(plan.code for plan in AGENCIES if plan.code != made[0][1].creator)
    for number, agency, verified in (
        (0, made[0][1].creator, True),
        (0, other, True),
        (1, made[1][1].creator, True),
        (2, made[2][1].creator, False),
        (4, made[4][1].creator, True),
    ):
        questions = rules.in_force(scene.now.date())
        answers = dict(questions.needed)
        if not verified:
            answers["mandate"] = not answers["mandate"]
        new = VerificationIn.model_validate(
            {
                "question_set": questions.version,
                "answers": answers,
                "comments": {"registration": "Certificate seen at the office."},
            }
        )
        caller = await scene.acts(agency)
        await verifications.record_verification(
            scene.session, scene.keyring, caller, made[number][0], new, scene.now
        )


async def _flag(scene: Scene, doubted: tuple[UUID, Plan], locked: tuple[UUID, Plan]) -> None:
    """A yellow flag that the partner objects to, and one that headquarters made red."""
    session, keyring = scene.session, scene.keyring
    flag = await _yellow(scene, *doubted)
    caller = await scene.acts(doubted[1].creator)
    paper = DocumentIn.model_validate(
        {
            "kind": "evidence",
            "title": "Letter with receipts",
            "media_type": "application/pdf",
            "issued_on": "2026-02-02",
        }
    )
    letter = await documents.announce(session, keyring, caller, doubted[0], paper)
    objection = ObjectionIn(
        subject_kind="flag",
        subject_id=flag["id"],
        reason="The receipts were sent with the letter of 2 February.",
        evidence=[letter["id"]],
    )
    await objections.raise_objection(session, keyring, caller, doubted[0], objection, scene.now)
    flag = await _yellow(scene, *locked)
    caller = await scene.acts(locked[1].creator)
    await flags.escalate(
        session, keyring, caller, locked[0], flag["id"], "The amounts have doubled since."
    )
    caller = await scene.acts(f"{locked[1].creator}_APPROVER")
    decision = FlagDecisionIn(decision="confirm", reason="Confirmed by the auditors' letter.")
    await flags.decide(session, keyring, caller, locked[0], flag["id"], 2, decision, scene.now)


async def _yellow(scene: Scene, partner: UUID, plan: Plan) -> dict[str, Any]:
    office = next(agency for agency in AGENCIES if agency.code == plan.creator)
    new = FlagIn.model_validate(
        {
            "kind": "YELLOW",
            "category": "FINANCIAL",
            "risk_category": "FINANCIAL",
            "text": "Two of five advances of the last year were not supported by documents.",
            "factual_basis": {
                "kind": "report",
                "on": "2026-01-20",
                "description": "Audit report, section 4: cash advances without receipts.",
            },
            "contact_office": office.office,
            "contact_email": f"partners@{plan.creator.lower()}.example",
            "partner_visible": True,
        }
    )
    caller = await scene.acts(plan.creator)
    return await flags.make(scene.session, scene.keyring, caller, partner, new, scene.now)


async def _create(scene: Scene, agency: str, **fields: Any) -> dict[str, Any]:
    caller = await scene.acts(agency)
    new = PartnerIn.model_validate(fields)
    return await partners.create_partner(scene.session, caller, new, scene.now.date())


async def _protect(scene: Scene, plan: Plan) -> None:
    """A partner that only its creator may know of."""
    await _create(
        scene,
        plan.creator,
        legal_name="Quiet Harbour Legal Aid",
        partner_type=PartnerType.NGO_LOCAL,
        country=plan.profile.country,
        protected=True,
    )


async def _twin(scene: Scene, plan: Plan) -> dict[str, Any]:
    """A second profile of a partner, under another spelling; the answer names the first."""
    return await _create(
        scene,
        "WFP",
        legal_name=f"The {plan.profile.legal_name}",
        partner_type=plan.profile.partner_type,
        country=plan.profile.country,
    )


async def _merge(scene: Scene, survivor: UUID, plan: Plan) -> None:
    """A second profile that two persons found to be the same partner."""
    twin = await _twin(scene, plan)
    new = MergeIn.model_validate(
        {
            "into": survivor,
            "reason": "Same registration certificate; the second profile was made by mistake.",
            "evidence": {"matched_on": ["legal_name", "country"]},
        }
    )
    proposer = await scene.acts("WFP")
    proposed = await merges.propose(scene.session, proposer, twin["id"], twin["version"], new)
    decider = await scene.acts("WFP_APPROVER")
    await merges.decide(
        scene.session,
        decider,
        proposed["id"],
        proposed["version"],
        approve=True,
        reason="Certificate compared with the original.",
    )
