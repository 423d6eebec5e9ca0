"""Kinds of documents, from the data file beside this module."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from app.core import datafiles

RULES: dict[str, Any] = datafiles.read("app.partners.documents", "kinds.yaml")
DocumentKind = StrEnum("DocumentKind", list(RULES["kinds"]))  # type: ignore[misc]  # its members are data
DeletionReason = StrEnum("DeletionReason", RULES["deletion_reasons"])  # type: ignore[misc]  # as above
OF_THE_PARTNER: frozenset[str] = frozenset(
    code for code, facts in RULES["kinds"].items() if facts["partner"]
)
"""What the partner says of itself."""
