"""A toy assessment type at work: run in a tree that has it, as a process of its own.

Prints what the application of that tree answers, as JSON; `test_toy_type` judges it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from fastapi import FastAPI

from app.core.settings import Settings
from app.main import create_app
from tests.partners.factories import make_partner
from tests.support import Api, World, open_api

PURPOSE = {"Access-Purpose": 'PARTNER_SELECTION; ref="TOY-1"'}


async def _uses(unicef: Api, wfp: Api) -> dict[str, Any]:
    partner = (await make_partner(unicef))["id"]
    shown = await unicef.read("/v1/assessment-types/toy")
    body = {
        "partner_id": partner,
        "type": "toy",
        "methodology": "TOY-2026",
        "conducted_on": "2026-03-01",
        "confidentiality": "RESTRICTED",
        "detail": {"wheels": 3},
    }
    rate = {"methodology": "TOY-2026", "detail": {"wheels": 4}}
    rated = await unicef.post("/v1/assessment-types/toy/rate", json=rate)
    filed = await unicef.made("/v1/assessments", body)
    url = f"/v1/assessments/{filed['id']}"
    line = json.dumps(body | {"id": "TOY-LINE-1"}) + "\n"
    headers = {"Content-Type": "application/x-ndjson"}
    bulk = await unicef.post("/v1/assessments/bulk", content=line, headers=headers)
    wrong = await unicef.post("/v1/assessments", json=body | {"detail": {"wheels": 99}})
    odd = await unicef.post("/v1/assessments", json=body | {"detail": {"wheels": 3, "x": 1}})
    before = await wfp.get(f"{url}/detail", headers=PURPOSE)
    share = {"shared_with": "WFP", "level": "detail", "purpose": "PARTNER_SELECTION"}
    await unicef.made(f"{url}/shares", share)
    policy = {"shared_with": "WFP", "level": "summary", "purpose": "AUDIT", "type": "toy"}
    made = await unicef.made("/v1/sharing-policies", policy)
    return {
        "types": [item["code"] for item in (await wfp.read("/v1/assessment-types"))["items"]],
        "schema": shown["detail_schema"],
        "rated": rated.json(),
        "filed": filed,
        "bulk": json.loads(bulk.text),
        "wrong": [wrong.status_code, odd.status_code],
        "summary": await wfp.read(url),
        "listed": len((await wfp.read("/v1/assessments?type=toy"))["items"]),
        "before_the_share": before.status_code,
        "detail": (await wfp.read(f"{url}/detail", headers=PURPOSE))["detail"],
        "policy": made["type"],
    }


async def _main() -> None:
    app: FastAPI = create_app(Settings())
    world = World(secrets=json.loads(os.environ["TOY_SECRETS"]))
    async with app.router.lifespan_context(app):
        unicef = await open_api(app, world, "UNICEF", ())
        wfp = await open_api(app, world, "WFP", ())
        answers = await _uses(unicef, wfp)
        await unicef.aclose()
        await wfp.aclose()
    sys.stdout.write("\n" + json.dumps(answers | {"openapi": app.openapi()}) + "\n")


if __name__ == "__main__":
    asyncio.run(_main())
