"""The rules and the privacy notice, from the data files beside this module."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import yaml

_DATA = Path(__file__).parent / "data"
RULES: dict[str, Any] = yaml.safe_load((_DATA / "rules.yaml").read_text("utf-8"))
_NOTICES: dict[str, Any] = yaml.safe_load((_DATA / "privacy_notice.yaml").read_text("utf-8"))
NOTICES: dict[str, dict[str, Any]] = {
    item["version"]: item | {"source": _NOTICES["source"], "confirmed": _NOTICES["confirmed"]}
    for item in _NOTICES["versions"]
}


def notice_in_force(today: date) -> dict[str, Any]:
    """The newest notice that is in force on this day, else the first."""
    known = sorted(NOTICES.values(), key=lambda item: item["effective_from"])
    in_force = [item for item in known if item["effective_from"] <= today]
    return in_force[-1] if in_force else known[0]
