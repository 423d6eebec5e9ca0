"""Errors of assurance plans."""

from __future__ import annotations

from functools import partial

from app.audit.exceptions.errors import SecondPersonRequired as SecondPersonRequired
from app.core import explain
from app.core.errors import Conflict, NotFound, ServiceError


class PlanNotFound(NotFound):
    """Absent, or not readable (for a write: not owned) by the caller."""

    code = "assurance_plan_not_found"
    title = "There is no such assurance plan."
    refusal = True


class ActivityNotFound(NotFound):
    """Absent from the plan, or its plan is not the caller's."""

    code = "planned_activity_not_found"
    title = "There is no such activity in the plan."
    refusal = True


class PlanExists(Conflict):
    code = "assurance_plan_exists"
    title = "Your agency has a plan for this country and year already; amend that."


class PlanNotDraft(Conflict):
    code = "assurance_plan_not_draft"
    title = "No revision of the plan is being written; amend it, or wait for its approval."


class PlanNotSubmitted(Conflict):
    code = "assurance_plan_not_submitted"
    title = "No revision of the plan waits for approval."


class PlanNotApproved(Conflict):
    code = "assurance_plan_not_approved"
    title = "The plan, or this revision of it, is not the approved one."


class AmendmentOpen(Conflict):
    code = "assurance_plan_amendment_open"
    title = "A revision of the plan is open already."


class DoneLeftOut(Conflict):
    """An amendment may not drop what was done meanwhile."""

    code = "assurance_plan_leaves_out_done"
    title = "The revision leaves out an activity that was done; return it to be completed."


class PlanFull(Conflict):
    code = "assurance_plan_full"
    title = "The plan has as many activities as it may."


class ActivityDone(Conflict):
    code = "planned_activity_done"
    title = "What was done is not planned anew; correct its status first."


class AssessmentCounted(Conflict):
    code = "assessment_counted"
    title = "Another activity of the plan was done by this assessment."


class ActivityCountryDiffers(ServiceError):
    status = 422
    code = "planned_activity_country_differs"
    title = "The profile is not of the plan's country; name the partner's profile there."


class JointUnfit(ServiceError):
    status = 422
    code = "joint_agencies_unfit"
    title = "Name each other agency once; your own agency or one of them leads."


class DoneByUnfit(ServiceError):
    status = 422
    code = "done_by_unfit"
    title = (
        "No final assessment with this id, of the activity's type and partner, by an agency "
        "that takes part, is known to your agency."
    )


_REFUSED: dict[str, type[ServiceError]] = {
    "uq_assurance_plans_owner_agency_country_year_revision": PlanExists,
    "uq_assurance_plans_open": AmendmentOpen,
    # The revision was submitted between the look at it and the write.
    "fk_assurance_rows_assurance_plans": PlanNotDraft,
    "assurance_row_kept": ActivityDone,
    "assurance_row_done": DoneByUnfit,
    "uq_assurance_rows_done_by": AssessmentCounted,
    "ck_assurance_plans_second_person": SecondPersonRequired,
}


explained = partial(explain.explained, refusals=_REFUSED)
"""A savepoint in which the database's refusal becomes the error that says what it means."""
