"""Every select of fraud cases. Row security decides what it finds; see the migration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage
from app.partners.visibility import visible

After = tuple[datetime, UUID] | None
_AGENCY = "(SELECT app_agency())"
_COLUMNS = """c.id, c.partner_id, o.code AS owner_agency, c.owner_agency AS owner_id, n.country,
    c.reference, c.case_type, c.stage, c.outcome, c.outcome_on, c.closed_on, c.loss_usd,
    c.recovered_usd, c.written_off_usd, c.outstanding_usd, c.national_referral, c.referred_on,
    c.authority_kind, c.authority_country, c.asset_recovery, c.sanction_case_id, c.entry_id,
    c.published_at, c.opened_at, c.version"""
_FROM = """FROM fraud_cases c JOIN agencies o ON o.id = c.owner_agency
    JOIN partners n ON n.id = c.partner_id"""
_KNOWN = f"(c.owner_agency = {_AGENCY} OR {visible('n', _AGENCY, ':holder')})"
_ONE = text(f"SELECT {_COLUMNS} {_FROM} WHERE c.id = :id AND {_KNOWN}")
_LOCK = text(
    f"""SELECT {_COLUMNS} {_FROM} WHERE c.id = :id AND c.owner_agency = {_AGENCY}
    FOR NO KEY UPDATE OF c"""
)
_FILTERS = {
    "partner_id": f"c.partner_id IN {lineage('CAST(:partner_id AS uuid)')}",
    "stage": "c.stage = :stage",
    "case_type": "c.case_type = :case_type",
    "countries": "n.country = ANY (:countries)",
}
_ACTS = """SELECT a.id, a.fraud_case_id, a.kind, a.amount_usd, a.reference, a.state,
    a.proposed_by, a.proposed_at, a.decided_by, a.decided_at, a.version FROM fraud_case_acts a"""
_ACTS_OF = text(f"{_ACTS} WHERE a.fraud_case_id = :id ORDER BY a.proposed_at, a.id")
_ACT = text(f"{_ACTS} WHERE a.fraud_case_id = :case AND a.id = :id FOR NO KEY UPDATE OF a")
_AMOUNTS_OF = text(
    """SELECT m.id, m.kind, m.amount_usd, m.booked_on, m.reference, m.act_id, m.reverses,
    m.recorded_at FROM fraud_case_amounts m WHERE m.fraud_case_id = :id
    ORDER BY m.recorded_at, m.id"""
)
_REVERSIBLE = text(
    """SELECT m.kind, m.amount_usd FROM fraud_case_amounts m
    WHERE m.fraud_case_id = :case AND m.id = :id AND m.reverses IS NULL
      AND NOT EXISTS (SELECT 1 FROM fraud_case_amounts x WHERE x.reverses = m.id)"""
)
_HISTORY_OF = text(
    """SELECT h.version, h.stage, h.loss_usd, h.recovered_usd, h.written_off_usd,
    h.national_referral, h.asset_recovery, h.sanction_case_id, h.entry_id, h.published,
    h.changed_by, h.at FROM fraud_case_history h WHERE h.fraud_case_id = :id ORDER BY h.version"""
)
_SHARES = """SELECT x.share_id AS id, x.record_id AS fraud_case_id, o.code AS owner_agency,
    r.code AS shared_with, x.agency_id AS shared_with_id, x.purpose, x.valid_from,
    x.valid_to AS valid_until, x.owner_agency AS owner_id
    FROM fraud_cases_acl x JOIN agencies o ON o.id = x.owner_agency
    JOIN agencies r ON r.id = x.agency_id"""
_SHARES_OF = text(f"{_SHARES} WHERE x.record_id = :id ORDER BY x.valid_from, x.share_id")
_SHARED = text(
    f"""{_SHARES} WHERE x.agency_id = {_AGENCY} AND x.valid_from <= now()
      AND (x.valid_to IS NULL OR x.valid_to > now())
      AND EXISTS (SELECT 1 FROM fraud_cases c JOIN partners n ON n.id = c.partner_id
        WHERE c.id = x.record_id AND {visible("n", _AGENCY, ":holder")}
        AND (CAST(:countries AS text[]) = '{{}}'
          OR n.country = ANY (CAST(:countries AS text[]))))
      AND (CAST(:after_at AS timestamptz) IS NULL
        OR (x.valid_from, x.share_id) < (:after_at, CAST(:after_id AS uuid)))
    ORDER BY x.valid_from DESC, x.share_id DESC LIMIT :limit"""  # noqa: S608 - texts of ours
)
_PUBLISHED = f"""SELECT c.id, c.partner_id, o.code AS owner_agency, c.case_type, c.stage,
    c.outcome_on AS substantiated_on, c.closed_on, c.loss_usd, c.recovered_usd, c.written_off_usd,
    c.outstanding_usd, c.national_referral, c.asset_recovery, c.entry_id, c.published_at
    FROM published_fraud_cases(CAST(:partner_id AS uuid)) c
    JOIN agencies o ON o.id = c.owner_agency JOIN partners n ON n.id = c.partner_id
    WHERE {visible("n", _AGENCY, ":holder")}"""  # noqa: S608 - texts of ours


async def read(session: AsyncSession, case_id: UUID, *, holder: bool) -> Row[Any] | None:
    """One that the caller may see; ``holder``: of `partners:protected`."""
    return (await session.execute(_ONE, {"id": case_id, "holder": holder})).one_or_none()


async def lock(session: AsyncSession, case_id: UUID) -> Row[Any] | None:
    """One of the own agency, locked."""
    return (await session.execute(_LOCK, {"id": case_id})).one_or_none()


async def list_own(
    session: AsyncSession, filters: Mapping[str, Any], after: After, limit: int
) -> Sequence[Row[Any]]:
    """The own agency's, newest first."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [f"c.owner_agency = {_AGENCY}", *(_FILTERS[name] for name in values)]
    if after is not None:
        clauses.append("(c.opened_at, c.id) < (:after_at, :after_id)")
        values |= {"after_at": after[0], "after_id": after[1]}
    sql = (
        f"SELECT {_COLUMNS} {_FROM} WHERE {' AND '.join(clauses)} "
        f"ORDER BY c.opened_at DESC, c.id DESC LIMIT {int(limit)}"
    )
    return (await session.execute(text(sql), values)).all()


async def parts(session: AsyncSession, case_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Acts, amounts and history of an own case, oldest first."""
    found = {}
    for name, sql in (("acts", _ACTS_OF), ("amounts", _AMOUNTS_OF), ("history", _HISTORY_OF)):
        rows = (await session.execute(sql, {"id": case_id})).all()
        found[name] = [dict(row._mapping) for row in rows]
    return found


async def lock_act(session: AsyncSession, case_id: UUID, act_id: UUID) -> Row[Any] | None:
    """An act of an own case, locked."""
    values = {"case": case_id, "id": act_id}
    return (await session.execute(_ACT, values)).one_or_none()


async def reversible(session: AsyncSession, case_id: UUID, amount_id: UUID) -> Row[Any] | None:
    """An amount of an own case that was not reversed, and is no reversal itself."""
    values = {"case": case_id, "id": amount_id}
    return (await session.execute(_REVERSIBLE, values)).one_or_none()


async def shares_of(session: AsyncSession, case_id: UUID) -> Sequence[Row[Any]]:
    """Shares of a case: to the owner all of them, to a recipient its own."""
    return (await session.execute(_SHARES_OF, {"id": case_id})).all()


async def shared(
    session: AsyncSession, countries: list[str], after: After, limit: int, *, holder: bool
) -> Sequence[Row[Any]]:
    """What is shared with the bound agency now, newest first."""
    values: dict[str, Any] = {"countries": countries, "limit": limit, "holder": holder}
    at, last = after or (None, None)
    return (await session.execute(_SHARED, values | {"after_at": at, "after_id": last})).all()


async def published(
    session: AsyncSession, filters: Mapping[str, Any], after: After, limit: int, *, holder: bool
) -> Sequence[Row[Any]]:
    """Summaries that owners have published, newest first."""
    clauses, values = [_PUBLISHED], {"partner_id": filters["partner_id"], "holder": holder}
    if filters.get("owner_agency") is not None:
        clauses.append("o.code = :owner_agency")
        values["owner_agency"] = filters["owner_agency"]
    if filters.get("countries"):
        clauses.append("n.country = ANY (:countries)")
        values["countries"] = filters["countries"]
    if after is not None:
        clauses.append("(c.published_at, c.id) < (:after_at, :after_id)")
        values |= {"after_at": after[0], "after_id": after[1]}
    sql = f"{' AND '.join(clauses)} ORDER BY c.published_at DESC, c.id DESC LIMIT {int(limit)}"
    return (await session.execute(text(sql), values)).all()
