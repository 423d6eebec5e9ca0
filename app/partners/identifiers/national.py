"""Tax numbers by the rules of their country, where python-stdnum has them. Pure."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType
from typing import Literal

from stdnum.util import get_cc_module

Kind = Literal["tin", "vat"]
_NOISE = re.compile(r"[\s./-]+")


@cache
def _module(kind: Kind, country: str) -> ModuleType | None:
    found = get_cc_module(country, kind)
    return found if isinstance(found, ModuleType) else None


def is_checked(kind: Kind, country: str) -> bool:
    """Whether there are rules for this kind of number in this country (alpha-2)."""
    return _module(kind, country) is not None


def checked(kind: Kind, country: str, value: str) -> str:
    """The number in its shortest form. Raises ValueError when its country's rules refuse it.

    A country without rules takes any number; blanks, dots, slashes and hyphens do not count.
    """
    module = _module(kind, country)
    if module is None:
        short = _NOISE.sub("", value)
        if not short:
            raise ValueError("empty")
        return short
    try:
        return str(module.validate(value))
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        # Some modules stumble over what they did not expect in place of refusing it.
        raise ValueError("refused by the rules of its country") from error
