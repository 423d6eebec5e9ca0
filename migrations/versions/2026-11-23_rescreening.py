"""rescreening

Revision: 0045, after 0044
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_BOUND = "((SELECT app_agency()) IS NOT NULL OR partner_id = (SELECT app_partner()))"
_ANYONE = """(state = 'current'
    AND ((SELECT app_agency()) IS NOT NULL OR (SELECT app_partner()) IS NOT NULL))"""
SECURITY = f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- ---------------------------------------------------------------- keys of the blind index
ALTER TABLE blind_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE blind_keys FORCE ROW LEVEL SECURITY;
GRANT SELECT ON blind_keys TO reg_app;
GRANT INSERT (id, purpose, sealed) ON blind_keys TO reg_app, reg_worker;
GRANT SELECT, DELETE ON blind_keys TO reg_worker;
GRANT UPDATE (state, retired_at) ON blind_keys TO reg_worker;
CREATE POLICY blind_keys_select ON blind_keys FOR SELECT TO reg_app USING {_ANYONE};
CREATE POLICY blind_keys_insert ON blind_keys FOR INSERT TO reg_app WITH CHECK {_ANYONE};
CREATE POLICY blind_keys_worker_select ON blind_keys FOR SELECT TO reg_worker USING (true);
CREATE POLICY blind_keys_worker_insert ON blind_keys FOR INSERT TO reg_worker WITH CHECK (true);
-- The key of the subjects' hashes is not to be changed: see the model.
CREATE POLICY blind_keys_worker_update ON blind_keys FOR UPDATE TO reg_worker
  USING (purpose = 'tokens') WITH CHECK (purpose = 'tokens');
CREATE POLICY blind_keys_worker_delete ON blind_keys FOR DELETE TO reg_worker
  USING (state = 'retired');
{rekey_security("blind_keys")}

-- ---------------------------------------------------------------- tokens
-- The API writes what it may not read: whoever may write an entry writes its tokens, and what is
-- written takes the place of what was there.
ALTER TABLE partner_person_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_person_tokens FORCE ROW LEVEL SECURITY;
GRANT INSERT (person_id, partner_id, key_id, sealed_version, made_by, tokens)
  ON partner_person_tokens TO reg_app, reg_worker;
GRANT SELECT, DELETE ON partner_person_tokens TO reg_worker;
CREATE POLICY partner_person_tokens_insert ON partner_person_tokens FOR INSERT TO reg_app
  WITH CHECK {_BOUND};
CREATE POLICY partner_person_tokens_worker_select ON partner_person_tokens FOR SELECT
  TO reg_worker USING (true);
CREATE POLICY partner_person_tokens_worker_insert ON partner_person_tokens FOR INSERT
  TO reg_worker WITH CHECK (true);
CREATE POLICY partner_person_tokens_worker_delete ON partner_person_tokens FOR DELETE
  TO reg_worker USING (true);
CREATE POLICY partner_person_tokens_facts_select ON partner_person_tokens FOR SELECT
  TO reg_facts USING (true);
CREATE POLICY partner_person_tokens_facts_delete ON partner_person_tokens FOR DELETE
  TO reg_facts USING (true);
GRANT SELECT (person_id), DELETE ON partner_person_tokens TO reg_facts;
-- The worker opens the candidates, and those whose tokens it makes.
GRANT SELECT (role, authorised, board_member, sealed, sealed_version) ON partner_people
  TO reg_worker;

-- Whoever erases an entry, nobody is found by it any more; and one row takes another's place.
CREATE FUNCTION person_tokens_erased() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  DELETE FROM partner_person_tokens WHERE person_id = (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION person_tokens_erased() FROM PUBLIC;
CREATE TRIGGER partner_people_tokens_erased AFTER UPDATE ON partner_people FOR EACH ROW
  WHEN (NEW.sealed IS NULL) EXECUTE FUNCTION person_tokens_erased('id');
CREATE TRIGGER partner_person_tokens_replaced BEFORE INSERT ON partner_person_tokens
  FOR EACH ROW EXECUTE FUNCTION person_tokens_erased('person_id');

-- For whom the worker finds matches on lists that are not for all. Nobody else may ask.
CREATE FUNCTION list_holders() RETURNS TABLE (source text, agency_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.source, u.agency_id FROM list_uses u
    WHERE u.state = 'active' AND u.audience = 'opt_in' ORDER BY 1, 2
$$;
REVOKE EXECUTE ON FUNCTION list_holders() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION list_holders() TO reg_worker;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION person_tokens_erased() OWNER TO reg_facts;
ALTER FUNCTION list_holders() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;

-- ---------------------------------------------------------------- the work
GRANT SELECT, INSERT, UPDATE, DELETE ON rescreen_tasks, screened_subjects, screened_entries,
  rescreen_sweeps TO reg_worker;
-- A clearance asks whether the re-screening has reached the partner's people, and no more.
GRANT SELECT (subject_id, version, algorithm) ON screened_subjects TO reg_app;
"""  # noqa: S608 - texts of ours
UNDO = """
DROP FUNCTION list_holders();
DROP TRIGGER partner_people_tokens_erased ON partner_people;
DROP TRIGGER partner_person_tokens_replaced ON partner_person_tokens;
DROP FUNCTION person_tokens_erased();
REVOKE SELECT (role, authorised, board_member, sealed, sealed_version) ON partner_people
  FROM reg_worker;
"""


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "blind_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="current", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'retired') = (retired_at IS NOT NULL)", name=op.f("ck_blind_keys_retired_at")
        ),
        sa.CheckConstraint(
            "purpose = 'tokens' OR state = 'current'", name=op.f("ck_blind_keys_lasting")
        ),
        sa.CheckConstraint("purpose IN ('tokens', 'subjects')", name=op.f("ck_blind_keys_purpose")),
        sa.CheckConstraint("state IN ('current', 'retired')", name=op.f("ck_blind_keys_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_keys")),
    )
    op.create_index(
        "uq_blind_keys_purpose_current",
        "blind_keys",
        ["purpose"],
        unique=True,
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "rescreen_sweeps",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Uuid(), nullable=True),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rescreen_sweeps")),
    )
    op.create_table(
        "rescreen_tasks",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column(
            "queued_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('partner', 'person', 'entry')", name=op.f("ck_rescreen_tasks_kind")
        ),
        sa.CheckConstraint(
            "(failures > 0) = (failure IS NOT NULL)", name=op.f("ck_rescreen_tasks_failure")
        ),
        sa.PrimaryKeyConstraint("kind", "subject_id", name=op.f("pk_rescreen_tasks")),
    )
    op.create_index(
        "ix_rescreen_tasks_kind_due_at", "rescreen_tasks", ["kind", "due_at"], unique=False
    )
    op.create_table(
        "screened_entries",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("holders", postgresql.ARRAY(sa.UUID()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_screened_entries")),
    )
    op.create_table(
        "screened_subjects",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("entries", postgresql.ARRAY(sa.UUID()), server_default="{}", nullable=False),
        sa.CheckConstraint("kind IN ('partner', 'person')", name=op.f("ck_screened_subjects_kind")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_screened_subjects_version")),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_screened_subjects_partner_id_partners"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_screened_subjects")),
    )
    op.create_index(
        "ix_screened_subjects_entries",
        "screened_subjects",
        ["entries"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("entries <> '{}'"),
    )
    op.create_index(
        "ix_screened_subjects_partner_id", "screened_subjects", ["partner_id"], unique=False
    )
    op.create_table(
        "partner_person_tokens",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("sealed_version", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("tokens", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.CheckConstraint(
            "key_id IS NOT NULL OR tokens = '{}'", name=op.f("ck_partner_person_tokens_key_id")
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["blind_keys.id"], name=op.f("fk_partner_person_tokens_key_id_blind_keys")
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "partner_id"],
            ["partner_people.id", "partner_people.partner_id"],
            name=op.f("fk_partner_person_tokens_person_id_partner_id_partner_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_partner_person_tokens")),
    )
    op.create_index(
        "ix_partner_person_tokens_key_id",
        "partner_person_tokens",
        ["key_id", "person_id"],
        unique=False,
    )
    op.create_index(
        "ix_partner_person_tokens_tokens",
        "partner_person_tokens",
        ["tokens"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    for table in (
        "partner_person_tokens",
        "screened_subjects",
        "screened_entries",
        "rescreen_tasks",
        "rescreen_sweeps",
        "blind_keys",
    ):
        op.drop_table(table)
