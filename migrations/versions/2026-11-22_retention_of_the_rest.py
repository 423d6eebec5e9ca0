"""retention of what was left out, and what an agency takes along

Revision: 0029, after 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script
from app.partners.retention.guard import Guard, Rules, add_rules, drop_rules

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
-- What was decided about control may be asked for while somebody contests it again.
CREATE FUNCTION retention_control_kept(partner uuid) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN EXISTS (SELECT FROM partner_control_disputes d
      WHERE d.partner_id IN (SELECT partner_lineage(partner)) AND d.state = 'open')
      THEN 'DISPUTE_OPEN'
    WHEN EXISTS (SELECT FROM partner_claims c
      WHERE c.partner_id IN (SELECT partner_lineage(partner)) AND c.state = 'open')
      THEN 'CLAIM_OPEN' END $$;
"""

RULES = Rules(
    version="2026.2",
    months={
        "control_disputes": 24,
        "claims": 24,
        "invitations": 12,
        "corrections": 24,
        "identifier_disputes": 60,
        "loaded_statements_decided": 24,
        "loaded_statements_waiting": 60,
        "load_reports": 60,
        "loads": 24,
        "deactivations": 84,
        "statement_comments": 84,
    },
    views={
        "control_disputes": """SELECT d.id, d.partner_id, d.decided_by AS owner_agency,
    d.decided_at AS since, ARRAY[d.id, d.claim_id, d.partner_id] AS records,
    retention_control_kept(d.partner_id) AS kept_by
  FROM partner_control_disputes d
  WHERE d.state = 'decided' AND d.decided_at <= (SELECT retention_before('control_disputes'))""",
        # One that stands is why a client may act; one that ended, ended by a decision on control.
        "claims": """SELECT c.id, c.partner_id, c.decided_by AS owner_agency, c.since,
    array_remove(ARRAY[c.id, c.invitation_id, c.partner_id], NULL) AS records,
    retention_control_kept(c.partner_id) AS kept_by
  FROM (SELECT k.id, k.partner_id, k.decided_by, k.invitation_id, k.state, greatest(k.decided_at,
      (SELECT max(d.decided_at) FROM partner_control_disputes d
        WHERE d.partner_id = k.partner_id AND k.state = 'removed')) AS since
    FROM partner_claims k WHERE k.state IN ('rejected', 'removed')) c
  WHERE c.since <= (SELECT retention_before('claims'))
    AND NOT EXISTS (SELECT FROM partner_control_disputes d WHERE d.claim_id = c.id)""",
        "invitations": """SELECT i.id, i.partner_id, i.invited_by AS owner_agency,
    coalesce(i.used_at, i.revoked_at, i.expires_at) AS since,
    ARRAY[i.id, i.partner_id] AS records, NULL::text AS kept_by
  FROM partner_invitations i
  WHERE coalesce(i.used_at, i.revoked_at, i.expires_at)
      <= (SELECT retention_before('invitations'))
    AND NOT EXISTS (SELECT FROM partner_claims c WHERE c.invitation_id = i.id)""",
        "corrections": """SELECT c.id, c.partner_id, c.filed_by AS owner_agency,
    c.decided_at AS since, ARRAY[c.id, c.partner_id] AS records, NULL::text AS kept_by
  FROM partner_corrections c
  WHERE c.state <> 'open' AND c.decided_at <= (SELECT retention_before('corrections'))""",
        "identifier_disputes": """SELECT d.id, d.partner_id, d.raised_by AS owner_agency,
    d.decided_at AS since,
    ARRAY[d.id, d.partner_id, d.holder_id, d.held_id, d.claim_id] AS records,
    (SELECT 'DISPUTE_OPEN' WHERE EXISTS (SELECT FROM identifier_disputes o
      WHERE o.status = 'open' AND (o.held_id IN (d.held_id, d.claim_id)
        OR o.claim_id IN (d.held_id, d.claim_id)))) AS kept_by
  FROM identifier_disputes d
  WHERE d.status = 'decided'
    AND d.decided_at <= (SELECT retention_before('identifier_disputes'))""",
        "loaded_statements_decided": """SELECT s.id, s.partner_id, s.owner_agency,
    s.decided_at AS since, array_remove(ARRAY[s.id, s.flag_id, s.partner_id], NULL) AS records,
    retention_contested('flag', s.flag_id) AS kept_by
  FROM pending_statements s
  WHERE s.erased_at IS NULL
    AND s.decided_at <= (SELECT retention_before('loaded_statements_decided'))""",
        "loaded_statements_waiting": """SELECT s.id, s.partner_id, s.owner_agency,
    s.loaded_at AS since, ARRAY[s.id, s.partner_id] AS records, NULL::text AS kept_by
  FROM pending_statements s
  WHERE s.erased_at IS NULL AND s.state = 'pending'
    AND s.loaded_at <= (SELECT retention_before('loaded_statements_waiting'))""",
        "load_reports": """SELECT r.id, r.partner_id, r.agency_id AS owner_agency,
    r.recorded_at AS since, ARRAY[r.id, r.load_id, r.partner_id] AS records,
    NULL::text AS kept_by
  FROM partner_load_reports r
  WHERE r.recorded_at <= (SELECT retention_before('load_reports'))""",
        "loads": """SELECT l.id, NULL::uuid AS partner_id, l.agency_id AS owner_agency,
    l.finished_at AS since, ARRAY[l.id] AS records, NULL::text AS kept_by
  FROM partner_loads l
  WHERE l.finished_at <= (SELECT retention_before('loads'))
    AND l.moved_at <= (SELECT retention_before('loads'))
    AND NOT EXISTS (SELECT FROM partner_keys k WHERE k.load_id = l.id)
    AND NOT EXISTS (SELECT FROM partner_keys k WHERE k.created_by_load = l.id)
    AND NOT EXISTS (SELECT FROM partner_load_reports r WHERE r.load_id = l.id)
    AND NOT EXISTS (SELECT FROM pending_statements s WHERE s.load_id = l.id)""",
        # One that was carried out is the reason of how the profile stands until another one is.
        "deactivations": """SELECT d.id, d.partner_id, d.agency_id AS owner_agency, d.since,
    ARRAY[d.id, d.partner_id] AS records, NULL::text AS kept_by
  FROM (SELECT k.id, k.partner_id, k.agency_id, CASE k.state WHEN 'refused' THEN k.decided_at
      WHEN 'approved' THEN (SELECT min(n.decided_at) FROM partner_deactivations n
        WHERE n.partner_id = k.partner_id AND n.state = 'approved' AND n.kind <> k.kind
          AND n.decided_at > k.decided_at) END AS since
    FROM partner_deactivations k) d
  WHERE d.since <= (SELECT retention_before('deactivations'))""",
        # The partner's words stay beside a statement as long as the statement does.
        "statement_comments": """SELECT c.id, c.partner_id, c.owner_agency,
    coalesce(coalesce(v.valid_until, v.verified_on)::timestamptz, c.made_at) AS since,
    ARRAY[c.id, c.subject_id, c.partner_id] AS records,
    retention_contested(c.subject_kind, c.subject_id) AS kept_by
  FROM statement_comments c LEFT JOIN partner_verifications v
    ON c.subject_kind = 'verification' AND v.id = c.subject_id
  WHERE c.made_at <= (SELECT retention_settled()) AND CASE c.subject_kind
    WHEN 'flag' THEN NOT EXISTS (SELECT FROM partner_flags s WHERE s.id = c.subject_id)
    WHEN 'assessment' THEN NOT EXISTS (SELECT FROM assessments s WHERE s.id = c.subject_id)
    WHEN 'sanction_entry'
      THEN NOT EXISTS (SELECT FROM sanction_entries s WHERE s.id = c.subject_id)
    ELSE coalesce(v.valid_until, v.verified_on)
      <= (SELECT retention_before('statement_comments'))::date END""",
    },
    guards=(
        Guard(
            "partner_control_disputes",
            ("control_disputes",),
            ("id", "partner_id", "claim_id", "state", "decided_by", "decided_at"),
        ),
        Guard(
            "partner_claims",
            ("claims",),
            ("id", "partner_id", "invitation_id", "state", "decided_by", "decided_at"),
        ),
        Guard(
            "partner_invitations",
            ("invitations",),
            ("id", "partner_id", "invited_by", "used_at", "revoked_at", "expires_at"),
        ),
        Guard("partner_corrections", ("corrections",), ("decided_at",), sees=True),
        Guard(
            "identifier_disputes",
            ("identifier_disputes",),
            ("id", "partner_id", "holder_id", "held_id", "claim_id", "raised_by", "decided_at"),
            sees=True,
        ),
        Guard(
            "pending_statements",
            ("loaded_statements_decided", "loaded_statements_waiting"),
            ("id", "partner_id", "owner_agency", "load_id", "state", "loaded_at", "decided_at",
             "flag_id", "erased_at"),
            emptied=("sealed", "erased_at"),
            becomes="sealed = '' AND erased_at IS NOT NULL",
        ),
        Guard(
            "partner_load_reports",
            ("load_reports",),
            ("id", "partner_id", "agency_id", "load_id", "recorded_at"),
        ),
        Guard("partner_loads", ("loads",), ("id", "agency_id", "finished_at", "moved_at")),
        Guard(
            "partner_deactivations",
            ("deactivations",),
            ("id", "partner_id", "agency_id", "kind", "state", "decided_at"),
        ),
        Guard(
            "statement_comments",
            ("statement_comments",),
            ("id", "partner_id", "owner_agency", "subject_kind", "subject_id", "made_at"),
            append_only=True,
        ),
    ),
    asked={"partner_keys": ("load_id", "created_by_load")},
)  # fmt: skip

# What the operator reads for an agency's export, in a session that is bound to that agency.
EXPORTED = {
    "partner_documents": "uploaded_by = {own}",
    "partner_people": "added_by = {own}",
    "partner_people_requests": "owner_agency = {own} OR filed_by = {own}",
    "partner_invitations": "invited_by = {own}",
    "partner_claims": "filed_by = {own} OR decided_by = {own}",
    "partner_control_disputes": "decided_by = {own}",
    "partner_corrections": "filed_by = {own}",
    "identifier_disputes": "raised_by = {own} OR decided_by = {own}",
    "identifier_dispute_voices": "agency_id = {own}",
    "partner_merge_steps": "agency_id = {own}",
    "partner_merges": "id IN (SELECT s.merge_id FROM partner_merge_steps s "
    "WHERE s.agency_id = {own})",
    "statement_comments": "owner_agency = {own}",
    "sharing_policies": "owner_agency = {own} OR shared_with = {own}",
    "legal_holds": "agency_id = {own}",
    "redactions": "agency_id = {own}",
    "withholdings": "agency_id = {own}",
}
OWN = "(SELECT app_agency())"


def _exports() -> str:
    lines = [
        f"CREATE POLICY {table}_export ON {table} FOR SELECT TO reg_owner "
        f"USING ({whose.format(own=OWN)});"
        for table, whose in EXPORTED.items()
    ]
    lines += [
        "DROP POLICY objections_export ON objections;",
        "CREATE POLICY objections_export ON objections FOR SELECT TO reg_owner "
        f"USING (owner_agency = {OWN} OR raised_by_agency = {OWN});",
    ]
    return "\n".join(lines)


def _no_exports() -> str:
    lines = [f"DROP POLICY {table}_export ON {table};" for table in EXPORTED]
    lines += [
        "DROP POLICY objections_export ON objections;",
        "CREATE POLICY objections_export ON objections FOR SELECT TO reg_owner "
        f"USING (owner_agency = {OWN});",
    ]
    return "\n".join(lines)


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.add_column(
        "pending_statements", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_pending_statements_erased_at"),
        "pending_statements",
        "(length(sealed) = 0) = (erased_at IS NOT NULL)",
    )
    run_script(FUNCTIONS + add_rules(RULES) + _exports())


def downgrade() -> None:
    run_script(_no_exports() + drop_rules(RULES, "2026.1"))
    run_script("DROP FUNCTION retention_control_kept(uuid);")
    # The texts that were erased are gone; their rows would open no more.
    op.drop_column("pending_statements", "erased_at")
