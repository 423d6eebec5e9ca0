"""Performance reviews."""

from __future__ import annotations

from app.recognition.requirements.assessed import Assessed


class Performance(Assessed):
    code = "PERFORMANCE"
    title = "Performance reviews"
    types = ("performance",)


KIND = Performance()
