"""sections

Revision: 0015, after 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


SECURITY = f"""
GRANT SELECT ON partner_sections, partner_section_versions, partner_declarations
  TO reg_app, reg_worker;
GRANT INSERT (partner_id, section, version, body, complete, sources, updated_by)
  ON partner_sections TO reg_app;
GRANT UPDATE (version, body, complete, sources, updated_by) ON partner_sections TO reg_app;
GRANT INSERT ON partner_declarations TO reg_app;
GRANT SELECT, INSERT ON partner_sealed_texts TO reg_app;

-- Nothing is overwritten: what a section was is kept.
GRANT INSERT ON partner_section_versions TO reg_facts;
CREATE FUNCTION keep_section_version() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'a changed section has the next version'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partner_sections_next_version';
  END IF;
  NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at);
  INSERT INTO partner_section_versions (partner_id, section, version, body, sources, updated_by,
      recorded_from, recorded_to)
    VALUES (OLD.partner_id, OLD.section, OLD.version, OLD.body, OLD.sources, OLD.updated_by,
      OLD.updated_at, NEW.updated_at);
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION keep_section_version() FROM PUBLIC;
CREATE TRIGGER partner_sections_keep_version BEFORE UPDATE ON partner_sections
  FOR EACH ROW EXECUTE FUNCTION keep_section_version();
CREATE TRIGGER partner_section_versions_append_only BEFORE UPDATE OR TRUNCATE
  ON partner_section_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER partner_declarations_append_only BEFORE UPDATE OR TRUNCATE
  ON partner_declarations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION keep_section_version() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;

-- A partner's own text: agencies read it by right and purpose, which the application asks.
ALTER TABLE partner_sealed_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_sealed_texts FORCE ROW LEVEL SECURITY;
CREATE POLICY partner_sealed_texts_select ON partner_sealed_texts FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL OR partner_id = (SELECT app_partner()));
CREATE POLICY partner_sealed_texts_insert ON partner_sealed_texts FOR INSERT TO reg_app
  WITH CHECK (written_by = (SELECT app_agency())
    OR (written_by IS NULL AND partner_id = (SELECT app_partner())));
{rekey_security("partner_sealed_texts")}
"""  # noqa: S608 - names of ours


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "partner_declarations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("form_version", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "accepted = NOT jsonb_path_exists(answers, '$.* ? (@ == false)')",
            name=op.f("ck_partner_declarations_accepted"),
        ),
        sa.CheckConstraint(
            "jsonb_typeof(answers) = 'object' AND answers <> '{}'::jsonb AND NOT jsonb_path_exists(answers, '$.* ? (@.type() != \"boolean\")')",
            name=op.f("ck_partner_declarations_answers"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_declarations_partner_id_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"],
            ["agencies.id"],
            name=op.f("fk_partner_declarations_recorded_by_agencies"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_declarations")),
    )
    op.create_index(
        "ix_partner_declarations_partner_id",
        "partner_declarations",
        ["partner_id", "id"],
        unique=False,
    )
    op.create_table(
        "partner_sealed_texts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=True),
        sa.Column(
            "written_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'declaration_signature') = (subject_id IS NOT NULL)",
            name=op.f("ck_partner_sealed_texts_subject_id"),
        ),
        sa.CheckConstraint(
            "kind IN ('registration_reason', 'declaration_signature')",
            name=op.f("ck_partner_sealed_texts_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_sealed_texts_partner_id_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["written_by"],
            ["agencies.id"],
            name=op.f("fk_partner_sealed_texts_written_by_agencies"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_sealed_texts")),
    )
    op.create_index(
        "ix_partner_sealed_texts_partner_id_kind",
        "partner_sealed_texts",
        ["partner_id", "kind"],
        unique=False,
    )
    op.create_table(
        "partner_section_versions",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sources", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_to", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "recorded_from <= recorded_to", name=op.f("ck_partner_section_versions_recorded")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_section_versions_partner_id_partners"),
        ),
        sa.PrimaryKeyConstraint(
            "partner_id", "section", "version", name=op.f("pk_partner_section_versions")
        ),
    )
    op.create_table(
        "partner_sections",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("sources", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("jsonb_typeof(body) = 'object'", name=op.f("ck_partner_sections_body")),
        sa.CheckConstraint(
            "section IN ('registration', 'contact', 'mandate', 'funding', 'collaboration', 'implementation', 'other')",
            name=op.f("ck_partner_sections_section"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_partner_sections_version")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_sections_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["updated_by"], ["agencies.id"], name=op.f("fk_partner_sections_updated_by_agencies")
        ),
        sa.PrimaryKeyConstraint("partner_id", "section", name=op.f("pk_partner_sections")),
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_table("partner_sections")
    op.drop_table("partner_section_versions")
    op.drop_index("ix_partner_sealed_texts_partner_id_kind", table_name="partner_sealed_texts")
    op.drop_table("partner_sealed_texts")
    op.drop_index("ix_partner_declarations_partner_id", table_name="partner_declarations")
    op.drop_table("partner_declarations")
    run_script("DROP FUNCTION keep_section_version()")
