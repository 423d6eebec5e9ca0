"""Profiles, their history and offices, partner types, country settings."""

from __future__ import annotations

from tests.confidentiality.rules import EVERYONE, Call, Rule, plain, posted
from tests.confidentiality.scene import AGENCIES, REASON, Scene


async def _setting(scene: Scene, relation: str) -> Call:
    country = dict(zip(AGENCIES, _COUNTRIES, strict=True))
    return Call(
        {"country": country.get(relation, "AND")},
        {"sensitive": True} | REASON,
        {"If-Match": '"v0"'},
    )


_COUNTRIES = ("LIE", "MCO", "SMR", "NRU", "TUV")

RULES = {
    "confirmPartner": Rule(posted(lambda scene: None, partner_id="partner"), EVERYONE),
    "getPartnerSources": Rule(plain(partner_id="partner"), EVERYONE),
    "listPartnerOffices": Rule(plain(partner_id="partner"), EVERYONE),
    "listPartnerVersions": Rule(plain(partner_id="partner"), EVERYONE),
    "getPartnerTypes": Rule(plain(), EVERYONE),
    "listCountrySettings": Rule(plain(), EVERYONE),
    "setCountrySetting": Rule(_setting, EVERYONE),
}
