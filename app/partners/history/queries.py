"""Every select of kept versions.

Two times. ``recorded_from`` of a version says when the registry took it in; ``valid_from`` since
when what it says was so in the world. For a day, the version recorded last of those that were
valid by then holds: a later statement overrules an earlier one from its own first day on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import STATUS_COLUMNS
from app.partners.visibility import held, visible

# S608 below: the texts are built of constants of this module, never of input.
_VERSIONS = """(SELECT v.version, v.body, v.recorded_from, v.recorded_to
    FROM partner_versions v WHERE v.partner_id = {partner}
    UNION ALL
    SELECT c.version, to_jsonb(c), c.updated_at, NULL
    FROM partners c WHERE c.id = {partner})"""

# An identifier that has ended says when in a column that may be younger than its row.
_IDENTIFIERS_THEN = """(SELECT coalesce(json_agg(json_build_object('scheme', i.scheme,
      'value', i.value, 'country', i.country, 'agency', v.code) ORDER BY i.scheme, i.value), '[]')
    FROM partner_identifiers i LEFT JOIN agencies v ON v.id = i.agency_id
    WHERE i.partner_id = p.id AND i.created_at <= coalesce($4::timestamptz, now())
      AND (i.active OR (to_jsonb(i)->>'ended_at')::timestamptz
        > coalesce($4::timestamptz, now())))::text"""

FAST_THEN = f"""SELECT {STATUS_COLUMNS}, p.id, p.number, a.code AS created_by, p.created_at,
      h.body::text AS body, h.recorded_from, {_IDENTIFIERS_THEN} AS identifiers
    FROM client_status s
    LEFT JOIN partners p ON p.id = $2
      AND (s.countries = '{{}}' OR p.country = ANY (s.countries))
      AND {visible("p", "s.agency_id", held("$3::boolean"))}
    LEFT JOIN agencies a ON a.id = p.created_by
    LEFT JOIN LATERAL (SELECT k.body, k.recorded_from FROM {_VERSIONS.format(partner="p.id")} k
      WHERE k.recorded_from <= coalesce($4::timestamptz, now())
        AND ($5::date IS NULL OR (k.body->>'valid_from')::date <= $5::date)
      ORDER BY k.version DESC LIMIT 1) h ON true
    WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound
"""One statement for the profile as of ``$4``, as it held on ``$5``; either may be null."""

_HISTORY = f"""SELECT k.version, k.body::text AS body, k.recorded_from, k.recorded_to, a.code AS by
    FROM {_VERSIONS.format(partner=":id")} k
    LEFT JOIN agencies a ON a.id = CAST(coalesce(k.body->>'updated_by',
      CASE WHEN k.version = 1 THEN k.body->>'created_by' END) AS uuid)
    WHERE (CAST(:after AS integer) IS NULL OR k.version < :after)
    ORDER BY k.version DESC LIMIT :limit"""  # noqa: S608 - texts of ours; values are bound


async def list_versions(
    session: AsyncSession, partner_id: UUID, after: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Versions of a profile, newest first, those before ``after``."""
    values = {"id": partner_id, "after": after, "limit": limit}
    return (await session.execute(text(_HISTORY), values)).all()
