"""Every select of assessments. Row security decides what it finds; see the migration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.life_cycle.superseding import newer_by_merge
from app.auth.bound import BOUND, behind
from app.auth.caller import STATUS_COLUMNS, STATUS_WIDTH
from app.partners.lineage import lineage
from app.partners.objections.contested import latest_of
from app.partners.visibility import held, visible

_AGENCY = "(SELECT app_agency())"
_KNOWN = f"(a.owner_agency = {_AGENCY} OR {visible('p', _AGENCY, ':holder')})"
"""The agency's own record, or one of a profile that is not protected from it."""

_NEWER = newer_by_merge(visible("w", _AGENCY, ":holder"))

COLUMNS = f"""a.id, a.partner_id, a.type, a.methodology, o.code AS owner_agency,
    a.owner_agency AS owner_id, a.status, a.conducted_on, a.valid_until, a.confidentiality,
    a.level, a.rating_scheme, a.rating_value, a.rating_dimension, a.rating_level,
    a.rating_source, a.adjusted_value, a.adjusted_level, a.adjusted_at, a.summary,
    a.assessor_kind, a.assessor_name, a.superseded_by, a.submitted_at, a.finalised_at,
    a.held_until, a.shown_to_partner_at, a.withdrawn_at, a.withdrawal_reason,
    (SELECT json_build_object('count', count(*), 'last_at', max(c.made_at))
      FROM statement_comments c WHERE c.subject_id = a.id AND c.subject_kind = 'assessment')
      AS partner_comments,
    ARRAY(SELECT g.code FROM assessment_participants t JOIN agencies g ON g.id = t.agency_id
      WHERE t.assessment_id = a.id ORDER BY g.code) AS participating_agencies,
    a.redacted, a.version, a.created_at, a.updated_at, p.country,
    a.status = 'final' AND a.valid_until < (now() AT TIME ZONE 'utc')::date AS expired,
    o.status = 'withdrawn' AS owner_withdrawn, coalesce(k.code, o.custodian_office) AS custodian,
    {_NEWER} AS newer_by_merge"""  # noqa: S608 - constants
FROM = """FROM assessments a JOIN agencies o ON o.id = a.owner_agency
    JOIN partners p ON p.id = a.partner_id LEFT JOIN agencies k ON k.id = o.custodian_agency"""

RECOGNITION_FACTS = f"""(SELECT coalesce(json_agg(json_build_object(
        'id', a.id, 'type', a.type, 'methodology', a.methodology, 'owner_agency', o.code,
        'conducted_on', a.conducted_on, 'valid_until', a.valid_until,
        'rating', json_build_object('scheme', a.rating_scheme, 'value', a.rating_value,
            'dimension', a.rating_dimension, 'level', a.rating_level,
            'rating_source', a.rating_source),
        'adjusted', CASE WHEN a.adjusted_value IS NOT NULL THEN json_build_object(
            'value', a.adjusted_value, 'level', a.adjusted_level) END,
        'country', (SELECT c.country FROM partners c WHERE c.id = a.partner_id),
        'confidentiality', a.confidentiality, 'version', a.version)
        ORDER BY a.conducted_on DESC, a.id), '[]')
    FROM assessments a JOIN agencies o ON o.id = a.owner_agency
    WHERE a.partner_id = ANY ({{lineage}}) AND a.status = 'final'
      AND (a.level <> 'AGENCY_ONLY' OR {{max_level}} = 'AGENCY_ONLY')
      AND (cardinality({{lineage}}) = 1 OR {newer_by_merge(profiles="{lineage}")} IS NULL))"""  # noqa: S608 - constants
"""Sub-select for the floor above: JSON of a partner's current summaries that the bound agency, by a
client of this level, may see. ``lineage`` is SQL for an array of the partner's profiles:
``RECOGNITION_FACTS.format(lineage="l.own", max_level="s.max_level")``.
"""

_LINEAGE = f"ARRAY{lineage('CAST(:partner AS uuid)')}"
_SUMMARIES = text(
    f"SELECT {RECOGNITION_FACTS.format(lineage=_LINEAGE, max_level=repr('AGENCY_ONLY'))}"
)

_READ = text(f"SELECT {COLUMNS} {FROM} WHERE a.id = :id AND {_KNOWN}")

_OWNED = text(
    f"SELECT {COLUMNS}, now() AS now, is_held(a.id) OR is_held(a.partner_id) AS held {FROM} "
    "WHERE a.id = :id AND a.owner_agency = (SELECT app_agency()) FOR NO KEY UPDATE OF a"
)

# One statement for every caller: hidden and absent cannot differ. A redacted detail is hidden
# from all; who could read it else still gets a row, without content.
_DETAIL_SQL = f"""SELECT {COLUMNS}, d.version AS sealed_version, d.sealed,
        a.owner_agency = (SELECT app_agency()) AS own,
        (SELECT s.id FROM psea_self_assessments s WHERE s.assessment_id = a.id
          AND a.owner_agency = (SELECT app_agency())) AS self_assessment_id,
        (SELECT coalesce(json_agg(json_build_object('id', x.share_id, 'purpose', x.purpose,
            'roles', coalesce(s.roles, w.roles, '{{}}'), 'standing', s.id IS NOT NULL)), '[]')
         FROM assessments_acl x LEFT JOIN sharing_policies s ON s.id = x.share_id
           LEFT JOIN assessment_shares w ON w.id = x.share_id
         WHERE x.agency_id = (SELECT app_agency()) AND x.record_id = a.id AND x.level = 'detail'
           AND x.valid_from <= now() AND (x.valid_to IS NULL OR x.valid_to > now())) AS shares
    {FROM} LEFT JOIN assessment_details d ON d.assessment_id = a.id
    WHERE a.id = :id AND {_KNOWN}"""  # noqa: S608 - constants
_DETAIL = text(_DETAIL_SQL)

# Not all of `COLUMNS`: what nobody names is not worked out.
_DETAIL_NAMES = ", ".join(
    f"x.{name}"
    for name in (
        *("id", "partner_id", "type", "methodology", "owner_agency", "owner_id", "status"),
        *("level", "rating_scheme", "rating_value", "rating_dimension", "rating_level"),
        *("rating_source", "adjusted_value", "adjusted_level", "adjusted_at", "partner_comments"),
        *("redacted", "version", "country", "expired", "owner_withdrawn", "custodian"),
        *("sealed_version", "sealed", "own", "self_assessment_id", "shares", "newer_by_merge"),
    )
)
_BY_NUMBER = {"id": "$2::uuid", "holder": held("$3::boolean")}
_DETAIL_LATERAL = re.sub(r"(?<!:):(id|holder)\b", lambda name: _BY_NUMBER[name[1]], _DETAIL_SQL)
DETAIL_FAST = f"""{BOUND} SELECT {STATUS_COLUMNS}, {_DETAIL_NAMES}, c.* FROM s
    LEFT JOIN LATERAL {behind(_DETAIL_LATERAL)} x ON true
    LEFT JOIN LATERAL ({latest_of("assessment", "x.id")}) c ON true"""  # noqa: S608 - constants
"""The same for `GET /v1/assessments/{id}/detail` without ORM: the client's status, the detail and
the objection to it. ``$2`` is the assessment, ``$3`` whether the token names `partners:protected`.
"""

_LIST_FILTERS: dict[str, str] = {
    "partner_id": f"a.partner_id IN {lineage(':partner_id')}",
    "type": "a.type = :type",
    "owner_agency": "a.owner_agency = (SELECT id FROM agencies WHERE code = :owner_agency)",
    "status": f"""CASE WHEN {_NEWER} IS NOT NULL THEN 'superseded'
        WHEN a.status = 'final' AND a.valid_until < (now() AT TIME ZONE 'utc')::date
        THEN 'expired' ELSE a.status END = :status""",
    "methodology": "a.methodology = :methodology",
    "rating_level": "coalesce(a.adjusted_level, a.rating_level) = :rating_level",
    "expiring_before": "a.status = 'final' AND a.valid_until < :expiring_before "
    f"AND {_NEWER} IS NULL",
    "conducted_from": "a.conducted_on >= :conducted_from",
    "conducted_to": "a.conducted_on <= :conducted_to",
    "country": "p.country = :country",
    "countries": "p.country = ANY (:countries)",
    "open_only": "a.level <> 'AGENCY_ONLY'",
}

_SHARE_COLUMNS = """s.id, s.assessment_id, o.code AS owner_agency, w.code AS shared_with, s.level,
    s.purpose, s.valid_from, s.valid_until, s.created_at, s.revoked_at, s.access_request_id,
    s.ended_at, s.end_reason, s.roles, s.legal_basis, s.legal_reference,
    s.partner_consent_reference, s.sealed_note, s.owner_agency AS owner_id,
    s.redacted OR coalesce(a.redacted, false) AS redacted,
    CASE WHEN s.revoked_at IS NOT NULL THEN 'revoked'
         WHEN s.ended_at IS NOT NULL OR w.status = 'withdrawn' THEN 'ended'
         WHEN s.valid_until <= now() THEN 'expired'
         WHEN s.valid_from > now() THEN 'scheduled' ELSE 'active' END AS status"""
_SHARE_FROM = """FROM assessment_shares s JOIN agencies o ON o.id = s.owner_agency
    JOIN agencies w ON w.id = s.shared_with LEFT JOIN assessments a ON a.id = s.assessment_id"""

_POLICY_STATUS = """CASE WHEN s.ended_at IS NOT NULL OR w.status = 'withdrawn' THEN 'ended'
    WHEN s.valid_until <= now() THEN 'expired' WHEN s.valid_from > now() THEN 'scheduled'
    ELSE 'active' END"""
_POLICIES = f"""SELECT s.id, o.code AS owner_agency, w.code AS shared_with, s.level, s.purpose,
    s.type, s.country, s.partner_id, s.everything AS "all", s.roles, s.valid_from, s.valid_until,
    {_POLICY_STATUS} AS status, s.created_at, s.ended_at, s.legal_basis, s.legal_reference,
    s.partner_consent_reference, s.sealed_note, s.owner_agency AS owner_id,
    m.group_id, m.code AS "group", m.version AS group_version
    FROM sharing_policies s JOIN agencies o ON o.id = s.owner_agency
    JOIN agencies w ON w.id = s.shared_with
    LEFT JOIN sharing_policy_groups m ON m.policy_id = s.id"""  # noqa: S608 - constants
_POLICY_FILTERS = {
    "given": "s.owner_agency = (SELECT app_agency())",
    "received": "s.shared_with = (SELECT app_agency())",
    "shared_with": "w.code = :shared_with",
    "owner_agency": "o.code = :owner_agency",
    "purpose": "s.purpose = :purpose",
    "type": "s.type = :type",
    "country": "s.country = :country",
    "partner_id": f"s.partner_id IN {lineage(':partner_id')}",
    "status": f"{_POLICY_STATUS} = :status",
    "after": "s.id < :after",
}

_REQUEST_COLUMNS = """r.id, r.assessment_id, o.code AS owner_agency, q.code AS requested_by,
    r.owner_agency AS owner_id, r.requested_by AS requester_id, r.level, r.purpose,
    r.sealed_justification, r.status, r.close_reason, r.sealed_reason, r.version,
    r.created_at, r.decided_at, p.country,
    r.justification_redacted OR coalesce(a.redacted, false) AS justification_redacted,
    r.reason_redacted OR coalesce(a.redacted, false) AS reason_redacted,
    r.legal_basis, r.legal_reference, r.partner_consent_reference, r.valid_until, r.answer_by,
    a.partner_id, r.status = 'open' AND r.answer_by < current_date AS overdue,
    (SELECT s.id FROM assessment_shares s WHERE s.access_request_id = r.id) AS share_id"""
_REQUEST_FROM = """FROM access_requests r JOIN agencies o ON o.id = r.owner_agency
    JOIN agencies q ON q.id = r.requested_by
    LEFT JOIN assessments a ON a.id = r.assessment_id LEFT JOIN partners p ON p.id = a.partner_id"""
_REQUEST_FILTERS = {
    "received": "r.owner_agency = (SELECT app_agency())",
    "sent": "r.requested_by = (SELECT app_agency())",
    "status": "r.status = :status",
    "assessment_id": "r.assessment_id = :assessment_id",
    "partner_id": f"a.partner_id IN {lineage(':partner_id')}",
    "overdue": "(r.status = 'open' AND r.answer_by < current_date) = :overdue",
    "after": "r.id < :after",
    "countries": "p.country = ANY (:countries)",
}


async def read_assessment(
    session: AsyncSession, assessment_id: UUID, *, holder: bool
) -> Row[Any] | None:
    """The summary, if the caller may see it; ``holder``: of `partners:protected`."""
    values = {"id": assessment_id, "holder": holder}
    return (await session.execute(_READ, values)).one_or_none()


async def lock_owned(session: AsyncSession, assessment_id: UUID) -> Row[Any] | None:
    """The caller's own summary, locked against other writers, and the database's ``now``."""
    values = {"id": assessment_id, "holder": True}
    return (await session.execute(_OWNED, values)).one_or_none()


async def read_detail(
    session: AsyncSession, assessment_id: UUID, *, holder: bool
) -> Row[Any] | None:
    """Summary and sealed detail, if the caller may see the detail; its share by purpose.

    Of a redacted one the row without detail, if the caller could see the detail else.
    """
    values = {"id": assessment_id, "holder": holder}
    return _with_detail((await session.execute(_DETAIL, values)).one_or_none())


def detail_of(record: asyncpg.Record) -> Any | None:
    """As `read_detail`, of what `DETAIL_FAST` found; with the columns of `latest_of`."""
    names = list(record.keys())[STATUS_WIDTH:]
    row = SimpleNamespace(**dict(zip(names, tuple(record)[STATUS_WIDTH:], strict=True)))
    return _with_detail(row if row.id is not None else None)


def _with_detail(row: Any | None) -> Any | None:
    """The row, if the caller may see the detail, or could see one that is redacted."""
    if row is None or row.sealed is not None:
        return row
    could = row.own or row.level == "INTER_AGENCY" or (row.level == "RESTRICTED" and row.shares)
    return row if row.redacted and could else None


async def list_assessments(
    session: AsyncSession,
    filters: Mapping[str, Any],
    after: Sequence[Any] | None,
    limit: int,
    *,
    holder: bool,
) -> Sequence[Row[Any]]:
    """Summaries the caller may see, newest first, those after the pair ``after``; ``holder``: of
    `partners:protected`.
    """
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_KNOWN, *(_LIST_FILTERS[name] for name in values)]
    values["holder"] = holder
    values.pop("open_only", None)
    if after is not None:
        clauses.append("(a.created_at, a.id) < (:after_at, :after_id)")
        values |= {"after_at": after[0], "after_id": after[1]}
    sql = (
        f"SELECT {COLUMNS} {FROM} WHERE {' AND '.join(clauses)} "
        f"ORDER BY a.created_at DESC, a.id DESC LIMIT {int(limit)}"
    )
    return (await session.execute(text(sql), values)).all()


async def summaries(session: AsyncSession, partner_id: UUID) -> list[dict[str, Any]]:
    """`RECOGNITION_FACTS` of a partner."""
    found: list[dict[str, Any]] = await session.scalar(_SUMMARIES, {"partner": partner_id})
    return found


async def list_shares(
    session: AsyncSession, assessment_id: UUID, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Shares of an assessment that the caller gave or got, newest first."""
    sql = f"SELECT {_SHARE_COLUMNS} {_SHARE_FROM} WHERE s.assessment_id = :id"
    values: dict[str, Any] = {"id": assessment_id, "limit": limit}
    if after is not None:
        sql += " AND s.id < :after"
        values["after"] = after
    result = await session.execute(text(sql + " ORDER BY s.id DESC LIMIT :limit"), values)
    return result.all()


async def read_share(session: AsyncSession, share_id: UUID) -> Row[Any]:
    """A share the caller gave or got."""
    sql = f"SELECT {_SHARE_COLUMNS} {_SHARE_FROM} WHERE s.id = :id"
    return (await session.execute(text(sql), {"id": share_id})).one()


async def own_share(session: AsyncSession, assessment_id: UUID, share_id: UUID) -> bool:
    """Whether this is a share that the caller gave of the assessment."""
    sql = """SELECT EXISTS (SELECT FROM assessment_shares WHERE id = :id
        AND assessment_id = :assessment AND owner_agency = (SELECT app_agency()))"""
    values = {"id": share_id, "assessment": assessment_id}
    return bool(await session.scalar(text(sql), values))


async def read_request(session: AsyncSession, request_id: UUID) -> Row[Any] | None:
    """An access request the caller sent or received."""
    sql = f"SELECT {_REQUEST_COLUMNS} {_REQUEST_FROM} WHERE r.id = :id"
    return (await session.execute(text(sql), {"id": request_id})).one_or_none()


async def list_requests(
    session: AsyncSession, direction: str | None, filters: Mapping[str, Any], limit: int
) -> Sequence[Row[Any]]:
    """Access requests the caller sent or received, newest first."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_REQUEST_FILTERS[name] for name in (*values, *([direction] if direction else []))]
    sql = (
        f"SELECT {_REQUEST_COLUMNS} {_REQUEST_FROM} WHERE {' AND '.join(clauses or ['true'])} "
        f"ORDER BY r.id DESC LIMIT {int(limit)}"
    )
    return (await session.execute(text(sql), values)).all()


async def read_policy(session: AsyncSession, policy_id: UUID) -> Row[Any] | None:
    """A standing share the caller gave or got."""
    result = await session.execute(text(f"{_POLICIES} WHERE s.id = :id"), {"id": policy_id})
    return result.one_or_none()


async def list_policies(
    session: AsyncSession, direction: str | None, filters: Mapping[str, Any], limit: int
) -> Sequence[Row[Any]]:
    """Standing shares the caller gave or got, newest first."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_POLICY_FILTERS[name] for name in (*values, *([direction] if direction else []))]
    sql = (
        f"{_POLICIES} WHERE {' AND '.join(clauses or ['true'])} "
        f"ORDER BY s.id DESC LIMIT {int(limit)}"
    )
    return (await session.execute(text(sql), values)).all()
