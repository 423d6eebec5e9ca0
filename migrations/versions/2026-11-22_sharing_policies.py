"""sharing_policies

Revision: 0012, after 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


# A policy and a record that fit, as one condition of both ways to write the access list.
FITS = """a.owner_agency = s.owner_agency AND s.active AND a.status = 'final'
    AND a.level <> 'AGENCY_ONLY' AND (s.type IS NULL OR a.type = s.type)
    AND (s.country IS NULL OR p.country = s.country)
    AND (s.partner_id IS NULL OR a.partner_id = s.partner_id)
    AND (s.valid_until IS NULL OR s.valid_until > now())
    AND EXISTS (SELECT 1 FROM agencies g WHERE g.id = s.shared_with AND g.status <> 'withdrawn')"""
ENTRIES = """INSERT INTO assessments_acl (agency_id, record_id, share_id, owner_agency, level, purpose,
      valid_from, valid_to)
    SELECT s.shared_with, a.id, s.id, s.owner_agency, s.level, s.purpose, s.valid_from,
      s.valid_until"""

SECURITY = f"""
ALTER TABLE sharing_policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE sharing_policies FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON sharing_policies TO reg_app;
-- Its terms never change: who wants others ends it and makes a new one.
GRANT UPDATE (active, ended_at, ended_by) ON sharing_policies TO reg_app;
GRANT SELECT ON sharing_policies TO reg_worker;
CREATE POLICY sharing_policies_select ON sharing_policies FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR shared_with = (SELECT app_agency()));
CREATE POLICY sharing_policies_insert ON sharing_policies FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
-- What was ended stays so.
CREATE POLICY sharing_policies_update ON sharing_policies FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency()) AND ended_at IS NULL) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY sharing_policies_worker ON sharing_policies FOR SELECT TO reg_worker USING (true);

GRANT SELECT, INSERT, DELETE ON assessments_acl TO reg_worker;
CREATE POLICY assessments_acl_worker ON assessments_acl TO reg_worker
  USING (true) WITH CHECK (true);

-- A request names a record that its sender can see: with any other it fails as with none.
DROP POLICY access_requests_insert ON access_requests;
CREATE POLICY access_requests_insert ON access_requests FOR INSERT TO reg_app
  WITH CHECK (requested_by = (SELECT app_agency()) AND status = 'open'
    AND EXISTS (SELECT 1 FROM assessments a WHERE a.id = assessment_id));

-- Who makes or ends a policy holds this lock alone, who changes a record shares it: each sees what
-- the other committed, so no record that fits is left out and none keeps an entry.
CREATE FUNCTION hold_sharing_policies(agency uuid) RETURNS void LANGUAGE sql AS
  $$ SELECT pg_advisory_xact_lock(7021012, hashtext(agency::text)) $$;

CREATE FUNCTION start_sharing_policy(policy uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE entries bigint;
BEGIN
  {ENTRIES}
  FROM sharing_policies s JOIN assessments a ON a.owner_agency = s.owner_agency
  JOIN partners p ON p.id = a.partner_id
  WHERE s.id = policy AND {FITS}
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS entries = ROW_COUNT;
  RETURN entries;
END $$;

CREATE FUNCTION apply_sharing_policies(record uuid, agency uuid, fresh boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7021012, hashtext(agency::text));
  IF NOT fresh THEN
    DELETE FROM assessments_acl x USING sharing_policies s
    WHERE x.record_id = record AND s.id = x.share_id AND NOT EXISTS (
      SELECT 1 FROM assessments a JOIN partners p ON p.id = a.partner_id
      WHERE a.id = record AND {FITS});
  END IF;
  {ENTRIES}
  FROM assessments a JOIN sharing_policies s ON s.owner_agency = a.owner_agency
  JOIN partners p ON p.id = a.partner_id
  WHERE a.id = record AND s.owner_agency = agency AND {FITS}
  ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION assessments_shared_by_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' OR (NEW.status = 'final' AND NEW.level <> 'AGENCY_ONLY') THEN
    PERFORM apply_sharing_policies(NEW.id, NEW.owner_agency, TG_OP = 'INSERT');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER assessments_shared_by_policy
  AFTER INSERT OR UPDATE OF status, type, level, partner_id ON assessments
  FOR EACH ROW EXECUTE FUNCTION assessments_shared_by_policy();
"""  # noqa: S608 - constants

CHECKS = (
    ("level", "level IN ('summary', 'detail')"),
    ("agency_id", "agency_id <> owner_agency"),
    ("purpose", "purpose ~ '^[A-Z_]{1,40}$'"),
    ("valid_to", "valid_to > valid_from"),
)

UNDO = """
DELETE FROM assessments_acl x USING sharing_policies s WHERE s.id = x.share_id;
DROP TRIGGER assessments_shared_by_policy ON assessments;
DROP FUNCTION assessments_shared_by_policy();
DROP FUNCTION apply_sharing_policies(uuid, uuid, boolean);
DROP FUNCTION start_sharing_policy(uuid);
DROP FUNCTION hold_sharing_policies(uuid);
DROP POLICY access_requests_insert ON access_requests;
CREATE POLICY access_requests_insert ON access_requests FOR INSERT TO reg_app
  WITH CHECK (requested_by = (SELECT app_agency()) AND status = 'open');
DROP POLICY assessments_acl_worker ON assessments_acl;
REVOKE SELECT, INSERT, DELETE ON assessments_acl FROM reg_worker;
"""


def upgrade() -> None:
    op.create_table(
        "sharing_policies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("shared_with", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("everything", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_by_person", sa.Uuid(), nullable=False),
        sa.Column("created_by_client", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("country ~ '^[A-Z]{3}$'", name=op.f("ck_sharing_policies_country")),
        sa.CheckConstraint(
            "level IN ('summary', 'detail')", name=op.f("ck_sharing_policies_level")
        ),
        sa.CheckConstraint("purpose ~ '^[A-Z_]{1,40}$'", name=op.f("ck_sharing_policies_purpose")),
        sa.CheckConstraint("type ~ '^[a-z_]{1,40}$'", name=op.f("ck_sharing_policies_type")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_sharing_policies_ended_by")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR NOT active", name=op.f("ck_sharing_policies_active")
        ),
        sa.CheckConstraint(
            "everything = (num_nonnulls(type, country, partner_id) = 0)",
            name=op.f("ck_sharing_policies_everything"),
        ),
        sa.CheckConstraint(
            "shared_with <> owner_agency", name=op.f("ck_sharing_policies_shared_with")
        ),
        sa.CheckConstraint(
            "valid_until > valid_from", name=op.f("ck_sharing_policies_valid_until")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_person"],
            ["persons.id"],
            name=op.f("fk_sharing_policies_created_by_person_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["persons.id"], name=op.f("fk_sharing_policies_ended_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_sharing_policies_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_sharing_policies_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["shared_with"], ["agencies.id"], name=op.f("fk_sharing_policies_shared_with_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharing_policies")),
    )
    op.create_index(
        "ix_sharing_policies_owner_agency_id",
        "sharing_policies",
        ["owner_agency", "id"],
        unique=False,
    )
    op.create_index(
        "ix_sharing_policies_shared_with_id",
        "sharing_policies",
        ["shared_with", "id"],
        unique=False,
    )
    op.create_index(
        "uq_sharing_policies_active",
        "sharing_policies",
        [
            "owner_agency",
            "shared_with",
            "level",
            "purpose",
            "type",
            "country",
            "partner_id",
            "roles",
        ],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("active"),
    )
    op.create_index("ix_assessments_acl_share_id", "assessments_acl", ["share_id"], unique=False)
    for name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_assessments_acl_{name}"), "assessments_acl", condition)
    run_script(SECURITY)


def downgrade() -> None:
    # Row security would hide every entry from the owner of the table; the list loses what only
    # the newer release keeps.
    op.execute("ALTER TABLE assessments_acl NO FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE sharing_policies NO FORCE ROW LEVEL SECURITY")
    run_script(UNDO)
    op.execute("ALTER TABLE assessments_acl FORCE ROW LEVEL SECURITY")
    for name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_assessments_acl_{name}"), "assessments_acl", type_="check")
    op.drop_index("ix_assessments_acl_share_id", table_name="assessments_acl")
    op.drop_index(
        "uq_sharing_policies_active",
        table_name="sharing_policies",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("active"),
    )
    op.drop_index("ix_sharing_policies_shared_with_id", table_name="sharing_policies")
    op.drop_index("ix_sharing_policies_owner_agency_id", table_name="sharing_policies")
    op.drop_table("sharing_policies")
