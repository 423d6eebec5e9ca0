"""partners

Revision: 0013, after 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


# What the profile says of itself; the rest of its columns is kept by triggers alone.
OWN_COLUMNS = """version, legal_name, legal_name_generated, legal_name_native, acronym, aliases,
  former_names, name_changed_on, partner_type, tags, country, country_of_origin, hq_id,
  year_established, website, protected, publication_consent, control, complete, sectors,
  populations, last_confirmed_at, valid_from, sources, updated_by, updated_at"""

SECURITY = f"""
ALTER TABLE partners DROP COLUMN status;
ALTER TABLE partners ADD COLUMN status text GENERATED ALWAYS AS (
  CASE WHEN merged_into IS NOT NULL THEN 'merged'
    WHEN deactivated_at IS NOT NULL THEN 'deactivated'
    WHEN verification IS NOT NULL THEN verification
    WHEN complete THEN 'pending_verification' ELSE 'draft' END) STORED NOT NULL;
ALTER TABLE partners
  ADD CONSTRAINT ck_partners_verification CHECK (verification IN ('verified', 'unverified')),
  ADD CONSTRAINT ck_partners_verified_by
    CHECK (num_nulls(verification, verified_by, verified_on) IN (0, 3)),
  ADD CONSTRAINT ck_partners_control CHECK (control IN ('agency', 'partner', 'disputed')),
  ADD CONSTRAINT ck_partners_merged_into CHECK (merged_into <> id);

-- What verifications, merges and deactivation say is written by their triggers only.
REVOKE INSERT, UPDATE ON partners FROM reg_app;
GRANT INSERT (id, created_by, created_at, {OWN_COLUMNS}) ON partners TO reg_app;
GRANT UPDATE ({OWN_COLUMNS}) ON partners TO reg_app;
GRANT UPDATE (version, updated_at) ON partners TO reg_worker;

GRANT SELECT ON partner_versions, partner_aliases, restraint_reasons, restraints, country_settings
  TO reg_app, reg_worker;
GRANT INSERT ON restraints TO reg_app, reg_worker;
GRANT UPDATE (until, lifted_at) ON restraints TO reg_app, reg_worker;
GRANT INSERT, UPDATE ON country_settings TO reg_app;

-- Nothing is overwritten: what a profile was is kept, whoever changes it and by whatever path.
GRANT INSERT ON partner_versions TO reg_facts;
CREATE FUNCTION keep_partner_version() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'a changed profile has the next version'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_next_version';
  END IF;
  NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at);
  INSERT INTO partner_versions (partner_id, version, body, recorded_from, recorded_to)
    VALUES (OLD.id, OLD.version, to_jsonb(OLD), OLD.updated_at, NEW.updated_at);
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION keep_partner_version() FROM PUBLIC;
CREATE TRIGGER partners_keep_version BEFORE UPDATE ON partners
  FOR EACH ROW EXECUTE FUNCTION keep_partner_version();
CREATE TRIGGER partner_versions_append_only BEFORE UPDATE OR TRUNCATE ON partner_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION keep_partner_version() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;

-- A partner and all profiles that were merged into it, whichever of them is asked for.
CREATE FUNCTION partner_root(partner uuid) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce((SELECT a.survivor_id FROM partner_aliases a WHERE a.partner_id = partner),
    partner) $$;
CREATE FUNCTION partner_lineage(partner uuid) RETURNS SETOF uuid
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
  SELECT partner_root(partner)
  UNION ALL SELECT a.partner_id FROM partner_aliases a
    WHERE a.survivor_id = partner_root(partner) $$;

-- What holds a partner back now: its own restraints, and those of its headquarters that pass down.
CREATE FUNCTION restraints_in_force(partner uuid) RETURNS TABLE (id uuid, reason text,
    source_kind text, source_id uuid, put_by uuid, since timestamptz, until timestamptz,
    inherited_from uuid)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
  SELECT r.id, r.reason, r.source_kind, r.source_id, r.put_by, r.since, r.until, NULL::uuid
  FROM restraints r WHERE r.partner_id IN (SELECT partner_lineage(partner))
    AND r.lifted_at IS NULL AND r.since <= now() AND (r.until IS NULL OR r.until > now())
  UNION ALL
  SELECT r.id, r.reason, r.source_kind, r.source_id, r.put_by, r.since, r.until,
    partner_root(p.hq_id)
  FROM partners p JOIN restraints r ON r.partner_id IN (SELECT partner_lineage(p.hq_id))
    JOIN restraint_reasons k ON k.code = r.reason AND k.inherited
  WHERE p.id = partner_root(partner) AND p.hq_id IS NOT NULL
    AND r.lifted_at IS NULL AND r.since <= now() AND (r.until IS NULL OR r.until > now()) $$;

INSERT INTO restraint_reasons
  (code, locks, stops_verification, freezes_edits, inherited, counted) VALUES
  ('RED_FLAG', true, true, false, true, true),
  ('CONFIRMED_MATCH', true, true, false, true, true),
  ('POTENTIAL_MATCH', false, true, false, true, false),
  ('SANCTION', true, true, false, true, true),
  ('CONTROL_DISPUTED', false, false, true, false, true);
"""  # noqa: S608 - names of columns of ours

UNDO = """
DROP FUNCTION restraints_in_force(uuid);
DROP FUNCTION partner_lineage(uuid);
DROP FUNCTION partner_root(uuid);
DROP TRIGGER partners_keep_version ON partners;
DROP FUNCTION keep_partner_version();
ALTER TABLE partners DROP COLUMN status;
ALTER TABLE partners ADD COLUMN status text NOT NULL DEFAULT 'draft'
  CONSTRAINT ck_partners_status CHECK (status IN ('draft', 'pending_verification', 'verified',
    'unverified', 'deactivated', 'merged'));
REVOKE INSERT, UPDATE ON partners FROM reg_app, reg_worker;
GRANT INSERT, UPDATE ON partners TO reg_app;
"""


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "restraint_reasons",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("locks", sa.Boolean(), nullable=False),
        sa.Column("stops_verification", sa.Boolean(), nullable=False),
        sa.Column("freezes_edits", sa.Boolean(), nullable=False),
        sa.Column("inherited", sa.Boolean(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_restraint_reasons")),
    )
    op.create_table(
        "partner_aliases",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "partner_id <> survivor_id", name=op.f("ck_partner_aliases_survivor_id")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_aliases_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["survivor_id"], ["partners.id"], name=op.f("fk_partner_aliases_survivor_id_partners")
        ),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_partner_aliases")),
    )
    op.create_index(
        "ix_partner_aliases_survivor_id", "partner_aliases", ["survivor_id"], unique=False
    )
    op.create_table(
        "partner_versions",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_to", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "recorded_from <= recorded_to", name=op.f("ck_partner_versions_recorded")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_versions_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("partner_id", "version", name=op.f("pk_partner_versions")),
    )
    op.create_table(
        "restraints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("put_by", sa.Uuid(), nullable=True),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("until > since", name=op.f("ck_restraints_until")),
        sa.ForeignKeyConstraint(
            ["put_by"], ["agencies.id"], name=op.f("fk_restraints_put_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_restraints_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["reason"],
            ["restraint_reasons.code"],
            name=op.f("fk_restraints_reason_restraint_reasons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restraints")),
    )
    op.create_index(
        "ix_restraints_partner_id",
        "restraints",
        ["partner_id"],
        unique=False,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_index(
        "uq_restraints_source_kind_source_id_partner_id_reason",
        "restraints",
        ["source_kind", "source_id", "partner_id", "reason"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "country_settings",
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("country ~ '^[A-Z]{3}$'", name=op.f("ck_country_settings_country")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_country_settings_person_id_persons")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["agencies.id"], name=op.f("fk_country_settings_set_by_agencies")
        ),
        sa.PrimaryKeyConstraint("country", name=op.f("pk_country_settings")),
    )
    op.add_column(
        "partners",
        sa.Column("legal_name_generated", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column("partners", sa.Column("name_changed_on", sa.Date(), nullable=True))
    op.add_column(
        "partners", sa.Column("protected", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "partners",
        sa.Column("publication_consent", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "partners", sa.Column("control", sa.Text(), server_default="agency", nullable=False)
    )
    op.add_column(
        "partners", sa.Column("complete", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "partners",
        sa.Column("sectors", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "partners",
        sa.Column("populations", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("partners", sa.Column("verification", sa.Text(), nullable=True))
    op.add_column("partners", sa.Column("verified_by", sa.Uuid(), nullable=True))
    op.add_column("partners", sa.Column("verified_on", sa.Date(), nullable=True))
    op.add_column("partners", sa.Column("verified_until", sa.Date(), nullable=True))
    op.add_column(
        "partners", sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("partners", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.add_column(
        "partners", sa.Column("last_confirmed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "partners",
        sa.Column("valid_from", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
    )
    op.add_column(
        "partners",
        sa.Column(
            "sources", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
    )
    op.add_column("partners", sa.Column("updated_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_partners_verified_by_agencies"), "partners", "agencies", ["verified_by"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_partners_updated_by_agencies"), "partners", "agencies", ["updated_by"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_partners_merged_into_partners"), "partners", "partners", ["merged_into"], ["id"]
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    op.drop_constraint(op.f("fk_partners_merged_into_partners"), "partners", type_="foreignkey")
    op.drop_constraint(op.f("fk_partners_updated_by_agencies"), "partners", type_="foreignkey")
    op.drop_constraint(op.f("fk_partners_verified_by_agencies"), "partners", type_="foreignkey")
    op.drop_column("partners", "updated_by")
    op.drop_column("partners", "sources")
    op.drop_column("partners", "valid_from")
    op.drop_column("partners", "last_confirmed_at")
    op.drop_column("partners", "merged_into")
    op.drop_column("partners", "deactivated_at")
    op.drop_column("partners", "verified_until")
    op.drop_column("partners", "verified_on")
    op.drop_column("partners", "verified_by")
    op.drop_column("partners", "verification")
    op.drop_column("partners", "populations")
    op.drop_column("partners", "sectors")
    op.drop_column("partners", "complete")
    op.drop_column("partners", "control")
    op.drop_column("partners", "publication_consent")
    op.drop_column("partners", "protected")
    op.drop_column("partners", "name_changed_on")
    op.drop_column("partners", "legal_name_generated")
    op.drop_table("country_settings")
    op.drop_index(
        "uq_restraints_source_kind_source_id_partner_id_reason",
        table_name="restraints",
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.drop_index(
        "ix_restraints_partner_id",
        table_name="restraints",
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.drop_table("restraints")
    op.drop_table("partner_versions")
    op.drop_index("ix_partner_aliases_survivor_id", table_name="partner_aliases")
    op.drop_table("partner_aliases")
    op.drop_table("restraint_reasons")
