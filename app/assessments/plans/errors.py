"""Errors of capacity-strengthening plans."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class PlanNotFound(NotFound):
    """Absent, not readable, or (for a write) not the own agency's."""

    code = "capacity_plan_not_found"
    title = "There is no such capacity-strengthening plan."
    refusal = True


class ActionNotFound(NotFound):
    code = "capacity_plan_action_not_found"
    title = "The plan has no such action."
    refusal = True


class StepNotFound(NotFound):
    """Absent, or without words."""

    code = "capacity_plan_step_not_found"
    title = "The plan has no such step with a note."
    refusal = True


class PlanStateUnfit(Conflict):
    code = "capacity_plan_state"
    title = "The plan is not in a state in which this can be done."


class PlanEmpty(Conflict):
    code = "capacity_plan_empty"
    title = "A plan is agreed with at least one action that is not dropped."


class ActionsOpen(Conflict):
    code = "capacity_plan_actions_open"
    title = "A plan is completed when every action is verified or dropped, and one is verified."


class ActionStateUnfit(Conflict):
    code = "capacity_plan_action_state"
    title = "The action does not move so."


class ActionTextFixed(Conflict):
    code = "capacity_plan_action_fixed"
    title = "What was agreed stays as it was agreed; drop the action and add another."


class ActionsFull(Conflict):
    code = "capacity_plan_full"
    title = "The plan has as many actions as a plan may have."


class AreaUnfit(ServiceError):
    status = 422
    code = "capacity_plan_area"
    title = "An action is about an area of the plan's kind, or a general one."


class WindowInvalid(ServiceError):
    """Too long for its kind, not after its start, or an extension that does not extend."""

    status = 422
    code = "capacity_plan_window"
    title = "The window of a plan of this kind does not end on that day."


class AssessmentUnfit(ServiceError):
    """Of another agency, about another partner, or of a type that the kind does not follow."""

    status = 422
    code = "capacity_plan_assessment"
    title = (
        "A plan follows an assessment of the own agency about the same partner, of a type that "
        "belongs to its kind."
    )


class OutcomeUnfit(ServiceError):
    status = 422
    code = "capacity_plan_outcome"
    title = (
        "The outcome is measured by a later, final assessment of the same type and partner, which "
        "others may know of if they may know of the plan."
    )


class SupporterUnfit(ServiceError):
    status = 422
    code = "capacity_plan_supporter"
    title = "Agencies that support a plan are others than its owner, each named once."
