"""No account number comes into a profile, and honest texts are let through."""

from __future__ import annotations

import pytest

from app.partners.sections.texts import holds_account_number


@pytest.mark.parametrize(
    "text",
    [
        "GB82WEST12345698765432",
        "Our IBAN: GB82 WEST 1234 5698 7654 32.",
        "send to de89370400440532013000 please",
        "DE89-3704-0044-0532-0130-00 is ours",
        "NO9386011117947 and more words follow here",
        "Jordan: JO94 CBJO 0010 0000 0000 0131 0003 02",
        "Account number 0123456789",
        "account no. 01234-56789",
        "A/C 1234567890",
        "Bank account: 12 345 678",
        "acct # 98765432",
        "Compte n° 00012345678",
        "cuenta bancaria 1234567890",
        "رقم الحساب: ٠١٢٣٤٥٦٧٨٩",
        "номер счёта 40702810900000000001",
        "расчётный счет 40702810900000000001",
        "账号：6222021234567890",
        "IBAN follows, 12345678",
    ],
)
def test_an_account_number_is_seen(text: str) -> None:
    assert holds_account_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "We account for 12 000 000 beneficiaries in 2025.",
        "Accounting since 2010, audited 2019-2024.",
        "Registration OP.218/051/2004-0123456789",
        "Call +254 20 555 0100 or 0722 123 456 78",
        "The bank account is held with a national bank; two signatories are needed.",
        "In DE89 district we reached 37 040 044 people over 05 years",
        "Budget 12,345,678 USD; accountability to 1,234,567 people",
        "GB82WEST12345698765433",
        "محاسبة 2025 وصلنا إلى 12345678 شخص",
        "Account holders: three officers. Established 1998.",
        "",
    ],
)
def test_an_honest_text_is_let_through(text: str) -> None:
    assert not holds_account_number(text)
