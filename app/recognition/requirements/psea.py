"""PSEA capacity assessment."""

from __future__ import annotations

from app.recognition.requirements.assessed import Assessed


class Psea(Assessed):
    code = "PSEA"
    title = "PSEA capacity assessment"
    needed = True
    types = ("psea",)
    none_code = "NO_PSEA"
    old_code = "PSEA_EXPIRED"
    bad_code = "PSEA_LOW_CAPACITY"


KIND = Psea()
