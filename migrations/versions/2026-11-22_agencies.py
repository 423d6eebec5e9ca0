"""agencies

Revision: 0007, after 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


SECURITY = """
-- What an agency still lacks before it may be active.
CREATE FUNCTION agency_lacks(agency uuid) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT coalesce(array_agg(missing ORDER BY missing), '{}') FROM (
    SELECT 'agreement:' || k AS missing
      FROM unnest(ARRAY['participation', 'data_sharing', 'data_protection_assessment']) k
      WHERE NOT EXISTS (SELECT FROM agency_agreements g
        WHERE g.agency_id = agency AND g.kind = k AND g.signed_on <= current_date
          AND (g.valid_until IS NULL OR g.valid_until >= current_date))
    UNION ALL
    SELECT 'focal_point:' || s
      FROM unnest(ARRAY['implementing_partners', 'data_protection', 'legal', 'oversight']) s
      WHERE NOT EXISTS (SELECT FROM focal_points f WHERE f.agency_id = agency AND f.subject = s)
  ) AS lacking $$;

-- applicant, active, suspended and back, withdrawn for good. The row is locked when this runs,
-- so of two steps at once the second sees the first.
CREATE FUNCTION agencies_life_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE lacking text[]; custodian text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'applicant' THEN
      RAISE EXCEPTION 'an agency begins as an applicant'
        USING ERRCODE = '23514', CONSTRAINT = 'agencies_life_cycle', TABLE = 'agencies';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.status = OLD.status THEN
    RETURN NEW;
  END IF;
  IF (OLD.status, NEW.status) NOT IN (('applicant', 'active'), ('active', 'suspended'),
      ('suspended', 'active'), ('active', 'withdrawn'), ('suspended', 'withdrawn')) THEN
    RAISE EXCEPTION 'no way from % to %', OLD.status, NEW.status
      USING ERRCODE = '23514', CONSTRAINT = 'agencies_life_cycle', TABLE = 'agencies';
  END IF;
  IF NEW.status = 'active' THEN
    lacking := agency_lacks(NEW.id);
    IF cardinality(lacking) > 0 THEN
      RAISE EXCEPTION 'the agency lacks %', array_to_string(lacking, ', ')
        USING ERRCODE = '23514', CONSTRAINT = 'agencies_active_needs', TABLE = 'agencies';
    END IF;
  END IF;
  IF NEW.status = 'withdrawn' THEN
    -- Locked, so that the custodian does not withdraw at the same moment.
    SELECT status INTO custodian FROM agencies WHERE id = NEW.custodian_agency FOR SHARE;
    IF NEW.custodian_agency IS NOT NULL AND custodian <> 'active' THEN
      RAISE EXCEPTION 'a custodian is an active agency'
        USING ERRCODE = '23514', CONSTRAINT = 'agencies_custodian_active', TABLE = 'agencies';
    END IF;
    IF EXISTS (SELECT FROM agencies WHERE custodian_agency = NEW.id) THEN
      RAISE EXCEPTION 'the agency is itself custodian of another'
        USING ERRCODE = '23514', CONSTRAINT = 'agencies_custodian_active', TABLE = 'agencies';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER agencies_life_cycle BEFORE INSERT OR UPDATE OF status ON agencies
  FOR EACH ROW EXECUTE FUNCTION agencies_life_cycle();

-- A parent of a wider kind: no loop can be. Its row is held, so that it is not closed meanwhile.
CREATE FUNCTION offices_tree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kinds CONSTANT text[] := ARRAY['hq', 'region', 'multi_country', 'country']; parent record;
BEGIN
  IF NEW.parent_id IS NOT NULL AND (NEW.active OR TG_OP = 'INSERT') THEN
    SELECT kind, active INTO parent FROM offices
      WHERE id = NEW.parent_id AND agency_id = NEW.agency_id FOR SHARE;
    -- A parent that is not there is the foreign key's business.
    IF FOUND AND (NOT parent.active
        OR array_position(kinds, parent.kind) >= array_position(kinds, NEW.kind)) THEN
      RAISE EXCEPTION 'the parent is closed, or not of a wider kind'
        USING ERRCODE = '23514', CONSTRAINT = 'offices_tree', TABLE = 'offices';
    END IF;
  END IF;
  IF TG_OP = 'UPDATE' AND NOT NEW.active
      AND EXISTS (SELECT FROM offices WHERE parent_id = NEW.id AND active) THEN
    RAISE EXCEPTION 'offices below it are open'
      USING ERRCODE = '23514', CONSTRAINT = 'offices_open_below', TABLE = 'offices';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER offices_tree BEFORE INSERT OR UPDATE OF parent_id, kind, active ON offices
  FOR EACH ROW EXECUTE FUNCTION offices_tree();

-- An active agency keeps a focal point for each subject that it needed to become one. Its row is
-- locked first, so that of two last ones removed at once one stays.
CREATE FUNCTION focal_points_required() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE standing text;
BEGIN
  IF OLD.subject NOT IN ('implementing_partners', 'data_protection', 'legal', 'oversight') THEN
    RETURN NULL;
  END IF;
  SELECT status INTO standing FROM agencies WHERE id = OLD.agency_id FOR NO KEY UPDATE;
  IF standing IN ('active', 'suspended') AND NOT EXISTS (SELECT FROM focal_points
      WHERE agency_id = OLD.agency_id AND subject = OLD.subject) THEN
    RAISE EXCEPTION 'the last focal point for %', OLD.subject
      USING ERRCODE = '23514', CONSTRAINT = 'focal_points_required', TABLE = 'focal_points';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER focal_points_required AFTER DELETE OR UPDATE OF subject, agency_id ON focal_points
  FOR EACH ROW EXECUTE FUNCTION focal_points_required();

CREATE TRIGGER agency_agreements_append_only BEFORE UPDATE OR DELETE ON agency_agreements
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agency_status_changes_append_only BEFORE UPDATE OR DELETE ON agency_status_changes
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agency_signatories_append_only BEFORE UPDATE OR DELETE ON agency_signatories
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Agencies, their profile and focal points are read by all; each writes its own, and never its
-- status, code or name: those are the operator's. reg_facts is for functions that tell facts.
ALTER TABLE agencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE agencies FORCE ROW LEVEL SECURITY;
GRANT UPDATE (contact_office, contact_email, website, partner_unit, partner_unit_email,
  eligible_partner_types, version) ON agencies TO reg_app;
CREATE POLICY agencies_select ON agencies FOR SELECT TO reg_app, reg_worker, reg_facts
  USING (true);
CREATE POLICY agencies_update ON agencies FOR UPDATE TO reg_app
  USING (id = (SELECT app_agency())) WITH CHECK (id = (SELECT app_agency()));
CREATE POLICY agencies_operator ON agencies TO reg_owner USING (true) WITH CHECK (true);

ALTER TABLE focal_points ENABLE ROW LEVEL SECURITY;
ALTER TABLE focal_points FORCE ROW LEVEL SECURITY;
GRANT INSERT, DELETE ON focal_points TO reg_app;
GRANT UPDATE (subject, office, office_id, country, email, version) ON focal_points TO reg_app;
CREATE POLICY focal_points_select ON focal_points FOR SELECT TO reg_app, reg_worker, reg_facts
  USING (true);
CREATE POLICY focal_points_insert ON focal_points FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY focal_points_update ON focal_points FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY focal_points_delete ON focal_points FOR DELETE TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY focal_points_operator ON focal_points TO reg_owner USING (true) WITH CHECK (true);

ALTER TABLE agency_signatories ENABLE ROW LEVEL SECURITY;
ALTER TABLE agency_signatories FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON agency_signatories TO reg_app;
CREATE POLICY agency_signatories_select ON agency_signatories FOR SELECT TO reg_app USING (true);
CREATE POLICY agency_signatories_insert ON agency_signatories FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY agency_signatories_operator ON agency_signatories TO reg_owner
  USING (true) WITH CHECK (true);

-- Settings: the own agency alone.
ALTER TABLE agency_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE agency_settings FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON agency_settings TO reg_app;
GRANT UPDATE (effective_to, superseded_at) ON agency_settings TO reg_app;
CREATE POLICY agency_settings_select ON agency_settings FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY agency_settings_insert ON agency_settings FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY agency_settings_update ON agency_settings FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY agency_settings_operator ON agency_settings TO reg_owner
  USING (true) WITH CHECK (true);

-- Papers and reasons are the operator's.
ALTER TABLE agency_agreements ENABLE ROW LEVEL SECURITY;
ALTER TABLE agency_agreements FORCE ROW LEVEL SECURITY;
CREATE POLICY agency_agreements_operator ON agency_agreements TO reg_owner
  USING (true) WITH CHECK (true);
ALTER TABLE agency_status_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE agency_status_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY agency_status_changes_operator ON agency_status_changes TO reg_owner
  USING (true) WITH CHECK (true);

-- An agency withdrew: the worker ends what was shared with it and closes what waits for it.
-- It sees whose they are and how they stand, and no text of a request.
GRANT SELECT (id, assessment_id, owner_agency, shared_with, purpose, active)
  ON assessment_shares TO reg_worker;
GRANT SELECT (agency_id, record_id, share_id) ON assessments_acl TO reg_worker;
GRANT SELECT (id, assessment_id, owner_agency, requested_by, purpose, status, close_reason,
  version) ON access_requests TO reg_worker;
GRANT UPDATE (active, ended_at, end_reason) ON assessment_shares TO reg_worker;
GRANT DELETE ON assessments_acl TO reg_worker;
GRANT UPDATE (status, close_reason, version) ON access_requests TO reg_worker;
CREATE POLICY assessment_shares_end ON assessment_shares TO reg_worker
  USING (true) WITH CHECK (NOT active);
CREATE POLICY assessments_acl_end ON assessments_acl TO reg_worker USING (true);
CREATE POLICY access_requests_close ON access_requests TO reg_worker
  USING (true) WITH CHECK (status = 'closed');

-- A measure of an agency that withdrew is lifted by its custodian. Whose it is never changes.
REVOKE UPDATE ON sanction_entries FROM reg_app;
GRANT UPDATE (status, ended_on, end_reason, ended_by, sealed_end_reason, version)
  ON sanction_entries TO reg_app;
DROP POLICY sanction_entries_insert ON sanction_entries;
DROP POLICY sanction_entries_update ON sanction_entries;
CREATE POLICY sanction_entries_insert ON sanction_entries FOR INSERT TO reg_app
  WITH CHECK (imposing_agency = (SELECT app_agency()) AND custodian_agency IS NULL);
CREATE POLICY sanction_entries_update ON sanction_entries FOR UPDATE TO reg_app
  USING (coalesce(custodian_agency, imposing_agency) = (SELECT app_agency()))
  WITH CHECK (coalesce(custodian_agency, imposing_agency) = (SELECT app_agency()));
ALTER TABLE sanction_custody ENABLE ROW LEVEL SECURITY;
ALTER TABLE sanction_custody FORCE ROW LEVEL SECURITY;
CREATE POLICY sanction_custody_operator ON sanction_custody TO reg_owner
  USING (true) WITH CHECK (true);
CREATE TRIGGER sanction_custody_append_only BEFORE UPDATE OR DELETE ON sanction_custody
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE POLICY sanction_entries_operator ON sanction_entries TO reg_owner
  USING (true) WITH CHECK (true);

-- The export of an agency: the operator's transaction is bound to it and reads its rows only.
CREATE POLICY assessments_export ON assessments FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY assessment_details_export ON assessment_details FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY assessment_shares_export ON assessment_shares FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()) OR shared_with = (SELECT app_agency()));
CREATE POLICY access_requests_export ON access_requests FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()) OR requested_by = (SELECT app_agency()));
CREATE POLICY sanction_cases_export ON sanction_cases FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY sanction_case_steps_export ON sanction_case_steps FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY screenings_export ON screenings FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY clearances_export ON clearances FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY clearance_receipts_export ON clearance_receipts FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
"""

OPEN = """
DROP POLICY clearance_receipts_export ON clearance_receipts;
DROP POLICY clearances_export ON clearances;
DROP POLICY screenings_export ON screenings;
DROP POLICY sanction_case_steps_export ON sanction_case_steps;
DROP POLICY sanction_cases_export ON sanction_cases;
DROP POLICY access_requests_export ON access_requests;
DROP POLICY assessment_shares_export ON assessment_shares;
DROP POLICY assessment_details_export ON assessment_details;
DROP POLICY assessments_export ON assessments;
DROP POLICY sanction_entries_operator ON sanction_entries;
DROP POLICY sanction_entries_update ON sanction_entries;
DROP POLICY sanction_entries_insert ON sanction_entries;
REVOKE UPDATE (status, ended_on, end_reason, ended_by, sealed_end_reason, version)
  ON sanction_entries FROM reg_app;
GRANT UPDATE ON sanction_entries TO reg_app;
CREATE POLICY sanction_entries_insert ON sanction_entries FOR INSERT TO reg_app
  WITH CHECK (imposing_agency = (SELECT app_agency()));
CREATE POLICY sanction_entries_update ON sanction_entries FOR UPDATE TO reg_app
  USING (imposing_agency = (SELECT app_agency()))
  WITH CHECK (imposing_agency = (SELECT app_agency()));
DROP POLICY access_requests_close ON access_requests;
DROP POLICY assessments_acl_end ON assessments_acl;
DROP POLICY assessment_shares_end ON assessment_shares;
REVOKE SELECT, UPDATE, DELETE ON assessment_shares, assessments_acl, access_requests
  FROM reg_worker;
DROP POLICY focal_points_operator ON focal_points;
DROP POLICY focal_points_delete ON focal_points;
DROP POLICY focal_points_update ON focal_points;
DROP POLICY focal_points_insert ON focal_points;
DROP POLICY focal_points_select ON focal_points;
DROP POLICY agencies_operator ON agencies;
DROP POLICY agencies_update ON agencies;
DROP POLICY agencies_select ON agencies;
ALTER TABLE agencies NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE focal_points NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE INSERT, UPDATE, DELETE ON focal_points FROM reg_app;
REVOKE UPDATE ON agencies FROM reg_app;
DROP TRIGGER focal_points_required ON focal_points;
DROP TRIGGER offices_tree ON offices;
DROP TRIGGER agencies_life_cycle ON agencies;
DROP FUNCTION focal_points_required();
DROP FUNCTION offices_tree();
DROP FUNCTION agencies_life_cycle();
DROP FUNCTION agency_lacks(uuid);
-- The older release knows no closed request. As its owner, row security aside for the moment.
ALTER TABLE access_requests NO FORCE ROW LEVEL SECURITY;
UPDATE access_requests SET status = 'withdrawn', close_reason = NULL WHERE status = 'closed';
ALTER TABLE access_requests FORCE ROW LEVEL SECURITY;
"""

CHECKS = (
    ("agencies", "withdrawn_at", "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)"),
    (
        "agencies",
        "custodian",
        "num_nonnulls(custodian_agency, custodian_office) "
        "= CASE status WHEN 'withdrawn' THEN 1 ELSE 0 END",
    ),
    ("agencies", "own_custodian", "custodian_agency <> id"),
    ("agencies", "website", "website ~ '^https://'"),
    ("agencies", "partner_unit", "num_nulls(partner_unit, partner_unit_email) <> 1"),
    (
        "offices",
        "countries",
        "array_to_string(countries, ',', '?') ~ '^([A-Z]{3}(,[A-Z]{3})*)?$'",
    ),
    ("assessment_shares", "ended", "ended_at IS NULL OR NOT active"),
    ("assessment_shares", "end_reason", "(ended_at IS NULL) = (end_reason IS NULL)"),
    (
        "access_requests",
        "status",
        "status IN ('open', 'approved', 'denied', 'withdrawn', 'closed')",
    ),
    ("access_requests", "close_reason", "(status = 'closed') = (close_reason IS NOT NULL)"),
    ("sanction_entries", "custodian_agency", "custodian_agency <> imposing_agency"),
)
OLD_STATUS = "status IN ('open', 'approved', 'denied', 'withdrawn')"


def _force(how: str) -> None:
    for table in ("offices", "sanction_entries"):
        op.execute(f"ALTER TABLE {table} {how} ROW LEVEL SECURITY")


def upgrade() -> None:
    # A new foreign key reads both tables as their owner, whom row security must not hold up.
    _force("NO FORCE")
    op.create_table(
        "agency_agreements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "document_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_agency_agreements_document_sha256")
        ),
        sa.CheckConstraint(
            "kind IN ('participation', 'data_sharing', 'data_protection_assessment')",
            name=op.f("ck_agency_agreements_kind"),
        ),
        sa.CheckConstraint(
            "valid_until >= signed_on", name=op.f("ck_agency_agreements_valid_until")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_agency_agreements_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_agreements")),
        sa.UniqueConstraint(
            "agency_id",
            "kind",
            "reference",
            name=op.f("uq_agency_agreements_agency_id_kind_reference"),
        ),
    )
    op.create_table(
        "agency_status_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_agency_status_changes_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_status_changes")),
    )
    op.create_index(
        "ix_agency_status_changes_agency_id_id",
        "agency_status_changes",
        ["agency_id", "id"],
        unique=False,
    )
    op.create_table(
        "agency_settings",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        postgresql.ExcludeConstraint(
            (sa.column("agency_id"), "="),
            (sa.column("key"), "="),
            (sa.text("daterange(effective_from, effective_to, '[]')"), "&&"),
            where=sa.text("superseded_at IS NULL"),
            using="gist",
            name="ex_agency_settings_no_overlap",
        ),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{1,39}$'", name=op.f("ck_agency_settings_key")),
        sa.CheckConstraint(
            "effective_to >= effective_from", name=op.f("ck_agency_settings_period")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_agency_settings_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["persons.id"], name=op.f("fk_agency_settings_set_by_persons")
        ),
        sa.PrimaryKeyConstraint("agency_id", "key", "version", name=op.f("pk_agency_settings")),
    )
    op.create_table(
        "agency_signatories",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_agency_signatories_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["persons.id"], name=op.f("fk_agency_signatories_set_by_persons")
        ),
        sa.PrimaryKeyConstraint("agency_id", "version", name=op.f("pk_agency_signatories")),
    )
    op.add_column("access_requests", sa.Column("close_reason", sa.Text(), nullable=True))
    op.add_column("agencies", sa.Column("website", sa.Text(), nullable=True))
    op.add_column("agencies", sa.Column("partner_unit", sa.Text(), nullable=True))
    op.add_column("agencies", sa.Column("partner_unit_email", sa.Text(), nullable=True))
    op.add_column(
        "agencies",
        sa.Column(
            "eligible_partner_types",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
        ),
    )
    op.add_column("agencies", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("agencies", sa.Column("custodian_agency", sa.Uuid(), nullable=True))
    op.add_column("agencies", sa.Column("custodian_office", sa.Text(), nullable=True))
    op.add_column(
        "agencies", sa.Column("version", sa.Integer(), server_default="1", nullable=False)
    )
    op.alter_column(
        "agencies",
        "status",
        existing_type=sa.TEXT(),
        server_default="applicant",
        existing_nullable=False,
    )
    op.create_index("ix_agencies_custodian_agency", "agencies", ["custodian_agency"], unique=False)
    op.create_foreign_key(
        op.f("fk_agencies_custodian_agency_agencies"),
        "agencies",
        "agencies",
        ["custodian_agency"],
        ["id"],
    )
    op.add_column(
        "assessment_shares", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("assessment_shares", sa.Column("end_reason", sa.Text(), nullable=True))
    op.create_index(
        "ix_assessment_shares_shared_with",
        "assessment_shares",
        ["shared_with"],
        unique=False,
        postgresql_where=sa.text("active"),
    )
    op.add_column("focal_points", sa.Column("office_id", sa.Uuid(), nullable=True))
    op.add_column(
        "focal_points", sa.Column("version", sa.Integer(), server_default="1", nullable=False)
    )
    op.create_foreign_key(
        "fk_focal_points_office",
        "focal_points",
        "offices",
        ["office_id", "agency_id"],
        ["id", "agency_id"],
    )
    op.create_table(
        "sanction_custody",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("from_agency", sa.Uuid(), nullable=False),
        sa.Column("to_agency", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("from_agency <> to_agency", name=op.f("ck_sanction_custody_to_agency")),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["sanction_entries.id"],
            name=op.f("fk_sanction_custody_entry_id_sanction_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["from_agency"], ["agencies.id"], name=op.f("fk_sanction_custody_from_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["to_agency"], ["agencies.id"], name=op.f("fk_sanction_custody_to_agency_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_custody")),
    )
    op.create_index("ix_sanction_custody_entry_id", "sanction_custody", ["entry_id"], unique=False)
    op.add_column(
        "sanction_entries", sa.Column("sealed_end_reason", sa.LargeBinary(), nullable=True)
    )
    op.add_column("sanction_entries", sa.Column("custodian_agency", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_sanction_entries_custodian_agency_agencies"),
        "sanction_entries",
        "agencies",
        ["custodian_agency"],
        ["id"],
    )
    _force("FORCE")
    # An agency that was set to withdrawn by hand gets the operator as custodian for now.
    op.execute(
        "UPDATE agencies SET withdrawn_at = now(), custodian_office = 'Registry operator' "
        "WHERE status = 'withdrawn'"
    )
    op.drop_constraint(op.f("ck_access_requests_status"), "access_requests", type_="check")
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    run_script(SECURITY)


def downgrade() -> None:
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    run_script(OPEN)
    op.drop_table("sanction_custody")
    op.create_check_constraint(op.f("ck_access_requests_status"), "access_requests", OLD_STATUS)
    op.drop_constraint(
        op.f("fk_sanction_entries_custodian_agency_agencies"),
        "sanction_entries",
        type_="foreignkey",
    )
    op.drop_column("sanction_entries", "custodian_agency")
    op.drop_column("sanction_entries", "sealed_end_reason")
    op.drop_constraint("fk_focal_points_office", "focal_points", type_="foreignkey")
    op.drop_column("focal_points", "version")
    op.drop_column("focal_points", "office_id")
    op.drop_index(
        "ix_assessment_shares_shared_with",
        table_name="assessment_shares",
        postgresql_where=sa.text("active"),
    )
    op.drop_column("assessment_shares", "end_reason")
    op.drop_column("assessment_shares", "ended_at")
    op.drop_constraint(
        op.f("fk_agencies_custodian_agency_agencies"), "agencies", type_="foreignkey"
    )
    op.drop_index("ix_agencies_custodian_agency", table_name="agencies")
    op.alter_column(
        "agencies",
        "status",
        existing_type=sa.TEXT(),
        server_default="active",
        existing_nullable=False,
    )
    op.drop_column("agencies", "version")
    op.drop_column("agencies", "custodian_office")
    op.drop_column("agencies", "custodian_agency")
    op.drop_column("agencies", "withdrawn_at")
    op.drop_column("agencies", "eligible_partner_types")
    op.drop_column("agencies", "partner_unit_email")
    op.drop_column("agencies", "partner_unit")
    op.drop_column("agencies", "website")
    op.drop_column("access_requests", "close_reason")
    op.drop_table("agency_signatories")
    op.drop_table("agency_settings")
    op.drop_index("ix_agency_status_changes_agency_id_id", table_name="agency_status_changes")
    op.drop_table("agency_status_changes")
    op.drop_table("agency_agreements")
