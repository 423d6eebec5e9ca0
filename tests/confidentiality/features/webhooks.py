"""Events and webhooks in the matrix: each agency's own, and a secret nobody reads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.core.ids import new_id
from tests.confidentiality.model import Table, own
from tests.confidentiality.rules import EVERYONE, OWNER_ONLY, Call, Rule, only, plain
from tests.confidentiality.scene import OWNER, Scene

URL = "/v1/webhooks"
BODY = {"url": "http://127.0.0.1:9/hook", "types": ["sanction.imposed"]}
_ACCEPTED = frozenset({202})
_TABLES = (
    "INSERT INTO event_tops (agency_id, seq) VALUES (:agency, 1000001) "
    "ON CONFLICT (agency_id) DO UPDATE SET seq = 1000001",
    "INSERT INTO agency_events (agency_id, seq, event_id, type, at, data) "
    "VALUES (:agency, 1000001, :event, 'sanction.imposed', now(), '{}')",
    "INSERT INTO webhook_deliveries (id, webhook_id, agency_id, kind, seq, type, state, "
    "finished_at) VALUES (:delivery, :webhook, :agency, 'event', 1000001, 'sanction.imposed', "
    "'dead', now())",
    "INSERT INTO webhook_attempts (id, delivery_id, agency_id, number, at, ms, status) "
    "VALUES (:attempt, :delivery, :agency, 1, now(), 5, 500)",
)


async def prepare(scene: Scene) -> None:
    """A webhook of the owner with a dead letter. Its address answers nobody."""
    made = await (await scene.owner()).made(URL, BODY)
    scene.ids["webhook"] = made["id"]
    delivery = new_id()
    scene.ids["webhook_delivery"] = str(delivery)
    values = {"agency": scene.agency("owner"), "event": new_id(), "delivery": delivery}
    values |= {"webhook": UUID(made["id"]), "attempt": new_id()}
    async with scene.operator.session() as session:
        for statement in _TABLES:
            await session.execute(text(statement), values)


async def _made(scene: Scene, relation: str) -> Call:
    return Call(json=BODY)


async def _changed(scene: Scene, relation: str) -> Call:
    """By the version that there is."""
    url = f"{URL}/{scene.ids['webhook']}"
    tag = (await (await scene.owner()).get(url)).headers["ETag"]
    path = {"webhook_id": scene.ids["webhook"]}
    return Call(path, {"description": "Canary"}, {"If-Match": tag})


async def _removed(scene: Scene, relation: str) -> Call:
    webhook = scene.ids["webhook"]
    if relation == "owner":
        webhook = (await (await scene.api_for(OWNER)).made(URL, BODY))["id"]
    return Call({"webhook_id": webhook})


async def _replayed(scene: Scene, relation: str) -> Call:
    """A dead letter, made one again."""
    async with scene.operator.session() as session:
        await session.execute(
            text(
                "UPDATE webhook_deliveries SET state = 'dead', finished_at = now() WHERE id = :id"
            ),
            {"id": scene.ids["webhook_delivery"]},
        )
    ids = {"webhook_id": "webhook", "delivery_id": "webhook_delivery"}
    return Call({name: scene.ids[value] for name, value in ids.items()})


def _of_it(body: Any = None) -> Any:
    async def make(scene: Scene, relation: str) -> Call:
        return Call({"webhook_id": scene.ids["webhook"]}, body)

    return make


_OWN = only("owner", granted=_ACCEPTED)
RULES = {
    "listEvents": Rule(plain(), EVERYONE),
    "getEventCatalogue": Rule(plain(), EVERYONE),
    "createWebhook": Rule(_made, EVERYONE),
    "listWebhooks": Rule(plain(), EVERYONE, shows={"webhook": frozenset({"owner"})}),
    "getWebhook": Rule(plain(webhook_id="webhook"), OWNER_ONLY, hides="webhook_id"),
    "changeWebhook": Rule(_changed, OWNER_ONLY, hides="webhook_id"),
    "removeWebhook": Rule(_removed, OWNER_ONLY, hides="webhook_id"),
    "rotateWebhookSecret": Rule(_of_it({}), OWNER_ONLY, hides="webhook_id"),
    "challengeWebhook": Rule(_of_it(), _OWN, hides="webhook_id"),
    "pingWebhook": Rule(_of_it(), _OWN, hides="webhook_id"),
    "replayWebhookEvents": Rule(_of_it({"from_seq": 1_000_001}), _OWN, hides="webhook_id"),
    "listWebhookDeliveries": Rule(plain(webhook_id="webhook"), OWNER_ONLY, hides="webhook_id"),
    "getWebhookDelivery": Rule(
        plain(webhook_id="webhook", delivery_id="webhook_delivery"), OWNER_ONLY, hides="webhook_id"
    ),
    "replayWebhookDelivery": Rule(_replayed, _OWN, hides="webhook_id"),
}
_MINE = own("agency_id")

TABLES: dict[str, Table] = {
    "event_tops": Table(("agency_id",), select=_MINE),
    "agency_events": Table(("agency_id", "seq"), select=_MINE),
    "webhooks": Table(("id",), select=_MINE, insert=_MINE, update=_MINE, delete=_MINE),
    "webhook_secrets": Table(("id",), select=_MINE, insert=_MINE, update=_MINE),
    "webhook_deliveries": Table(("id",), select=_MINE, insert=_MINE, update=_MINE),
    "webhook_attempts": Table(("id",), select=_MINE),
}
