"""What the operator writes out for an agency is that agency's, as row security says it too."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import text

from app.agencies import export
from app.cli.agencies import EXPORTED
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.db import bind_now
from tests.confidentiality.scene import AGENCIES, Scene

_EMPTY = {
    "agreements",
    "break_glass",
    "country_settings",
    "partner_control_disputes",
    "possible_duplicates",
    "sanction_custody",
    "status_changes",
}
"""Tables of which the scene makes no row of its owner's."""


async def _exported(
    app: FastAPI, scene: Scene, relation: str, folder: Path
) -> dict[str, list[dict[str, Any]]]:
    """As the owner role of a managed database, which is no superuser."""
    async with scene.operator.session() as session:
        await session.execute(text("SET LOCAL ROLE reg_owner"))
        await bind_now(session, scene.agency(relation))
        agency = (scene.agency(relation), AGENCIES[relation])
        await export.write(
            session,
            KeyRing(app.state.root),
            agency,
            EXPORTED,
            folder,
            utc_now(),
            lambda step, done, total: None,
        )
    return {
        table.name: [
            json.loads(line)
            for line in (folder / f"{table.name}.jsonl").read_text("utf-8").splitlines()
        ]
        for table in EXPORTED
    }


async def test_an_export_has_all_that_is_the_agencys_and_opens_it(
    app: FastAPI, scene: Scene, tmp_path: Path
) -> None:
    vendor = {"scheme": "AGENCY_VENDOR", "value": secrets.token_hex(6), "country": "KEN"}
    url = f"/v1/partners/{scene.ids['partner']}/identifiers"
    await (await scene.owner()).made(url, vendor)
    found = await _exported(app, scene, "owner", tmp_path / "owner")
    assert {name for name, rows in found.items() if not rows} <= _EMPTY
    opened: dict[str, str] = {}
    for table in EXPORTED:
        for sealed in table.sealed.values():
            said = [row[sealed.name] for row in found[table.name] if row[sealed.name] is not None]
            opened[f"{table.name}.{sealed.name}"] = json.dumps(said)
    for name in (
        "partner_flags.text",
        "objections.reason",
        "identifier_disputes.grounds",
        "identifier_disputes.reason",
        "partner_claims.claimant",
        "partner_corrections.request",
        "pending_statements.text",
        "statement_comments.text",
        "legal_holds.reason",
        "redactions.reason",
        "withholdings.reason",
        "partner_people_requests.text",
    ):
        assert "Canary" in opened[name], name
    for name, column, record in (
        ("partner_flags", "id", "flag_on_behalf"),
        ("partner_corrections", "id", "correction"),
        ("partner_merges", "id", "merge"),
        ("partner_loads", "id", "load"),
        ("legal_holds", "id", "hold"),
        ("sharing_policies", "id", "policy"),
    ):
        assert scene.ids[record] in {row[column] for row in found[name]}, name


def _of_two(row: dict[str, Any]) -> bool:
    parties = ("filed_by", "decided_by", "owner_agency", "shared_with", "requested_by")
    return len({row[name] for name in parties if row.get(name)}) > 1


async def test_an_export_has_nothing_of_another_agencys(
    app: FastAPI, scene: Scene, tmp_path: Path
) -> None:
    owner = await _exported(app, scene, "owner", tmp_path / "owner")
    stranger = await _exported(app, scene, "stranger", tmp_path / "stranger")
    for table in EXPORTED:
        if table.name in ("agency", "audit_events") or not owner[table.name]:
            continue
        key = "id" if "id" in owner[table.name][0] else None
        if key:
            theirs = {row[key] for row in stranger[table.name]}
            both = [row for row in owner[table.name] if row[key] in theirs]
            # Of a record of both, such as a claim that one filed and the other decided, each has
            # its part.
            assert [row for row in both if not _of_two(row)] == [], table.name
    persons = {row["id"] for row in owner["persons"]}
    whole = (tmp_path / "stranger").glob("*.jsonl")
    kept = "".join(path.read_text("utf-8") for path in whole if path.name != "audit_events.jsonl")
    assert [person for person in persons if person in kept] == []
