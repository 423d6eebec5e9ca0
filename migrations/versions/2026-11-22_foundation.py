"""foundation

Revision: 0001, after
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


EXTENSIONS = ("CREATE EXTENSION IF NOT EXISTS pg_trgm", "CREATE EXTENSION IF NOT EXISTS btree_gist")

SECURITY = """
CREATE FUNCTION app_agency() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('app.agency_id', true), '')::uuid $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501'; END $$;

-- Who an active client is; every request reads it.
CREATE VIEW client_status WITH (security_invoker = true) AS
  SELECT c.id AS client_id, c.agency_id, a.code AS agency_code, c.scopes, c.person_id,
         p.name AS person_name, p.office, p.role
  FROM clients c JOIN agencies a ON a.id = c.agency_id
  LEFT JOIN persons p ON p.id = c.person_id
  WHERE c.status = 'active' AND a.status = 'active';

GRANT USAGE ON SCHEMA public TO reg_app, reg_worker;
GRANT SELECT ON instance, agencies, focal_points, persons, clients, client_status, streams,
  partners, partner_names, partner_identifiers, alembic_version TO reg_app, reg_worker;
GRANT SELECT ON client_secrets TO reg_app;
GRANT SELECT, INSERT ON signing_keys, encryption_keys TO reg_app, reg_worker;
GRANT SELECT, INSERT ON assertion_replays TO reg_app;
GRANT SELECT, DELETE ON assertion_replays TO reg_worker;
GRANT INSERT, UPDATE ON partners TO reg_app;
GRANT INSERT, UPDATE, DELETE ON partner_names TO reg_app;
GRANT INSERT, UPDATE ON partner_identifiers TO reg_app;
GRANT INSERT ON outbox TO reg_app, reg_worker;
GRANT SELECT, UPDATE, DELETE ON outbox TO reg_worker;
GRANT INSERT, UPDATE ON streams TO reg_worker;
GRANT SELECT, INSERT, UPDATE ON consumer_cursors TO reg_worker;

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON idempotency_keys TO reg_app;
GRANT SELECT, DELETE ON idempotency_keys TO reg_worker;
CREATE POLICY idempotency_keys_select ON idempotency_keys FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY idempotency_keys_insert ON idempotency_keys FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY idempotency_keys_seek ON idempotency_keys FOR SELECT TO reg_worker USING (true);
CREATE POLICY idempotency_keys_expire ON idempotency_keys FOR DELETE TO reg_worker USING (true);

-- The owner reads who read its records; an agency reads what it did itself; nobody changes it.
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON audit_events TO reg_app, reg_worker;
CREATE POLICY audit_events_select ON audit_events FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR agency_id = (SELECT app_agency()));
CREATE POLICY audit_events_insert ON audit_events FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY audit_events_worker ON audit_events TO reg_worker USING (true) WITH CHECK (true);
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    for statement in EXTENSIONS:
        op.execute(statement)
    op.create_table(
        "agencies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("xm_dac", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("contact_office", sa.Text(), nullable=False),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("code ~ '^[A-Z][A-Z0-9_]{1,15}$'", name=op.f("ck_agencies_code")),
        sa.CheckConstraint(
            "status IN ('applicant', 'active', 'suspended', 'withdrawn')",
            name=op.f("ck_agencies_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agencies")),
        sa.UniqueConstraint("code", name=op.f("uq_agencies_code")),
    )
    op.create_table(
        "assertion_replays",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti", name=op.f("pk_assertion_replays")),
    )
    op.create_index(
        "ix_assertion_replays_expires_at", "assertion_replays", ["expires_at"], unique=False
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("office", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("owner_agency", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column(
            "detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(
        "ix_audit_events_agency_id_id", "audit_events", ["agency_id", "id"], unique=False
    )
    op.create_index(
        "ix_audit_events_owner_agency_id", "audit_events", ["owner_agency", "id"], unique=False
    )
    op.create_index(
        "ix_audit_events_subject_id_id", "audit_events", ["subject_id", "id"], unique=False
    )
    op.create_table(
        "consumer_cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_consumer_cursors")),
    )
    op.create_table(
        "encryption_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="current", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state IN ('current', 'retired')", name=op.f("ck_encryption_keys_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encryption_keys")),
    )
    op.create_index(
        "uq_encryption_keys_scope_current",
        "encryption_keys",
        ["scope"],
        unique=True,
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "agency_id", "client_id", "route", "key", name=op.f("pk_idempotency_keys")
        ),
    )
    op.create_index(
        "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False
    )
    op.create_table(
        "instance",
        sa.Column("id", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('demo', 'production')", name=op.f("ck_instance_kind")),
        sa.CheckConstraint("id", name=op.f("ck_instance_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column(
            "data", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_unsequenced",
        "outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("seq IS NULL"),
    )
    op.create_index("uq_outbox_seq", "outbox", ["seq"], unique=True)
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("public", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="current", nullable=False),
        sa.Column(
            "not_before",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('next', 'current', 'retired')", name=op.f("ck_signing_keys_state")
        ),
        sa.CheckConstraint("use IN ('token', 'list', 'receipt')", name=op.f("ck_signing_keys_use")),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    op.create_index(
        "uq_signing_keys_use_current",
        "signing_keys",
        ["use"],
        unique=True,
        postgresql_where="state = 'current'",
    )
    op.create_table(
        "streams",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_streams")),
    )
    op.create_table(
        "focal_points",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "subject IN ('implementing_partners', 'data_protection', 'legal', 'oversight', 'sanctions', 'psea')",
            name=op.f("ck_focal_points_subject"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"],
            ["agencies.id"],
            name=op.f("fk_focal_points_agency_id_agencies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_focal_points")),
    )
    op.create_index("ix_focal_points_agency_id", "focal_points", ["agency_id"], unique=False)
    op.create_table(
        "partners",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("legal_name_native", sa.Text(), nullable=True),
        sa.Column("acronym", sa.Text(), nullable=True),
        sa.Column("aliases", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("former_names", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("partner_type", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("country_of_origin", sa.Text(), nullable=True),
        sa.Column("hq_id", sa.Uuid(), nullable=True),
        sa.Column("year_established", sa.SmallInteger(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
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
        sa.CheckConstraint("country ~ '^[A-Z]{3}$'", name=op.f("ck_partners_country")),
        sa.CheckConstraint(
            "status IN ('draft', 'pending_verification', 'verified', 'unverified', 'deactivated', 'merged')",
            name=op.f("ck_partners_status"),
        ),
        sa.CheckConstraint("hq_id <> id", name=op.f("ck_partners_hq_id")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_partners_version")),
        sa.CheckConstraint(
            "year_established BETWEEN 1800 AND 2199", name=op.f("ck_partners_year_established")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["agencies.id"], name=op.f("fk_partners_created_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["hq_id"], ["partners.id"], name=op.f("fk_partners_hq_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partners")),
    )
    op.create_index("ix_partners_country_id", "partners", ["country", "id"], unique=False)
    op.create_index(
        "ix_partners_hq_id",
        "partners",
        ["hq_id"],
        unique=False,
        postgresql_where=sa.text("hq_id IS NOT NULL"),
    )
    op.create_index("ix_partners_partner_type_id", "partners", ["partner_type", "id"], unique=False)
    op.create_index("uq_partners_number", "partners", ["number"], unique=True)
    op.create_table(
        "persons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_persons_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
    )
    op.create_index("ix_persons_agency_id", "persons", ["agency_id"], unique=False)
    op.create_table(
        "clients",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("auth_method", sa.Text(), nullable=False),
        sa.Column("jwks", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("demo", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "auth_method IN ('private_key_jwt', 'client_secret_basic')",
            name=op.f("ck_clients_auth_method"),
        ),
        sa.CheckConstraint("status IN ('active', 'revoked')", name=op.f("ck_clients_status")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_clients_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_clients_person_id_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
    )
    op.create_index("ix_clients_agency_id", "clients", ["agency_id"], unique=False)
    op.create_table(
        "partner_identifiers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("agency_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(scheme = 'AGENCY_VENDOR') = (agency_id IS NOT NULL)",
            name=op.f("ck_partner_identifiers_agency_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_partner_identifiers_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["agencies.id"], name=op.f("fk_partner_identifiers_created_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_identifiers_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_identifiers")),
    )
    op.create_index(
        "ix_partner_identifiers_partner_id", "partner_identifiers", ["partner_id"], unique=False
    )
    op.create_index(
        "uq_partner_identifiers_scheme_value_country_agency_id",
        "partner_identifiers",
        ["scheme", "value", "country", "agency_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "partner_names",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('legal_name', 'legal_name_native', 'acronym', 'alias', 'former_name')",
            name=op.f("ck_partner_names_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_names_partner_id_partners"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("partner_id", "position", name=op.f("pk_partner_names")),
    )
    op.create_index(
        "ix_partner_names_folded",
        "partner_names",
        ["folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_table(
        "client_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_client_secrets_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_secrets")),
    )
    op.create_index("ix_client_secrets_client_id", "client_secrets", ["client_id"], unique=False)
    run_script(SECURITY)


def downgrade() -> None:
    run_script(
        "DROP VIEW client_status; DROP TRIGGER audit_events_append_only ON audit_events; "
        "DROP TRIGGER audit_events_no_truncate ON audit_events; DROP FUNCTION refuse_change()"
    )
    op.drop_index("ix_client_secrets_client_id", table_name="client_secrets")
    op.drop_table("client_secrets")
    op.drop_index(
        "ix_partner_names_folded",
        table_name="partner_names",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_table("partner_names")
    op.drop_index(
        "uq_partner_identifiers_scheme_value_country_agency_id",
        table_name="partner_identifiers",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("active"),
    )
    op.drop_index("ix_partner_identifiers_partner_id", table_name="partner_identifiers")
    op.drop_table("partner_identifiers")
    op.drop_index("ix_clients_agency_id", table_name="clients")
    op.drop_table("clients")
    op.drop_index("ix_persons_agency_id", table_name="persons")
    op.drop_table("persons")
    op.drop_index("uq_partners_number", table_name="partners")
    op.drop_index("ix_partners_partner_type_id", table_name="partners")
    op.drop_index(
        "ix_partners_hq_id", table_name="partners", postgresql_where=sa.text("hq_id IS NOT NULL")
    )
    op.drop_index("ix_partners_country_id", table_name="partners")
    op.drop_table("partners")
    op.drop_index("ix_focal_points_agency_id", table_name="focal_points")
    op.drop_table("focal_points")
    op.drop_table("streams")
    op.drop_index(
        "uq_signing_keys_use_current",
        table_name="signing_keys",
        postgresql_where="state = 'current'",
    )
    op.drop_table("signing_keys")
    op.drop_index("uq_outbox_seq", table_name="outbox")
    op.drop_index(
        "ix_outbox_unsequenced", table_name="outbox", postgresql_where=sa.text("seq IS NULL")
    )
    op.drop_table("outbox")
    op.drop_table("instance")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index(
        "uq_encryption_keys_scope_current",
        table_name="encryption_keys",
        postgresql_where=sa.text("state = 'current'"),
    )
    op.drop_table("encryption_keys")
    op.drop_table("consumer_cursors")
    op.drop_index("ix_audit_events_subject_id_id", table_name="audit_events")
    op.drop_index("ix_audit_events_owner_agency_id", table_name="audit_events")
    op.drop_index("ix_audit_events_agency_id_id", table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_index("ix_assertion_replays_expires_at", table_name="assertion_replays")
    op.drop_table("assertion_replays")
    op.drop_table("agencies")
    # Last, because row policies use it.
    run_script("DROP FUNCTION app_agency(); DROP EXTENSION pg_trgm; DROP EXTENSION btree_gist")
