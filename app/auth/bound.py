"""Fast reads of what row security guards: one statement that binds itself to its caller.

Who calls is known only by the row of `client_status` that comes with the statement, and row
security must know it before a row is looked at. So the statement begins by binding its own
transaction as that row says; what depends on it (LATERAL) is looked at afterwards. Were it ever
looked at before, the transaction would be bound to nobody and would see nothing.
"""

from __future__ import annotations

from app.auth.caller import OVERSIGHT, STATUS_COLUMNS
from app.core.db import NO_AGENCY

BOUND = f"""WITH s AS MATERIALIZED (SELECT {STATUS_COLUMNS},
    set_config('app.agency_id', coalesce(nullif(s.agency_id::text, '{NO_AGENCY}'), ''), true)
      AS bound_agency,
    set_config('app.partner_id', coalesce(s.partner_id::text, ''), true) AS bound_partner,
    set_config('app.oversight', CASE WHEN '{OVERSIGHT}' = ANY (s.roles) THEN 'on' ELSE '' END,
      true) AS bound_oversight
    FROM client_status s WHERE s.client_id = $1)"""  # noqa: S608 - constants of ours
"""Beginning of such a statement, in autocommit (`Database.fast_read`): the status ``s`` of the
client ``$1``, and the transaction bound as `Caller.binding` says of it.
"""


def behind(statement: str) -> str:
    """SQL for LATERAL: this select of one row, which ends in its WHERE, run only for a bound
    caller.
    """
    # LIMIT keeps the planner from taking the select apart and joining in another order.
    return f"({statement} AND s.bound_agency IS NOT NULL LIMIT 1)"
