"""keys

Revision: 0010, after 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


SECURITY = r"""
-- A row as JSON, its sealed values without what their key-encryption key decides: after the
-- format byte (2) key id, nonce and wrapped data key, 77 bytes in all. As hexadecimal text a
-- value begins with \x and has two characters a byte.
CREATE FUNCTION without_key_headers(content jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT jsonb_object_agg(key, CASE
      WHEN (key = 'sealed' OR starts_with(key, 'sealed_')) AND jsonb_typeof(value) = 'string'
        AND starts_with(value #>> '{}', '\x02') AND length(value #>> '{}') >= 2 + 2 * 105
      THEN to_jsonb(substr(value #>> '{}', 1 + 2 + 2 * 77)) ELSE value END)
    FROM jsonb_each(content) $$;

-- Append-only still means that nothing is changed: a change of keys writes the same content
-- under another header. Only the operator may.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger
  LANGUAGE plpgsql SET bytea_output = 'hex' AS
  $$ BEGIN
    IF TG_OP = 'UPDATE' AND TG_LEVEL = 'ROW' THEN
      IF pg_has_role(current_user, 'reg_owner', 'MEMBER') AND OLD IS DISTINCT FROM NEW
        AND public.without_key_headers(to_jsonb(OLD)) = public.without_key_headers(to_jsonb(NEW))
      THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
  END $$;

-- As above, for the steps of cases, which a redaction may blank.
CREATE OR REPLACE FUNCTION sanction_case_steps_kept() RETURNS trigger
  LANGUAGE plpgsql SET bytea_output = 'hex' AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'reg_facts'
     AND to_jsonb(NEW) - '{sealed,redacted}'::text[] = to_jsonb(OLD) - '{sealed,redacted}'::text[]
     AND (NEW.sealed = OLD.sealed OR length(NEW.sealed) = 0) THEN
    IF length(NEW.sealed) = 0 THEN
      PERFORM refuse_held(OLD.id, OLD.case_id,
        (SELECT c.partner_id FROM sanction_cases c WHERE c.id = OLD.case_id));
    END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND pg_has_role(current_user, 'reg_owner', 'MEMBER')
     AND OLD IS DISTINCT FROM NEW
     AND public.without_key_headers(to_jsonb(OLD)) = public.without_key_headers(to_jsonb(NEW)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;

-- Row security binds the operator too: it may see and rewrite what is sealed, where it lies, in a
-- transaction that says it changes keys, and in no other.
DO $$
DECLARE found record;
BEGIN
  FOR found IN SELECT DISTINCT c.relname AS name FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
      AND NOT a.attisdropped AND a.atttypid = 'bytea'::regtype
      AND (a.attname = 'sealed' OR starts_with(a.attname, 'sealed_'))
  LOOP
    EXECUTE format('CREATE POLICY %I ON %I FOR SELECT TO reg_owner USING '
      '((SELECT current_setting(''app.rekey'', true)) = ''on'')',
      found.name || '_rekey_select', found.name);
    EXECUTE format('CREATE POLICY %I ON %I FOR UPDATE TO reg_owner USING '
      '((SELECT current_setting(''app.rekey'', true)) = ''on'') WITH CHECK (true)',
      found.name || '_rekey_update', found.name);
  END LOOP;
END $$;
"""

OPEN = """
DO $$
DECLARE found record;
BEGIN
  FOR found IN SELECT p.polname AS name, p.polrelid::regclass AS place FROM pg_policy p
    WHERE p.polname LIKE '%\\_rekey\\_select' OR p.polname LIKE '%\\_rekey\\_update'
  LOOP
    EXECUTE format('DROP POLICY %I ON %s', found.name, found.place);
  END LOOP;
END $$;
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501'; END $$;
CREATE OR REPLACE FUNCTION sanction_case_steps_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'reg_facts'
     AND to_jsonb(NEW) - '{sealed,redacted}'::text[] = to_jsonb(OLD) - '{sealed,redacted}'::text[]
     AND (NEW.sealed = OLD.sealed OR length(NEW.sealed) = 0) THEN
    IF length(NEW.sealed) = 0 THEN
      PERFORM refuse_held(OLD.id, OLD.case_id,
        (SELECT c.partner_id FROM sanction_cases c WHERE c.id = OLD.case_id));
    END IF;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;
DROP FUNCTION without_key_headers(jsonb);
"""

_STATES = "state IN ('next', 'current', 'retired'{more})"
_ENDED = "state NOT IN ('retired', 'withdrawn') OR not_after IS NOT NULL"


def upgrade() -> None:
    for name in ("retired_at", "moved_at"):
        op.add_column("encryption_keys", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE encryption_keys SET retired_at = now() WHERE state = 'retired'")
    op.create_check_constraint(
        op.f("ck_encryption_keys_retired_at"),
        "encryption_keys",
        "(state = 'retired') = (retired_at IS NOT NULL)",
    )
    op.create_check_constraint(
        op.f("ck_encryption_keys_moved_at"), "encryption_keys", "moved_at >= retired_at"
    )
    op.drop_constraint(op.f("ck_signing_keys_state"), "signing_keys", type_="check")
    op.create_check_constraint(
        op.f("ck_signing_keys_state"), "signing_keys", _STATES.format(more=", 'withdrawn'")
    )
    op.execute(
        "UPDATE signing_keys SET not_after = now() WHERE state = 'retired' AND not_after IS NULL"
    )
    op.create_check_constraint(op.f("ck_signing_keys_not_after"), "signing_keys", _ENDED)
    run_script(SECURITY)


def downgrade() -> None:
    # A value of the newer format is not read by the older release: it has to be sealed anew.
    run_script(OPEN)
    op.drop_constraint(op.f("ck_signing_keys_not_after"), "signing_keys", type_="check")
    op.drop_constraint(op.f("ck_signing_keys_state"), "signing_keys", type_="check")
    op.execute("UPDATE signing_keys SET state = 'retired' WHERE state = 'withdrawn'")
    op.create_check_constraint(
        op.f("ck_signing_keys_state"), "signing_keys", _STATES.format(more="")
    )
    op.drop_constraint(op.f("ck_encryption_keys_moved_at"), "encryption_keys", type_="check")
    op.drop_constraint(op.f("ck_encryption_keys_retired_at"), "encryption_keys", type_="check")
    for name in ("moved_at", "retired_at"):
        op.drop_column("encryption_keys", name)
