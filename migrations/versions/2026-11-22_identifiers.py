"""identifiers

Revision: 0016, after 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# As app/partners/identifiers/schemes.yaml says; a test compares the two.
SCHEMES = """
INSERT INTO identifier_schemes (code, authoritative, restricted) VALUES
  ('REGISTRY', true, false), ('UNPP', true, false), ('AGENCY_VENDOR', true, false),
  ('UNGM', true, false), ('LEI', true, false), ('ORG_ID', true, false), ('IATI_ORG', true, false),
  ('XM_OCHA', true, false), ('DUNS', true, false), ('UEI', true, false), ('NAT_REG', true, false),
  ('TAX_ID', true, true), ('VAT', true, true), ('ROR', true, false), ('WIKIDATA', false, false),
  ('CBPF_GMS', true, false);

-- What is there already, as it is normalised and ended from now on.
UPDATE partner_identifiers SET value = upper(value)
  WHERE scheme IN ('ORG_ID', 'IATI_ORG') AND value <> upper(value);
UPDATE partner_identifiers SET ended_at = created_at, end_reason = 'other' WHERE NOT active;
UPDATE partner_identifiers SET authoritative = false WHERE scheme = 'WIKIDATA';
"""

_ENDS = """'replaced', 'expired', 'revoked', 'wrong', 'duplicate', 'other', 'dispute'"""
CHECKS = f"""
ALTER TABLE partner_identifiers
  ADD CONSTRAINT ck_partner_identifiers_country
    CHECK ((scheme IN ('AGENCY_VENDOR', 'NAT_REG')) = (country IS NOT NULL)),
  ADD CONSTRAINT ck_partner_identifiers_area CHECK (area IS NULL OR scheme = 'AGENCY_VENDOR'),
  ADD CONSTRAINT ck_partner_identifiers_authority_key
    CHECK ((authority IS NULL) = (authority_key IS NULL)),
  ADD CONSTRAINT ck_partner_identifiers_value CHECK (octet_length(value) <= 1024),
  ADD CONSTRAINT ck_partner_identifiers_scheme
    CHECK (scheme NOT IN ('REGISTRY', 'TAX_ID', 'VAT')),
  ADD CONSTRAINT ck_partner_identifiers_ended_at CHECK (active = (ended_at IS NULL)),
  ADD CONSTRAINT ck_partner_identifiers_ended CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
  ADD CONSTRAINT ck_partner_identifiers_end_reason CHECK (end_reason IN ({_ENDS})),
  ADD CONSTRAINT ck_partner_identifiers_claimed CHECK (disputed OR NOT claimed OR NOT active),
  ADD CONSTRAINT ck_partner_identifiers_expires_on CHECK (expires_on >= issued_on);
-- Numbers of earlier releases came without their authority.
UPDATE partner_identifiers SET authority = 'unknown', authority_key = 'unknown'
  WHERE scheme = 'NAT_REG';
ALTER TABLE partner_identifiers ADD CONSTRAINT ck_partner_identifiers_authority
  CHECK (scheme <> 'NAT_REG' OR authority IS NOT NULL);
"""  # noqa: S608 - codes of ours

SECURITY = f"""
GRANT SELECT ON identifier_schemes TO reg_app, reg_worker;
REVOKE UPDATE ON partner_identifiers FROM reg_app;
GRANT UPDATE (active, disputed, claimed, ended_at, end_reason, ended_by)
  ON partner_identifiers TO reg_app;
GRANT UPDATE (reminded_days) ON partner_identifiers TO reg_worker;

-- Whether a scheme binds is the registry's to say, not the writer's. An agency keeps its own
-- vendor numbers and no other's, and only for where the partner works.
CREATE FUNCTION new_partner_identifier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.authoritative := coalesce(
    (SELECT s.authoritative FROM identifier_schemes s WHERE s.code = NEW.scheme), true);
  IF NEW.agency_id IS NULL THEN
    RETURN NEW;
  END IF;
  IF NEW.agency_id IS DISTINCT FROM app_agency()
      AND (current_user = 'reg_app' OR app_agency() IS NOT NULL) THEN
    RAISE EXCEPTION 'a vendor number is kept by its agency' USING ERRCODE = '42501';
  END IF;
  IF NOT EXISTS (SELECT FROM partners p WHERE p.id = NEW.partner_id
      AND (p.country = NEW.country OR (p.hq_id IS NULL AND p.partner_type IN
        ('NGO_INTL', 'NGO_REGIONAL', 'RCRC_INTL', 'IGO', 'UN_ENTITY')))) THEN
    RAISE EXCEPTION 'a vendor number belongs to the country of the profile'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partner_identifiers_vendor_country';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER partner_identifiers_new BEFORE INSERT ON partner_identifiers
  FOR EACH ROW EXECUTE FUNCTION new_partner_identifier();

-- History: what was held stays as it was, and what has ended stays ended.
CREATE FUNCTION keep_identifier() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  moving text[] := ARRAY['active', 'disputed', 'claimed', 'ended_at', 'end_reason', 'ended_by',
    'reminded_days', 'sealed'];
  agency uuid := (to_jsonb(OLD) ->> 'agency_id')::uuid;
BEGIN
  IF to_jsonb(NEW) - moving IS DISTINCT FROM to_jsonb(OLD) - moving
      OR (NEW.claimed AND NOT OLD.claimed)
      OR (NOT OLD.active AND (NEW.active, NEW.ended_at, NEW.end_reason, NEW.ended_by)
        IS DISTINCT FROM (OLD.active, OLD.ended_at, OLD.end_reason, OLD.ended_by)) THEN
    RAISE EXCEPTION 'an identifier is ended, never rewritten'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_identifiers_kept';
  END IF;
  IF agency IS NOT NULL AND agency IS DISTINCT FROM app_agency()
      AND (current_user = 'reg_app' OR app_agency() IS NOT NULL) THEN
    RAISE EXCEPTION 'a vendor number is kept by its agency' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER partner_identifiers_kept BEFORE UPDATE ON partner_identifiers
  FOR EACH ROW EXECUTE FUNCTION keep_identifier();
CREATE TRIGGER restricted_identifiers_kept BEFORE UPDATE ON restricted_identifiers
  FOR EACH ROW EXECUTE FUNCTION keep_identifier();

-- The one partner that an identifier names now; none where two profiles hold it, as in a dispute,
-- or where it is no proof of identity.
CREATE FUNCTION identifier_holder(w_scheme text, w_value text, w_country text, w_agency uuid)
  RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN count(DISTINCT h.root) = 1 THEN (array_agg(h.root))[1] END FROM (
    SELECT partner_root(i.partner_id) AS root FROM partner_identifiers i
    WHERE i.scheme = w_scheme AND i.value = w_value AND i.active AND i.authoritative
      AND i.country IS NOT DISTINCT FROM w_country AND i.agency_id IS NOT DISTINCT FROM w_agency
    UNION ALL
    SELECT partner_root(p.id) FROM partners p WHERE p.number = CASE
      WHEN w_scheme = 'REGISTRY' AND w_value LIKE 'IPR-%' THEN split_part(w_value, '-', 2)::bigint
      END
    UNION ALL
    SELECT partner_root(p.id) FROM partners p WHERE p.id = CASE
      WHEN w_scheme = 'REGISTRY' AND w_value NOT LIKE 'IPR-%' THEN w_value::uuid END
  ) h $$;

-- Tax numbers: every agency may hold one against them; who may open one, the application says.
ALTER TABLE restricted_identifiers ENABLE ROW LEVEL SECURITY;
ALTER TABLE restricted_identifiers FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON restricted_identifiers TO reg_app;
GRANT UPDATE (active, disputed, claimed, ended_at, end_reason, ended_by)
  ON restricted_identifiers TO reg_app;
CREATE POLICY restricted_identifiers_select ON restricted_identifiers FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL OR partner_id = (SELECT app_partner()));
CREATE POLICY restricted_identifiers_insert ON restricted_identifiers FOR INSERT TO reg_app
  WITH CHECK (created_by = (SELECT app_agency()));
CREATE POLICY restricted_identifiers_update ON restricted_identifiers FOR UPDATE TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL) WITH CHECK ((SELECT app_agency()) IS NOT NULL);
{rekey_security("restricted_identifiers")}
ALTER TABLE identifier_digest_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE identifier_digest_keys FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON identifier_digest_keys TO reg_app;
CREATE POLICY identifier_digest_keys_select ON identifier_digest_keys FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL);
CREATE POLICY identifier_digest_keys_insert ON identifier_digest_keys FOR INSERT TO reg_app
  WITH CHECK ((SELECT app_agency()) IS NOT NULL);
{rekey_security("identifier_digest_keys")}
ALTER TABLE identifier_disputes ENABLE ROW LEVEL SECURITY;
ALTER TABLE identifier_disputes FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON identifier_disputes TO reg_app;
GRANT UPDATE (version, status, decided_for, decided_by, decided_person, decided_at, sealed_reason)
  ON identifier_disputes TO reg_app;
CREATE POLICY identifier_disputes_select ON identifier_disputes FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL OR (SELECT app_partner()) IN (partner_id, holder_id));
CREATE POLICY identifier_disputes_insert ON identifier_disputes FOR INSERT TO reg_app
  WITH CHECK (raised_by = (SELECT app_agency()) AND status = 'open');
CREATE POLICY identifier_disputes_update ON identifier_disputes FOR UPDATE TO reg_app
  USING (status = 'open' AND (SELECT app_agency()) IS NOT NULL)
  WITH CHECK ((SELECT app_agency()) IS NOT NULL
    AND (decided_by IS NULL OR decided_by = (SELECT app_agency())));
{rekey_security("identifier_disputes")}
"""  # noqa: S608 - names of tables of ours

UNDO = """
DROP FUNCTION identifier_holder(text, text, text, uuid);
DROP TRIGGER partner_identifiers_kept ON partner_identifiers;
DROP TRIGGER restricted_identifiers_kept ON restricted_identifiers;
DROP FUNCTION keep_identifier();
DROP TRIGGER partner_identifiers_new ON partner_identifiers;
DROP FUNCTION new_partner_identifier();
REVOKE UPDATE ON partner_identifiers FROM reg_app, reg_worker;
GRANT UPDATE ON partner_identifiers TO reg_app;
ALTER TABLE partner_identifiers
  DROP CONSTRAINT ck_partner_identifiers_country, DROP CONSTRAINT ck_partner_identifiers_area,
  DROP CONSTRAINT ck_partner_identifiers_authority_key,
  DROP CONSTRAINT ck_partner_identifiers_value, DROP CONSTRAINT ck_partner_identifiers_scheme,
  DROP CONSTRAINT ck_partner_identifiers_ended_at, DROP CONSTRAINT ck_partner_identifiers_ended,
  DROP CONSTRAINT ck_partner_identifiers_end_reason,
  DROP CONSTRAINT ck_partner_identifiers_claimed,
  DROP CONSTRAINT ck_partner_identifiers_expires_on,
  DROP CONSTRAINT ck_partner_identifiers_authority;
-- Only one of those that are at odds can stay.
DELETE FROM partner_identifiers WHERE claimed;
"""


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "identifier_digest_keys",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_identifier_digest_keys_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifier_digest_keys")),
    )
    op.create_table(
        "identifier_schemes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("authoritative", sa.Boolean(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_identifier_schemes")),
    )
    op.create_table(
        "restricted_identifiers",
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("reminded_days", sa.SmallInteger(), nullable=True),
        sa.Column("valid_from", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("disputed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("claimed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "end_reason IN ('replaced', 'expired', 'revoked', 'wrong', 'duplicate', 'other', 'dispute')",
            name=op.f("ck_restricted_identifiers_end_reason"),
        ),
        sa.CheckConstraint(
            "scheme IN ('TAX_ID', 'VAT')", name=op.f("ck_restricted_identifiers_scheme")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)",
            name=op.f("ck_restricted_identifiers_ended"),
        ),
        sa.CheckConstraint(
            "active = (ended_at IS NULL)", name=op.f("ck_restricted_identifiers_ended_at")
        ),
        sa.CheckConstraint(
            "disputed OR NOT claimed OR NOT active", name=op.f("ck_restricted_identifiers_claimed")
        ),
        sa.CheckConstraint(
            "expires_on >= issued_on", name=op.f("ck_restricted_identifiers_expires_on")
        ),
        sa.CheckConstraint(
            "octet_length(digest) = 32", name=op.f("ck_restricted_identifiers_digest")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["agencies.id"],
            name=op.f("fk_restricted_identifiers_created_by_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["agencies.id"], name=op.f("fk_restricted_identifiers_ended_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_restricted_identifiers_partner_id_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme"],
            ["identifier_schemes.code"],
            name=op.f("fk_restricted_identifiers_scheme_identifier_schemes"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restricted_identifiers")),
    )
    op.create_index(
        "ix_restricted_identifiers_digest", "restricted_identifiers", ["digest"], unique=False
    )
    op.create_index(
        "ix_restricted_identifiers_partner_id",
        "restricted_identifiers",
        ["partner_id"],
        unique=False,
    )
    op.create_index(
        "uq_restricted_identifiers_held",
        "restricted_identifiers",
        ["scheme", "country", "digest"],
        unique=True,
        postgresql_where=sa.text("active AND NOT claimed"),
    )
    op.create_table(
        "identifier_disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("held_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("document_ids", postgresql.ARRAY(sa.UUID()), server_default="{}", nullable=False),
        sa.Column("sealed_grounds", sa.LargeBinary(), nullable=False),
        sa.Column("raised_by", sa.Uuid(), nullable=False),
        sa.Column("raised_person", sa.Uuid(), nullable=False),
        sa.Column(
            "raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("decided_for", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_person", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(decided_for, decided_by, decided_person, decided_at, sealed_reason) = CASE status WHEN 'open' THEN 5 ELSE 0 END",
            name=op.f("ck_identifier_disputes_decided"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'decided')", name=op.f("ck_identifier_disputes_status")
        ),
        sa.CheckConstraint(
            "decided_for IN (partner_id, holder_id)",
            name=op.f("ck_identifier_disputes_decided_for"),
        ),
        sa.CheckConstraint(
            "decided_person <> raised_person", name=op.f("ck_identifier_disputes_four_eyes")
        ),
        sa.CheckConstraint(
            "partner_id <> holder_id", name=op.f("ck_identifier_disputes_holder_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["agencies.id"], name=op.f("fk_identifier_disputes_decided_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["decided_for"],
            ["partners.id"],
            name=op.f("fk_identifier_disputes_decided_for_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_person"],
            ["persons.id"],
            name=op.f("fk_identifier_disputes_decided_person_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["partners.id"], name=op.f("fk_identifier_disputes_holder_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_identifier_disputes_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["raised_by"], ["agencies.id"], name=op.f("fk_identifier_disputes_raised_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["raised_person"],
            ["persons.id"],
            name=op.f("fk_identifier_disputes_raised_person_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme"],
            ["identifier_schemes.code"],
            name=op.f("fk_identifier_disputes_scheme_identifier_schemes"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifier_disputes")),
    )
    op.create_index(
        "ix_identifier_disputes_holder_id", "identifier_disputes", ["holder_id"], unique=False
    )
    op.create_index(
        "ix_identifier_disputes_partner_id", "identifier_disputes", ["partner_id"], unique=False
    )
    op.create_index(
        "uq_identifier_disputes_held_id",
        "identifier_disputes",
        ["held_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.add_column("partner_identifiers", sa.Column("area", sa.Text(), nullable=True))
    op.add_column("partner_identifiers", sa.Column("authority", sa.Text(), nullable=True))
    op.add_column("partner_identifiers", sa.Column("authority_key", sa.Text(), nullable=True))
    op.add_column(
        "partner_identifiers",
        sa.Column("authoritative", sa.Boolean(), server_default="true", nullable=False),
    )
    op.add_column("partner_identifiers", sa.Column("issued_on", sa.Date(), nullable=True))
    op.add_column("partner_identifiers", sa.Column("expires_on", sa.Date(), nullable=True))
    op.add_column(
        "partner_identifiers", sa.Column("reminded_days", sa.SmallInteger(), nullable=True)
    )
    op.add_column(
        "partner_identifiers",
        sa.Column("valid_from", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
    )
    op.add_column(
        "partner_identifiers",
        sa.Column("disputed", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "partner_identifiers",
        sa.Column("claimed", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "partner_identifiers", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("partner_identifiers", sa.Column("end_reason", sa.Text(), nullable=True))
    op.add_column("partner_identifiers", sa.Column("ended_by", sa.Uuid(), nullable=True))
    op.drop_index(
        op.f("uq_partner_identifiers_scheme_value_country_agency_id"),
        table_name="partner_identifiers",
        postgresql_where="active",
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_partner_identifiers_expires_on",
        "partner_identifiers",
        ["expires_on"],
        unique=False,
        postgresql_where=sa.text("active AND expires_on IS NOT NULL"),
    )
    op.create_index(
        "ix_partner_identifiers_scheme_value",
        "partner_identifiers",
        ["scheme", "value"],
        unique=False,
    )
    op.create_index(
        "uq_partner_identifiers_held",
        "partner_identifiers",
        ["scheme", "value", "country", "area", "authority_key", "agency_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("active AND authoritative AND NOT claimed"),
    )
    run_script(SCHEMES)
    op.create_foreign_key(
        op.f("fk_partner_identifiers_scheme_identifier_schemes"),
        "partner_identifiers",
        "identifier_schemes",
        ["scheme"],
        ["code"],
    )
    op.create_foreign_key(
        op.f("fk_partner_identifiers_ended_by_agencies"),
        "partner_identifiers",
        "agencies",
        ["ended_by"],
        ["id"],
    )
    run_script(CHECKS)
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    op.drop_constraint(
        op.f("fk_partner_identifiers_ended_by_agencies"), "partner_identifiers", type_="foreignkey"
    )
    op.drop_constraint(
        op.f("fk_partner_identifiers_scheme_identifier_schemes"),
        "partner_identifiers",
        type_="foreignkey",
    )
    op.drop_index(
        "uq_partner_identifiers_held",
        table_name="partner_identifiers",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("active AND authoritative AND NOT claimed"),
    )
    op.drop_index("ix_partner_identifiers_scheme_value", table_name="partner_identifiers")
    op.drop_index(
        "ix_partner_identifiers_expires_on",
        table_name="partner_identifiers",
        postgresql_where=sa.text("active AND expires_on IS NOT NULL"),
    )
    op.create_index(
        op.f("uq_partner_identifiers_scheme_value_country_agency_id"),
        "partner_identifiers",
        ["scheme", "value", "country", "agency_id"],
        unique=True,
        postgresql_where="active",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_column("partner_identifiers", "ended_by")
    op.drop_column("partner_identifiers", "end_reason")
    op.drop_column("partner_identifiers", "ended_at")
    op.drop_column("partner_identifiers", "claimed")
    op.drop_column("partner_identifiers", "disputed")
    op.drop_column("partner_identifiers", "valid_from")
    op.drop_column("partner_identifiers", "reminded_days")
    op.drop_column("partner_identifiers", "expires_on")
    op.drop_column("partner_identifiers", "issued_on")
    op.drop_column("partner_identifiers", "authoritative")
    op.drop_column("partner_identifiers", "authority_key")
    op.drop_column("partner_identifiers", "authority")
    op.drop_column("partner_identifiers", "area")
    op.drop_index(
        "uq_identifier_disputes_held_id",
        table_name="identifier_disputes",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_index("ix_identifier_disputes_partner_id", table_name="identifier_disputes")
    op.drop_index("ix_identifier_disputes_holder_id", table_name="identifier_disputes")
    op.drop_table("identifier_disputes")
    op.drop_index(
        "uq_restricted_identifiers_held",
        table_name="restricted_identifiers",
        postgresql_where=sa.text("active AND NOT claimed"),
    )
    op.drop_index("ix_restricted_identifiers_partner_id", table_name="restricted_identifiers")
    op.drop_index("ix_restricted_identifiers_digest", table_name="restricted_identifiers")
    op.drop_table("restricted_identifiers")
    op.drop_table("identifier_schemes")
    op.drop_table("identifier_digest_keys")
