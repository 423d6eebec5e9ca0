"""Declarations for tests."""

from __future__ import annotations

from typing import Any

from app.core import codelists
from tests.support import Api

STATEMENTS = [item.code for item in codelists.current("declaration_statements").items]


def declaration_body(*no: str, leave_out: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A signed form; answers are yes but for the statements named."""
    body: dict[str, Any] = {
        "form_version": codelists.current("declaration_statements").version,
        "answers": [
            {"statement": code, "answer": code not in no}
            for code in STATEMENTS
            if code not in leave_out
        ],
        "signed_by": "Canary Amina Otieno",
        "signed_by_title": "Executive director",
        "signed_on": "2026-03-01",
    }
    return body | more


async def sign(api: Api, partner: str, *no: str, **more: Any) -> dict[str, Any]:
    """A recorded declaration."""
    return await api.made(f"/v1/partners/{partner}/declarations", declaration_body(*no, **more))
