"""assurance

Revision: 0033, after 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


SECURITY = """
SET LOCAL check_function_bodies = off;
ALTER TABLE assurance_plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE assurance_plans FORCE ROW LEVEL SECURITY;
GRANT SELECT, DELETE ON assurance_plans TO reg_app;
-- A revision begins as a draft. Whose it is, of which country and year never changes.
GRANT INSERT (id, revision, owner_agency, country, year, version, created_by)
  ON assurance_plans TO reg_app;
GRANT UPDATE (status, submitted_by, submitted_at, approved_by, approved_at, version)
  ON assurance_plans TO reg_app;
CREATE POLICY assurance_plans_select ON assurance_plans FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency())
    OR (status = 'approved' AND (SELECT app_agency()) IS NOT NULL));
CREATE POLICY assurance_plans_insert ON assurance_plans FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assurance_plans_update ON assurance_plans FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assurance_plans_delete ON assurance_plans FOR DELETE TO reg_app
  USING (owner_agency = (SELECT app_agency()) AND status = 'draft');
CREATE POLICY assurance_plans_export ON assurance_plans FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

ALTER TABLE assurance_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE assurance_rows FORCE ROW LEVEL SECURITY;
GRANT SELECT, DELETE ON assurance_rows TO reg_app;
-- The state is that of the revision: it comes with the key, and nobody writes it.
GRANT INSERT (id, plan_id, revision, owner_agency, country, year, line, partner_id, type, quarter,
  basis, joint_with, lead_agency, status, reason, to_year, to_quarter, done_by)
  ON assurance_rows TO reg_app;
GRANT UPDATE (partner_id, type, quarter, basis, joint_with, lead_agency, status, reason, to_year,
  to_quarter, done_by, version, updated_at) ON assurance_rows TO reg_app;
CREATE POLICY assurance_rows_select ON assurance_rows FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency())
    OR (state = 'approved' AND (SELECT app_agency()) IS NOT NULL));
CREATE POLICY assurance_rows_insert ON assurance_rows FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assurance_rows_update ON assurance_rows FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assurance_rows_delete ON assurance_rows FOR DELETE TO reg_app
  USING (owner_agency = (SELECT app_agency()) AND state = 'draft');
CREATE POLICY assurance_rows_export ON assurance_rows FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

-- Each step in its order, and what was submitted or approved stays as it was signed.
CREATE FUNCTION assurance_plan_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.status, NEW.status) NOT IN (('draft', 'draft'), ('draft', 'submitted'),
      ('submitted', 'draft'), ('submitted', 'approved'), ('approved', 'superseded'))
    OR (NEW.status IN ('approved', 'superseded')
      AND (OLD.submitted_by, OLD.submitted_at) IS DISTINCT FROM (NEW.submitted_by, NEW.submitted_at))
    OR (NEW.status = 'superseded'
      AND (OLD.approved_by, OLD.approved_at) IS DISTINCT FROM (NEW.approved_by, NEW.approved_at))
  THEN
    RAISE EXCEPTION 'a plan is drafted, submitted, approved and superseded, in this order'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'assurance_plan_moves';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER assurance_plan_moves BEFORE UPDATE ON assurance_plans
  FOR EACH ROW EXECUTE FUNCTION assurance_plan_moves();

-- What is planned changes in drafts only, and not of what is done. Of a superseded revision nothing
-- changes; how it goes with the activities is written in the approved one, and in the draft of the
-- next.
CREATE FUNCTION assurance_row_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF ((OLD.state <> 'draft' OR OLD.status = 'done')
      AND (OLD.partner_id, OLD.type, OLD.quarter, OLD.basis, OLD.joint_with, OLD.lead_agency)
        IS DISTINCT FROM
        (NEW.partner_id, NEW.type, NEW.quarter, NEW.basis, NEW.joint_with, NEW.lead_agency))
    OR OLD.state = 'superseded'
  THEN
    RAISE EXCEPTION 'what was submitted, or is done, is not planned anew'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'assurance_row_kept';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER assurance_row_kept BEFORE UPDATE ON assurance_rows
  FOR EACH ROW EXECUTE FUNCTION assurance_row_kept();

-- Done is what a final assessment shows: of this type and partner, of the agency itself or of one
-- that the row says takes part. The next revision takes it over from the one before.
CREATE FUNCTION assurance_row_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND EXISTS (SELECT 1 FROM assurance_rows r
      WHERE r.plan_id = NEW.plan_id AND r.revision < NEW.revision AND r.line = NEW.line
        AND r.done_by = NEW.done_by AND r.partner_id = NEW.partner_id AND r.type = NEW.type) THEN
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM assessments a WHERE a.id = NEW.done_by AND a.status = 'final'
      AND a.type = NEW.type AND a.partner_id IN (SELECT partner_lineage(NEW.partner_id))
      AND (a.owner_agency = NEW.owner_agency OR a.owner_agency = ANY (NEW.joint_with))) THEN
    RAISE EXCEPTION 'no such final assessment shows that this was done'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'assurance_row_done';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER assurance_row_done_new BEFORE INSERT ON assurance_rows
  FOR EACH ROW WHEN (NEW.done_by IS NOT NULL) EXECUTE FUNCTION assurance_row_done();
CREATE TRIGGER assurance_row_done BEFORE UPDATE ON assurance_rows
  FOR EACH ROW WHEN (NEW.done_by IS NOT NULL AND NEW.done_by IS DISTINCT FROM OLD.done_by)
  EXECUTE FUNCTION assurance_row_done();
"""


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "assurance_plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'draft') = (submitted_by IS NULL) AND (submitted_by IS NULL) = (submitted_at IS NULL)",
            name=op.f("ck_assurance_plans_submitted"),
        ),
        sa.CheckConstraint(
            "(status IN ('approved', 'superseded')) = (approved_by IS NOT NULL) AND (approved_by IS NULL) = (approved_at IS NULL)",
            name=op.f("ck_assurance_plans_approved"),
        ),
        sa.CheckConstraint("country ~ '^[A-Z]{3}$'", name=op.f("ck_assurance_plans_country")),
        sa.CheckConstraint(
            "status IN ('draft', 'submitted', 'approved', 'superseded')",
            name=op.f("ck_assurance_plans_status"),
        ),
        sa.CheckConstraint(
            "approved_by <> submitted_by", name=op.f("ck_assurance_plans_second_person")
        ),
        sa.CheckConstraint("revision BETWEEN 1 AND 999", name=op.f("ck_assurance_plans_revision")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_assurance_plans_version")),
        sa.CheckConstraint("year BETWEEN 2014 AND 2100", name=op.f("ck_assurance_plans_year")),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["persons.id"], name=op.f("fk_assurance_plans_approved_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["persons.id"], name=op.f("fk_assurance_plans_created_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_assurance_plans_owner_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["submitted_by"], ["persons.id"], name=op.f("fk_assurance_plans_submitted_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", "revision", name=op.f("pk_assurance_plans")),
        sa.UniqueConstraint(
            "id",
            "revision",
            "owner_agency",
            "country",
            "year",
            "status",
            name=op.f("uq_assurance_plans_id_revision_owner_agency_country_year_status"),
        ),
        sa.UniqueConstraint(
            "owner_agency",
            "country",
            "year",
            "revision",
            name=op.f("uq_assurance_plans_owner_agency_country_year_revision"),
        ),
    )
    op.create_index(
        "ix_assurance_plans_owner_agency_id",
        "assurance_plans",
        ["owner_agency", "id"],
        unique=False,
    )
    op.create_index(
        "ix_assurance_plans_year_country_id",
        "assurance_plans",
        ["year", "country", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.create_index(
        "uq_assurance_plans_approved",
        "assurance_plans",
        ["id"],
        unique=True,
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.create_index(
        "uq_assurance_plans_open",
        "assurance_plans",
        ["id"],
        unique=True,
        postgresql_where=sa.text("status IN ('draft', 'submitted')"),
    )
    op.create_table(
        "assurance_rows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("line", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("quarter", sa.SmallInteger(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("joint_with", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("lead_agency", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="planned", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("to_year", sa.SmallInteger(), nullable=True),
        sa.Column("to_quarter", sa.SmallInteger(), nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'done') = (done_by IS NOT NULL)", name=op.f("ck_assurance_rows_done")
        ),
        sa.CheckConstraint(
            "(status = 'postponed') = (to_year IS NOT NULL) AND (to_year IS NULL) = (to_quarter IS NULL)",
            name=op.f("ck_assurance_rows_postponed"),
        ),
        sa.CheckConstraint(
            "CASE WHEN status IN ('postponed', 'cancelled') THEN reason IS NOT NULL ELSE reason IS NULL END",
            name=op.f("ck_assurance_rows_reason_stated"),
        ),
        sa.CheckConstraint(
            "basis IN ('required', 'additional', 'follow_up')", name=op.f("ck_assurance_rows_basis")
        ),
        sa.CheckConstraint("reason ~ '^[a-z_]{1,40}$'", name=op.f("ck_assurance_rows_reason")),
        sa.CheckConstraint(
            "status IN ('planned', 'postponed', 'done', 'cancelled')",
            name=op.f("ck_assurance_rows_status"),
        ),
        sa.CheckConstraint(
            "type IN ('programmatic_visit', 'spot_check', 'audit', 'special_audit', 'hact_micro')",
            name=op.f("ck_assurance_rows_type"),
        ),
        sa.CheckConstraint(
            "cardinality(joint_with) <= 20 AND owner_agency <> ALL (joint_with) AND array_position(joint_with, NULL) IS NULL",
            name=op.f("ck_assurance_rows_joint_with"),
        ),
        sa.CheckConstraint(
            "lead_agency = owner_agency OR lead_agency = ANY (joint_with)",
            name=op.f("ck_assurance_rows_lead_agency"),
        ),
        sa.CheckConstraint("quarter BETWEEN 1 AND 4", name=op.f("ck_assurance_rows_quarter")),
        sa.CheckConstraint(
            "to_quarter BETWEEN 1 AND 4 AND to_year <= year + 5 AND (to_year > year OR (to_year = year AND to_quarter > quarter))",
            name=op.f("ck_assurance_rows_later"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_assurance_rows_version")),
        sa.ForeignKeyConstraint(
            ["lead_agency"], ["agencies.id"], name=op.f("fk_assurance_rows_lead_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_assurance_rows_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "revision", "owner_agency", "country", "year", "state"],
            [
                "assurance_plans.id",
                "assurance_plans.revision",
                "assurance_plans.owner_agency",
                "assurance_plans.country",
                "assurance_plans.year",
                "assurance_plans.status",
            ],
            name="fk_assurance_rows_assurance_plans",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assurance_rows")),
    )
    op.create_index(
        "ix_assurance_rows_country",
        "assurance_rows",
        ["country", "year", "quarter", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.create_index(
        "ix_assurance_rows_partner", "assurance_rows", ["partner_id", "year"], unique=False
    )
    op.create_index(
        "ix_assurance_rows_plan",
        "assurance_rows",
        ["plan_id", "revision", "quarter", "id"],
        unique=False,
    )
    op.create_index(
        "ix_assurance_rows_year",
        "assurance_rows",
        ["year", "quarter", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.create_index(
        "uq_assurance_rows_done_by",
        "assurance_rows",
        ["plan_id", "revision", "done_by"],
        unique=True,
        postgresql_where=sa.text("done_by IS NOT NULL"),
    )
    op.create_index(
        "uq_assurance_rows_line", "assurance_rows", ["plan_id", "revision", "line"], unique=True
    )
    op.create_index(
        "ix_assurance_rows_type",
        "assurance_rows",
        ["type", "year", "quarter", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'approved'"),
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_index("uq_assurance_rows_line", table_name="assurance_rows")
    op.drop_index(
        "uq_assurance_rows_done_by",
        table_name="assurance_rows",
        postgresql_where=sa.text("done_by IS NOT NULL"),
    )
    op.drop_index(
        "ix_assurance_rows_type",
        table_name="assurance_rows",
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.drop_index(
        "ix_assurance_rows_year",
        table_name="assurance_rows",
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.drop_index("ix_assurance_rows_plan", table_name="assurance_rows")
    op.drop_index("ix_assurance_rows_partner", table_name="assurance_rows")
    op.drop_index(
        "ix_assurance_rows_country",
        table_name="assurance_rows",
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.drop_table("assurance_rows")
    op.drop_index(
        "uq_assurance_plans_open",
        table_name="assurance_plans",
        postgresql_where=sa.text("status IN ('draft', 'submitted')"),
    )
    op.drop_index(
        "uq_assurance_plans_approved",
        table_name="assurance_plans",
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.drop_index(
        "ix_assurance_plans_year_country_id",
        table_name="assurance_plans",
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.drop_index("ix_assurance_plans_owner_agency_id", table_name="assurance_plans")
    op.drop_table("assurance_plans")
    op.execute("DROP FUNCTION assurance_row_done()")
    op.execute("DROP FUNCTION assurance_row_kept()")
    op.execute("DROP FUNCTION assurance_plan_moves()")
