"""who_may_do_what

Revision: 0005, after 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SECURITY = """
CREATE FUNCTION app_partner() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('app.partner_id', true), '')::uuid $$;
CREATE FUNCTION app_oversight() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT coalesce(current_setting('app.oversight', true), '') = 'on' $$;

-- Who an active client is; every request reads it. Its right ends with that of its agency, its
-- person, its issuer, or the client through which the person acts.
DROP VIEW client_status;
CREATE VIEW client_status WITH (security_invoker = true, security_barrier = true) AS
  SELECT c.id AS client_id,
         coalesce(c.agency_id, '00000000-0000-0000-0000-000000000000'::uuid) AS agency_id,
         coalesce(a.code, 'PARTNER') AS agency_code,
         CASE WHEN i.id IS NULL AND a.scope_ceiling IS NULL THEN c.scopes
              ELSE ARRAY(SELECT x FROM unnest(c.scopes) x
                         WHERE (i.id IS NULL OR x = ANY (i.scope_ceiling))
                           AND (a.scope_ceiling IS NULL OR x = ANY (a.scope_ceiling))) END
           AS scopes,
         c.person_id, p.name AS person_name, p.office, p.role, c.partner_id,
         CASE WHEN c.person_id IS NULL THEN c.roles ELSE p.roles END AS roles,
         c.countries, c.max_level
  FROM clients c
  LEFT JOIN agencies a ON a.id = c.agency_id
  LEFT JOIN persons p ON p.id = c.person_id
  LEFT JOIN trusted_issuers i ON i.id = c.issuer_id
  LEFT JOIN clients t ON t.id = c.acts_through
  WHERE c.status = 'active'
    AND (c.agency_id IS NULL OR a.status = 'active')
    AND (c.person_id IS NULL OR p.status = 'active')
    AND (c.issuer_id IS NULL OR (i.status = 'active' AND i.valid_from <= now()
         AND (i.valid_to IS NULL OR i.valid_to > now())))
    AND (c.acts_through IS NULL OR t.status = 'active');
GRANT SELECT ON client_status, offices, trusted_issuers TO reg_app, reg_worker;

-- The token service looks up clients, persons and issuers before it knows whose request it is;
-- an agency writes its own. No policy lets an agency make a partner's client. The operator works
-- as a member of reg_owner.
ALTER TABLE clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE clients FORCE ROW LEVEL SECURITY;
GRANT INSERT ON clients TO reg_app;
GRANT UPDATE (name, scopes, roles, countries, max_level, office_id, jwks, certificate_bound,
  status, version) ON clients TO reg_app;
CREATE POLICY clients_select ON clients FOR SELECT TO reg_app USING (true);
CREATE POLICY clients_insert ON clients FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY clients_update ON clients FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY clients_worker ON clients FOR SELECT TO reg_worker USING (true);
CREATE POLICY clients_operator ON clients TO reg_owner USING (true) WITH CHECK (true);

ALTER TABLE client_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE client_secrets FORCE ROW LEVEL SECURITY;
GRANT INSERT, DELETE ON client_secrets TO reg_app;
CREATE POLICY client_secrets_select ON client_secrets FOR SELECT TO reg_app USING (true);
CREATE POLICY client_secrets_insert ON client_secrets FOR INSERT TO reg_app
  WITH CHECK (EXISTS (SELECT 1 FROM clients c
    WHERE c.id = client_id AND c.agency_id = (SELECT app_agency())));
CREATE POLICY client_secrets_delete ON client_secrets FOR DELETE TO reg_app
  USING (EXISTS (SELECT 1 FROM clients c
    WHERE c.id = client_id AND c.agency_id = (SELECT app_agency())));
CREATE POLICY client_secrets_operator ON client_secrets TO reg_owner
  USING (true) WITH CHECK (true);

ALTER TABLE feed_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_tokens FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON feed_tokens TO reg_app;
GRANT UPDATE (revoked_at) ON feed_tokens TO reg_app;
CREATE POLICY feed_tokens_select ON feed_tokens FOR SELECT TO reg_app USING (true);
CREATE POLICY feed_tokens_insert ON feed_tokens FOR INSERT TO reg_app
  WITH CHECK (EXISTS (SELECT 1 FROM clients c
    WHERE c.id = client_id AND c.agency_id = (SELECT app_agency())));
CREATE POLICY feed_tokens_update ON feed_tokens FOR UPDATE TO reg_app
  USING (EXISTS (SELECT 1 FROM clients c
    WHERE c.id = client_id AND c.agency_id = (SELECT app_agency())))
  WITH CHECK (EXISTS (SELECT 1 FROM clients c
    WHERE c.id = client_id AND c.agency_id = (SELECT app_agency())));
CREATE POLICY feed_tokens_operator ON feed_tokens TO reg_owner USING (true) WITH CHECK (true);

ALTER TABLE persons ENABLE ROW LEVEL SECURITY;
ALTER TABLE persons FORCE ROW LEVEL SECURITY;
GRANT INSERT ON persons TO reg_app;
GRANT UPDATE (name, office, role, roles, office_id, staff_id, issuer_id, subject, status, version)
  ON persons TO reg_app;
CREATE POLICY persons_select ON persons FOR SELECT TO reg_app USING (true);
CREATE POLICY persons_insert ON persons FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY persons_update ON persons FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY persons_worker ON persons FOR SELECT TO reg_worker USING (true);
CREATE POLICY persons_operator ON persons TO reg_owner USING (true) WITH CHECK (true);

ALTER TABLE offices ENABLE ROW LEVEL SECURITY;
ALTER TABLE offices FORCE ROW LEVEL SECURITY;
GRANT INSERT ON offices TO reg_app;
GRANT UPDATE (name, parent_id, countries, active, version) ON offices TO reg_app;
CREATE POLICY offices_select ON offices FOR SELECT TO reg_app USING (true);
CREATE POLICY offices_insert ON offices FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY offices_update ON offices FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY offices_worker ON offices FOR SELECT TO reg_worker USING (true);
CREATE POLICY offices_operator ON offices TO reg_owner USING (true) WITH CHECK (true);

ALTER TABLE trusted_issuers ENABLE ROW LEVEL SECURITY;
ALTER TABLE trusted_issuers FORCE ROW LEVEL SECURITY;
GRANT INSERT ON trusted_issuers TO reg_app;
-- Its terms are fixed when it is proposed; what is approved is what was proposed.
GRANT UPDATE (status, approved_by, valid_to, key_set, key_set_at, version)
  ON trusted_issuers TO reg_app;
CREATE POLICY trusted_issuers_select ON trusted_issuers FOR SELECT TO reg_app USING (true);
CREATE POLICY trusted_issuers_insert ON trusted_issuers FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()) AND status = 'proposed');
CREATE POLICY trusted_issuers_update ON trusted_issuers FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY trusted_issuers_worker ON trusted_issuers FOR SELECT TO reg_worker USING (true);
CREATE POLICY trusted_issuers_operator ON trusted_issuers TO reg_owner
  USING (true) WITH CHECK (true);

-- What an oversight role did for an investigation is seen by oversight roles only. A partner's
-- client writes events of its own; it reads the log by another way.
DROP POLICY audit_events_select ON audit_events;
DROP POLICY audit_events_insert ON audit_events;
CREATE POLICY audit_events_select ON audit_events FOR SELECT TO reg_app
  USING ((owner_agency = (SELECT app_agency()) OR agency_id = (SELECT app_agency()))
    AND (NOT held OR (SELECT app_oversight())));
CREATE POLICY audit_events_insert ON audit_events FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency())
    OR (agency_id IS NULL AND (SELECT app_partner()) IS NOT NULL));
CREATE POLICY audit_events_operator_select ON audit_events FOR SELECT TO reg_owner USING (true);
CREATE POLICY audit_events_operator_insert ON audit_events FOR INSERT TO reg_owner
  WITH CHECK (true);
"""

OPEN = """
DROP POLICY audit_events_operator_insert ON audit_events;
DROP POLICY audit_events_operator_select ON audit_events;
DROP POLICY audit_events_insert ON audit_events;
DROP POLICY audit_events_select ON audit_events;
CREATE POLICY audit_events_select ON audit_events FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR agency_id = (SELECT app_agency()));
CREATE POLICY audit_events_insert ON audit_events FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
DROP POLICY feed_tokens_insert ON feed_tokens;
DROP POLICY feed_tokens_update ON feed_tokens;
DROP POLICY client_secrets_select ON client_secrets;
DROP POLICY client_secrets_insert ON client_secrets;
DROP POLICY client_secrets_delete ON client_secrets;
DROP POLICY client_secrets_operator ON client_secrets;
DROP POLICY clients_select ON clients;
DROP POLICY clients_insert ON clients;
DROP POLICY clients_update ON clients;
DROP POLICY clients_worker ON clients;
DROP POLICY clients_operator ON clients;
DROP POLICY persons_select ON persons;
DROP POLICY persons_insert ON persons;
DROP POLICY persons_update ON persons;
DROP POLICY persons_worker ON persons;
DROP POLICY persons_operator ON persons;
ALTER TABLE clients NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE client_secrets NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE persons NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE INSERT, UPDATE ON clients, persons FROM reg_app;
REVOKE INSERT, DELETE ON client_secrets FROM reg_app;
DROP VIEW client_status;
CREATE VIEW client_status WITH (security_invoker = true) AS
  SELECT c.id AS client_id, c.agency_id, a.code AS agency_code, c.scopes, c.person_id,
         p.name AS person_name, p.office, p.role
  FROM clients c JOIN agencies a ON a.id = c.agency_id
  LEFT JOIN persons p ON p.id = c.person_id
  WHERE c.status = 'active' AND a.status = 'active';
GRANT SELECT ON client_status TO reg_app, reg_worker;
DROP FUNCTION app_oversight();
DROP FUNCTION app_partner();
"""

CHECKS = (
    (
        "clients",
        "auth_method",
        "auth_method IN ('private_key_jwt', 'client_secret_basic', 'trusted_issuer')",
    ),
    ("clients", "subject_kind", "num_nonnulls(agency_id, partner_id) = 1"),
    ("clients", "partner_person", "partner_id IS NULL OR person_id IS NULL"),
    ("clients", "issuer", "(auth_method = 'trusted_issuer') = (issuer_id IS NOT NULL)"),
    ("clients", "subject", "num_nulls(issuer_id, subject) <> 1"),
    ("clients", "max_level", "max_level IN ('INTER_AGENCY', 'RESTRICTED', 'AGENCY_ONLY')"),
    ("persons", "status", "status IN ('active', 'inactive')"),
    ("persons", "subject", "num_nulls(issuer_id, subject) <> 1"),
    ("signing_keys", "use", "use IN ('token', 'list', 'receipt', 'checkpoint')"),
)
REPLACED = (
    ("clients", "auth_method", "auth_method IN ('private_key_jwt', 'client_secret_basic')"),
    ("signing_keys", "use", "use IN ('token', 'list', 'receipt')"),
)


def upgrade() -> None:
    op.create_table(
        "offices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("countries", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'hq') = (parent_id IS NULL)", name=op.f("ck_offices_parent_id")
        ),
        sa.CheckConstraint(
            "kind IN ('hq', 'region', 'multi_country', 'country')", name=op.f("ck_offices_kind")
        ),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_offices_own_parent")),
        sa.ForeignKeyConstraint(
            ["agency_id"],
            ["agencies.id"],
            name=op.f("fk_offices_agency_id_agencies"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["parent_id", "agency_id"],
            ["offices.id", "offices.agency_id"],
            name="fk_offices_parent",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offices")),
        sa.UniqueConstraint("agency_id", "code", name=op.f("uq_offices_agency_id_code")),
        sa.UniqueConstraint("id", "agency_id", name=op.f("uq_offices_id_agency_id")),
    )
    op.create_index("ix_offices_parent_id", "offices", ["parent_id"], unique=False)
    op.create_index(
        "uq_offices_agency_id_hq",
        "offices",
        ["agency_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'hq' AND active"),
    )
    op.create_table(
        "trusted_issuers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("jwks_uri", sa.Text(), nullable=False),
        sa.Column("algorithms", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("token_type", sa.Text(), nullable=False),
        sa.Column(
            "ignored_headers", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("client_claim", sa.Text(), nullable=False),
        sa.Column("token_id_claim", sa.Text(), nullable=True),
        sa.Column("max_life_s", sa.Integer(), nullable=False),
        sa.Column("scope_ceiling", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column(
            "valid_from",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_set", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("key_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "algorithms <> '{}' AND algorithms <@ '{ES256,ES384,RS256}'",
            name=op.f("ck_trusted_issuers_algorithms"),
        ),
        sa.CheckConstraint(
            "ignored_headers <@ '{x5t,x5t#S256}'", name=op.f("ck_trusted_issuers_ignored_headers")
        ),
        sa.CheckConstraint(
            "status <> 'active' OR approved_by IS NOT NULL",
            name=op.f("ck_trusted_issuers_approved"),
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'active', 'refused', 'revoked')",
            name=op.f("ck_trusted_issuers_status"),
        ),
        sa.CheckConstraint(
            "token_id_claim IN ('jti', 'uti')", name=op.f("ck_trusted_issuers_token_id_claim")
        ),
        sa.CheckConstraint(
            "token_type IN ('at+jwt', 'JWT')", name=op.f("ck_trusted_issuers_token_type")
        ),
        sa.CheckConstraint(
            "approved_by <> proposed_by", name=op.f("ck_trusted_issuers_two_persons")
        ),
        sa.CheckConstraint(
            "max_life_s BETWEEN 60 AND 5400", name=op.f("ck_trusted_issuers_max_life_s")
        ),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_trusted_issuers_valid_to")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_trusted_issuers_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_issuers")),
    )
    op.create_index("ix_trusted_issuers_agency_id", "trusted_issuers", ["agency_id"], unique=False)
    op.create_index(
        "uq_trusted_issuers_issuer",
        "trusted_issuers",
        ["issuer"],
        unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'active')"),
    )
    op.create_table(
        "feed_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "expires_at <= created_at + interval '366 days'", name=op.f("ck_feed_tokens_expires_at")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_feed_tokens_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_feed_tokens_digest")),
    )
    op.create_index("ix_feed_tokens_client_id", "feed_tokens", ["client_id"], unique=False)
    op.add_column(
        "agencies", sa.Column("scope_ceiling", postgresql.ARRAY(sa.Text()), nullable=True)
    )
    op.add_column("audit_events", sa.Column("claimed_user", sa.Text(), nullable=True))
    op.add_column(
        "audit_events", sa.Column("held", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "audit_events",
        sa.Column(
            "salt",
            sa.LargeBinary(),
            server_default=sa.text(
                "(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"
            ),
            nullable=False,
        ),
    )
    op.add_column("clients", sa.Column("partner_id", sa.Uuid(), nullable=True))
    op.add_column(
        "clients",
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "clients",
        sa.Column("countries", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "clients", sa.Column("max_level", sa.Text(), server_default="AGENCY_ONLY", nullable=False)
    )
    op.add_column("clients", sa.Column("office_id", sa.Uuid(), nullable=True))
    op.add_column(
        "clients",
        sa.Column("certificate_bound", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column("clients", sa.Column("issuer_id", sa.Uuid(), nullable=True))
    op.add_column("clients", sa.Column("subject", sa.Text(), nullable=True))
    op.add_column("clients", sa.Column("acts_through", sa.Text(), nullable=True))
    op.add_column("clients", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.alter_column("clients", "agency_id", existing_type=sa.UUID(), nullable=True)
    op.create_index("ix_clients_acts_through", "clients", ["acts_through"], unique=False)
    op.create_index(
        "uq_clients_issuer_id_subject_acts_through",
        "clients",
        ["issuer_id", "subject", "acts_through"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("issuer_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("fk_clients_issuer_id_trusted_issuers"),
        "clients",
        "trusted_issuers",
        ["issuer_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("fk_clients_office_id_offices"), "clients", "offices", ["office_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_clients_acts_through_clients"), "clients", "clients", ["acts_through"], ["id"]
    )
    op.add_column(
        "persons",
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("persons", sa.Column("office_id", sa.Uuid(), nullable=True))
    op.add_column("persons", sa.Column("staff_id", sa.Text(), nullable=True))
    op.add_column("persons", sa.Column("issuer_id", sa.Uuid(), nullable=True))
    op.add_column("persons", sa.Column("subject", sa.Text(), nullable=True))
    op.add_column(
        "persons", sa.Column("status", sa.Text(), server_default="active", nullable=False)
    )
    op.add_column("persons", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column(
        "persons",
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.create_unique_constraint(
        op.f("uq_persons_agency_id_staff_id"), "persons", ["agency_id", "staff_id"]
    )
    op.create_unique_constraint(
        op.f("uq_persons_issuer_id_subject"), "persons", ["issuer_id", "subject"]
    )
    op.create_foreign_key(
        op.f("fk_persons_office_id_offices"), "persons", "offices", ["office_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_persons_issuer_id_trusted_issuers"),
        "persons",
        "trusted_issuers",
        ["issuer_id"],
        ["id"],
    )
    op.create_index(
        "uq_signing_keys_use_next",
        "signing_keys",
        ["use"],
        unique=True,
        postgresql_where="state = 'next'",
    )
    op.create_foreign_key(
        op.f("fk_trusted_issuers_approved_by_persons"),
        "trusted_issuers",
        "persons",
        ["approved_by"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("fk_trusted_issuers_proposed_by_persons"),
        "trusted_issuers",
        "persons",
        ["proposed_by"],
        ["id"],
    )
    for table, name, _ in REPLACED:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    run_script(SECURITY)


def downgrade() -> None:
    # What the older release does not know cannot stay.
    run_script(OPEN)
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.execute("DELETE FROM clients WHERE agency_id IS NULL OR issuer_id IS NOT NULL")
    op.execute("DELETE FROM signing_keys WHERE use = 'checkpoint'")
    for table, name, condition in REPLACED:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.drop_constraint(
        op.f("fk_trusted_issuers_approved_by_persons"), "trusted_issuers", type_="foreignkey"
    )
    op.drop_constraint(
        op.f("fk_trusted_issuers_proposed_by_persons"), "trusted_issuers", type_="foreignkey"
    )
    op.drop_index(
        "uq_signing_keys_use_next", table_name="signing_keys", postgresql_where="state = 'next'"
    )
    op.drop_constraint(op.f("fk_persons_issuer_id_trusted_issuers"), "persons", type_="foreignkey")
    op.drop_constraint(op.f("fk_persons_office_id_offices"), "persons", type_="foreignkey")
    op.drop_constraint(op.f("uq_persons_issuer_id_subject"), "persons", type_="unique")
    op.drop_constraint(op.f("uq_persons_agency_id_staff_id"), "persons", type_="unique")
    op.drop_column("persons", "created_at")
    op.drop_column("persons", "version")
    op.drop_column("persons", "status")
    op.drop_column("persons", "subject")
    op.drop_column("persons", "issuer_id")
    op.drop_column("persons", "staff_id")
    op.drop_column("persons", "office_id")
    op.drop_column("persons", "roles")
    op.drop_constraint(op.f("fk_clients_acts_through_clients"), "clients", type_="foreignkey")
    op.drop_constraint(op.f("fk_clients_office_id_offices"), "clients", type_="foreignkey")
    op.drop_constraint(op.f("fk_clients_issuer_id_trusted_issuers"), "clients", type_="foreignkey")
    op.drop_index(
        "uq_clients_issuer_id_subject_acts_through",
        table_name="clients",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("issuer_id IS NOT NULL"),
    )
    op.drop_index("ix_clients_acts_through", table_name="clients")
    op.alter_column("clients", "agency_id", existing_type=sa.UUID(), nullable=False)
    op.drop_column("clients", "version")
    op.drop_column("clients", "acts_through")
    op.drop_column("clients", "subject")
    op.drop_column("clients", "issuer_id")
    op.drop_column("clients", "certificate_bound")
    op.drop_column("clients", "office_id")
    op.drop_column("clients", "max_level")
    op.drop_column("clients", "countries")
    op.drop_column("clients", "roles")
    op.drop_column("clients", "partner_id")
    op.drop_column("audit_events", "salt")
    op.drop_column("audit_events", "held")
    op.drop_column("audit_events", "claimed_user")
    op.drop_column("agencies", "scope_ceiling")
    op.drop_index("ix_feed_tokens_client_id", table_name="feed_tokens")
    op.drop_table("feed_tokens")
    op.drop_index(
        "uq_trusted_issuers_issuer",
        table_name="trusted_issuers",
        postgresql_where=sa.text("status IN ('proposed', 'active')"),
    )
    op.drop_index("ix_trusted_issuers_agency_id", table_name="trusted_issuers")
    op.drop_table("trusted_issuers")
    op.drop_index(
        "uq_offices_agency_id_hq",
        table_name="offices",
        postgresql_where=sa.text("kind = 'hq' AND active"),
    )
    op.drop_index("ix_offices_parent_id", table_name="offices")
    op.drop_table("offices")
