"""Whether rules are ones that can be gone by: each thing that is wrong, with its place. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from app.assessments.types import ALL as TYPES
from app.core.errors import FieldError
from app.recognition.policies.errors import PolicyInvalid
from app.recognition.requirements import ALL
from app.recognition.requirements.assessed import ONE, SOME, Assessed, AssessmentRule
from app.recognition.rules import GROUPS

_MOST = 50


def read(
    requirement: str, rules: Sequence[Any], agencies: Collection[str] | None
) -> tuple[Any, ...]:
    """The rules, read. Raises PolicyInvalid with everything that is wrong.

    ``agencies``: codes of the registry's agencies; None where they are not known.
    """
    kind = ALL[requirement]
    found: list[FieldError] = []
    parsed: list[Any] = []
    for place, rule in enumerate(rules):
        try:
            # Strict: what would have to be guessed, such as true for a number, is said.
            parsed.append(kind.rule.model_validate_json(to_json(rule), strict=True))
        except ValidationError as error:
            found += _shape(place, error)
    if kind.one_rule and len(rules) != 1:
        found.append(_wrong("/rules", "one_rule", "this requirement has exactly one rule"))
    if not found:
        for place, rule in enumerate(parsed):
            found += _sense(place, rule, kind, agencies)
        found += _unreachable(parsed)
    if found:
        raise PolicyInvalid(errors=found[:_MOST])
    return tuple(parsed)


def _wrong(pointer: str, code: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, message=message)


def _shape(place: int, error: ValidationError) -> Iterator[FieldError]:
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        # A location may repeat what was sent (an unknown key); the known part only.
        loc = item["loc"][:-1] if item["type"] == "extra_forbidden" else item["loc"]
        steps = "".join(f"/{_escaped(step)}" for step in loc if step not in (ONE, SOME))
        message = item["msg"].removeprefix("Value error, ")
        yield _wrong(f"/rules/{place}{steps}", item["type"], message)


def _escaped(step: int | str) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")[:80]


def _sense(
    place: int, rule: Any, kind: Any, agencies: Collection[str] | None
) -> Iterator[FieldError]:
    """What each value means beside the others."""
    for number, named in enumerate(getattr(rule, "accept_from", ())):
        if named not in GROUPS.groups and agencies is not None and named not in agencies:
            where = f"/rules/{place}/accept_from/{number}"
            yield _wrong(where, "agency_unknown", "is neither an agency here nor a group of them")
    gap = getattr(rule, "gap", None)
    for context in ("regular", "emergency"):
        if getattr(gap, context, None) == "CLEAR":
            where = f"/rules/{place}/gap/{context}"
            message = "what is missing is a condition at least; say when it applies instead"
            yield _wrong(where, "gap_clear", message)
    if not isinstance(rule, AssessmentRule) or not isinstance(kind, Assessed):
        return
    known = {code for one in kind.types for code in TYPES[one].methodologies}
    for number, one in enumerate(rule.methodologies):
        if not known & {*([one] if isinstance(one, str) else one.codes)}:
            where = f"/rules/{place}/methodologies/{number}"
            yield _wrong(where, "methodology_unknown", "is no methodology of this requirement")
    if rule.outcome == "ACCEPT_WITH_APPROVAL" and rule.approval is None:
        yield _wrong(f"/rules/{place}/approval", "missing", "say who approves")
    if rule.outcome == "ACCEPT_PARTIAL" and not rule.complete:
        yield _wrong(f"/rules/{place}/complete", "missing", "say what is to be completed")


_WHO = ("applies_when", "partner_types")
_WHICH = ("accept_from", "methodologies", "country_scope", "amount_ceiling_usd")


def _unreachable(rules: Sequence[Any]) -> Iterator[FieldError]:
    """A rule is never come to where one before it is made for the same work and evidence."""
    seen: list[tuple[Any, ...]] = []
    for place, rule in enumerate(rules):
        made_for = tuple(getattr(rule, name, None) for name in (*_WHO, *_WHICH))
        if made_for in seen:
            yield _wrong(f"/rules/{place}", "unreachable", "an earlier rule is made for the same")
        seen.append(made_for)
