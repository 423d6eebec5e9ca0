"""Identifier schemes and their checks (domain.md 2.4). Pure: no database, cheap enough for bulk.

What a scheme is stands in ``schemes.yaml``; a check that a pattern cannot say is a function here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from stdnum import lei
from stdnum.iso7064 import mod_37_36

from app.core import datafiles
from app.core.countries import alpha2
from app.core.ids import registry_number
from app.partners.identifiers import national

VALUE_BYTES = 1_024
"""Longest value in UTF-8: a key of an index must hold it."""
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


class IdentifierScheme(StrEnum):
    """Schemes the registry accepts; `schemes.yaml` says what each is."""

    REGISTRY = "REGISTRY"
    UNPP = "UNPP"
    AGENCY_VENDOR = "AGENCY_VENDOR"
    UNGM = "UNGM"
    LEI = "LEI"
    ORG_ID = "ORG_ID"
    IATI_ORG = "IATI_ORG"
    XM_OCHA = "XM_OCHA"
    DUNS = "DUNS"
    UEI = "UEI"
    NAT_REG = "NAT_REG"
    TAX_ID = "TAX_ID"
    VAT = "VAT"
    ROR = "ROR"
    WIKIDATA = "WIKIDATA"
    CBPF_GMS = "CBPF_GMS"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Data):
    """A scheme of `schemes.yaml`."""

    title: str
    authoritative: bool
    confirmed: bool
    pattern: re.Pattern[str]
    country: bool = False
    restricted: bool = False
    stored: bool = True
    prefix: str = ""
    strip: str = ""
    upper: bool = False
    lower: bool = False
    digits: bool = False
    listed: bool = False
    check: Literal["registry", "lei", "ror", "tax_id", "vat"] | None = None


class Schemes(_Data):
    """One version of the schemes."""

    version: str
    effective_from: date
    source: str
    expiry_notices: tuple[int, ...]
    schemes: dict[IdentifierScheme, Rule]


class OrgIdLists(_Data):
    """One version of the lists that org-ids begin with."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    lists: dict[str, str]
    deprecated: dict[str, str]


SCHEMES = Schemes.model_validate(datafiles.read("app.partners.identifiers", "schemes.yaml"))
"""The version in force."""
ORG_ID_LISTS = OrgIdLists.model_validate(
    datafiles.read("app.partners.identifiers", "org_id_lists.yaml")
)
"""The version in force."""
_RULES = SCHEMES.schemes


def rule(scheme: IdentifierScheme) -> Rule:
    """What the data says of a scheme."""
    return _RULES[scheme]


def needs_country(scheme: IdentifierScheme) -> bool:
    """Whether a value of this scheme is unique only within a country."""
    return _RULES[scheme].country


def normalise(scheme: IdentifierScheme, value: str, country: str | None = None) -> str:
    """The value as it is stored and compared. Raises ValueError when it is not one of the scheme.

    ``country`` (alpha-3) lets tax numbers be checked by the rules of their country.
    """
    found = _RULES[scheme]
    value = _prepared(found, value)
    if len(value.encode()) > VALUE_BYTES or not found.pattern.fullmatch(value):
        raise ValueError(_message(scheme))
    if found.check is None:
        return value
    try:
        return _CHECKS[found.check](value, country)
    except ValueError:
        raise ValueError(_message(scheme)) from None


def _message(scheme: IdentifierScheme) -> str:
    return f"is not a valid {scheme.value} identifier"


def _prepared(found: Rule, value: str) -> str:
    if not value.isascii():
        # Full-width and presentation forms of the same characters are the same number.
        value = unicodedata.normalize("NFKC", value)
        if found.digits:
            value = "".join(str(unicodedata.decimal(c, c)) for c in value)
    value = " ".join(value.split())
    if found.prefix:
        value = value.removeprefix(found.prefix)
    for character in found.strip:
        value = value.replace(character, "")
    if found.upper:
        value = value.upper()
    return value.lower() if found.lower else value


def _registry(value: str, country: str | None) -> str:
    if not value.startswith("IPR-"):
        return str(UUID(value))
    _, digits, check = value.split("-")
    if not mod_37_36.is_valid(digits + check):
        raise ValueError("check character")
    return registry_number(int(digits))


def registry_key(value: str) -> UUID | int:
    """The id or the number that a normalised REGISTRY value names."""
    return int(value.split("-")[1]) if value.startswith("IPR-") else UUID(value)


def _lei(value: str, country: str | None) -> str:
    return str(lei.validate(value))


def _ror(value: str, country: str | None) -> str:
    # Six characters of Crockford's base 32, then two digits by ISO 7064 MOD 97-10.
    number = 0
    for character in value[1:7]:
        number = number * 32 + _CROCKFORD.index(character)
    if 98 - number * 100 % 97 != int(value[7:]):
        raise ValueError("check digits")
    return value


def _tax_id(value: str, country: str | None) -> str:
    return national.checked("tin", alpha2(country), value) if country else value


def _vat(value: str, country: str | None) -> str:
    return national.checked("vat", alpha2(country), value) if country else value


_CHECKS: dict[str, Callable[[str, str | None], str]] = {
    "registry": _registry,
    "lei": _lei,
    "ror": _ror,
    "tax_id": _tax_id,
    "vat": _vat,
}

PrefixState = Literal["listed", "deprecated", "unverified"]


def prefix_state(
    scheme: IdentifierScheme, value: str, register: OrgIdLists = ORG_ID_LISTS
) -> PrefixState | None:
    """Whether the org-id register knows the list a value begins with; None for other schemes."""
    if not _RULES[scheme].listed:
        return None
    parts = value.split("-")
    # The longest first: a list and its sub-list may share their beginning.
    for length in range(min(4, len(parts) - 1), 1, -1):
        code = "-".join(parts[:length])
        if code in register.deprecated:
            return "deprecated"
        if code in register.lists:
            return "listed"
    return "unverified"
