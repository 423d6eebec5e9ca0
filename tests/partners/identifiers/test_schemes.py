"""Every scheme, with values that are one and values that are not."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from app.core.db import Database
from app.core.ids import registry_number
from app.partners.identifiers import IdentifierScheme, normalise
from app.partners.identifiers.schemas import IdentifierAdd, IdentifierIn
from app.partners.identifiers.schemes import SCHEMES, OrgIdLists, prefix_state

# scheme, country, as given, as kept
VALID = [
    ("REGISTRY", None, registry_number(1).lower(), registry_number(1)),
    ("REGISTRY", None, registry_number(12_345_678), registry_number(12_345_678)),
    *[
        ("REGISTRY", None, x, "0199b1a0-0000-7000-8000-000000000001")
        for x in ("0199B1A0-0000-7000-8000-000000000001",)
    ],
    ("UNPP", None, " 10342 ", "10342"),
    ("AGENCY_VENDOR", "KEN", "2500-017a", "2500-017a"),
    ("UNGM", None, "123456", "123456"),
    ("LEI", None, "5493 00its 31QK 8VRBQ14", "549300ITS31QK8VRBQ14"),
    ("ORG_ID", None, "ke-ncb-218-051", "KE-NCB-218-051"),
    ("ORG_ID", None, "GB-CHC-202918", "GB-CHC-202918"),
    ("IATI_ORG", None, "XM-DAC-41122", "XM-DAC-41122"),
    ("IATI_ORG", None, "XI-IATI-EC_ECHO", "XI-IATI-EC_ECHO"),
    ("XM_OCHA", None, "hpc4752", "HPC4752"),
    ("DUNS", None, "12-345-6789", "123456789"),
    ("UEI", None, "zqggheut1nl7", "ZQGGHEUT1NL7"),
    ("NAT_REG", "KEN", "op.218/051  / 93", "OP.218/051 / 93"),
    ("NAT_REG", "JOR", "\u0661\u0662\u0663", "123"),
    ("TAX_ID", "AUT", "59-119/9013", "591199013"),
    ("TAX_ID", "SSD", "100-234 567", "100234567"),
    ("VAT", "GBR", "GB 980 7806 84", "980780684"),
    ("VAT", "SOM", "77/12", "7712"),
    ("ROR", None, "02mhbdp94", "02mhbdp94"),
    ("ROR", None, "https://ror.org/03yrm5c26", "03yrm5c26"),
    ("WIKIDATA", None, "q42", "Q42"),
    ("CBPF_GMS", None, "SSD-0147", "SSD-0147"),
]
INVALID = [
    ("REGISTRY", None, "IPR-0000001-A"),
    ("REGISTRY", None, "1"),
    ("UNPP", None, "x" * 129),
    ("AGENCY_VENDOR", "KEN", "\u00e9" * 600),
    ("UNGM", None, "12"),
    ("UNGM", None, "\u0661\u0662\u0663\u0664"),
    ("LEI", None, "549300ITS31QK8VRBQ15"),
    ("LEI", None, "549300ITS31QK8VRBQ1"),
    ("ORG_ID", None, "218-051"),
    ("ORG_ID", None, "KE-NCB"),
    ("ORG_ID", None, "KE-NCB-"),
    ("IATI_ORG", None, "KEN-NCB-1"),
    ("XM_OCHA", None, "4752"),
    ("DUNS", None, "12345678"),
    ("UEI", None, "OQGGHEUT1NL7"),
    ("NAT_REG", "KEN", "x" * 101),
    ("TAX_ID", "AUT", "59-119/9014"),
    ("TAX_ID", "SSD", "-"),
    ("VAT", "GBR", "GB 980 7806 85"),
    ("ROR", None, "02mhbdp95"),
    ("ROR", None, "02mhbdp"),
    ("ROR", None, "02mhbdl94"),
    ("WIKIDATA", None, "42"),
    ("WIKIDATA", None, "Q042"),
    ("CBPF_GMS", None, "x" * 129),
]


@pytest.mark.parametrize(("scheme", "country", "given", "kept"), VALID)
def test_a_value_is_kept_in_one_form(
    scheme: str, country: str | None, given: str, kept: str
) -> None:
    found = normalise(IdentifierScheme(scheme), given, country)
    assert found == kept
    assert normalise(IdentifierScheme(scheme), found, country) == found


@pytest.mark.parametrize(("scheme", "country", "given"), INVALID)
def test_what_is_no_value_of_the_scheme_is_refused(
    scheme: str, country: str | None, given: str
) -> None:
    with pytest.raises(ValueError, match=f"is not a valid {scheme}"):
        normalise(IdentifierScheme(scheme), given, country)


def test_every_scheme_has_valid_and_invalid_vectors() -> None:
    assert {row[0] for row in VALID} == {row[0] for row in INVALID} == set(IdentifierScheme)
    assert set(SCHEMES.schemes) == set(IdentifierScheme)


def test_one_wrong_character_of_a_ror_is_always_noticed() -> None:
    good = "02mhbdp94"
    for place in range(1, 7):
        for other in "0123456789abcdefghjkmnpqrstvwxyz":
            bad = good[:place] + other + good[place + 1 :]
            if bad != good:
                with pytest.raises(ValueError, match="is not a valid"):
                    normalise(IdentifierScheme.ROR, bad)


async def test_the_database_knows_the_same_schemes(operator_database: Database) -> None:
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT code, authoritative, restricted FROM identifier_schemes"
        )
    assert {tuple(row) for row in rows} == {
        (code.value, rule.authoritative, rule.restricted) for code, rule in SCHEMES.schemes.items()
    }


_REGISTER = OrgIdLists(
    version="t",
    effective_from=date(2026, 1, 1),
    source="a test",
    confirmed=False,
    lists={"AE-DU": "", "AE-DU-CR": ""},
    deprecated={"AE-DU-OLD": "gone"},
)


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("AE-DU-CR-1", "listed"),
        ("AE-DU-1", "listed"),
        ("AE-DU-OLD-1", "deprecated"),
        ("ZZ-NEW-1", "unverified"),
    ],
)
def test_the_longest_list_code_counts(value: str, state: str) -> None:
    assert prefix_state(IdentifierScheme.ORG_ID, value, _REGISTER) == state
    assert prefix_state(IdentifierScheme.LEI, value, _REGISTER) is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"scheme": "NAT_REG", "country": "KE"}, "needs the authority"),
        ({"scheme": "NAT_REG", "authority": "NGO Board"}, "needs country"),
        ({"scheme": "UNPP", "country": "KE"}, "takes no country"),
        ({"scheme": "UNPP", "area": "2400"}, "only vendor numbers have an area"),
        ({"scheme": "UNPP", "issued_on": "2026-02-01", "expires_on": "2026-01-31"}, "before"),
        ({"scheme": "REGISTRY", "value": registry_number(1)}, "given by the registry"),
        ({"scheme": "TAX_ID", "country": "SS", "authority": "x"}, "take no authority"),
    ],
)
def test_what_does_not_fit_the_scheme_is_refused(more: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        IdentifierAdd.model_validate({"value": "1234"} | more)


def test_a_new_profile_takes_no_tax_number() -> None:
    body = {"scheme": "TAX_ID", "country": "SS", "value": "1234"}
    with pytest.raises(ValidationError, match="profile that is there already"):
        IdentifierIn.model_validate(body)
    assert IdentifierAdd.model_validate(body).value == "1234"
