"""screening api

Revision: 0048, after 0046
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_ROLES = "role IN ('PARTNER', 'PARTNER_OFFICER', 'SUB_PARTNER', 'VENDOR')"

SECURITY = """
-- What an oversight role asked for an investigation or audit, only such roles of its agency read.
DROP POLICY screenings_select ON screenings;
CREATE POLICY screenings_select ON screenings FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()) AND (NOT held OR (SELECT app_oversight())));

-- ---------------------------------------------------------------- retention
-- A period may be given in days: what the rules say is what is kept, to the day.
ALTER TABLE retention_rules DROP CONSTRAINT ck_retention_rules_months;
ALTER TABLE retention_rules ADD COLUMN days integer NOT NULL DEFAULT 0,
  ADD CONSTRAINT ck_retention_rules_period CHECK (months >= 0 AND days >= 0 AND months + days >= 1);
CREATE OR REPLACE FUNCTION retention_before(rule text) RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT now() - make_interval(months => r.months, days => r.days)
  FROM retention_rules r WHERE r.name = rule $$;
UPDATE retention_rules SET version = '2026.6';
INSERT INTO retention_rules (name, months, days, version)
  VALUES ('screening_subjects', 0, 90, '2026.6');
CREATE VIEW retention_screening_subjects
  WITH (security_invoker = true, security_barrier = true) AS
  SELECT s.id, NULL::uuid AS partner_id, s.agency_id AS owner_agency, s.at AS since,
    ARRAY[s.id] AS records, NULL::text AS kept_by
  FROM screenings s
  WHERE s.subject_erased_at IS NULL AND s.at <= (SELECT retention_before('screening_subjects'));
GRANT SELECT ON retention_screening_subjects TO reg_worker;
GRANT SELECT (subject_erased_at) ON screenings TO reg_worker;
GRANT UPDATE (sealed, subject_erased_at) ON screenings TO reg_worker;
CREATE POLICY screenings_retention_update ON screenings FOR UPDATE TO reg_worker
  USING (true) WITH CHECK (sealed IS NULL);
CREATE TRIGGER screenings_subject_due BEFORE UPDATE ON screenings FOR EACH ROW
  WHEN (current_user = 'reg_worker')
  EXECUTE FUNCTION only_when_due('id', 'screening_subjects');
"""

UNDO = """
DROP TRIGGER screenings_subject_due ON screenings;
DROP POLICY screenings_retention_update ON screenings;
REVOKE UPDATE (sealed, subject_erased_at) ON screenings FROM reg_worker;
REVOKE SELECT (subject_erased_at) ON screenings FROM reg_worker;
DROP VIEW retention_screening_subjects;
ALTER TABLE retention_counts NO FORCE ROW LEVEL SECURITY;
DELETE FROM retention_counts WHERE rule = 'screening_subjects';
ALTER TABLE retention_counts FORCE ROW LEVEL SECURITY;
DELETE FROM retention_rules WHERE name = 'screening_subjects';
UPDATE retention_rules SET version = '2026.5';
CREATE OR REPLACE FUNCTION retention_before(rule text) RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT now() - make_interval(months => r.months) FROM retention_rules r WHERE r.name = rule $$;
ALTER TABLE retention_rules DROP CONSTRAINT ck_retention_rules_period, DROP COLUMN days,
  ADD CONSTRAINT ck_retention_rules_months CHECK (months >= 1);
DROP POLICY screenings_select ON screenings;
CREATE POLICY screenings_select ON screenings FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
"""
# A screening whose subject is gone cannot be told as before: it leaves with its table's new form.
EMPTIED = """
ALTER TABLE screenings NO FORCE ROW LEVEL SECURITY;
ALTER TABLE screenings DISABLE TRIGGER screenings_due;
DELETE FROM screenings WHERE sealed IS NULL;
ALTER TABLE screenings ENABLE TRIGGER screenings_due;
ALTER TABLE screenings FORCE ROW LEVEL SECURITY;
"""


def upgrade() -> None:
    # References to partners are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    json = postgresql.JSONB(astext_type=sa.Text())
    for column in (
        sa.Column("role", sa.Text(), server_default="PARTNER", nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("rerun_of", sa.Uuid(), nullable=True),
        sa.Column("statistics_version", sa.Text(), nullable=True),
        sa.Column("lists", json, server_default="[]", nullable=False),
        sa.Column("stale_sources", json, server_default="[]", nullable=False),
        sa.Column("hits", json, server_default="[]", nullable=False),
        sa.Column("more", sa.Integer(), server_default="0", nullable=False),
        sa.Column("held", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("subject_erased_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("screenings", column)
    op.alter_column("screenings", "sealed", existing_type=sa.LargeBinary(), nullable=True)
    op.create_foreign_key(
        op.f("fk_screenings_partner_id_partners"), "screenings", "partners", ["partner_id"], ["id"]
    )
    for name, rule in (
        ("role", _ROLES),
        ("kind", "kind IN ('person', 'organisation', 'unknown')"),
        ("more", "more >= 0"),
        ("erased", "(sealed IS NULL) = (subject_erased_at IS NOT NULL)"),
    ):
        op.create_check_constraint(op.f(f"ck_screenings_{name}"), "screenings", rule)
    op.drop_index("ix_screenings_agency_id_id", table_name="screenings")
    op.create_index("ix_screenings_agency_id_at_id", "screenings", ["agency_id", "at", "id"])
    op.create_index(
        "ix_screenings_subject_kept",
        "screenings",
        ["at"],
        postgresql_where=sa.text("subject_erased_at IS NULL"),
    )
    op.create_index(
        "ix_screenings_partner_id",
        "screenings",
        ["partner_id"],
        postgresql_where=sa.text("partner_id IS NOT NULL"),
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    run_script(EMPTIED)
    for name in ("subject_kept", "partner_id", "agency_id_at_id"):
        op.drop_index(f"ix_screenings_{name}", table_name="screenings")
    op.create_index("ix_screenings_agency_id_id", "screenings", ["agency_id", "id"])
    for name in ("role", "kind", "more", "erased"):
        op.drop_constraint(op.f(f"ck_screenings_{name}"), "screenings", type_="check")
    op.alter_column("screenings", "sealed", existing_type=sa.LargeBinary(), nullable=False)
    for name in (
        *("subject_erased_at", "held", "more", "hits", "stale_sources", "lists"),
        *("statistics_version", "rerun_of", "batch_id", "partner_id", "kind", "role"),
    ):
        op.drop_column("screenings", name)
