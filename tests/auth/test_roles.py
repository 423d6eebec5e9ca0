"""Roles and the matrix: read strictly, complete, the same in the docs, and narrowing scopes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.auth import roles
from app.auth.errors import RoleUnknown
from app.auth.roles import MATRIX, Right, check_roles, scopes_of, table
from app.auth.scopes import AGENCY, PARTNER
from app.demo.people import _RIGHTS
from tests.auth.scoped import ScopedApi, scoped

__all__ = ["scoped"]
TEXT = files("app.auth").joinpath("roles.yaml").read_text("utf-8")
AGENCY_ROLES = [code for code, role in MATRIX.roles.items() if role.kind == "agency"]


def test_the_docs_say_what_the_data_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "roles.md"
    assert page.read_text("utf-8") == table(), "run: python -m app.auth.roles > docs/roles.md"


def test_every_scope_of_agencies_belongs_to_a_role_and_no_partners_scope_does() -> None:
    assert scopes_of(frozenset(AGENCY_ROLES)) == AGENCY
    assert scopes_of(frozenset({"PTN"})) == PARTNER
    assert scopes_of(frozenset({"REG", "LEG"})) == frozenset()
    assert scopes_of(frozenset({"NOBODY"})) == frozenset()


@pytest.mark.parametrize("held", _RIGHTS)
def test_the_demos_persons_keep_every_scope_but_those_of_oversight(held: tuple[str, ...]) -> None:
    check_roles(held)
    oversight = set() if "OVS" in held else {"holds:write", "withholdings:write"}
    assert scopes_of(frozenset(held)) == AGENCY - oversight


def test_two_persons_of_the_demo_are_oversight() -> None:
    assert ["OVS" in held for held in _RIGHTS] == [False, True, True]


# Cells as the field's table has them, beside what they must come to.
CELLS = [
    ("PROFILE", "PO", "R cc", ["read any in country"]),
    ("PEOPLE", "PO", None, []),
    ("ASSESS_DETAIL", "ERP", "g", ["read any by share"]),
    ("ASSESS_DETAIL", "HFP", "C cc, R g", ["create own in country", "read any by share"]),
    ("PSEA_DETAIL", "HFP", None, []),
    ("PSEA_DETAIL", "OVS", "R own", ["read own"]),
    ("PSEA_DETAIL", "IPU", "R own, A", ["read own", "approve own"]),
    ("DEBAR_ENTRY", "RCO", "S", ["summary any"]),
    ("CLEAR", "PO", "S", ["summary any"]),
    ("AUDITLOG", "OVS", "R own agency data", ["read own"]),
]


@pytest.mark.parametrize(("kind", "role", "words", "rights"), CELLS)
def test_cells_come_to_what_they_say(
    kind: str, role: str, words: str | None, rights: list[str]
) -> None:
    cell = MATRIX.resources[kind].cells.get(role)
    assert (cell.text if cell else None) == words
    assert list(MATRIX.rights(role, kind)) == [Right.parse(text) for text in rights]


def test_what_a_right_lets_do() -> None:
    assert Right.parse("read own").acts == {"summary", "read"}
    assert Right.parse("approve own").acts == {"summary", "read", "approve", "share"}
    assert Right.parse("create one").acts == {"create"}
    assert Right.parse("create self").acts == frozenset()
    assert Right.parse("read public").acts == frozenset()
    assert MATRIX.resources["PSEA_DETAIL"].reach == "share"
    assert MATRIX.resources["AUDITLOG"].reach == "own"
    assert MATRIX.resources["PEOPLE"].reach == "any"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rights: [read any in country]", "rights: [read everything]"),
        ("rights: [read any in country]", "rights: [write any]"),
        ("      PO: {text", "      POX: {text"),
        ('["partners:write"]', '["partners:wrote"]'),
        ("level: RESTRICTED", "level: SECRET"),
        ("confirmed: false", "confirmed: 'no'"),
        ("kind: outside", "kind: elsewhere"),
        ("title: agency system", "tittle: agency system"),
    ],
)
def test_data_that_is_wrong_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(ValidationError):
        roles.load(TEXT.replace(old, new, 1))


@pytest.mark.parametrize("codes", [["CO", "KING"], ["PTN"], ["co"], ["REG"], ["public"]])
def test_a_role_nobody_may_hold_is_refused(codes: list[str]) -> None:
    with pytest.raises(RoleUnknown):
        check_roles(codes)
    check_roles(["PTN"], "partner")
    check_roles(AGENCY_ROLES)


async def test_a_caller_with_roles_uses_no_scope_outside_them(scoped: ScopedApi) -> None:
    officer = await scoped("WFP", roles=("PO",))
    assert (await officer.get("/v1/partners?limit=1")).status_code == 200
    body = {"subject": {"kind": "organisation", "names": ["x"]}}
    for method, path, scope in (
        ("POST", "/v1/partners", "partners:write"),
        ("GET", "/v1/sanctions/cases", "sanctions:write"),
        ("POST", "/v1/clearances", "clearance:run"),
    ):
        refused = await officer.request(
            method, path, json=clearance() if "clear" in path else profile()
        )
        assert refused.status_code == 403, path
        assert f'scope="{scope}"' in refused.headers["www-authenticate"]
    assert (await officer.post("/v1/screenings", json=body)).status_code == 201
    free = await scoped("WFP")
    assert (await free.get("/v1/sanctions/cases")).status_code == 200


def profile() -> dict[str, object]:
    return {"legal_name": "Nobody at all", "partner_type": "NGO_LOCAL", "country": "KEN"}


def clearance() -> dict[str, object]:
    partner = {"name": "Nobody at all", "country": "KEN"}
    return {"partner": partner, "country": "KEN", "purpose": "PARTNER_SELECTION"}
