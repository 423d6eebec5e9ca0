"""Kinds of documents, from the data file beside this module."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class Kind(BaseModel):
    """One kind: what it is evidence for, and whether its file may be put here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    standards: tuple[int, ...] = ()
    file: bool = True


class Kinds(BaseModel):
    """One version of the list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    kinds: dict[str, Kind]


KINDS = Kinds.model_validate(datafiles.read("app.assessments.documents", "kinds.yaml"))
DocumentKind = StrEnum(  # type: ignore[misc]  # its members are data
    "DocumentKind", [code for code, kind in KINDS.kinds.items() if kind.file]
)
"""What may be put here."""
EvidenceKind = StrEnum(  # type: ignore[misc]  # as above
    "EvidenceKind", [code for code, kind in KINDS.kinds.items() if kind.standards]
)
"""What may be named as evidence for a standard."""


def fits(kind: str, standard: int) -> bool:
    """Whether a paper of this kind is evidence for the standard."""
    return standard in KINDS.kinds[kind].standards
