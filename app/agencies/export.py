"""Everything an agency owns, as files it can take away: JSON Lines, a manifest, hashes.

Each feature lists its tables in its own ``export.py``; the top floor puts the lists together.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.life_cycle import AgencyProblem
from app.core.crypto import KeyRing

Report = Callable[[str, int, int], None]
MANIFEST = "manifest.json"
_ROWS = 500


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed column: what its opened content is called, and its encryption context."""

    name: str
    context: Callable[[Any], str]
    json: bool = True


@dataclass(frozen=True, slots=True)
class ExportTable:
    """One file of an export: the rows of ``sql``, in which ``:agency`` is whose they are."""

    name: str
    sql: str
    sealed: Mapping[str, Sealed] = field(default_factory=dict)


def _exception(table: str, name: str) -> Sealed:
    return Sealed(name, lambda row: f"{table}|{row.id}|{name}|{row.agency_id}", json=False)


AGENCY_TABLES = (
    ExportTable(
        "agency",
        """SELECT id, code, name, xm_dac, contact_office, contact_email, status, scope_ceiling,
        website, partner_unit, partner_unit_email, eligible_partner_types, withdrawn_at,
        custodian_agency, custodian_office, version, created_at
        FROM agencies WHERE id = :agency""",
    ),
    ExportTable(
        "agreements",
        """SELECT id, kind, reference, signed_on, valid_until, document_sha256, recorded_by,
        recorded_at FROM agency_agreements WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "status_changes",
        """SELECT id, from_status, to_status, reason, recorded_by, at
        FROM agency_status_changes WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "offices",
        """SELECT id, code, name, kind, parent_id, countries, active, version, created_at
        FROM offices WHERE agency_id = :agency ORDER BY code""",
    ),
    ExportTable(
        "focal_points",
        """SELECT id, subject, office, office_id, country, email, version
        FROM focal_points WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "signatures",
        """SELECT version, statement, signed_on, source, confirmed, set_by, set_at
        FROM agency_signatories WHERE agency_id = :agency ORDER BY version""",
    ),
    ExportTable(
        "settings",
        """SELECT key, version, value, effective_from, effective_to, superseded_at, set_by, set_at
        FROM agency_settings WHERE agency_id = :agency ORDER BY key, version""",
    ),
    ExportTable(
        "persons",
        """SELECT id, name, office, role, roles, office_id, staff_id, issuer_id, subject, status,
        version, created_at FROM persons WHERE agency_id = :agency ORDER BY id""",
    ),
    # No secret and no hash of one; the keys are the public halves.
    ExportTable(
        "clients",
        """SELECT id, name, person_id, scopes, roles, countries, max_level, office_id, auth_method,
        jwks, certificate_bound, issuer_id, subject, acts_through, status, version, created_at
        FROM clients WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "trusted_issuers",
        """SELECT id, issuer, jwks_uri, algorithms, audience, token_type, ignored_headers,
        client_claim, token_id_claim, max_life_s, scope_ceiling, status, proposed_by, approved_by,
        valid_from, valid_to, version, created_at
        FROM trusted_issuers WHERE agency_id = :agency ORDER BY id""",
    ),
    # Secrets stay: they are the registry's to sign with.
    ExportTable(
        "webhooks",
        """SELECT id, url, description, types, max_in_flight, enabled, disabled_reason, verified_at,
        version, created_at, updated_at FROM webhooks WHERE agency_id = :agency ORDER BY id""",
    ),
    # What its own oversight held back from others stays held back: it is for oversight roles.
    ExportTable(
        "audit_events",
        """SELECT id, at, event, agency_id, client_id,
        CASE WHEN agency_id = :agency THEN person_id END AS person_id, office, role, subject_id,
        owner_agency, partner_id, purpose, reference, basis, request_id, detail
        FROM audit_events WHERE (agency_id = :agency OR owner_agency = :agency)
          AND (NOT held OR agency_id = :agency) ORDER BY id""",
    ),
    ExportTable(
        "legal_holds",
        """SELECT id, agency_id, subject_kind, subject_id, review_on, set_by, set_at, renewed_by,
        renewed_at, released_by, released_at, version, sealed_reason, sealed_release
        FROM legal_holds WHERE agency_id = :agency ORDER BY id""",
        {
            "sealed_reason": _exception("legal_holds", "reason"),
            "sealed_release": _exception("legal_holds", "release"),
        },
    ),
    ExportTable(
        "redactions",
        """SELECT id, agency_id, subject_kind, subject_id, record_id, partner_id, requested_by,
        requested_at, decide_by, state, decided_by, decided_at, version, sealed_reason,
        sealed_decision FROM redactions WHERE agency_id = :agency ORDER BY id""",
        {
            "sealed_reason": _exception("redactions", "reason"),
            "sealed_decision": _exception("redactions", "decision"),
        },
    ),
    ExportTable(
        "withholdings",
        """SELECT id, agency_id, subject_kind, subject_id, partner_id, since, until, set_by, set_at,
        renewed_by, ended_by, ended_at, version, sealed_reason
        FROM withholdings WHERE agency_id = :agency ORDER BY id""",
        {"sealed_reason": _exception("withholdings", "reason")},
    ),
    # When the operator opened a record of its own; names and words are the operator's.
    ExportTable(
        "break_glass",
        """SELECT id, record_kind, record_id, asked_at, approved_at, expires_at, closed_at
        FROM break_glass WHERE owner_agency = :agency ORDER BY id""",
    ),
)


@dataclass(frozen=True, slots=True)
class Export:
    """What was written: the manifest's hash, and rows by table."""

    manifest_sha256: str
    counts: dict[str, int]


async def write(
    session: AsyncSession,
    keyring: KeyRing,
    agency: tuple[UUID, str],
    tables: Sequence[ExportTable],
    folder: Path,
    now: datetime,
    report: Report,
) -> Export:
    """Write an agency's files into a new ``folder``, which is there whole or not at all.

    ``session`` is in a transaction bound to the agency, whose snapshot all files show. Raises
    AgencyProblem when the folder exists, Undecipherable when a record does not open.
    """
    partial = _begin(folder)
    try:
        files = {}
        for table in tables:
            files[table.name] = await _write_table(
                session, keyring, agency[0], table, partial, report
            )
        manifest = {
            "agency": agency[1],
            "agency_id": str(agency[0]),
            "exported_at": now.isoformat(),
            "tables": {name: {"file": f"{name}.jsonl", **facts} for name, facts in files.items()},
        }
        content = json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"
        with _create(partial / MANIFEST) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(folder)
    except BaseException:  # a cut run leaves no half of an export either
        shutil.rmtree(partial, ignore_errors=True)
        raise
    counts = {name: int(facts["rows"]) for name, facts in files.items()}
    return Export(hashlib.sha256(content).hexdigest(), counts)


def _begin(folder: Path) -> Path:
    if folder.exists():
        raise AgencyProblem(f"{folder} exists already; name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    partial.mkdir(mode=0o700)
    return partial


def _create(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


async def _write_table(
    session: AsyncSession,
    keyring: KeyRing,
    agency_id: UUID,
    table: ExportTable,
    folder: Path,
    report: Report,
) -> dict[str, Any]:
    values = {"agency": agency_id}
    total = await session.scalar(text(f"SELECT count(*) FROM ({table.sql}) rows"), values) or 0  # noqa: S608 - constant
    digest, done = hashlib.sha256(), 0
    with _create(folder / f"{table.name}.jsonl") as file:
        rows = await session.stream(text(table.sql).execution_options(yield_per=_ROWS), values)
        async for batch in rows.partitions():
            for row in batch:
                line = to_json(await _opened(session, keyring, table, row)) + b"\n"
                file.write(line)
                digest.update(line)
            done += len(batch)
            report(table.name, done, max(total, 1))
        file.flush()
        os.fsync(file.fileno())
    if not done:
        report(table.name, 1, 1)
    return {"rows": done, "sha256": digest.hexdigest()}


async def _opened(
    session: AsyncSession, keyring: KeyRing, table: ExportTable, row: Any
) -> dict[str, Any]:
    """The row with its sealed columns opened."""
    found = dict(row._mapping)
    for column, sealed in table.sealed.items():
        closed = found.pop(column)
        if not closed:  # null, or emptied by a redaction
            found[sealed.name] = None
            continue
        plain = await keyring.open(session, sealed.context(row), closed)
        found[sealed.name] = json.loads(plain) if sealed.json else plain.decode()
    return found
