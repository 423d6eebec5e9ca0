"""bulk loads

Revision: 0024, after 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import rekey_security, run_script

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

SECURITY = f"""
-- What an agency loads, and what it calls its partners, is its own matter.
ALTER TABLE partner_loads ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_loads FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON partner_loads TO reg_app;
GRANT UPDATE (state, finished_at, moved_at, lines, created, updated, unchanged, conflicts, invalid)
  ON partner_loads TO reg_app;
CREATE POLICY partner_loads_select ON partner_loads FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY partner_loads_insert ON partner_loads FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY partner_loads_update ON partner_loads FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND state <> 'undone')
  WITH CHECK (agency_id = (SELECT app_agency()) AND state <> 'undone');
CREATE POLICY partner_loads_operator ON partner_loads TO reg_owner
  USING (true) WITH CHECK (true);

ALTER TABLE partner_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_keys FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON partner_keys TO reg_app;
GRANT UPDATE (digest, version, load_id, loaded_at) ON partner_keys TO reg_app;
CREATE POLICY partner_keys_select ON partner_keys FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY partner_keys_insert ON partner_keys FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY partner_keys_update ON partner_keys FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY partner_keys_operator ON partner_keys TO reg_owner USING (true) WITH CHECK (true);

ALTER TABLE partner_load_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_load_reports FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_load_reports TO reg_app;
CREATE POLICY partner_load_reports_select ON partner_load_reports FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY partner_load_reports_operator ON partner_load_reports TO reg_owner
  USING (true) WITH CHECK (true);

-- Nobody but its author agency knows of a statement that nobody has confirmed.
ALTER TABLE pending_statements ENABLE ROW LEVEL SECURITY;
ALTER TABLE pending_statements FORCE ROW LEVEL SECURITY;
GRANT SELECT ON pending_statements TO reg_app;
GRANT UPDATE (version, state, decided_by, decided_at, flag_id) ON pending_statements TO reg_app;
CREATE POLICY pending_statements_select ON pending_statements FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY pending_statements_update ON pending_statements FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency()) AND state = 'pending')
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY pending_statements_load ON pending_statements FOR INSERT TO reg_owner
  WITH CHECK (state = 'pending');
CREATE POLICY pending_statements_loaded ON pending_statements FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));
{rekey_security("pending_statements")}
"""


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "partner_loads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lines", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("conflicts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("invalid", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("undone", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "(state = 'running') = (finished_at IS NULL)", name=op.f("ck_partner_loads_finished_at")
        ),
        sa.CheckConstraint(
            "format IN ('ndjson', 'csv', 'xlsx', 'unpp')", name=op.f("ck_partner_loads_format")
        ),
        sa.CheckConstraint(
            "state IN ('running', 'finished', 'undone')", name=op.f("ck_partner_loads_state")
        ),
        sa.CheckConstraint(
            "lines = created + updated + unchanged + conflicts + invalid",
            name=op.f("ck_partner_loads_lines"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_partner_loads_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_partner_loads_person_id_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_loads")),
    )
    op.create_index(
        "ix_partner_loads_agency_id_id", "partner_loads", ["agency_id", "id"], unique=False
    )
    op.create_table(
        "partner_keys",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("created_by_load", sa.Uuid(), nullable=False),
        sa.Column(
            "loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("octet_length(digest) = 16", name=op.f("ck_partner_keys_digest")),
        sa.CheckConstraint("octet_length(key) BETWEEN 1 AND 800", name=op.f("ck_partner_keys_key")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_partner_keys_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_load"],
            ["partner_loads.id"],
            name=op.f("fk_partner_keys_created_by_load_partner_loads"),
        ),
        sa.ForeignKeyConstraint(
            ["load_id"], ["partner_loads.id"], name=op.f("fk_partner_keys_load_id_partner_loads")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_keys_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("agency_id", "key", name=op.f("pk_partner_keys")),
    )
    op.create_index(
        "ix_partner_keys_created_by_load",
        "partner_keys",
        ["created_by_load", "partner_id"],
        unique=False,
    )
    op.create_index("ix_partner_keys_partner_id", "partner_keys", ["partner_id"], unique=False)
    op.create_table(
        "partner_load_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=True),
        sa.Column("said_on", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("source IN ('UNPP')", name=op.f("ck_partner_load_reports_source")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_partner_load_reports_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["partner_loads.id"],
            name=op.f("fk_partner_load_reports_load_id_partner_loads"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_load_reports_partner_id_partners"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_load_reports")),
    )
    op.create_index(
        "uq_partner_load_reports_said",
        "partner_load_reports",
        ["partner_id", "agency_id", "source", "kind", "value", "said_by", "said_on"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "pending_statements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("said_on", sa.Date(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column(
            "loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("flag_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'confirmed') = (flag_id IS NOT NULL)",
            name=op.f("ck_pending_statements_flag_id"),
        ),
        sa.CheckConstraint(
            "kind IN ('OBSERVATION', 'YELLOW', 'RED')", name=op.f("ck_pending_statements_kind")
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE state WHEN 'pending' THEN 2 ELSE 0 END",
            name=op.f("ck_pending_statements_decided"),
        ),
        sa.CheckConstraint("source IN ('UNPP')", name=op.f("ck_pending_statements_source")),
        sa.CheckConstraint(
            "state IN ('pending', 'confirmed', 'rejected')",
            name=op.f("ck_pending_statements_state"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_pending_statements_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["flag_id"],
            ["partner_flags.id"],
            name=op.f("fk_pending_statements_flag_id_partner_flags"),
        ),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["partner_loads.id"],
            name=op.f("fk_pending_statements_load_id_partner_loads"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_pending_statements_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_pending_statements_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_statements")),
    )
    op.create_index(
        "ix_pending_statements_owner_agency_state",
        "pending_statements",
        ["owner_agency", "state", "loaded_at"],
        unique=False,
    )
    op.create_index(
        "ix_pending_statements_partner_id", "pending_statements", ["partner_id"], unique=False
    )
    op.create_index(
        "uq_pending_statements_source_key",
        "pending_statements",
        ["owner_agency", "source", "source_key"],
        unique=True,
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_index("uq_pending_statements_source_key", table_name="pending_statements")
    op.drop_index("ix_pending_statements_partner_id", table_name="pending_statements")
    op.drop_index("ix_pending_statements_owner_agency_state", table_name="pending_statements")
    op.drop_table("pending_statements")
    op.drop_index(
        "uq_partner_load_reports_said",
        table_name="partner_load_reports",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_table("partner_load_reports")
    op.drop_index("ix_partner_keys_partner_id", table_name="partner_keys")
    op.drop_index("ix_partner_keys_created_by_load", table_name="partner_keys")
    op.drop_table("partner_keys")
    op.drop_index("ix_partner_loads_agency_id_id", table_name="partner_loads")
    op.drop_table("partner_loads")
