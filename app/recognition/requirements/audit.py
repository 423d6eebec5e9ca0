"""Audits, findings and amounts pending."""

from __future__ import annotations

from app.recognition.requirements.assessed import Assessed


class Audit(Assessed):
    code = "AUDIT"
    title = "Audits, findings and amounts pending"
    types = ("audit", "special_audit")


KIND = Audit()
