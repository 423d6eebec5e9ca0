"""Details with more than one way to a result, of which each uses exactly one."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from app.assessments.types.base import error
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
