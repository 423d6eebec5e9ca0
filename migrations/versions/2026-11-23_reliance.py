"""reliance, and questions to owners

Revision: 0056, after 0055
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

SECURITY = """
-- Who relied on whose assessment: known to the one that relied, and to the owner, as reading is;
-- what an oversight role asked for an investigation stays with its agency.
ALTER TABLE clearance_recognitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearance_recognitions FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON clearance_recognitions TO reg_app;
CREATE POLICY clearance_recognitions_select ON clearance_recognitions FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()) OR (satisfied AND NOT held
    AND owner_agency = (SELECT app_agency())));
CREATE POLICY clearance_recognitions_insert ON clearance_recognitions FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY clearance_recognitions_export ON clearance_recognitions FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
CREATE TRIGGER clearance_recognitions_append_only BEFORE UPDATE OR DELETE
  ON clearance_recognitions FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A question about a statement that counted: between the agency that asks and the one that owns it.
ALTER TABLE clearance_questions ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearance_questions FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON clearance_questions TO reg_app;
GRANT UPDATE (state, outcome, answered_by, answered_at, version)
  ON clearance_questions TO reg_app;
CREATE POLICY clearance_questions_select ON clearance_questions FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()) OR owner_agency = (SELECT app_agency()));
CREATE POLICY clearance_questions_insert ON clearance_questions FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()) AND state = 'open');
-- The owner answers, the one that asked may take it back.
CREATE POLICY clearance_questions_close ON clearance_questions FOR UPDATE TO reg_app
  USING (state = 'open' AND (SELECT app_agency()) IN (agency_id, owner_agency))
  WITH CHECK (CASE state WHEN 'answered' THEN owner_agency WHEN 'withdrawn' THEN agency_id END
    = (SELECT app_agency()));
CREATE POLICY clearance_questions_export ON clearance_questions FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()) OR owner_agency = (SELECT app_agency()));
"""


def upgrade() -> None:
    # References are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    of_clearance = {
        "columns": ["clearance_id", "agency_id"],
        "refcolumns": ["clearances.id", "clearances.agency_id"],
    }
    op.create_table(
        "clearance_recognitions",
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("requirement", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("satisfied", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("owner_agency", sa.Uuid(), nullable=True),
        sa.Column("assessment_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "by IN ('own', 'recognised')", name=op.f("ck_clearance_recognitions_by")
        ),
        sa.ForeignKeyConstraint(
            **of_clearance,
            name=op.f("fk_clearance_recognitions_clearance_id_agency_id_clearances"),
        ),
        sa.PrimaryKeyConstraint(
            "clearance_id", "requirement", name=op.f("pk_clearance_recognitions")
        ),
    )
    op.create_index(
        "ix_clearance_recognitions_agency_id_at", "clearance_recognitions", ["agency_id", "at"]
    )
    op.create_index(
        "ix_clearance_recognitions_owner_agency_at",
        "clearance_recognitions",
        ["owner_agency", "at"],
        postgresql_where=sa.text("satisfied AND by = 'recognised'"),
    )
    op.create_table(
        "clearance_questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "subject_kind IN ('assessment', 'measure')",
            name=op.f("ck_clearance_questions_subject_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'answered', 'withdrawn')", name=op.f("ck_clearance_questions_state")
        ),
        sa.CheckConstraint(
            "outcome IN ('stands', 'corrected', 'withdrawn', 'under_review')",
            name=op.f("ck_clearance_questions_outcome"),
        ),
        sa.CheckConstraint(
            "num_nulls(outcome, answered_by, answered_at) = "
            "CASE WHEN state = 'answered' THEN 0 ELSE 3 END",
            name=op.f("ck_clearance_questions_answered"),
        ),
        sa.CheckConstraint("owner_agency <> agency_id", name=op.f("ck_clearance_questions_other")),
        sa.ForeignKeyConstraint(
            **of_clearance, name=op.f("fk_clearance_questions_clearance_id_agency_id_clearances")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_clearance_questions_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["persons.id"], name=op.f("fk_clearance_questions_asked_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["persons.id"], name=op.f("fk_clearance_questions_answered_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearance_questions")),
    )
    for column in ("clearance_id", "agency_id", "owner_agency", "asked_by", "answered_by"):
        op.create_index(f"ix_clearance_questions_{column}", "clearance_questions", [column])
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_table("clearance_questions")
    op.drop_table("clearance_recognitions")
