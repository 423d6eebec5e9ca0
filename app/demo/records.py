"""Assessments, shares and sanction cases of the demo world, through the services."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access_requests, sharing
from app.assessments import service as assessments
from app.assessments.sharing_schemas import AccessRequestIn, ShareIn
from app.assessments.types import ALL, psea
from app.assessments.types.psea import PseaIn
from app.audit.purposes import AccessPurpose
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.db import bind_now
from app.demo.people import AGENCIES
from app.demo.profiles import SEED
from app.sanctions.cases import service as cases
from app.sanctions.cases.schemas import (
    CaseIn,
    DecisionIn,
    FindingIn,
    NoticeIn,
    ReplyIn,
    ReviewIn,
)
from app.sanctions.entries import service as entries
from app.sanctions.entries.schemas import LiftIn

Report = Callable[[str, int, int], None]
_METHODOLOGY = "UN-PSEA-2020"
_OF_EACH = 4
_PURPOSES = (
    AccessPurpose.PARTNER_SELECTION,
    AccessPurpose.CONTRACTING,
    AccessPurpose.MONITORING,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What the records are made in: one transaction, the callers, the partners, the moment."""

    session: AsyncSession
    keyring: KeyRing
    callers: Mapping[str, Caller]
    partners: Sequence[UUID]
    now: datetime

    async def acts(self, name: str) -> Caller:
        """The caller, with the transaction bound to its agency as a request's would be."""
        caller = self.callers[name]
        await bind_now(self.session, caller.agency_id)
        return caller


async def make_assessments(scene: Scene, report: Report) -> None:
    """PSEA assessments of two partners in three: every level, drafts, and expired ones."""
    dice = random.Random(SEED)  # noqa: S311 - the same world every time, no secret
    chosen = [partner for n, partner in enumerate(scene.partners) if n % 3 != 2]
    for number, partner in enumerate(chosen, 1):
        owner = dice.choice(AGENCIES).code
        level = dice.choices(("RESTRICTED", "INTER_AGENCY", "AGENCY_ONLY"), (55, 35, 10))[0]
        body = _assessment(dice, partner, level, scene.now.date())
        caller = await scene.acts(owner)
        filed = await assessments.file_assessment(
            scene.session, scene.keyring, caller, body, scene.now.date()
        )
        if filed["status"] == "final" and level == "RESTRICTED":
            await _let_read(scene, dice, owner, filed["id"])
        report("assessments", number, len(chosen))


async def make_other_types(scene: Scene, report: Report) -> None:
    """Of every other type what the contract shows as its example, on four partners each."""
    dice = random.Random(SEED)  # noqa: S311 - the same world every time, no secret
    kinds = [kind for code, kind in ALL.items() if code != psea.CODE]
    number, total = 0, _OF_EACH * len(kinds)
    for kind in kinds:
        schema = cast("dict[str, Any]", kind.body_model.model_config["json_schema_extra"])
        for partner in dice.sample(scene.partners, _OF_EACH):
            levels = ("RESTRICTED", "INTER_AGENCY", "AGENCY_ONLY")
            level, owner = dice.choices(levels, (55, 35, 10))[0], dice.choice(AGENCIES).code
            said = {"partner_id": partner, "confidentiality": level, "participating_agencies": []}
            body = kind.body_model.model_validate(schema["examples"][0] | said)
            filed = await assessments.file_assessment(
                scene.session, scene.keyring, await scene.acts(owner), body, scene.now.date()
            )
            if level == "RESTRICTED" and filed["held_until"] is None:
                await _let_read(scene, dice, owner, filed["id"])
            number += 1
            report("assessments of other types", number, total)


def _assessment(dice: random.Random, partner: UUID, level: str, today: date) -> PseaIn:
    """One in six has expired, one in twelve is a draft, one in ten is judged, not computed."""
    fate = dice.random()
    draft, expired = fate < 1 / 12, fate > 5 / 6
    age = dice.randint(62 * 31, 66 * 31) if expired else dice.randint(20, 55 * 30)
    if draft:
        age = dice.randint(1, 60)
    detail: dict[str, Any]
    if not draft and dice.random() < 0.1:
        detail = {
            "special_rating": "LOW_CAPACITY_ASSUMED_EMERGENCY",
            "reason": "Fast track in an emergency response; a full assessment follows.",
            "author": "Head of office",
        }
    else:
        detail = {"standards": _standards(dice, 6 if draft else 8)}
    return PseaIn.model_validate(
        {
            "partner_id": partner,
            "type": "psea",
            "methodology": _METHODOLOGY,
            "status": "draft" if draft else "final",
            "conducted_on": (today - timedelta(days=age)).isoformat(),
            "confidentiality": level,
            "detail": detail,
        }
    )


def _standards(dice: random.Random, count: int) -> list[dict[str, Any]]:
    strength = dice.choice((0.98, 0.85, 0.55))
    return [
        {
            "number": number,
            "result": "met" if dice.random() < strength else "not_met",
            "comment": "Seen during the visit; evidence is on file." if number == 1 else None,
        }
        for number in range(1, count + 1)
    ]


async def _let_read(scene: Scene, dice: random.Random, owner: str, assessment_id: UUID) -> None:
    """Some RESTRICTED ones are shared, some are asked for."""
    fate = dice.random()
    other = dice.choice([plan.code for plan in AGENCIES if plan.code != owner])
    purpose = dice.choice(_PURPOSES)
    if fate < 0.3:
        terms = ShareIn(shared_with=other, level="detail", purpose=purpose)
        await sharing.share(
            scene.session, scene.keyring, await scene.acts(owner), assessment_id, terms
        )
    elif fate < 0.4:
        wish = AccessRequestIn(
            assessment_id=assessment_id,
            level="detail",
            purpose=purpose,
            justification="Selection of partners for a joint response.",
        )
        await access_requests.ask(scene.session, scene.keyring, await scene.acts(other), wish)


@dataclass(frozen=True, slots=True)
class CasePlan:
    """A case: whose, on which partner, how many days ago, and what became of it."""

    agency: str
    partner: int
    days_ago: int
    practices: tuple[str, ...]
    measure: str | None = None
    ends_in: int | None = None
    lifted: bool = False


CASES = (
    CasePlan("UNDP", 12, 200, ("FRAUDULENT",), "DEBARMENT_FIXED", 530),
    CasePlan("WFP", 47, 720, ("COLLUSIVE", "CORRUPT"), "DEBARMENT_FIXED", 12),
    CasePlan("UNICEF", 83, 320, ("NON_PERFORMANCE",), "SUSPENSION_PERFORMANCE", 200, lifted=True),
    CasePlan("UNHCR", 131, 150, ("UNETHICAL",), "CENSURE"),
    CasePlan("FAO", 160, 40, ("OBSTRUCTIVE",)),
)
"""The last one is open: the partner was told and may still reply or not."""


async def make_cases(scene: Scene, report: Report) -> None:
    """Sanction cases, each step by its own person and on its own day."""
    for number, plan in enumerate(CASES, 1):
        await _make_case(scene, plan)
        report("sanction cases", number, len(CASES))


async def _make_case(scene: Scene, plan: CasePlan) -> None:
    session, keyring = scene.session, scene.keyring

    def day(after: int) -> datetime:
        return scene.now - timedelta(days=plan.days_ago - after)

    officer = await scene.acts(plan.agency)
    finding = FindingIn(reference=f"{plan.agency}-INV-{plan.partner:03d}", on=day(0).date())
    new = CaseIn(
        partner_id=scene.partners[plan.partner], practices=list(plan.practices), finding=finding
    )
    case = await cases.open_case(session, keyring, officer, new, day(2))
    notice = NoticeIn(sent_on=day(5).date(), summary="Notice of intent, with the grounds.")
    await cases.record_notice(session, keyring, officer, case.id, notice, day(5))
    if plan.measure is None:
        return
    reply = ReplyIn(received_on=day(20).date(), text="The partner disputes part of the findings.")
    await cases.record_reply(session, keyring, officer, case.id, reply, day(20))
    reviewer = await scene.acts(f"{plan.agency}_REVIEWER")
    review = ReviewIn(recommendation="impose", note="Evidence reviewed; measure proportionate.")
    case = await cases.record_review(session, keyring, reviewer, case.id, review, day(30))
    decision = DecisionIn(
        measure=plan.measure,
        effective_from=day(36).date(),
        effective_to=_end(plan, scene.now),
        reason="Decided after reply and review.",
    )
    approver = await scene.acts(f"{plan.agency}_APPROVER")
    entry = await cases.decide(session, keyring, approver, case.id, case.version, decision, day(35))
    if plan.lifted:
        lift = LiftIn(reason="Appeal granted.")
        await entries.lift_entry(
            session, keyring, approver, entry["entry_id"], entry["version"], lift, scene.now
        )


def _end(plan: CasePlan, now: datetime) -> date | None:
    return (now + timedelta(days=plan.ends_in)).date() if plan.ends_in is not None else None
