"""Rules of policies, remembered: a version never changes (the database sees to it), so each is
read once a process. Which versions are in force is asked with every clearance.
"""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from app.recognition.facts import Policy
from app.recognition.policies import queries

_MOST = 4_096
_known: dict[tuple[str, int], Policy] = {}


async def in_force(connection: asyncpg.Connection, row: Any, client_id: str) -> dict[str, Policy]:
    """Policies by requirement, of a row that has `queries.IN_FORCE` as ``policies``; rules that
    this process has not read yet by one more statement.
    """
    named = [(one["id"], one["version"]) for one in json.loads(row["policies"])]
    missing = [policy_id for policy_id, version in named if (policy_id, version) not in _known]
    read: dict[tuple[str, int], Policy] = {}
    if missing:
        for found in await connection.fetch(queries.RULES, client_id, missing):
            rules = json.loads(found["rules"])
            policy = Policy(str(found["id"]), found["version"], found["requirement"], rules)
            read[(policy.id, policy.version)] = policy
        if len(_known) + len(read) > _MOST:
            _known.clear()
        _known.update(read)
    every = (_known.get(key) or read[key] for key in named)
    return {policy.requirement: policy for policy in every}
