"""recognition

Revision: 0004, after 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


SECURITY = """
-- Policy texts are read by all agencies; the operator writes them.
GRANT SELECT ON recognition_policies TO reg_app, reg_worker;

-- An answer belongs to the agency that asked, and never changes.
ALTER TABLE clearances ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearances FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON clearances TO reg_app;
CREATE POLICY clearances_select ON clearances FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY clearances_insert ON clearances FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE TRIGGER clearances_append_only BEFORE UPDATE OR DELETE ON clearances
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE clearance_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearance_receipts FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON clearance_receipts TO reg_app;
CREATE POLICY clearance_receipts_select ON clearance_receipts FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY clearance_receipts_insert ON clearance_receipts FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE TRIGGER clearance_receipts_append_only BEFORE UPDATE OR DELETE ON clearance_receipts
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.create_table(
        "recognition_policies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("requirement", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "effective_to >= effective_from", name=op.f("ck_recognition_policies_period")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_recognition_policies_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recognition_policies")),
        sa.UniqueConstraint(
            "agency_id",
            "requirement",
            "version",
            name=op.f("uq_recognition_policies_agency_id_requirement_version"),
        ),
    )
    op.create_index(
        "uq_recognition_policies_open",
        "recognition_policies",
        ["agency_id", "requirement"],
        unique=True,
        postgresql_where=sa.text("effective_to IS NULL"),
    )
    op.create_table(
        "clearances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("list_version", sa.BigInteger(), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_request", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=False),
        sa.Column("receipt_payload", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('CLEAR', 'CLEAR_WITH_CONDITIONS', 'REFER', 'BLOCKED')",
            name=op.f("ck_clearances_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_clearances_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_clearances_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearances")),
        sa.UniqueConstraint("id", "agency_id", name=op.f("uq_clearances_id_agency_id")),
    )
    op.create_index(
        "ix_clearances_agency_id_evaluated_at_id",
        "clearances",
        ["agency_id", "evaluated_at", "id"],
        unique=False,
    )
    op.create_index("ix_clearances_partner_id", "clearances", ["partner_id"], unique=False)
    op.create_table(
        "clearance_receipts",
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column(
            "signed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["clearance_id", "agency_id"],
            ["clearances.id", "clearances.agency_id"],
            name=op.f("fk_clearance_receipts_clearance_id_agency_id_clearances"),
        ),
        sa.PrimaryKeyConstraint("clearance_id", name=op.f("pk_clearance_receipts")),
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_table("clearance_receipts")
    op.drop_index("ix_clearances_partner_id", table_name="clearances")
    op.drop_index("ix_clearances_agency_id_evaluated_at_id", table_name="clearances")
    op.drop_table("clearances")
    op.drop_index(
        "uq_recognition_policies_open",
        table_name="recognition_policies",
        postgresql_where=sa.text("effective_to IS NULL"),
    )
    op.drop_table("recognition_policies")
