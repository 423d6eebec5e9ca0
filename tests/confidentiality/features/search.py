"""Exports of profiles: every agency with the scope, for a purpose, and logged."""

from __future__ import annotations

from tests.confidentiality.rules import EVERYONE, PURPOSE, Call, Rule
from tests.confidentiality.scene import Scene


async def _export(scene: Scene, relation: str) -> Call:
    return Call(headers=PURPOSE, params={"country": "KEN"})


RULES = {"exportPartners": Rule(_export, EVERYONE, logged=True)}
