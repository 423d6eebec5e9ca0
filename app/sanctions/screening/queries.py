"""The two statements of a screening."""

from __future__ import annotations

from app.auth.caller import STATUS_COLUMNS
from app.core.idempotency import FAST_COLUMNS, FAST_INSERT, FAST_JOIN
from app.sanctions.lists.freshness import FRESHNESS_SQL, OWN_LISTS_SQL

# S608: the texts are built of constants, never of input.
FACTS = f"""SELECT {STATUS_COLUMNS}, {FAST_COLUMNS},
    coalesce((SELECT seq_to FROM feed_heads WHERE stream = 'inter_agency'), 0) AS seq_to,
    ({FRESHNESS_SQL}) AS sources, ({OWN_LISTS_SQL}) AS own_lists
    FROM client_status s {FAST_JOIN} WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound

STORE = f"""WITH screening AS (
    INSERT INTO screenings (id, agency_id, client_id, algorithm, threshold, list_version, outcome,
        entry_ids, sealed, own_lists) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $24::jsonb)),
  audit AS (
    INSERT INTO audit_events (id, event, agency_id, client_id, person_id, office, role, subject_id,
        request_id, detail, purpose, held)
      VALUES ($10, $11, $2, $3, $12, $13, $14, $1, $15, $16::jsonb, $22, $23))
  {FAST_INSERT.format(agency_id="$2", client_id="$3", route="$17", key="$18", fingerprint="$19", headers="$20", sealed_body="$21")}"""  # noqa: S608, E501
