"""The catalogue names every event, and nothing that is confidential goes out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from uuid import uuid4

import jsonschema
import pytest

from app.events import descriptions
from app.events.catalogue import EventType
from app.events.descriptions import ALL, TOLD, read
from app.events.models import OutboxEvent
from tests.conftest import ApiFor

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "events.md"


def test_every_type_is_described() -> None:
    assert set(ALL) == set(EventType)


def test_the_guide_has_the_catalogue_as_it_is() -> None:
    assert descriptions.table() in DOCS.read_text("utf-8"), "python -m app.events.descriptions"


def test_every_resource_is_a_route() -> None:
    contract = json.loads((ROOT / "openapi" / "openapi.json").read_text("utf-8"))
    paths = {
        re.sub(r"\{\w+\}", "{}", path)
        for path, operations in contract["paths"].items()
        if "get" in operations
    }
    for one in TOLD.values():
        if one.resource is not None:
            assert re.sub(r"\{\w+\}", "{}", one.resource) in paths, one.type


@pytest.mark.parametrize("kind", list(TOLD))
def test_only_what_the_catalogue_names_is_told(kind: EventType) -> None:
    secret = {"text": "Canary", "person_id": str(uuid4()), "name": "Canary", "level": "RESTRICTED"}
    told = read(OutboxEvent(type=kind.value, subject_id=uuid4(), agency_id=None, data=secret))
    assert told.data.keys() <= {"resource", *TOLD[kind].fields}
    assert "Canary" not in str(told.data)


async def test_the_catalogue_is_served_with_schemas(api_for: ApiFor) -> None:
    api = await api_for("WFP", "events:read")
    answer = await api.get("/v1/events/catalogue")
    served = {one["type"]: one for one in answer.json()["items"]}
    assert served.keys() == {kind.value for kind in TOLD}
    for one in served.values():
        jsonschema.Draft202012Validator.check_schema(one["json_schema"])
    again = await api.get("/v1/events/catalogue", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    refused = await (await api_for("WFP", "partners:read")).get("/v1/events/catalogue")
    assert refused.status_code == 403
