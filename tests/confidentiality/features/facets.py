"""Counts of profiles: every agency that reads profiles, of those it may know of."""

from __future__ import annotations

from tests.confidentiality.rules import EVERYONE, Call, Rule
from tests.confidentiality.scene import Scene


async def _count(scene: Scene, relation: str) -> Call:
    return Call(params={"country": "KEN", "facet": "status"})


RULES = {"countPartners": Rule(_count, EVERYONE)}
