"""Webhooks by the API: made, proved, changed, their secrets, limits and addresses."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.core.outbound import Outbound
from app.events.webhooks import service
from app.events.webhooks.delivery import Deliverer
from tests.conftest import ApiFor
from tests.events.conftest import HOOKS, Happen, Hook
from tests.events.receiver import Receiver
from tests.sockets import PRIVATE_HOSTS
from tests.support import Api


async def latest(api: Api, url: str) -> dict[str, Any]:
    """The newest delivery of a webhook, with its calls."""
    one = (await api.read(f"{url}/deliveries", params={"limit": "1"}))["items"][0]
    return await api.read(f"{url}/deliveries/{one['id']}")


async def test_a_webhook_proves_itself_before_it_is_called(
    unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen
) -> None:
    made = await unicef.made(HOOKS, {"url": receiver.url, "types": ["access_request.due"]})
    url = f"{HOOKS}/{made['id']}"
    assert made["status"] == "unverified"
    assert made["secret"].startswith("whsec_")
    assert made["secrets"][0]["public_key"].startswith("whpk_")
    assert "secret" not in await unicef.read(url)
    await happen(1)
    await deliverer.step()
    assert receiver.calls == []

    receiver.echo = False
    asked = await unicef.post(f"{url}/challenge")
    assert (asked.status_code, asked.json()["kind"]) == (202, "challenge")
    await deliverer.step()
    tried = await latest(unicef, url)
    assert (tried["state"], tried["last_failure"], tried["last_status"]) == (
        "dead",
        "challenge",
        200,
    )
    assert (await unicef.read(url))["status"] == "unverified"

    receiver.echo = True
    await unicef.post(f"{url}/challenge")
    await deliverer.step()
    (_, challenge) = receiver.calls
    assert challenge.said["type"] == "webhook.challenge"
    assert challenge.signed_with(made["secret"])
    assert challenge.signed_by(made["secrets"][0]["public_key"])
    assert receiver.calls[0].said["data"]["challenge"] != challenge.said["data"]["challenge"]
    assert (await unicef.read(url))["status"] == "active"
    # What happened before is not queued by itself.
    await deliverer.step()
    assert len(receiver.calls) == 2
    await happen(1)
    await deliverer.step()
    assert [one["type"] for one in receiver.events] == ["access_request.due"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}",
        b'HTTP/1.1 200 X\r\nContent-Length: 17\r\n\r\n{"challenge":null}'[:-1],
        b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nnot JSON!",
        b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
        b"garbage",
    ],
)
async def test_another_answer_to_a_challenge_proves_nothing(
    answer: bytes, unicef: Api, receiver: Receiver, deliverer: Deliverer
) -> None:
    made = await unicef.made(HOOKS, {"url": receiver.url})
    receiver.raw = answer
    await unicef.post(f"{HOOKS}/{made['id']}/challenge")
    await deliverer.step()
    assert (await unicef.read(f"{HOOKS}/{made['id']}"))["status"] == "unverified"


async def test_another_address_must_prove_itself_anew(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen
) -> None:
    one = await hook()
    url, etag = f"{HOOKS}/{one['id']}", {"If-Match": f'"v{one["version"]}"'}
    moved = await unicef.patch(url, json={"url": f"{receiver.url}2"}, headers=etag)
    assert (moved.status_code, moved.json()["status"]) == (200, "unverified")
    await happen(1)
    await deliverer.step()
    assert receiver.calls == []
    assert (await unicef.patch(url, json={}, headers=etag)).status_code == 412
    assert (await unicef.patch(url, json={})).status_code == 428


async def test_switched_off_and_on_and_what_was_missed(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen
) -> None:
    one = await hook(types=["access_request.due"])
    url = f"{HOOKS}/{one['id']}"

    async def switch(on: bool) -> dict[str, Any]:
        etag = (await unicef.get(url)).headers["ETag"]
        done = await unicef.patch(url, json={"enabled": on}, headers={"If-Match": etag})
        result: dict[str, Any] = done.json()
        return result

    await happen(1)
    await deliverer.step()
    off = await switch(False)
    assert (off["status"], off["disabled_reason"]) == ("disabled", "agency")
    await happen(2)
    await deliverer.step()
    assert len(receiver.events) == 1
    # A ping is sent all the same.
    await unicef.post(f"{url}/ping")
    await deliverer.step()
    assert receiver.calls[-1].said["type"] == "webhook.ping"
    on = await switch(True)
    assert (on["status"], on["disabled_reason"]) == ("active", None)
    first = receiver.events[0]["seq"]
    body = {"from_seq": first, "only_missed": True}
    replayed = await unicef.post(f"{url}/replay", json=body)
    assert (replayed.status_code, replayed.json()) == (
        202,
        {"queued": 2, "to_seq": first + 2, "more": False},
    )
    await deliverer.step()
    assert [event["seq"] for event in receiver.events] == [first, first + 1, first + 2]


async def test_secrets_rotate_with_an_overlap(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer
) -> None:
    one = await hook()
    url = f"{HOOKS}/{one['id']}"

    async def ping() -> Any:
        await unicef.post(f"{url}/ping")
        await deliverer.step()
        return receiver.calls[-1]

    new = await unicef.made(f"{url}/rotation", {"overlap_hours": 1})
    both = await ping()
    assert both.signed_with(one["secret"])
    assert both.signed_with(new["secret"])
    assert both.signed_by(new["public_key"])
    read = await unicef.read(url)
    assert [item["ends_at"] is None for item in read["secrets"]] == [True, False]

    last = await unicef.made(f"{url}/rotation", {"overlap_hours": 0})
    only = await ping()
    assert only.signed_with(last["secret"])
    assert not only.signed_with(new["secret"])
    assert not only.signed_with(one["secret"])
    assert len((await unicef.read(url))["secrets"]) == 1


async def test_a_secret_is_shown_once_and_sealed(
    unicef: Api, receiver: Receiver, operator_database: Database
) -> None:
    key = {"Idempotency-Key": "webhook-secret-once-1"}
    body = {"url": receiver.url}
    first = await unicef.post(HOOKS, json=body, headers=key)
    again = await unicef.post(HOOKS, json=body, headers=key)
    assert first.json()["secret"]
    assert (again.json()["id"], again.json()["secret"]) == (first.json()["id"], None)
    assert again.headers["Idempotency-Replayed"] == "true"
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT * FROM webhook_secrets WHERE webhook_id = $1", first.json()["id"]
        )
    assert first.json()["secret"].removeprefix("whsec_") not in str([dict(row) for row in rows])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://example.org:8443/",
        "https://user:pass@example.org/",
        "https://example.org/#part",
        "https://0177.0.0.1/",
        "https://[::1/",
        "https://example.org\\@127.0.0.1/",
    ],
)
async def test_an_address_that_is_never_called_is_refused_at_once(
    url: str, unicef: Api, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in production: public https only."""
    monkeypatch.setitem(app.state._state, "outbound", Outbound())
    refused = await unicef.post(HOOKS, json={"url": url})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/url"


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
async def test_what_a_name_leads_to_is_asked_at_each_call(
    host: str, unicef: Api, worker_database: Database, app: FastAPI, deliverer: Deliverer
) -> None:
    made = await unicef.made(HOOKS, {"url": f"https://{host}/"})
    url = f"{HOOKS}/{made['id']}"
    await unicef.post(f"{url}/challenge")
    outbound = Outbound()
    await Deliverer(worker_database, app.state.keyring, outbound).step()
    await outbound.close()
    tried = await latest(unicef, url)
    assert (tried["last_failure"], tried["last_status"]) == ("address", None)


async def test_limits(
    hook: Hook, unicef: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await hook()
    url = f"{HOOKS}/{one['id']}"
    monkeypatch.setattr(service, "ASKED_PER_HOUR", 2)
    monkeypatch.setattr(service, "MOST", 1)
    full = await unicef.post(HOOKS, json={"url": receiver.url})
    assert (full.status_code, full.json()["code"]) == (409, "too_many_webhooks")
    assert (await unicef.post(f"{url}/ping")).status_code == 202
    often = await unicef.post(f"{url}/ping")
    assert (often.status_code, often.json()["code"]) == (429, "webhook_called_too_often")
    assert often.headers["Retry-After"]


@pytest.mark.parametrize(
    "body",
    [
        {"url": "https://example.org/", "types": ["list.held"]},
        {"url": "https://example.org/", "types": ["no.such"]},
        {"url": "https://example.org/", "max_in_flight": 11},
        {"url": "ftp://example.org/"},
        {"url": "https://exämple.org/"},
        {},
    ],
)
async def test_a_body_that_does_not_fit(body: dict[str, Any], unicef: Api) -> None:
    assert (await unicef.post(HOOKS, json=body)).status_code == 422


async def test_removed_with_all_that_belongs_to_it(
    hook: Hook, unicef: Api, happen: Happen, operator_database: Database
) -> None:
    one = await hook()
    await happen(1)
    assert (await unicef.delete(f"{HOOKS}/{one['id']}")).status_code == 204
    assert (await unicef.get(f"{HOOKS}/{one['id']}")).json()["code"] == "webhook_not_found"
    async with operator_database.session() as session:
        for table in ("webhook_deliveries", "webhook_secrets"):
            left = text(f"SELECT count(*) FROM {table} WHERE webhook_id = :id")
            assert await session.scalar(left, {"id": one["id"]}) == 0


async def test_another_agency_sees_nothing_of_it(hook: Hook, api_for: ApiFor) -> None:
    one = await hook()
    wfp = await api_for("WFP")
    assert (await wfp.get(f"{HOOKS}/{one['id']}")).status_code == 404
    assert one["id"] not in str(await wfp.read(HOOKS))
    assert (await wfp.post(f"{HOOKS}/{one['id']}/ping")).status_code == 404
