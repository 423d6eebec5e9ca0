"""partner matching

Revision: 0018, after 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


SECURITY = """
GRANT SELECT, INSERT, UPDATE, DELETE ON partner_names TO reg_app, reg_worker;
-- After a bulk load the worker counts anew how common each key is.
GRANT MAINTAIN ON partner_names TO reg_worker;
GRANT SELECT, INSERT ON duplicate_checks TO reg_app;
-- A profile that waits already is put in again: that locks the row, which needs UPDATE.
GRANT UPDATE (queued_at) ON duplicate_checks TO reg_app, reg_worker;
GRANT SELECT, INSERT, DELETE ON duplicate_checks TO reg_worker;

GRANT SELECT, INSERT ON possible_duplicates TO reg_app, reg_worker;
GRANT UPDATE (version, version_a, version_b, score, matched_on, rules, state, found_at,
  decided_by, decided_at, reason) ON possible_duplicates TO reg_app, reg_worker;
ALTER TABLE possible_duplicates ENABLE ROW LEVEL SECURITY;
ALTER TABLE possible_duplicates FORCE ROW LEVEL SECURITY;
CREATE POLICY possible_duplicates_select ON possible_duplicates FOR SELECT
  TO reg_app, reg_worker USING (true);
CREATE POLICY possible_duplicates_insert ON possible_duplicates FOR INSERT TO reg_app
  WITH CHECK (state = 'open' AND (SELECT app_agency()) IS NOT NULL);
-- Nobody decides in another agency's name, nor undoes what one decided.
CREATE POLICY possible_duplicates_update ON possible_duplicates FOR UPDATE TO reg_app
  USING (state <> 'dismissed' AND (SELECT app_agency()) IS NOT NULL)
  WITH CHECK (state <> 'dismissed' OR decided_by = (SELECT app_agency()));
CREATE POLICY possible_duplicates_found ON possible_duplicates FOR INSERT TO reg_worker
  WITH CHECK (state = 'open');
CREATE POLICY possible_duplicates_again ON possible_duplicates FOR UPDATE TO reg_worker
  USING (true) WITH CHECK (state = 'open');
CREATE POLICY possible_duplicates_operator ON possible_duplicates TO reg_owner
  USING (true) WITH CHECK (true);

-- The worker makes the keys of what is there already.
INSERT INTO duplicate_checks (partner_id) SELECT id FROM partners;
"""


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.drop_table("partner_names")
    op.create_table(
        "partner_names",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("keys", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_names_partner_id_partners"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_partner_names")),
    )
    op.create_index(
        "ix_partner_names_keys",
        "partner_names",
        ["keys"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "duplicate_checks",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column(
            "queued_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_duplicate_checks_partner_id_partners"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_duplicate_checks")),
    )
    op.create_table(
        "possible_duplicates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("partner_a", sa.Uuid(), nullable=False),
        sa.Column("partner_b", sa.Uuid(), nullable=False),
        sa.Column("version_a", sa.Integer(), nullable=False),
        sa.Column("version_b", sa.Integer(), nullable=False),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("matched_on", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column(
            "found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("partner_a < partner_b", name=op.f("ck_possible_duplicates_pair")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_possible_duplicates_version")),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_possible_duplicates_score")),
        sa.CheckConstraint(
            "state IN ('open', 'dismissed', 'merged')", name=op.f("ck_possible_duplicates_state")
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at, reason) "
            "= CASE WHEN state = 'dismissed' THEN 0 ELSE 3 END",
            name=op.f("ck_possible_duplicates_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_a"],
            ["partners.id"],
            name=op.f("fk_possible_duplicates_partner_a_partners"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["partner_b"],
            ["partners.id"],
            name=op.f("fk_possible_duplicates_partner_b_partners"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["agencies.id"], name=op.f("fk_possible_duplicates_decided_by_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_possible_duplicates")),
    )
    op.create_index(
        "uq_possible_duplicates_pair",
        "possible_duplicates",
        ["partner_a", "partner_b"],
        unique=True,
    )
    op.create_index("ix_possible_duplicates_partner_b", "possible_duplicates", ["partner_b"])
    op.create_index("ix_possible_duplicates_state_id", "possible_duplicates", ["state", "id"])
    run_script(SECURITY)


def downgrade() -> None:
    """The names' folded forms come back only as profiles are written again."""
    op.drop_table("possible_duplicates")
    op.drop_table("duplicate_checks")
    op.drop_table("partner_names")
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
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    run_script(
        """GRANT SELECT ON partner_names TO reg_app, reg_worker;
GRANT INSERT, UPDATE, DELETE ON partner_names TO reg_app;"""
    )
