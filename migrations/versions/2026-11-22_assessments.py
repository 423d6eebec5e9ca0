"""assessments

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


SECURITY = """
ALTER TABLE assessments ENABLE ROW LEVEL SECURITY;
ALTER TABLE assessments FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON assessments TO reg_app;
-- Whose it is and of whom never changes.
GRANT UPDATE (status, conducted_on, valid_until, confidentiality, level, rating_scheme,
  rating_value, rating_dimension, rating_level, rating_source, version, updated_at)
  ON assessments TO reg_app;
GRANT SELECT ON assessments TO reg_worker;
CREATE POLICY assessments_select ON assessments FOR SELECT TO reg_app
  USING (level <> 'AGENCY_ONLY' OR owner_agency = (SELECT app_agency()));
CREATE POLICY assessments_insert ON assessments FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assessments_update ON assessments FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assessments_worker ON assessments FOR SELECT TO reg_worker USING (true);

-- The list of who may read. Each policy looks at its own row only, or policies would recurse.
ALTER TABLE assessments_acl ENABLE ROW LEVEL SECURITY;
ALTER TABLE assessments_acl FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, DELETE ON assessments_acl TO reg_app;
CREATE POLICY assessments_acl_select ON assessments_acl FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()) OR owner_agency = (SELECT app_agency()));
CREATE POLICY assessments_acl_insert ON assessments_acl FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assessments_acl_delete ON assessments_acl FOR DELETE TO reg_app
  USING (owner_agency = (SELECT app_agency()));

-- A session bound to no agency sees no detail, INTER_AGENCY or not.
ALTER TABLE assessment_details ENABLE ROW LEVEL SECURITY;
ALTER TABLE assessment_details FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON assessment_details TO reg_app;
GRANT UPDATE (level, version, sealed) ON assessment_details TO reg_app;
CREATE POLICY assessment_details_select ON assessment_details FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency())
    OR (level = 'INTER_AGENCY' AND (SELECT app_agency()) IS NOT NULL)
    OR (level = 'RESTRICTED' AND EXISTS (SELECT 1 FROM assessments_acl x
      WHERE x.agency_id = (SELECT app_agency()) AND x.record_id = assessment_id
        AND x.level = 'detail' AND x.valid_from <= now()
        AND (x.valid_to IS NULL OR x.valid_to > now()))));
CREATE POLICY assessment_details_insert ON assessment_details FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assessment_details_update ON assessment_details FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));

ALTER TABLE assessment_shares ENABLE ROW LEVEL SECURITY;
ALTER TABLE assessment_shares FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON assessment_shares TO reg_app;
GRANT UPDATE (active, revoked_at, revoked_by) ON assessment_shares TO reg_app;
CREATE POLICY assessment_shares_select ON assessment_shares FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR shared_with = (SELECT app_agency()));
CREATE POLICY assessment_shares_insert ON assessment_shares FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assessment_shares_update ON assessment_shares FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));

ALTER TABLE access_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_requests FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON access_requests TO reg_app;
GRANT UPDATE (status, decided_by, decided_at, sealed_reason, version) ON access_requests TO reg_app;
CREATE POLICY access_requests_select ON access_requests FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR requested_by = (SELECT app_agency()));
-- Nobody files a request that has already been granted.
CREATE POLICY access_requests_insert ON access_requests FOR INSERT TO reg_app
  WITH CHECK (requested_by = (SELECT app_agency()) AND status = 'open');
CREATE POLICY access_requests_update ON access_requests FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
"""


def upgrade() -> None:
    op.create_table(
        "assessments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("methodology", sa.Text(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("conducted_on", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("confidentiality", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("rating_scheme", sa.Text(), nullable=True),
        sa.Column("rating_value", sa.Text(), nullable=True),
        sa.Column("rating_dimension", sa.Text(), nullable=True),
        sa.Column("rating_level", sa.Text(), nullable=True),
        sa.Column("rating_source", sa.Text(), nullable=True),
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
            "confidentiality IN ('INTER_AGENCY', 'RESTRICTED', 'AGENCY_ONLY')",
            name=op.f("ck_assessments_confidentiality"),
        ),
        sa.CheckConstraint(
            "level = CASE status WHEN 'draft' THEN 'AGENCY_ONLY' ELSE confidentiality END",
            name=op.f("ck_assessments_level"),
        ),
        sa.CheckConstraint(
            "rating_level IN ('LOW', 'MODERATE', 'SIGNIFICANT', 'HIGH')",
            name=op.f("ck_assessments_rating_level"),
        ),
        sa.CheckConstraint(
            "rating_source IN ('computed', 'reported')", name=op.f("ck_assessments_rating_source")
        ),
        sa.CheckConstraint(
            "status = 'draft' OR (conducted_on IS NOT NULL AND valid_until IS NOT NULL AND num_nulls(rating_scheme, rating_value, rating_dimension, rating_source) = 0)",
            name=op.f("ck_assessments_complete"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'final', 'withdrawn')", name=op.f("ck_assessments_status")
        ),
        sa.CheckConstraint("type ~ '^[a-z_]{1,40}$'", name=op.f("ck_assessments_type")),
        sa.CheckConstraint("valid_until >= conducted_on", name=op.f("ck_assessments_valid_until")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_assessments_version")),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_assessments_owner_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_assessments_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessments")),
        sa.UniqueConstraint(
            "id", "owner_agency", "level", name=op.f("uq_assessments_id_owner_agency_level")
        ),
        sa.UniqueConstraint("id", "owner_agency", name=op.f("uq_assessments_id_owner_agency")),
    )
    op.create_index(
        "ix_assessments_created_at_id", "assessments", ["created_at", "id"], unique=False
    )
    op.create_index(
        "ix_assessments_owner_agency_created_at_id",
        "assessments",
        ["owner_agency", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_assessments_partner_id_created_at_id",
        "assessments",
        ["partner_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "access_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("sealed_justification", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status IN ('approved', 'denied')) = (decided_by IS NOT NULL)",
            name=op.f("ck_access_requests_decided_by"),
        ),
        sa.CheckConstraint("level IN ('summary', 'detail')", name=op.f("ck_access_requests_level")),
        sa.CheckConstraint("purpose ~ '^[A-Z_]{1,40}$'", name=op.f("ck_access_requests_purpose")),
        sa.CheckConstraint(
            "status IN ('open', 'approved', 'denied', 'withdrawn')",
            name=op.f("ck_access_requests_status"),
        ),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_access_requests_decided_at"),
        ),
        sa.CheckConstraint(
            "requested_by <> owner_agency", name=op.f("ck_access_requests_requested_by")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_access_requests_version")),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency"],
            ["assessments.id", "assessments.owner_agency"],
            name=op.f("fk_access_requests_assessment_id_owner_agency_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_access_requests_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["agencies.id"], name=op.f("fk_access_requests_requested_by_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_requests")),
    )
    op.create_index(
        "ix_access_requests_owner_agency_id",
        "access_requests",
        ["owner_agency", "id"],
        unique=False,
    )
    op.create_index(
        "ix_access_requests_requested_by_id",
        "access_requests",
        ["requested_by", "id"],
        unique=False,
    )
    op.create_index(
        "uq_access_requests_open",
        "access_requests",
        ["assessment_id", "requested_by", "purpose"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "assessment_details",
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency", "level"],
            ["assessments.id", "assessments.owner_agency", "assessments.level"],
            name=op.f("fk_assessment_details_assessments"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("assessment_id", name=op.f("pk_assessment_details")),
    )
    op.create_table(
        "assessments_acl",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("share_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id", "owner_agency"],
            ["assessments.id", "assessments.owner_agency"],
            name=op.f("fk_assessments_acl_record_id_owner_agency_assessments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "agency_id", "record_id", "share_id", name=op.f("pk_assessments_acl")
        ),
    )
    op.create_index("ix_assessments_acl_record_id", "assessments_acl", ["record_id"], unique=False)
    op.create_table(
        "assessment_shares",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("shared_with", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_by_person", sa.Uuid(), nullable=False),
        sa.Column("created_by_client", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("access_request_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "level IN ('summary', 'detail')", name=op.f("ck_assessment_shares_level")
        ),
        sa.CheckConstraint("purpose ~ '^[A-Z_]{1,40}$'", name=op.f("ck_assessment_shares_purpose")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL)",
            name=op.f("ck_assessment_shares_revoked_by"),
        ),
        sa.CheckConstraint(
            "revoked_at IS NULL OR NOT active", name=op.f("ck_assessment_shares_active")
        ),
        sa.CheckConstraint(
            "shared_with <> owner_agency", name=op.f("ck_assessment_shares_shared_with")
        ),
        sa.CheckConstraint(
            "valid_until > valid_from", name=op.f("ck_assessment_shares_valid_until")
        ),
        sa.ForeignKeyConstraint(
            ["access_request_id"],
            ["access_requests.id"],
            name=op.f("fk_assessment_shares_access_request_id_access_requests"),
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency"],
            ["assessments.id", "assessments.owner_agency"],
            name=op.f("fk_assessment_shares_assessment_id_owner_agency_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by_person"],
            ["persons.id"],
            name=op.f("fk_assessment_shares_created_by_person_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by"], ["persons.id"], name=op.f("fk_assessment_shares_revoked_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["shared_with"], ["agencies.id"], name=op.f("fk_assessment_shares_shared_with_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_shares")),
    )
    op.create_index(
        "ix_assessment_shares_access_request_id",
        "assessment_shares",
        ["access_request_id"],
        unique=False,
    )
    op.create_index(
        "ix_assessment_shares_assessment_id_id",
        "assessment_shares",
        ["assessment_id", "id"],
        unique=False,
    )
    op.create_index(
        "uq_assessment_shares_active",
        "assessment_shares",
        ["assessment_id", "shared_with", "purpose"],
        unique=True,
        postgresql_where=sa.text("active"),
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_index(
        "uq_assessment_shares_active",
        table_name="assessment_shares",
        postgresql_where=sa.text("active"),
    )
    op.drop_index("ix_assessment_shares_assessment_id_id", table_name="assessment_shares")
    op.drop_index("ix_assessment_shares_access_request_id", table_name="assessment_shares")
    op.drop_table("assessment_shares")
    op.drop_table("assessment_details")
    op.drop_index("ix_assessments_acl_record_id", table_name="assessments_acl")
    op.drop_table("assessments_acl")
    op.drop_index(
        "uq_access_requests_open",
        table_name="access_requests",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_index("ix_access_requests_requested_by_id", table_name="access_requests")
    op.drop_index("ix_access_requests_owner_agency_id", table_name="access_requests")
    op.drop_table("access_requests")
    op.drop_index("ix_assessments_partner_id_created_at_id", table_name="assessments")
    op.drop_index("ix_assessments_owner_agency_created_at_id", table_name="assessments")
    op.drop_index("ix_assessments_created_at_id", table_name="assessments")
    op.drop_table("assessments")
