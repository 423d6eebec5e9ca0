"""Official names: one in Latin script, one in the partner's own, and those it bore before. Pure."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from anyascii import anyascii

from app.partners.errors import ChangeDateWithoutFormerName, NameRequired
from app.partners.models import Partner
from partner_registry_matcher import scripts

_JAPANESE = frozenset({"Hira", "Kana"})
_LONGEST = 300


@lru_cache(4_096)
def script_of(name: str) -> str | None:
    """ISO 15924 code of the script a name is written in; None for one without letters.

    Latin words beside another script do not count; a mixture of others is Zyyy.
    """
    found = scripts(name)
    own = found - {"Latn"} or found
    if own & _JAPANESE and own <= _JAPANESE | {"Hani"}:
        return "Jpan"
    if own == {"Hang", "Hani"}:
        return "Kore"
    if len(own) > 1:
        return "Zyyy"
    return next(iter(own), None)


def transliterated(native: str) -> str:
    """The name in Latin letters. Raises ValueError where there is nothing to write."""
    latin = " ".join(anyascii(native).split())[:_LONGEST].strip()
    # Of a sign without letters it would write the sign's name.
    if script_of(native) is None or not latin:
        raise ValueError("has no letters that can be written in Latin script")
    return latin


def official(legal_name: str | None, native: str | None) -> tuple[str, bool]:
    """The name to use in Latin script, and whether it is a transliteration of ours.

    A native name that is in Latin script is an official Latin name as it stands. Raises
    ValueError without a name.
    """
    if legal_name is not None:
        return legal_name, False
    if native is None:
        raise ValueError("give legal_name, legal_name_native, or both")
    if script_of(native) == "Latn":
        return native, False
    return transliterated(native), True


def renamed(
    partner: Partner, fields: dict[str, Any], *, correction: bool, on: date
) -> dict[str, Any]:
    """The columns of names after a patch of ``fields``; what it said of them included.

    Unless it is a correction, an official name that gives way to another becomes a former one,
    changed ``on`` that day if the patch names no other. A transliteration of ours never was a
    name. Raises NameRequired or ChangeDateWithoutFormerName.
    """
    values = dict(fields)
    native = fields.get("legal_name_native", partner.legal_name_native)
    derived = partner.legal_name_generated or partner.legal_name == partner.legal_name_native
    if "legal_name" in fields:
        values["legal_name_generated"] = False
    elif "legal_name_native" in fields and derived:
        try:
            values["legal_name"], values["legal_name_generated"] = official(None, native)
        except ValueError:
            raise NameRequired from None
    if not correction:
        _keep_old(partner, values, on)
    changed_on = values.get("name_changed_on", partner.name_changed_on)
    if changed_on is not None and not values.get("former_names", partner.former_names):
        raise ChangeDateWithoutFormerName
    return values


def _keep_old(partner: Partner, values: dict[str, Any], on: date) -> None:
    name = values.get("legal_name", partner.legal_name)
    native = values.get("legal_name_native", partner.legal_name_native)
    former = list(values.get("former_names", partner.former_names))
    gone = []
    if name != partner.legal_name and not partner.legal_name_generated:
        gone.append(partner.legal_name)
    if native is not None and partner.legal_name_native not in (None, native):
        gone.append(partner.legal_name_native)
    added = [old for old in dict.fromkeys(gone) if old not in (*former, name, native)]
    if added:
        values["former_names"] = [*former, *added]
        values.setdefault("name_changed_on", on)
