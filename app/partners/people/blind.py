"""The blind index of people: who may bear a name, without a name to be read anywhere.

Each mark of a name (`marks`) is hashed under a key of the registry's own, which is random and lies
sealed in the database, as that of tax numbers does: changing the keys that seal it (root key,
encryption keys) leaves the hashes as they are. A person's hashes are written in the transaction
that writes the person, and erased by a trigger with the body.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from app.core import datafiles
from app.core.crypto import Connection, KeyRing, fetch, partner_scope
from app.partners.people import marks

RULES: dict[str, Any] = datafiles.read("app.partners.people", "data/screening.yaml")
TOKEN_BYTES = 16
_MOST = 500
"""People met by one alternative; `Met.cut` says when there were more."""

_CURRENT = "SELECT id, sealed FROM blind_keys WHERE purpose = $1 AND state = 'current'"
_EVERY = "SELECT id, sealed FROM blind_keys WHERE purpose = 'tokens'"
_MAKE = """INSERT INTO blind_keys (id, purpose, sealed) VALUES ($1, $2, $3)
  ON CONFLICT (purpose) WHERE state = 'current' DO NOTHING"""
_RETIRE = """UPDATE blind_keys SET state = 'retired', retired_at = clock_timestamp()
  WHERE purpose = 'tokens' AND state = 'current'"""
_FORGET = "DELETE FROM partner_person_tokens WHERE person_id = $1"
_WRITE = """INSERT INTO partner_person_tokens (person_id, partner_id, key_id, sealed_version,
  made_by, tokens) VALUES ($1, $2, $3, $4, $5, $6)"""
# Both sides of an alternative are one look into the index, which takes the rarer first.
_MET = """SELECT t.person_id, count(*) AS times, bool_or(t.met >= $3) AS cut
  FROM unnest($1::text[], $2::text[]) AS q (one, other) CROSS JOIN LATERAL (
    SELECT m.person_id, count(*) OVER () AS met FROM (
      SELECT person_id FROM partner_person_tokens
      WHERE tokens && q.one::bytea[] AND tokens && q.other::bytea[] LIMIT $3) m) t
  GROUP BY t.person_id ORDER BY count(*) DESC, t.person_id"""


def is_compared(person: Mapping[str, Any], today: date) -> bool:
    """Whether an entry, by its role, flags and last day, is compared with the lists now."""
    if person["role"] not in RULES["roles"] and not any(person[flag] for flag in RULES["flags"]):
        return False
    return person["valid_to"] is None or bool(person["valid_to"] >= last_day(today))


def last_day(today: date) -> date:
    """Whoever left office before this day is no longer compared."""
    return today - timedelta(days=RULES["days_after_end"])


# ------------------------------------------------------------------------------------------ keys


def _context(key_id: UUID) -> str:
    return f"blind_keys|{key_id}"


async def current_key(
    connection: Connection, keyring: KeyRing, purpose: str = "tokens"
) -> tuple[UUID, bytes]:
    """The key that hashes now, made the first time it is asked for."""
    rows = await fetch(connection, _CURRENT, purpose)
    if not rows:
        key_id = uuid4()
        fresh = await keyring.seal(connection, partner_scope(), _context(key_id), os.urandom(32))
        # Of two that make the key at once one waits here, and both read the one that stands.
        await fetch(connection, _MAKE, key_id, purpose, fresh)
        rows = await fetch(connection, _CURRENT, purpose)
    key_id, sealed = rows[0]
    return key_id, await keyring.open(connection, _context(key_id), sealed)


async def every_key(connection: Connection, keyring: KeyRing) -> dict[UUID, bytes]:
    """Every key that tokens may have been made by; more than one only while they change."""
    rows = await fetch(connection, _EVERY)
    return {
        key_id: await keyring.open(connection, _context(key_id), sealed) for key_id, sealed in rows
    }


async def retire_key(connection: Connection, keyring: KeyRing) -> UUID:
    """Let a new key make tokens from now on, as the worker; its id. The worker moves the others,
    who are found by the retired key meanwhile.
    """
    await fetch(connection, _RETIRE)
    key_id, _ = await current_key(connection, keyring)
    return key_id


# ---------------------------------------------------------------------------------------- tokens


def _hashed(key: bytes, texts: Iterable[str]) -> list[bytes]:
    return sorted({hmac.digest(key, t.encode(), hashlib.sha256)[:TOKEN_BYTES] for t in texts})


def _names(body: Mapping[str, Any]) -> list[str]:
    return [name for name in (body.get("full_name"), body.get("native_name")) if name]


async def write_tokens(
    connection: Connection,
    keyring: KeyRing,
    person: Mapping[str, Any],
    body: Mapping[str, Any],
    today: date,
) -> None:
    """Tokens of this entry in place of those there were; empty of one that is not compared.

    ``person`` has the columns of partner_people, ``body`` what is sealed of it.
    """
    if not is_compared(person, today):
        await empty_tokens(connection, person)
        return
    key_id, key = await current_key(connection, keyring)
    texts = set().union(*(marks.stored(name) for name in _names(body)))
    values = (person["id"], person["partner_id"], key_id, person["sealed_version"], marks.MADE_BY)
    await fetch(connection, _WRITE, *values, _hashed(key, texts))


async def empty_tokens(connection: Connection, person: Mapping[str, Any]) -> None:
    """Nobody is found by this entry any more."""
    version = person["sealed_version"]
    values: tuple[Any, ...] = (person["id"], person["partner_id"], None, version, marks.MADE_BY, [])
    await fetch(connection, _WRITE, *values)


async def forget_tokens(connection: Connection, person_id: UUID) -> None:
    """As `empty_tokens`, and without a row, as the worker."""
    await fetch(connection, _FORGET, person_id)


def opened(plain: bytes) -> dict[str, Any]:
    """What a sealed body says."""
    body: dict[str, Any] = json.loads(plain)
    return body


async def met(
    connection: Connection, keyring: KeyRing, names: Collection[str]
) -> tuple[list[UUID], bool]:
    """People who may bear one of these names, those who fit best first, as the worker; and
    whether there were more than are given.
    """
    asks = {ask for name in names for ask in marks.asked(name)}
    ones, others = [], []
    for key in (await every_key(connection, keyring)).values():
        for ask in sorted(asks, key=lambda ask: (sorted(ask.one), sorted(ask.other))):
            ones.append(_array(_hashed(key, ask.one)))
            others.append(_array(_hashed(key, ask.other or ask.one)))
    if not ones:
        return [], False
    # The planner knows nothing of the hashes, and for a limit would read the whole table.
    await fetch(connection, "SELECT set_config('enable_seqscan', 'off', true)")
    rows = await fetch(connection, _MET, ones, others, _MOST)
    await fetch(connection, "SELECT set_config('enable_seqscan', 'on', true)")
    return [person_id for person_id, _, _ in rows], any(cut for _, _, cut in rows)


def _array(tokens: Sequence[bytes]) -> str:
    return "{" + ",".join(f'"\\\\x{token.hex()}"' for token in tokens) + "}"
