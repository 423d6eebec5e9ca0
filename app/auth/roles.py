"""Roles and the permission matrix of the field: versioned data (roles.yaml), read once.

A caller with roles may use no scope that none of its roles needs; a caller without roles is
limited by its scopes alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from app.auth.errors import RoleUnknown
from app.auth.scopes import AGENCY, PARTNER
from app.core import datafiles

Act = Literal["summary", "read", "create", "approve", "share"]
Of = Literal["any", "own", "self", "one", "public"]
Kind = Literal["agency", "partner", "outside"]
PUBLIC = "public"
"""Column of the matrix for everybody; no role that a caller could hold."""
COVERS: dict[str, frozenset[str]] = {
    "summary": frozenset({"summary"}),
    "read": frozenset({"summary", "read"}),
    "create": frozenset({"summary", "read", "create", "share"}),
    "approve": frozenset({"summary", "read", "approve", "share"}),
}
"""What a right of each act lets do: with what is its own, whoever makes or decides also reads."""
_RIGHT = re.compile(
    r"\A(summary|read|create|approve) (any|own|self|one|public)( in country)?( by share)?\Z"
)


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Right(_Data):
    """One right of a cell; see the head of roles.yaml."""

    act: Literal["summary", "read", "create", "approve"]
    of: Of
    in_country: bool
    by_share: bool

    @property
    def acts(self) -> frozenset[str]:
        """What the right lets do. Whoever may hand in one piece for one engagement does just that.

        Rights of the public and of a partner on itself let an agency's caller do nothing.
        """
        if self.of in ("self", "public"):
            return frozenset()
        return frozenset({"create"}) if self.of == "one" else COVERS[self.act]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for words that are no right."""
        found = _RIGHT.match(text)
        if found is None:
            raise ValueError(f"{text} is no right")
        return cls.model_validate(
            {
                "act": found[1],
                "of": found[2],
                "in_country": found[3] is not None,
                "by_share": found[4] is not None,
            }
        )


class Cell(_Data):
    """One cell of the matrix: the words of the source and the rights they come to."""

    text: str
    rights: tuple[Right, ...]

    @field_validator("rights", mode="before")
    @classmethod
    def _rights(cls, value: list[str]) -> tuple[Right, ...]:
        return tuple(Right.parse(text) for text in value)


class Role(_Data):
    """A job of the field. Only roles of kind ``agency`` are held by agencies' persons and clients,
    those of kind ``partner`` by partners' clients; the others have no access of their own today.
    """

    title: str
    kind: Kind


class ResourceKind(_Data):
    """A row of the matrix."""

    title: str
    level: Literal["INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY"]
    country: bool
    added: bool = False
    scopes: dict[Literal["summary", "read", "create", "approve", "share", "self"], list[str]]
    cells: dict[str, Cell]

    @property
    def reach(self) -> Literal["any", "share", "own"]:
        """Whose records agencies read at the kind's level: everybody's, by a share, or their own.

        A kind with no reading right for agencies is nobody's but the owner's.
        """
        rights = [right for cell in self.cells.values() for right in cell.rights if right.acts]
        if any(right.by_share for right in rights):
            return "share"
        return "any" if any(right.of == "any" for right in rights) else "own"

    def scopes_for(self, act: Act) -> frozenset[str]:
        """Scopes of which one is needed for an act; none means that it is not served.

        Where an act has no scope of its own, a scope of an act that covers it will do.
        """
        own = self.scopes.get(act)
        if own:
            return frozenset(own)
        return frozenset(
            scope
            for name, scopes in self.scopes.items()
            if act in COVERS.get(name, ())
            for scope in scopes
        )


class Matrix(_Data):
    """One version of roles and rights."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    roles: dict[str, Role]
    resources: dict[str, ResourceKind]

    @model_validator(mode="after")
    def _known_words(self) -> Self:
        for code, kind in self.resources.items():
            unknown = set(kind.cells) - set(self.roles) - {PUBLIC}
            unknown |= {x for found in kind.scopes.values() for x in found} - AGENCY - PARTNER
            if unknown:
                raise ValueError(f"{code} names what is not known: {sorted(unknown)}")
        return self

    def rights(self, role: str, resource: str) -> tuple[Right, ...]:
        """What a role may do with a kind of resource."""
        cell = self.resources[resource].cells.get(role)
        return cell.rights if cell else ()


def load(text: str) -> Matrix:
    """Read a matrix. Raises pydantic's ValidationError."""
    return Matrix.model_validate(datafiles.parse(text))


MATRIX = load(files("app.auth").joinpath("roles.yaml").read_text("utf-8"))
"""The version in force."""


def _scopes_of_role(role: str) -> frozenset[str]:
    found: set[str] = set()
    for code, kind in MATRIX.resources.items():
        for right in MATRIX.rights(role, code):
            acts = {"self"} if right.of == "self" else right.acts
            for act, scopes in kind.scopes.items():
                if act in acts:
                    found.update(scopes)
    return frozenset(found)


_SCOPES = {role: _scopes_of_role(role) for role in MATRIX.roles}


@lru_cache(maxsize=1_024)
def scopes_of(roles: frozenset[str]) -> frozenset[str]:
    """Scopes that any of these roles needs. A role that is not known gives none."""
    return frozenset().union(*(_SCOPES.get(role, frozenset()) for role in roles))


def check_roles(codes: Iterable[str], kind: Kind = "agency") -> None:
    """Raises RoleUnknown unless all are codes of roles that callers of this kind may hold."""
    for code in codes:
        role = MATRIX.roles.get(code)
        if role is None or role.kind != kind:
            raise RoleUnknown


def table() -> str:
    """docs/roles.md: the matrix as people read it, the roles' scopes, and the notes."""
    agency_first = [*MATRIX.roles, PUBLIC]
    lines = [
        "# Roles and rights",
        "",
        "Made from `app/auth/roles.yaml` by `python -m app.auth.roles`; do not edit.",
        f"Version {MATRIX.version}, in force from {MATRIX.effective_from}. {MATRIX.source}",
        "" if MATRIX.confirmed else "Not yet confirmed by the agencies.",
        "",
        "A person, or a machine without one, holds roles. A caller with roles uses only scopes",
        "that its roles need; one without roles is limited by its scopes alone. R read, S summary",
        "only, C create and edit the own agency's, A approve or decide, self the own organisation,",
        "cc the own country scope, g by a share, – none. Rows marked + are the registry's own.",
        "",
        "| role | who | scopes today |",
        "|---|---|---|",
    ]
    for code, role in MATRIX.roles.items():
        scopes = ", ".join(f"`{scope}`" for scope in sorted(_SCOPES[code])) or "–"
        lines.append(f"| {code} | {role.title} | {scopes} |")
    lines += [
        "",
        f"| resource | level | {' | '.join(agency_first)} |",
        f"|---|---|{'---|' * len(agency_first)}",
    ]
    for kind in MATRIX.resources.values():
        cells = (kind.cells[role].text if role in kind.cells else "–" for role in agency_first)
        mark = " +" if kind.added else ""
        lines.append(f"| {kind.title}{mark} | {kind.level} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
