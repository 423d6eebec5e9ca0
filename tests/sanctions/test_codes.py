"""The code lists of sanctions: what fields accept is what is served."""

from __future__ import annotations

from typing import Any

from app.sanctions.codes import CODES
from tests.conftest import ApiFor


async def _served(api_for: ApiFor, code: str) -> dict[str, Any]:
    found = await (await api_for("WFP")).read(f"/v1/codelists/{code}")
    return {item["code"]: item for item in found["items"]}


async def test_practices_are_served_as_cases_accept_them(api_for: ApiFor) -> None:
    served = await _served(api_for, "proscribed_practices")
    assert {code: item["label"] for code, item in served.items()} == CODES.practices.codes


async def test_measures_are_served_as_decisions_accept_them(api_for: ApiFor) -> None:
    served = await _served(api_for, "sanction_measures")
    assert served.keys() == CODES.measures.codes.keys()
    for code, measure in CODES.measures.codes.items():
        assert served[code]["label"] == measure.label
        assert served[code]["facts"]["blocking"] == ("yes" if measure.blocking else "no")
        assert served[code]["facts"]["end"] == measure.end
    assert CODES.measures.codes["INTERIM_SUSPENSION"].blocking
