"""Loads, own keys and pending statements: each its agency's alone."""

from __future__ import annotations

import json
import secrets
from datetime import date
from typing import Any
from uuid import UUID

from app.core.db import bind_now
from app.partners.bulk import extras
from app.partners.bulk.files.unpp import Report, Statement
from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, OWNER_ONLY, V1, Call, Rule, plain
from tests.confidentiality.scene import Scene
from tests.support import unique

_NDJSON = {"Content-Type": "application/x-ndjson"}


def _line() -> bytes:
    body = {"key": secrets.token_hex(8), "legal_name": unique("Loaded"), "country": "KEN"}
    return json.dumps(body | {"partner_type": "NGO_NATIONAL"}).encode() + b"\n"


async def prepare(scene: Scene) -> None:
    """A load of the owner, a report that came with it, and two statements that wait for it."""
    owner, agency = await scene.owner(), scene.agency("owner")
    answer = await owner.post("/v1/partners/bulk", content=_line(), headers=_NDJSON)
    assert answer.status_code == 200, answer.text
    scene.ids["load"] = answer.headers["location"].rsplit("/", 1)[1]
    partner = UUID(json.loads(answer.text)["partner_id"])
    load = UUID(scene.ids["load"])
    async with scene.operator.session() as session:
        await bind_now(session, agency)
        report = Report("verification", "verified", "UNHCR", date(2024, 5, 6))
        await extras.keep_reports(session, agency, load, [(partner, report)])
        for key in ("1", "2"):
            said = Statement(key, "YELLOW", "FINANCIAL", "", "Canary: receipts.", None)
            await extras.keep_statement(session, owner.ring, load, partner, agency, said)
    listed = (await owner.read("/v1/pending-statements?limit=200"))["items"]
    scene.ids["pending"], scene.ids["pending_decided"] = (
        one["id"] for one in listed if one["partner_id"] == str(partner)
    )


async def _stream(scene: Scene, relation: str) -> Call:
    return Call(headers=_NDJSON, content=_line())


async def _decision(scene: Scene, relation: str) -> Call:
    which = "pending_decided" if relation == "owner" else "pending"
    return Call({"statement_id": scene.ids[which]}, {"decision": "reject"}, V1)


RULES: dict[str, Any] = {
    "loadPartners": Rule(_stream, EVERYONE),
    "listLoads": Rule(plain(), EVERYONE),
    "getLoad": Rule(plain(load_id="load"), OWNER_ONLY),
    "listPendingStatements": Rule(plain(), EVERYONE),
    "readPendingStatement": Rule(plain(statement_id="pending"), OWNER_ONLY),
    "decidePendingStatement": Rule(_decision, OWNER_ONLY),
}


def _standing(row: Row, who: Who, facts: Facts) -> bool:
    return own("agency_id")(row, who, facts) and row["state"] != "undone"


def _undecided(row: Row, who: Who, facts: Facts) -> bool:
    return own("owner_agency")(row, who, facts) and row["state"] == "pending"


_OWN = own("agency_id")
TABLES = {
    "partner_loads": Table(("id",), select=_OWN, insert=_OWN, update=_standing),
    "partner_keys": Table(("agency_id", "key"), select=_OWN, insert=_OWN, update=_OWN),
    "partner_load_reports": Table(("id",), select=_OWN),
    "pending_statements": Table(("id",), select=own("owner_agency"), update=_undecided),
}
