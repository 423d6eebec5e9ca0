"""Other capacity assessments."""

from __future__ import annotations

from app.recognition.requirements.assessed import Assessed


class CapacityOther(Assessed):
    code = "CAPACITY_OTHER"
    title = "Other capacity assessments"
    types = ("capacity_other",)


KIND = CapacityOther()
