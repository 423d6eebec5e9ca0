"""Check of the core-values statements."""

from __future__ import annotations

from app.recognition.requirements.assessed import Assessed


class CoreValues(Assessed):
    code = "CORE_VALUES"
    title = "Check of the core-values statements"
    types = ("core_values", "due_diligence")


KIND = CoreValues()
