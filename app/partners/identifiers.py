"""Identifier schemes and their format checks (domain.md 2.4). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from stdnum import lei


class IdentifierScheme(StrEnum):
    """Schemes the registry accepts. Tax numbers are restricted data and have no place here."""

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
    ROR = "ROR"
    WIKIDATA = "WIKIDATA"
    CBPF_GMS = "CBPF_GMS"


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    strip: str = ""
    upper: bool = False
    check: Callable[[str], bool] = lambda value: True
    country: bool = False


def _rule(pattern: str, **more: object) -> _Rule:
    return _Rule(re.compile(pattern), **more)  # type: ignore[arg-type]


_RULES: dict[IdentifierScheme, _Rule] = {
    IdentifierScheme.UNPP: _rule(r"\A\S.{0,127}\Z"),
    IdentifierScheme.AGENCY_VENDOR: _rule(r"\A\S.{0,1023}\Z", country=True),
    IdentifierScheme.UNGM: _rule(r"\A[0-9]{4,9}\Z"),
    IdentifierScheme.LEI: _rule(
        r"\A[0-9A-Z]{18}[0-9]{2}\Z", strip=" -", upper=True, check=lei.is_valid
    ),
    IdentifierScheme.ORG_ID: _rule(r"\A[A-Z]{2}-[A-Z0-9_]{2,20}-\S.{0,99}\Z"),
    IdentifierScheme.IATI_ORG: _rule(r"\A[A-Z]{2}-[A-Z0-9_]{2,20}-\S.{0,99}\Z"),
    IdentifierScheme.XM_OCHA: _rule(r"\AHPC[0-9]{1,12}\Z"),
    IdentifierScheme.DUNS: _rule(r"\A[0-9]{9}\Z", strip="-"),
    IdentifierScheme.UEI: _rule(r"\A[A-HJ-NP-Z1-9][A-HJ-NP-Z0-9]{11}\Z", upper=True),
    IdentifierScheme.NAT_REG: _rule(r"\A\S.{0,99}\Z", country=True),
    IdentifierScheme.ROR: _rule(r"\A0[a-z0-9]{6}[0-9]{2}\Z"),
    IdentifierScheme.WIKIDATA: _rule(r"\AQ[0-9]{1,12}\Z"),
    IdentifierScheme.CBPF_GMS: _rule(r"\A\S.{0,127}\Z"),
}


def needs_country(scheme: IdentifierScheme) -> bool:
    """Whether a value of this scheme is unique only within a country."""
    return _RULES[scheme].country


def normalise(scheme: IdentifierScheme, value: str) -> str:
    """The value as it is stored. Raises ValueError when it is not one of the scheme."""
    rule = _RULES[scheme]
    value = value.strip()
    for character in rule.strip:
        value = value.replace(character, "")
    if rule.upper:
        value = value.upper()
    if not rule.pattern.match(value) or not rule.check(value):
        raise ValueError(f"is not a valid {scheme.value} identifier")
    return value
