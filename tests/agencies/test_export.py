"""An agency's export leaves nothing of its own behind: asked of the database's catalogue."""

from __future__ import annotations

import re

from app.cli.agencies import EXPORTED
from app.core.db import Database

_NAMED = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)")
_PROFILE = "the profile is every agency's; who wrote what is in its history and in audit_events"
_LEFT = {
    "assessments_acl": "follows from assessments, shares and policies",
    "feed_tokens": "only a hash of a secret",
    "client_secrets": "only a hash of a secret",
    "clearance_rechecks": "work of the moment",
    "idempotency_keys": "answers of seven days, kept for repeated requests",
    "agency_events": "announce what the exported tables hold",
    "event_tops": "a count of them",
    "webhook_secrets": "what the registry signs with",
    "webhook_deliveries": "a log of thirty days, of what agency_events announce",
    "webhook_attempts": "a log of thirty days, of what agency_events announce",
    "outbox": "announces what the exported tables hold",
    "partners": _PROFILE,
    "partner_declarations": _PROFILE,
    "partner_sealed_texts": _PROFILE,
    "partner_sections": _PROFILE,
    "partner_people_versions": _PROFILE,
    "restricted_identifiers": _PROFILE,
    "restraints": "follows from sanctions, flags, cases and disputes",
    "reading_purposes": "follows from audit_events",
    "deactivation_requests": "the partner's; what an agency decided is in partner_deactivations",
    "clearance_inquiries": "a count of two days, of what clearances say",
    "retention_counts": "counts; what was erased is named in audit_events",
}
"""Tables that say an agency's name and are not in its export, and why."""
_AGENCY_COLUMNS = """SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a
    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
    AND (a.attname IN ('owner_agency', 'agency_id', 'changed_by')
      OR EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = c.oid
        AND k.confrelid = 'agencies'::regclass AND k.conkey = ARRAY[a.attnum]))"""
_PERSON_COLUMNS = """SELECT DISTINCT k.conrelid::regclass::text FROM pg_constraint k
  WHERE k.contype = 'f' AND k.confrelid = 'persons'::regclass"""


async def test_every_table_with_an_agencys_records_is_exported_or_left_for_a_reason(
    operator_database: Database,
) -> None:
    async with operator_database.connection() as connection:
        found = {row[0] for row in await connection.fetch(_AGENCY_COLUMNS)}
        found |= {row[0] for row in await connection.fetch(_PERSON_COLUMNS)}
    exported = {name for table in EXPORTED for name in _NAMED.findall(table.sql)}
    assert {"agencies", "assessments", "partner_flags", "partner_merges"} <= found & exported
    assert found - exported - _LEFT.keys() == set(), "say in the feature's export.py what is owned"
    assert (_LEFT.keys() & exported, _LEFT.keys() - found - {"client_secrets", "feed_tokens"}) == (
        set(),
        set(),
    )


def test_an_export_binds_every_table_to_its_agency() -> None:
    names = [table.name for table in EXPORTED]
    assert len(set(names)) == len(names)
    for table in EXPORTED:
        assert ":agency" in table.sql, table.name
        for column in table.sealed:
            assert re.search(rf"\b{column}\b", table.sql), (table.name, column)
        sealed = set(re.findall(r"\b(sealed(?:_[a-z_]+)?)\b", table.sql)) - {"sealed_version"}
        assert sealed == set(table.sealed), f"{table.name}: what is sealed is opened"
