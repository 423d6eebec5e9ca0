"""Who may do what with a fraud case: the owner's roles, and agencies it is shared with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import SecondPersonRequired
from app.auth import policy
from app.auth.caller import Caller
from app.auth.roles import Act
from app.core import explain
from app.core.errors import ServiceError
from app.sanctions.fraud_cases import errors, queries

KIND = "FRAUD_CASE"
_REFUSALS: dict[str, type[ServiceError]] = {
    "uq_fraud_cases_owner_agency_reference_partner_id": errors.FraudCaseExists,
    "ck_fraud_cases_outstanding": errors.ExceedsOutstanding,
    "ck_fraud_cases_settled": errors.FraudCaseOutstanding,
    "ck_fraud_cases_sea_marker": errors.MarkerOnly,
    "ck_fraud_cases_published_substantiated": errors.NotPublishable,
    "ck_fraud_case_acts_two_persons": SecondPersonRequired,
    "uq_fraud_case_acts_open": errors.FraudActPending,
    "uq_fraud_case_amounts_reverses": errors.FraudAmountNotFound,
    "fraud_case_stage": errors.FraudCaseStageUnfit,
    "fraud_case_two_persons": SecondPersonRequired,
    "fraud_case_closed": errors.FraudCaseClosed,
    "fraud_case_loss": errors.LossLowered,
    "fraud_case_referral": errors.ReferralOutOfOrder,
    "fraud_case_recovery": errors.RecoveryOutOfOrder,
    "fraud_case_link": errors.LinkUnknown,
    "fraud_case_published": errors.NotPublishable,
    "fraud_case_reversal": errors.FraudAmountNotFound,
    "fraud_case_not_shareable": errors.FraudCaseNotShareable,
}


explained = partial(explain.explained, refusals=_REFUSALS)
"""A savepoint in which the database's refusal becomes the error that says what it means."""


def resource(row: Any, shares: Sequence[policy.Share] = ()) -> policy.Resource:
    """A case as the policy looks at it: to whom it is shared with it is RESTRICTED."""
    level = "RESTRICTED" if shares else None
    return policy.Resource(KIND, row.owner_id, level, row.country, shares)


async def owned(session: AsyncSession, caller: Caller, case_id: UUID, act: Act = "create") -> Any:
    """An own case, locked. Raises PersonRequired, FraudCaseNotFound or RoleLacksRight."""
    caller.require_person()
    row = await queries.lock(session, case_id)
    if row is None:
        raise errors.FraudCaseNotFound
    policy.require_writable(policy.can(caller, act, resource(row)), errors.FraudCaseNotFound)
    return row


async def log(session: AsyncSession, caller: Caller, event: Event, row: Any, **more: Any) -> None:
    """An event about a case; the partner's own view of the log does not find it."""
    subject = audit.Subject(row.id, row.owner_id)
    about = {"profile": str(row.partner_id), "version": row.version}
    await audit.record(session, caller, event, subject, **(about | more))
