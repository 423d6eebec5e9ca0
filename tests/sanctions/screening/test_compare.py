"""Comparing two subjects: the scorer of screenings, one pair or many, and nothing is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.screening.statistics import packed
from partner_registry_matcher import EMPTY, count
from tests.cli.commands import environment_of, registry, registry_here
from tests.conftest import ApiFor
from tests.sanctions.screening.support import ALL, LISTED, NOBODY, URL, screened, stream, subject

_URL = f"{URL}/compare"
_STORED = """INSERT INTO screening_statistics (version, entries, seq, content)
    VALUES ($1, 0, 0, $2)"""
_PAIR = {"a": subject("Amani Relief Trust"), "b": subject("Amani Releif Trust")}


async def test_a_pair_scores_as_a_screening_does(api_for: ApiFor, filled: Any) -> None:
    wfp = await api_for("WFP")
    near = LISTED.replace("ow", "wo")
    [hit] = (await screened(wfp, near, lists=[ALL]))["hits"]
    pair = {"a": subject(near), "b": subject(countries=["KEN"])}
    answer = await wfp.post(_URL, json=pair)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["score"], body["match"], body["id"]) == (hit["score"], True, None)
    assert body["explanation"] == hit["explanation"]
    strict = (await wfp.post(_URL, json=pair | {"threshold": 1.0, "id": "p"})).json()
    assert (strict["match"], strict["threshold"], strict["id"]) == (False, 1.0, "p")
    assert strict["score"] == body["score"]


async def test_what_else_is_known_moves_the_score(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")

    async def score(a: dict[str, Any], b: dict[str, Any], kind: str = "person") -> float:
        one, other = subject("Nadia Karimova", kind) | a, subject("Nadya Karimova", kind) | b
        found = (await wfp.post(_URL, json={"a": one, "b": other})).json()
        return float(found["score"])

    plain = await score({}, {})
    assert await score({"birth_date": "1975-03-01"}, {"birth_date": "1975-03-01"}) > plain
    assert await score({"birth_date": "1975"}, {"birth_date": "1991"}) < plain
    assert await score({"identifiers": ["P-1234567"]}, {"identifiers": ["p 1234567"]}) > 0.999
    assert await score({"gender": "female"}, {"gender": "male"}) < plain
    assert await score({"gender": "female"}, {"gender": "female"}) >= plain
    assert await score({"kind": "unknown"}, {}) == plain
    assert await score({}, {"kind": "organisation"}) == 0.0
    other = (await wfp.post(_URL, json={"a": subject(), "b": subject(NOBODY)})).json()
    assert (other["match"], other["score"] < 0.5) == (False, True)


async def test_pairs_come_back_in_order_and_a_bad_one_alone(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    wrong: list[tuple[Any, str]] = [
        (b"[", "malformed_json"),
        ({"id": "x", "a": subject()}, "invalid_request"),
        (_PAIR | {"id": "y", "role": "PARTNER"}, "invalid_request"),
        (_PAIR | {"threshold": 2}, "invalid_request"),
        (_PAIR | {"a": subject("\u0000")}, "invalid_request"),
    ]
    sent = [part for n, (one, _) in enumerate(wrong) for part in (one, _PAIR | {"id": f"g{n}"})]
    found = await stream(wfp, _URL, *sent)
    assert [one["error"]["code"] for one in found[::2]] == [code for _, code in wrong]
    assert [one["id"] for one in found[1::2]] == [f"g{n}" for n in range(len(wrong))]
    assert (found[2]["id"], found[4]["id"]) == ("x", "y")
    alone = (await wfp.post(_URL, json=_PAIR)).json()
    for one in found[1::2]:
        for name in ("score", "match", "threshold", "algorithm", "explanation"):
            assert one[name] == alone[name]
    many = await stream(wfp, _URL, *(_PAIR | {"id": str(n)} for n in range(120)))
    assert [one["id"] for one in many] == [str(n) for n in range(120)]


async def test_nothing_is_stored(api_for: ApiFor, operator_database: Database) -> None:
    async def counted() -> Any:
        async with operator_database.connection() as connection:
            return await connection.fetchrow(
                "SELECT (SELECT count(*) FROM screenings), (SELECT count(*) FROM audit_events), "
                "(SELECT count(*) FROM idempotency_keys)"
            )

    wfp = await api_for("WFP")
    before = await counted()
    assert (await wfp.post(_URL, json=_PAIR)).status_code == 200
    await stream(wfp, _URL, _PAIR)
    assert await counted() == before


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 422),
        (b"{", "application/json", 400),
        (b"", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"{}", "application/octet-stream", 415),
        (b"{}", "text/plain", 415),
    ],
)
async def test_what_is_neither_is_refused(
    api_for: ApiFor, content: bytes, kind: str, status: int
) -> None:
    wfp = await api_for("WFP")
    answer = await wfp.post(_URL, content=content, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    for headers in ({"Content-Type": "application/x-ndjson"}, {"Content-Type": "application/json"}):
        other = await (await api_for("WFP", "partners:read")).post(
            _URL, content=json.dumps(_PAIR).encode(), headers=headers
        )
        assert other.status_code == 403


def test_the_command_compares_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pairs.ndjson"
    good = [_PAIR | {"id": str(n)} for n in range(150)]
    file.write_text("\n".join(map(json.dumps, good)))
    done = registry_here("screening", "compare", str(file))
    assert done.exit_code == 0, done.output
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["id"] for one in results] == [str(n) for n in range(150)]
    assert all(one["match"] for one in results)
    assert "compared: 150" in done.stderr
    file.write_bytes(file.read_bytes() + b'\n\n{"a": 1}\n\xff\n')
    some = registry_here("screening", "compare", "-", stdin=file.read_bytes())
    assert some.exit_code == 3
    results = [json.loads(line) for line in some.stdout.splitlines()]
    assert [one["line"] for one in results[150:]] == [152, 153]
    assert [one["error"]["code"] for one in results[150:]] == ["invalid_request", "malformed_json"]
    assert "2 of 152 lines could not be compared" in some.stderr
    missing = registry_here("screening", "compare", str(tmp_path / "none"))
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "cannot be read" in missing.stderr


async def test_the_command_weighs_words_as_the_service_does(
    empty_database: Settings, tmp_path: Path
) -> None:
    database = Database(empty_database.require("database_url"), empty_database)
    counted = count([("Amani Relief", "organisation")] * 9)
    async with database.connection() as connection:
        await connection.execute(_STORED, counted.version, packed(counted))
    await database.close()
    file = tmp_path / "pair.ndjson"
    file.write_text(json.dumps(_PAIR))
    env = environment_of(empty_database)

    async def weighed_by(*options: str, **more: str) -> str:
        done = await registry("screening", "compare", str(file), *options, env=env | more)
        assert done.exit_code == 0, done.output
        found: str = json.loads(done.stdout)["explanation"]["statistics"]
        return found

    assert await weighed_by() == counted.version
    assert await weighed_by("--general") == EMPTY.version != counted.version
    away = env | {"REGISTRY_DATABASE_URL": "postgresql://registry@127.0.0.1:1/none"}
    refused = await registry("screening", "compare", str(file), env=away)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--general compares without it" in refused.stderr
