"""retention

Revision: 0026, after 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# As app/partners/retention/rules.yaml says them; a test compares the two.
VERSION = "2026.1"
MONTHS = {
    "people_replaced": 24,
    "people_inactive": 60,
    "person_requests": 24,
    "documents_deleted": 3,
    "documents_superseded": 24,
    "documents_unfinished": 1,
    "flags_unsubstantiated": 24,
    "objections": 84,
    "duplicates_dismissed": 60,
    "verification_comments": 84,
    "assessments": 84,
    "screenings": 60,
    "sanctions_ended": 120,
    "sanction_cases": 120,
    "cases_annulled": 6,
}

FUNCTIONS = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- Before when a record must have come to its end to be due; null, so nothing, without a rule.
CREATE FUNCTION retention_before(rule text) RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT now() - make_interval(months => r.months) FROM retention_rules r WHERE r.name = rule $$;
-- Stored answers to requests live for seven days: what was written lately may be in one.
CREATE FUNCTION retention_settled() RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT now() - interval '8 days' $$;

-- When somebody last did something about a partner: it, what was merged into it, its country
-- profiles. An erased person does not count: erasing is no engagement.
CREATE FUNCTION partner_last_activity(partner uuid) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  WITH own AS MATERIALIZED (SELECT partner_lineage(partner) AS id),
    family AS MATERIALIZED (SELECT id FROM own
      UNION SELECT c.id FROM partners c WHERE c.hq_id IN (SELECT id FROM own))
  SELECT greatest(
    (SELECT max(p.updated_at) FROM partners p WHERE p.id IN (SELECT id FROM family)),
    (SELECT max(s.updated_at) FROM partner_sections s
      WHERE s.partner_id IN (SELECT id FROM family)),
    (SELECT max(s.updated_at) FROM partner_people s
      WHERE s.partner_id IN (SELECT id FROM family) AND s.erased_at IS NULL),
    (SELECT max(greatest(s.created_at, s.ended_at)) FROM partner_identifiers s
      WHERE s.partner_id IN (SELECT id FROM family)),
    (SELECT max(s.recorded_at) FROM partner_declarations s
      WHERE s.partner_id IN (SELECT id FROM family)),
    (SELECT max(s.created_at) FROM partner_documents s
      WHERE s.partner_id IN (SELECT id FROM family)),
    (SELECT max(s.recorded_at) FROM partner_verifications s
      WHERE s.partner_id IN (SELECT id FROM family)),
    (SELECT max(greatest(s.updated_at, s.valid_until)) FROM assessments s
      WHERE s.partner_id IN (SELECT id FROM family)),
    (SELECT max(greatest(s.made_at, s.closed_at)) FROM partner_flags s
      WHERE s.partner_id IN (SELECT id FROM family)),
    (SELECT max(greatest(s.created_at, s.ended_on)) FROM sanction_entries s
      WHERE s.partner_id IN (SELECT id FROM family)),
    (SELECT max(s.evaluated_at) FROM clearances s
      WHERE s.partner_id IN (SELECT id FROM family))) $$;

-- What keeps a person's entry beyond its time: the reasons that its trigger refuses, and a request.
CREATE FUNCTION retention_person_kept(person uuid, partner uuid) RETURNS text
  LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN EXISTS (SELECT FROM restraints_in_force(partner) f
      WHERE f.reason IN ('SANCTION', 'CONFIRMED_MATCH', 'POTENTIAL_MATCH')) THEN 'SANCTION'
    WHEN EXISTS (SELECT FROM partner_people_requests r
      WHERE r.person_id = person AND r.state = 'open') THEN 'REQUEST_OPEN' END $$;
CREATE FUNCTION retention_contested(kind text, statement uuid) RETURNS text
  LANGUAGE sql STABLE AS $$
  SELECT 'OBJECTION_OPEN' WHERE EXISTS (SELECT FROM objections o
    WHERE o.subject_kind = kind AND o.subject_id = statement AND o.state = 'open') $$;
-- A document that an open matter names as evidence.
CREATE FUNCTION retention_document_kept(document uuid, partner uuid) RETURNS text
  LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN EXISTS (SELECT FROM objections o
      WHERE o.partner_id IN (SELECT partner_lineage(partner)) AND o.state = 'open'
        AND document = ANY (o.evidence)) THEN 'OBJECTION_OPEN'
    WHEN EXISTS (SELECT FROM identifier_disputes d
      WHERE d.status = 'open' AND document = ANY (d.document_ids)) THEN 'DISPUTE_OPEN'
    WHEN EXISTS (SELECT FROM partner_merges m
      WHERE (m.state = 'proposed' OR m.undo = 'proposed') AND document = ANY (m.document_ids))
      THEN 'MERGE_OPEN' END $$;
"""

# id; whose; since when; all that a hold may name; and what open matter keeps it.
VIEWS = {
    "people_replaced": """SELECT p.id, p.partner_id, NULL::uuid AS owner_agency,
    p.valid_to::timestamptz AS since, ARRAY[p.id, p.partner_id] AS records,
    retention_person_kept(p.id, p.partner_id) AS kept_by
  FROM partner_people p
  WHERE p.erased_at IS NULL AND p.valid_to <= (SELECT retention_before('people_replaced'))::date
    AND p.updated_at <= (SELECT retention_settled())""",
    "people_inactive": """SELECT p.id, p.partner_id, NULL::uuid AS owner_agency, l.since,
    ARRAY[p.id, p.partner_id] AS records, retention_person_kept(p.id, p.partner_id) AS kept_by
  FROM partner_people p JOIN partners n ON n.id = p.partner_id,
    LATERAL (SELECT partner_last_activity(n.id) AS since) l
  WHERE p.erased_at IS NULL AND p.updated_at <= (SELECT retention_before('people_inactive'))
    AND n.updated_at <= (SELECT retention_before('people_inactive'))
    AND l.since <= (SELECT retention_before('people_inactive'))""",
    "person_requests": """SELECT r.id, r.partner_id, r.owner_agency, r.decided_at AS since,
    ARRAY[r.id, r.person_id, r.partner_id] AS records, NULL::text AS kept_by
  FROM partner_people_requests r
  WHERE r.state = 'decided' AND r.decided_at <= (SELECT retention_before('person_requests'))""",
    "documents_deleted": """SELECT d.id, d.partner_id, d.uploaded_by AS owner_agency,
    d.deleted_at AS since, array_remove(ARRAY[d.id, d.partner_id, d.blob_id], NULL) AS records,
    retention_document_kept(d.id, d.partner_id) AS kept_by
  FROM partner_documents d
  WHERE d.deleted_at <= (SELECT retention_before('documents_deleted'))
    AND NOT EXISTS (SELECT FROM partner_documents o WHERE o.superseded_by = d.id)""",
    "documents_superseded": """SELECT d.id, d.partner_id, d.uploaded_by AS owner_agency,
    n.uploaded_at AS since, array_remove(ARRAY[d.id, d.partner_id, d.blob_id], NULL) AS records,
    retention_document_kept(d.id, d.partner_id) AS kept_by
  FROM partner_documents d JOIN partner_documents n ON n.id = d.superseded_by
  WHERE n.uploaded_at <= (SELECT retention_before('documents_superseded'))
    AND NOT EXISTS (SELECT FROM partner_documents o WHERE o.superseded_by = d.id)""",
    "documents_unfinished": """SELECT d.id, d.partner_id, d.uploaded_by AS owner_agency,
    d.created_at AS since, ARRAY[d.id, d.partner_id] AS records, NULL::text AS kept_by
  FROM partner_documents d
  WHERE d.blob_id IS NULL AND d.created_at <= (SELECT retention_before('documents_unfinished'))""",
    "flags_unsubstantiated": """SELECT f.id, f.partner_id, f.owner_agency, f.closed_at AS since,
    ARRAY[f.id, f.partner_id] AS records, retention_contested('flag', f.id) AS kept_by
  FROM partner_flags f
  WHERE (f.state = 'invalid' OR (f.state = 'lapsed' AND f.replaced_by IS NULL))
    AND f.closed_at <= (SELECT retention_before('flags_unsubstantiated'))""",
    "objections": """SELECT o.id, o.partner_id, o.owner_agency, o.ended_at AS since,
    ARRAY[o.id, o.partner_id, o.subject_id] AS records, NULL::text AS kept_by
  FROM (SELECT x.id, x.partner_id, x.owner_agency, x.subject_kind, x.subject_id,
      coalesce(x.answered_at, x.raised_at) AS ended_at
    FROM objections x WHERE x.state <> 'open') o
  WHERE o.ended_at <= (SELECT retention_before('objections'))
    OR (o.ended_at <= (SELECT retention_settled()) AND CASE o.subject_kind
      WHEN 'flag' THEN NOT EXISTS (SELECT FROM partner_flags s WHERE s.id = o.subject_id)
      WHEN 'assessment' THEN NOT EXISTS (SELECT FROM assessments s WHERE s.id = o.subject_id)
      WHEN 'sanction_entry'
        THEN NOT EXISTS (SELECT FROM sanction_entries s WHERE s.id = o.subject_id)
      ELSE false END)""",
    "duplicates_dismissed": """SELECT d.id, d.partner_a AS partner_id, NULL::uuid AS owner_agency,
    d.decided_at AS since, ARRAY[d.id, d.partner_a, d.partner_b] AS records,
    NULL::text AS kept_by
  FROM possible_duplicates d
  WHERE d.state = 'dismissed'
    AND d.decided_at <= (SELECT retention_before('duplicates_dismissed'))""",
    "verification_comments": """SELECT v.id, v.partner_id, n.owner_agency,
    coalesce(v.valid_until, v.verified_on)::timestamptz AS since,
    ARRAY[v.id, v.partner_id] AS records, retention_contested('verification', v.id) AS kept_by
  FROM partner_verification_notes n JOIN partner_verifications v ON v.id = n.verification_id
  WHERE coalesce(v.valid_until, v.verified_on)
    <= (SELECT retention_before('verification_comments'))::date""",
    "assessments": """SELECT a.id, a.partner_id, a.owner_agency,
    coalesce(a.valid_until::timestamptz, a.updated_at) AS since,
    ARRAY[a.id, a.partner_id] AS records,
    coalesce(retention_contested('assessment', a.id),
      (SELECT 'REQUEST_OPEN' WHERE EXISTS (SELECT FROM access_requests r
        WHERE r.assessment_id = a.id AND r.status = 'open')),
      (SELECT 'REDACTION_OPEN' WHERE EXISTS (SELECT FROM redactions r
        WHERE r.subject_id = a.id AND r.state = 'hidden'))) AS kept_by
  FROM assessments a
  WHERE coalesce(a.valid_until::timestamptz, a.updated_at)
      <= (SELECT retention_before('assessments'))
    AND a.updated_at <= (SELECT retention_settled())""",
    "screenings": """SELECT s.id, NULL::uuid AS partner_id, s.agency_id AS owner_agency,
    s.at AS since, ARRAY[s.id] AS records, NULL::text AS kept_by
  FROM screenings s WHERE s.at <= (SELECT retention_before('screenings'))""",
    "sanctions_ended": """SELECT e.id, e.partner_id,
    coalesce(e.custodian_agency, e.imposing_agency) AS owner_agency,
    e.ended_on::timestamptz AS since,
    array_remove(ARRAY[e.id, e.partner_id, e.case_id], NULL) AS records,
    retention_contested('sanction_entry', e.id) AS kept_by
  FROM sanction_entries e
  WHERE e.status <> 'ACTIVE' AND coalesce(e.end_reason, '') NOT IN ('annulled', 'error')
    AND e.ended_on <= (SELECT retention_before('sanctions_ended'))::date""",
    "sanction_cases": """SELECT c.id, c.partner_id, c.agency_id AS owner_agency,
    c.decided_on::timestamptz AS since,
    ARRAY[c.id, c.partner_id] || ARRAY(SELECT s.id FROM sanction_case_steps s
      WHERE s.case_id = c.id) AS records, NULL::text AS kept_by
  FROM sanction_cases c
  WHERE c.state = 'IMPOSED' AND c.decided_on <= (SELECT retention_before('sanction_cases'))::date
    AND NOT EXISTS (SELECT FROM sanction_entries e WHERE e.case_id = c.id)""",
    "cases_annulled": """SELECT c.id, c.partner_id, c.agency_id AS owner_agency,
    max(e.ended_on)::timestamptz AS since,
    ARRAY[c.id, c.partner_id] || array_agg(e.id) || ARRAY(SELECT s.id FROM sanction_case_steps s
      WHERE s.case_id = c.id) AS records,
    max(retention_contested('sanction_entry', e.id)) AS kept_by
  FROM sanction_cases c JOIN sanction_entries e ON e.case_id = c.id
  WHERE EXISTS (SELECT FROM sanction_case_steps s WHERE s.case_id = c.id)
  GROUP BY c.id
  HAVING bool_and(e.status <> 'ACTIVE' AND e.end_reason IN ('annulled', 'error'))
    AND max(e.ended_on) <= (SELECT retention_before('cases_annulled'))::date""",
}

# Table, its column that names the record, and the rules by which a row of it may go.
GUARDED = (
    ("partner_people_requests", "id", ("person_requests",)),
    (
        "partner_documents",
        "id",
        ("documents_deleted", "documents_superseded", "documents_unfinished"),
    ),
    ("partner_flag_steps", "flag_id", ("flags_unsubstantiated",)),
    ("partner_flag_texts", "flag_id", ("flags_unsubstantiated",)),
    ("partner_flags", "id", ("flags_unsubstantiated",)),
    ("objections", "id", ("objections",)),
    ("possible_duplicates", "id", ("duplicates_dismissed",)),
    ("partner_verification_notes", "verification_id", ("verification_comments",)),
    ("assessment_shares", "assessment_id", ("assessments",)),
    ("access_requests", "assessment_id", ("assessments",)),
    ("assessment_details", "assessment_id", ("assessments",)),
    ("assessments", "id", ("assessments",)),
    ("screenings", "id", ("screenings",)),
    ("sanction_custody", "entry_id", ("sanctions_ended",)),
    ("sanction_entries", "id", ("sanctions_ended",)),
    ("sanction_case_steps", "case_id", ("sanction_cases", "cases_annulled")),
    ("sanction_cases", "id", ("sanction_cases",)),
)
# Tables that refused every deletion until now; an UPDATE of theirs is refused as before.
APPEND_ONLY = {
    "partner_flag_steps": "refuse_change",
    "partner_flag_texts": "refuse_change",
    "partner_verification_notes": "refuse_change",
    "sanction_custody": "refuse_change",
    "sanction_case_steps": "sanction_case_steps_kept",
}
# What the worker must see of a table to know what is due, where it saw none of it.
SEEN = {
    "partner_people": "id, partner_id, version, valid_to, updated_at, erased_at",
    "clearances": "partner_id, evaluated_at",
    "identifier_disputes": "status, document_ids",
    "partner_merges": "state, undo, document_ids",
    "partner_flag_texts": "flag_id",
    "partner_flag_steps": "flag_id",
    "partner_verification_notes": "verification_id, owner_agency",
    "assessment_details": "assessment_id",
    "screenings": "id, agency_id, at",
    "sanction_custody": "entry_id",
    "sanction_cases": "id, agency_id, partner_id, state, decided_on",
    "sanction_case_steps": "id, case_id",
}
# The same of tables of which its policies show it all rows.
MORE = {
    "partner_people_requests": "decided_at",
    "objections": "raised_at, answered_at, evidence",
    "legal_holds": "id",
}
# Tables of which a policy FOR ALL lets the worker see and delete rows already.
OPEN = ("assessment_shares", "access_requests", "sanction_entries")

GUARD = """
-- Whoever deletes, and in whichever order: only what is due by a rule, kept by nothing open, and
-- under no legal hold. Arguments: the column that names the record, and the rules.
CREATE FUNCTION only_when_due() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE record uuid := (to_jsonb(OLD) ->> TG_ARGV[0])::uuid; parts uuid[]; number integer;
BEGIN
  FOR number IN 1 .. TG_NARGS - 1 LOOP
    EXECUTE format('SELECT records FROM %I WHERE id = $1 AND kept_by IS NULL',
      'retention_' || TG_ARGV[number]) INTO parts USING record;
    IF parts IS NOT NULL THEN
      PERFORM refuse_held(VARIADIC parts);
      IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
      RETURN OLD;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'retention keeps this record' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER partner_people_due BEFORE UPDATE ON partner_people FOR EACH ROW
  WHEN (current_user = 'reg_worker')
  EXECUTE FUNCTION only_when_due('id', 'people_replaced', 'people_inactive');
GRANT UPDATE (sealed, version) ON partner_people TO reg_worker;
CREATE POLICY partner_people_retention_update ON partner_people FOR UPDATE TO reg_worker
  USING (true) WITH CHECK (sealed IS NULL);
GRANT UPDATE (supersedes) ON partner_documents TO reg_worker;
CREATE POLICY partner_documents_retention_update ON partner_documents FOR UPDATE TO reg_worker
  USING (supersedes IS NOT NULL) WITH CHECK (supersedes IS NULL);
GRANT SELECT ON retention_rules TO reg_app, reg_worker;
GRANT SELECT ON retention_runs TO reg_app;
GRANT SELECT, INSERT ON retention_runs TO reg_worker;
GRANT UPDATE (finished_at) ON retention_runs TO reg_worker;
GRANT SELECT ON retention_counts TO reg_app;
GRANT SELECT, INSERT ON retention_counts TO reg_worker;
GRANT UPDATE (erased, held, kept) ON retention_counts TO reg_worker;
ALTER TABLE retention_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE retention_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY retention_counts_select ON retention_counts FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency())
    OR (owner_agency IS NULL AND (SELECT app_agency()) IS NOT NULL));
CREATE POLICY retention_counts_worker ON retention_counts TO reg_worker
  USING (true) WITH CHECK (true);
"""


def _security() -> str:
    lines = [FUNCTIONS]
    for name, query in VIEWS.items():
        lines.append(
            f"CREATE VIEW retention_{name} "
            f"WITH (security_invoker = true, security_barrier = true) AS {query};"
        )
        lines.append(f"GRANT SELECT ON retention_{name} TO reg_worker;")
    lines.append(GUARD)
    for table, columns in SEEN.items():
        lines.append(f"GRANT SELECT ({columns}) ON {table} TO reg_worker;")
        lines.append(
            f"CREATE POLICY {table}_retention_select ON {table} FOR SELECT TO reg_worker "
            "USING (true);"
        )
    lines.extend(
        f"GRANT SELECT ({columns}) ON {table} TO reg_worker;" for table, columns in MORE.items()
    )
    for table, function in APPEND_ONLY.items():
        lines.append(f"DROP TRIGGER {table}_append_only ON {table};")
        lines.append(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {function}();"
        )
    for table, column, rules in GUARDED:
        arguments = ", ".join(f"'{word}'" for word in (column, *rules))
        lines.append(f"GRANT DELETE ON {table} TO reg_worker;")
        if table not in OPEN:
            lines.append(
                f"CREATE POLICY {table}_retention_delete ON {table} FOR DELETE TO reg_worker "
                "USING (true);"
            )
        lines.append(
            f"CREATE TRIGGER {table}_due BEFORE DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION only_when_due({arguments});"
        )
    return "\n".join(lines)


def _undo() -> str:
    lines = []
    for table, _, _ in GUARDED:
        lines.append(f"DROP TRIGGER {table}_due ON {table};")
        if table not in OPEN:
            lines.append(f"DROP POLICY {table}_retention_delete ON {table};")
        lines.append(f"REVOKE DELETE ON {table} FROM reg_worker;")
    for table, function in APPEND_ONLY.items():
        lines.append(f"DROP TRIGGER {table}_append_only ON {table};")
        lines.append(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {function}();"
        )
    lines.extend(f"DROP POLICY {table}_retention_select ON {table};" for table in SEEN)
    lines.extend(
        f"REVOKE SELECT ({columns}) ON {table} FROM reg_worker;"  # noqa: S608 - names of ours
        for table, columns in (SEEN | MORE).items()
    )
    lines.append(
        """DROP TRIGGER partner_people_due ON partner_people;
DROP POLICY partner_people_retention_update ON partner_people;
REVOKE UPDATE (sealed, version) ON partner_people FROM reg_worker;
DROP POLICY partner_documents_retention_update ON partner_documents;
REVOKE UPDATE (supersedes) ON partner_documents FROM reg_worker;
DROP FUNCTION only_when_due();"""
    )
    lines.extend(f"DROP VIEW retention_{name};" for name in VIEWS)
    lines.append(
        """DROP FUNCTION retention_document_kept(uuid, uuid);
DROP FUNCTION retention_contested(text, uuid);
DROP FUNCTION retention_person_kept(uuid, uuid);
DROP FUNCTION partner_last_activity(uuid);
DROP FUNCTION retention_settled();
DROP FUNCTION retention_before(text);"""
    )
    return "\n".join(lines)


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    rules = op.create_table(
        "retention_rules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.CheckConstraint("name ~ '^[a-z_]{1,40}$'", name=op.f("ck_retention_rules_name")),
        sa.CheckConstraint("months >= 1", name=op.f("ck_retention_rules_months")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_retention_rules")),
    )
    op.create_table(
        "retention_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "started_by IN ('worker', 'operator')", name=op.f("ck_retention_runs_started_by")
        ),
        sa.CheckConstraint("finished_at >= started_at", name=op.f("ck_retention_runs_finished_at")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_runs")),
    )
    op.create_index("ix_retention_runs_started_at", "retention_runs", ["started_at"])
    op.create_table(
        "retention_counts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=True),
        sa.Column("erased", sa.Integer(), server_default="0", nullable=False),
        sa.Column("held", sa.Integer(), server_default="0", nullable=False),
        sa.Column("kept", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "erased >= 0 AND held >= 0 AND kept >= 0", name=op.f("ck_retention_counts_counted")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_retention_counts_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["rule"],
            ["retention_rules.name"],
            name=op.f("fk_retention_counts_rule_retention_rules"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["retention_runs.id"],
            name=op.f("fk_retention_counts_run_id_retention_runs"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_counts")),
    )
    op.create_index(
        "uq_retention_counts_run_id_rule_owner_agency",
        "retention_counts",
        ["run_id", "rule", "owner_agency"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.bulk_insert(
        rules,
        [{"name": n, "months": m, "version": VERSION} for n, m in MONTHS.items()],
    )
    run_script(_security())


def downgrade() -> None:
    run_script("SET LOCAL check_function_bodies = off;\n" + _undo())
    op.drop_table("retention_counts")
    op.drop_table("retention_runs")
    op.drop_table("retention_rules")
