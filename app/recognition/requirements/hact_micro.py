"""HACT micro-assessment."""

from __future__ import annotations

from app.recognition.requirements.assessed import Assessed


class HactMicro(Assessed):
    code = "HACT_MICRO"
    title = "HACT micro-assessment"
    needed = True
    types = ("hact_micro",)
    none_code = "NO_MICRO_ASSESSMENT"
    old_code = "MICRO_EXPIRED"


KIND = HactMicro()
