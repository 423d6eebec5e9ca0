"""The history of sections in the matrix: whoever reads a section reads what it was."""

from __future__ import annotations

from tests.confidentiality.rules import EVERYONE, OK, Rule, plain

RULES: dict[str, Rule] = {
    "listPartnerSectionVersions": Rule(
        plain(partner_id="partner", section="contact"), EVERYONE, hides="partner_id"
    ),
    "listOwnSectionVersions": Rule(plain(section="contact"), {"partner": OK}),
}
