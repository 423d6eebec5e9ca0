"""clearance decisions

Revision: 0055, after 0054
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def _own(table: str) -> str:
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON {table} TO reg_app;
CREATE POLICY {table}_select ON {table} FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY {table}_insert ON {table} FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY {table}_export ON {table} FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
"""


SECURITY = f"""
{_own("clearance_decisions")}
CREATE TRIGGER clearance_decisions_append_only BEFORE UPDATE OR DELETE ON clearance_decisions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
{_own("clearance_waivers")}
GRANT UPDATE (completed_on, completed_by, completed_with, version) ON clearance_waivers TO reg_app;
CREATE POLICY clearance_waivers_complete ON clearance_waivers FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND completed_on IS NULL)
  WITH CHECK (agency_id = (SELECT app_agency()) AND completed_on IS NOT NULL);
GRANT SELECT, UPDATE (told) ON clearance_waivers TO reg_worker;
CREATE POLICY clearance_waivers_seek ON clearance_waivers FOR SELECT TO reg_worker USING (true);
CREATE POLICY clearance_waivers_remind ON clearance_waivers FOR UPDATE TO reg_worker
  USING (completed_on IS NULL) WITH CHECK (completed_on IS NULL);
"""


def upgrade() -> None:
    # References are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "clearance_decisions",
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("agreement_reference", sa.Text(), nullable=True),
        sa.Column("outcome_then", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "decision IN ('signed', 'not_signed', 'waived')",
            name=op.f("ck_clearance_decisions_decision"),
        ),
        sa.CheckConstraint(
            "level IN ('officer', 'head_of_office', 'regional', 'headquarters')",
            name=op.f("ck_clearance_decisions_level"),
        ),
        sa.ForeignKeyConstraint(
            ["clearance_id", "agency_id"],
            ["clearances.id", "clearances.agency_id"],
            name=op.f("fk_clearance_decisions_clearance_id_agency_id_clearances"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_clearance_decisions_decided_by_persons")
        ),
        sa.PrimaryKeyConstraint("clearance_id", name=op.f("pk_clearance_decisions")),
        sa.UniqueConstraint(
            "clearance_id", "agency_id", name=op.f("uq_clearance_decisions_clearance_id_agency_id")
        ),
    )
    op.create_index("ix_clearance_decisions_decided_by", "clearance_decisions", ["decided_by"])
    op.create_table(
        "clearance_waivers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("requirement", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("given_on", sa.Date(), server_default=sa.text("current_date"), nullable=False),
        sa.Column("complete_by", sa.Date(), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.Column("completed_by", sa.Uuid(), nullable=True),
        sa.Column("completed_with", sa.Uuid(), nullable=True),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "complete_by >= given_on AND complete_by <= (given_on + interval '6 months')::date",
            name=op.f("ck_clearance_waivers_period"),
        ),
        sa.CheckConstraint(
            "requirement <> 'SANCTIONS'", name=op.f("ck_clearance_waivers_requirement")
        ),
        sa.CheckConstraint(
            "num_nulls(completed_on, completed_by, completed_with) IN (0, 3)",
            name=op.f("ck_clearance_waivers_completed"),
        ),
        sa.CheckConstraint("told IN ('due', 'overdue')", name=op.f("ck_clearance_waivers_told")),
        sa.ForeignKeyConstraint(
            ["clearance_id", "agency_id"],
            ["clearance_decisions.clearance_id", "clearance_decisions.agency_id"],
            name=op.f("fk_clearance_waivers_clearance_id_agency_id_clearance_decisions"),
        ),
        sa.ForeignKeyConstraint(
            ["completed_by"], ["persons.id"], name=op.f("fk_clearance_waivers_completed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["completed_with", "agency_id"],
            ["clearances.id", "clearances.agency_id"],
            name=op.f("fk_clearance_waivers_completed_with_agency_id_clearances"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearance_waivers")),
        sa.UniqueConstraint(
            "clearance_id",
            "requirement",
            name=op.f("uq_clearance_waivers_clearance_id_requirement"),
        ),
    )
    op.create_index("ix_clearance_waivers_agency_id_id", "clearance_waivers", ["agency_id", "id"])
    op.create_index("ix_clearance_waivers_completed_by", "clearance_waivers", ["completed_by"])
    op.create_index("ix_clearance_waivers_completed_with", "clearance_waivers", ["completed_with"])
    op.create_index(
        "ix_clearance_waivers_open",
        "clearance_waivers",
        ["complete_by"],
        postgresql_where=sa.text("completed_on IS NULL"),
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_table("clearance_waivers")
    op.drop_table("clearance_decisions")
