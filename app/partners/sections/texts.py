"""Texts of the sections: bounded, clean, and without bank details.

The registry never holds account numbers: whoever reads a profile could divert a payment with
them. So a text that looks like one is refused, and the person can say it in other words.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from stdnum import iban

from app.core.schemas import Line, Paragraph, Text

# Candidates only; the check digits decide. People write IBANs in groups of four.
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ -]?\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_NAMED = re.compile(
    r"(?:\biban\b|\bacc(?:oun)?t\.?\s*(?:no|nr|num|number|#|:)|\ba/c\b|\bbank\s+acc(?:oun)?t\b"
    r"|\bcompte\s*(?:n[o°º]|num|:|bancaire)|\bcuenta\s*(?:n[o°º]|n[uú]m|:|bancaria)"
    r"|رقم\s*الحساب|حساب\s*(?:رقم|بنكي)|номер\s*сч[её]та|(?:расч[её]тный|банковский)\s*сч[её]т"
    r"|[账帐][号户])"
    r"[^0-9٠-٩۰-۹]{0,20}[0-9٠-٩۰-۹](?:[ .-]?[0-9٠-٩۰-۹]){6,}",
    re.IGNORECASE,
)


def holds_account_number(value: str) -> bool:
    """Whether a text seems to hold an IBAN or a bank account number."""
    if _NAMED.search(value):
        return True
    for found in _IBAN.finditer(value):
        plain = re.sub(r"[ -]", "", found[0])
        # A longer match may have eaten the words that follow; every national length is tried.
        if any(iban.is_valid(plain[:length]) for length in range(15, len(plain) + 1)):
            return True
    return False


def no_account_number(value: str) -> str:
    """Raises ValueError for a text that seems to hold an account number."""
    if holds_account_number(value):
        raise ValueError("looks like a bank account number; the registry never holds one")
    return value


Prose = Annotated[Paragraph, AfterValidator(no_account_number)]
"""Up to 4,000 characters."""
Words = Annotated[Line, AfterValidator(no_account_number)]
"""One line."""
Phone = Annotated[Text, StringConstraints(max_length=40, pattern=r"^\+?[0-9][0-9 ()./-]{3,38}$")]
Email = Annotated[
    Text,
    StringConstraints(max_length=254, pattern=r"^[^\s@<>\"]{1,64}@[^\s@<>\"]+\.[^\s@<>\"]{2,}$"),
]
WebAddress = Annotated[Text, StringConstraints(max_length=500, pattern=r"^https?://[^\s<>\"]+$")]
