"""The rules and the privacy notice, from the data files beside this module."""

from __future__ import annotations

from datetime import date
from typing import Any

from app.core import datafiles

RULES: dict[str, Any] = datafiles.read("app.partners.people", "data/rules.yaml")
_NOTICES: dict[str, Any] = datafiles.read("app.partners.people", "data/privacy_notice.yaml")
NOTICES: dict[str, dict[str, Any]] = {
    item["version"]: item | {"source": _NOTICES["source"], "confirmed": _NOTICES["confirmed"]}
    for item in _NOTICES["versions"]
}


def notice_in_force(today: date) -> dict[str, Any]:
    """The newest notice that is in force on this day, else the first."""
    known = sorted(NOTICES.values(), key=lambda item: item["effective_from"])
    in_force = [item for item in known if item["effective_from"] <= today]
    return in_force[-1] if in_force else known[0]
