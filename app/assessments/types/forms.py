"""What several types ask of a detail: one way to a result and no other, and each code once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass

from app.assessments.types.base import Reported, error
from app.core.errors import FieldError
from app.core.schemas import Schema


@dataclass(frozen=True, slots=True)
class Form:
    """A way to a result: the field that stands for it, and fields that belong to it."""

    name: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


def one_form(detail: Schema, forms: Sequence[Form], *, final: bool) -> list[FieldError]:
    """What is wrong with the choice. A draft may have none yet, and lack what its form needs."""
    chosen = [form for form in forms if getattr(detail, form.name) is not None]
    errors = []
    if len(chosen) > 1 or (final and not chosen):
        names = ", ".join(form.name for form in forms)
        errors.append(error("/detail", "one_form", f"give exactly one of {names}"))
    needed = dict.fromkeys(name for form in chosen for name in form.needs)
    allowed = {name for form in chosen for name in form.needs + form.takes}
    for name in dict.fromkeys(name for form in forms for name in form.needs + form.takes):
        given = getattr(detail, name) is not None
        if given and name not in allowed:
            owners = [form.name for form in forms if name in form.needs + form.takes]
            message = f"belongs to {' or '.join(owners)} only"
            errors.append(error(f"/detail/{name}", "not_expected", message))
        if final and not given and name in needed:
            errors.append(error(f"/detail/{name}", "missing", f"{chosen[0].name} needs it"))
    return errors


def known(pointer: str, value: str, values: Container[str]) -> list[FieldError]:
    """An error unless the methodology has the value."""
    if value in values:
        return []
    return [error(pointer, "unknown_value", "the methodology has no such rating")]


def reported_or(
    detail: Reported, name: str, given: bool, values: Collection[str], *, final: bool
) -> list[FieldError]:
    """A final detail has ``name`` or a reported result; no detail has both.

    ``values``: results that a report may state.
    """
    reported = detail.reported_value is not None
    errors = []
    if (given and reported) or (final and not given and not reported):
        message = f"give either {name} or reported_value"
        errors.append(error("/detail", "one_form", message))
    return errors + report_named(detail, values, final=final)


def report_named(detail: Reported, values: Collection[str], *, final: bool) -> list[FieldError]:
    """A reported result is one of ``values`` and names its report; without one there is none."""
    errors = []
    reported, reference = detail.reported_value, detail.report_reference
    if reported is not None and reported not in values:
        message = "the methodology has no such result"
        errors.append(error("/detail/reported_value", "unknown_value", message))
    if reported is None and reference is not None:
        message = "belongs to reported_value only"
        errors.append(error("/detail/report_reference", "not_expected", message))
    if final and reported is not None and reference is None:
        message = "a reported result names its report"
        errors.append(error("/detail/report_reference", "missing", message))
    return errors


def each_once(
    where: str,
    field: str,
    given: Iterable[str],
    known: Collection[str],
    required: Collection[str],
    *,
    final: bool,
) -> list[FieldError]:
    """Each code is known and given once; a final detail has all the required ones.

    ``where`` points to the list, ``field`` is the member with the code; error codes begin with it.
    """
    codes = list(given)
    errors = [
        error(f"{where}/{place}/{field}", f"unknown_{field}", "the methodology has no such one")
        for place, code in enumerate(codes)
        if code not in known
    ]
    count = Counter(codes)
    for code in known:
        if count[code] > 1:
            errors.append(error(where, f"{field}_repeated", f"{code} is given twice"))
        if final and code in required and not count[code]:
            errors.append(error(where, f"{field}_missing", f"{code} is not given"))
    return errors


def missing(names: Iterable[str], detail: object) -> list[FieldError]:
    """The fields of these that a final detail still lacks."""
    return [
        error(f"/detail/{name}", "missing", "a final assessment needs it")
        for name in names
        if getattr(detail, name) is None
    ]
