"""A clearance from the registry itself, with its receipt checked on arrival."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from partner_registry_client.api import Source
from partner_registry_client.client import RegistryClient
from partner_registry_client.encoding import Fields
from partner_registry_client.errors import TooLarge
from partner_registry_client.keychain import Keychain
from partner_registry_client.receipts import MAX_RECEIPT_BYTES, verify_receipt
from partner_registry_client.store import Store


@dataclass(frozen=True)
class Clearance:
    """The answer and the receipt as they came, and what the receipt proves."""

    answer: bytes
    receipt: bytes
    said: dict[str, Any]
    data: dict[str, Any]


def clear(client: RegistryClient, source: Source, store: Store, asked: dict[str, Any]) -> Clearance:
    """Ask for a clearance; its receipt must be signed by the registry and be of this answer.

    Raises VerificationFailed, Unavailable, and Refused with the registry's code.
    """
    reply = client.give_clearance(body=asked)  # type: ignore[arg-type]  # the registry judges it
    data = dict(Fields(reply.data, "clearance").raw)
    receipt = client.get_clearance_receipt(str(data.get("clearance_id"))).body
    if len(receipt) > MAX_RECEIPT_BYTES:
        raise TooLarge("receipt: longer than any is")
    now = time.time()
    with store.exclusive():
        Keychain(store, source, store.state(), now).refresh()
    said = verify_receipt(store.state(), receipt, answer=reply.body, now=now)
    return Clearance(reply.body, receipt, said, data)
