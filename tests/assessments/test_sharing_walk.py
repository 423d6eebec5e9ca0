"""The ACL under any order of acts: a random walk beside a model in plain Python, nothing leaks.

A failing walk names its seed; the same seed walks the same way.
"""

from __future__ import annotations

import os
import random
import time
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.crypto import KeyRing
from app.core.db import Database
from tests.agencies.support import new_agency
from tests.assessments.factories import PURPOSE, make_assessment
from tests.assessments.walk.acts import COUNTRIES
from tests.assessments.walk.model import Model, Record
from tests.assessments.walk.walker import Walk
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.support import World, open_api


async def begin(
    seed: int,
    agencies: int,
    partners: int,
    world: World,
    app: FastAPI,
    database: Database,
    operator: Database,
    api_for: ApiFor,
    settle: Settle,
) -> Walk:
    """A world of its own: agencies, profiles, and nothing else yet."""
    codes = [await new_agency(operator, world) for _ in range(agencies)]
    model = Model(codes)
    unicef = await api_for("UNICEF")
    for number in range(partners):
        country = COUNTRIES[number % len(COUNTRIES)]
        made = await make_partner(unicef, country=country)
        model.countries[UUID(made["id"])] = made["country"]
    return Walk(
        model,
        world.agencies,
        world.persons,
        database,
        operator,
        KeyRing(app.state.root),
        api_for,
        settle,
        random.Random(seed),
    )


@pytest.mark.parametrize("fixed", [None, 20261123])
async def test_a_random_walk_opens_and_hides_exactly_what_the_model_does(
    fixed: int | None,
    world: World,
    app: FastAPI,
    database: Database,
    operator_database: Database,
    api_for: ApiFor,
    settle: Settle,
) -> None:
    seed = fixed if fixed is not None else random.SystemRandom().randrange(10**6)
    walk = await begin(seed, 4, 6, world, app, database, operator_database, api_for, settle)
    for number in range(110):
        await walk.step(1)
        if number % 8 == 0:
            assert await walk.compare() == (0, 0), f"seed {seed}: {walk.trail}"
            await walk.sample(2)
    for _ in range(8):
        # Real connections at once, on things that are not the same.
        await walk.step(8)
        assert await walk.compare() == (0, 0), f"seed {seed}, at once: {walk.trail}"
    await walk.sample(10)
    assert walk.done > 150
    assert any(walk.model.readable(agency) for agency in walk.model.agencies)


async def test_the_walk_agrees_over_http(
    world: World,
    app: FastAPI,
    database: Database,
    operator_database: Database,
    api_for: ApiFor,
    settle: Settle,
) -> None:
    walk = await begin(7, 3, 2, world, app, database, operator_database, api_for, settle)
    walk.rare = 10**9
    for _ in range(50):
        await walk.step(1)
    for agency in walk.model.agencies:
        api = await open_api(app, world, agency, ())
        others = [one for one in walk.records if one.owner != agency]
        for record in others[:12]:
            answer = await api.get(f"/v1/assessments/{record.id}/detail", headers=PURPOSE)
            meant = {"read": 200, "PurposeNotShared": 422, "AssessmentNotFound": 404}[
                walk.model.answer(agency, record, "PARTNER_SELECTION", frozenset())
            ]
            if record.shown == "INTER_AGENCY":
                meant = 200
            assert answer.status_code == meant, (agency, record)
        await api.aclose()


_COPIES = """WITH made AS (
    INSERT INTO assessments SELECT (jsonb_populate_record(a, jsonb_build_object('id', n.id,
      'owner_agency', n.owner, 'partner_id', n.partner, 'level', n.level,
      'confidentiality', n.level, 'current_key', NULL))).*
    FROM assessments a, unnest(CAST(:ids AS uuid[]), CAST(:owners AS uuid[]),
      CAST(:partners AS uuid[]), CAST(:levels AS text[])) AS n (id, owner, partner, level)
    WHERE a.id = :template RETURNING id, owner_agency, level)
  INSERT INTO assessment_details (assessment_id, owner_agency, level, version, sealed)
  SELECT m.id, m.owner_agency, m.level, 1, '\\x00' FROM made m"""


@pytest.mark.drill
@pytest.mark.timeout(3 * 3_600)
async def test_a_hundred_thousand_acts_of_sixteen_agencies_leak_nothing(
    world: World,
    app: FastAPI,
    database: Database,
    operator_database: Database,
    api_for: ApiFor,
    settle: Settle,
) -> None:
    """Records are copied in by a superuser; every entry of the access list is the product's."""
    seed, total, count = 5, int(os.environ.get("REGISTRY_WALK_ACTS", 100_000)), 10_000
    walk = await begin(seed, 16, 120, world, app, database, operator_database, api_for, settle)
    walk.rare, walk.most, walk.copied = 3_000, 8, True
    template = UUID((await make_assessment(await api_for("UNICEF")))["id"])
    partners = list(walk.model.countries)
    for _ in range(count):
        level = walk.dice.choices(("RESTRICTED", "INTER_AGENCY"), (19, 1))[0]
        owner, partner = walk.dice.choice(walk.model.agencies), walk.dice.choice(partners)
        walk.add(Record(uuid4(), owner, partner, 0, level=level))
    async with operator_database.session() as session:
        await session.execute(
            text(_COPIES),
            {
                "ids": [one.id for one in walk.records],
                "owners": [world.agencies[one.owner] for one in walk.records],
                "partners": [one.partner for one in walk.records],
                "levels": [one.level for one in walk.records],
                "template": template,
            },
        )
    began, compared, checks = time.perf_counter(), 0, 0
    while walk.done < total:
        await walk.step(walk.dice.choice((1, 4, 8)))
        if walk.done < compared + 2_000:
            continue
        compared, checks = walk.done, checks + 1
        assert await walk.compare() == (0, 0), f"seed {seed} after {walk.done}: {walk.trail}"
        await walk.sample(20)
        print(  # noqa: T201 - a drill tells how far it is
            f"{walk.done} acts, {walk.refused} refused as due, {checks} comparisons, none differs; "
            f"{time.perf_counter() - began:.0f} s, {len(walk.model.shares)} shares, "
            f"{len(walk.model.policies)} policies, {len(walk.records)} records",
            flush=True,
        )
    leaked, hidden = await walk.compare()
    print(f"{walk.done} acts: {leaked} leaked, {hidden} wrongly hidden")  # noqa: T201 - a drill tells what it found
    assert (leaked, hidden) == (0, 0)
