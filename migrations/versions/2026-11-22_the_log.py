"""the_log

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SECURITY = """
-- When an event was and its salt are the database's word, whoever writes it. Held is only what a
-- client with the oversight role does.
REVOKE INSERT ON audit_events FROM reg_app, reg_worker;
GRANT INSERT (id, event, agency_id, client_id, person_id, office, role, subject_id, owner_agency,
  partner_id, purpose, reference, basis, request_id, claimed_user, held, detail)
  ON audit_events TO reg_app, reg_worker;
DROP POLICY audit_events_insert ON audit_events;
CREATE POLICY audit_events_insert ON audit_events FOR INSERT TO reg_app
  WITH CHECK ((agency_id = (SELECT app_agency())
      OR (agency_id IS NULL AND (SELECT app_partner()) IS NOT NULL))
    AND (NOT held OR EXISTS (SELECT 1 FROM client_status s
      WHERE s.client_id = audit_events.client_id AND s.agency_id = audit_events.agency_id
        AND 'OVS' = ANY (s.roles))));

-- Every event waits for its number, whoever writes it; the sequencer alone takes it from there.
CREATE FUNCTION queue_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.salt IS NULL OR octet_length(NEW.salt) < 16 THEN
    RAISE EXCEPTION 'an event needs its salt' USING ERRCODE = '23514';
  END IF;
  -- What cannot be brought into a leaf would stop the log.
  IF jsonb_path_exists(NEW.detail, '$.**{8 to last}') THEN
    RAISE EXCEPTION 'the detail is nested too deeply' USING ERRCODE = '23514';
  END IF;
  INSERT INTO public.audit_pending (event_id) VALUES (NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER audit_events_queue AFTER INSERT ON audit_events
  FOR EACH ROW EXECUTE FUNCTION queue_audit_event();
GRANT INSERT ON audit_pending TO reg_app, reg_worker;
GRANT SELECT, DELETE ON audit_pending TO reg_worker;

-- The one change an event may see: what tells of persons is erased after it has its leaf, and
-- another event names the erased one. The proof of the leaf stays.
CREATE FUNCTION guard_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE personal constant text[] := ARRAY['client_id', 'person_id', 'office', 'role',
  'reference', 'claimed_user', 'detail', 'salt'];
BEGIN
  IF TG_OP = 'UPDATE'
    AND (current_user = 'reg_worker' OR pg_has_role(current_user, 'reg_owner', 'USAGE'))
    AND OLD.salt IS NOT NULL AND NEW.salt IS NULL AND NEW.detail = '{}'::jsonb
    AND num_nonnulls(NEW.client_id, NEW.person_id, NEW.office, NEW.role, NEW.reference,
      NEW.claimed_user) = 0
    AND to_jsonb(NEW) - personal = to_jsonb(OLD) - personal
    AND EXISTS (SELECT FROM public.log_leaves l WHERE l.event_id = OLD.id)
    AND EXISTS (SELECT FROM public.audit_events e
      WHERE e.event = 'audit:event:erase' AND e.subject_id = OLD.id)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;
DROP TRIGGER audit_events_append_only ON audit_events;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION guard_audit_event();
GRANT UPDATE (client_id, person_id, office, role, reference, claimed_user, detail, salt)
  ON audit_events TO reg_worker;
CREATE POLICY audit_events_operator_erase ON audit_events FOR UPDATE TO reg_owner
  USING (true) WITH CHECK (true);

-- The tree holds hashes only: every caller may check it, the sequencer adds to it, nobody else.
GRANT SELECT ON log_leaves, log_nodes, log_checkpoints TO reg_app, reg_worker;
GRANT INSERT ON log_leaves, log_nodes, log_checkpoints TO reg_worker;
CREATE TRIGGER log_leaves_append_only BEFORE UPDATE OR DELETE ON log_leaves
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_leaves_no_truncate BEFORE TRUNCATE ON log_leaves
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_nodes_append_only BEFORE UPDATE OR DELETE ON log_nodes
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_nodes_no_truncate BEFORE TRUNCATE ON log_nodes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_checkpoints_append_only BEFORE UPDATE OR DELETE ON log_checkpoints
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_checkpoints_no_truncate BEFORE TRUNCATE ON log_checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What follows is looked at, and done, under row security.
SET LOCAL row_security = on;

-- What a partner learns of the log: which agency, and when. Never what, who, or for what.
GRANT USAGE ON SCHEMA public TO reg_facts;
GRANT SELECT (id, code) ON agencies TO reg_facts;
GRANT SELECT (id, at, agency_id, partner_id, held) ON audit_events TO reg_facts;
CREATE POLICY audit_events_facts ON audit_events FOR SELECT TO reg_facts
  USING (partner_id = (SELECT app_partner()) AND NOT held);
CREATE FUNCTION partner_audit(before uuid, since timestamptz, until timestamptz, amount integer)
  RETURNS TABLE (id uuid, agency text, at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.id, a.code, e.at
    FROM public.audit_events e JOIN public.agencies a ON a.id = e.agency_id
    WHERE e.partner_id = (SELECT public.app_partner()) AND NOT e.held
      AND ($1 IS NULL OR e.id < $1) AND ($2 IS NULL OR e.at >= $2) AND ($3 IS NULL OR e.at < $3)
    ORDER BY e.id DESC LIMIT least($4, 201) $$;
REVOKE EXECUTE ON FUNCTION partner_audit(uuid, timestamptz, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION partner_audit(uuid, timestamptz, timestamptz, integer) TO reg_app;
-- To own a function takes the right to create in the schema, for this moment only.
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION partner_audit(uuid, timestamptz, timestamptz, integer) OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;

-- Events of earlier releases get their numbers, too.
INSERT INTO audit_pending (event_id, at) SELECT id, at FROM audit_events;
SET LOCAL row_security = off;
"""

OPEN = """
DROP FUNCTION partner_audit(uuid, timestamptz, timestamptz, integer);
DROP POLICY audit_events_facts ON audit_events;
REVOKE SELECT (id, at, agency_id, partner_id, held) ON audit_events FROM reg_facts;
REVOKE SELECT (id, code) ON agencies FROM reg_facts;
REVOKE USAGE ON SCHEMA public FROM reg_facts;
DROP POLICY audit_events_operator_erase ON audit_events;
REVOKE UPDATE (client_id, person_id, office, role, reference, claimed_user, detail, salt)
  ON audit_events FROM reg_worker;
DROP TRIGGER audit_events_queue ON audit_events;
DROP FUNCTION queue_audit_event();
DROP TRIGGER audit_events_append_only ON audit_events;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP FUNCTION guard_audit_event();
DELETE FROM streams WHERE name = 'audit';
DROP POLICY audit_events_insert ON audit_events;
CREATE POLICY audit_events_insert ON audit_events FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency())
    OR (agency_id IS NULL AND (SELECT app_partner()) IS NOT NULL));
GRANT INSERT ON audit_events TO reg_app, reg_worker;
"""


def upgrade() -> None:
    op.create_table(
        "audit_pending",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_audit_pending")),
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("octet_length(root) = 32", name=op.f("ck_log_checkpoints_root")),
        sa.CheckConstraint(
            "previous >= 0 AND previous < size", name=op.f("ck_log_checkpoints_previous")
        ),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoints")),
        sa.UniqueConstraint("previous", name=op.f("uq_log_checkpoints_previous")),
    )
    op.create_table(
        "log_leaves",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(leaf_hash) = 32", name=op.f("ck_log_leaves_leaf_hash")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_log_leaves")),
        sa.UniqueConstraint("event_id", name=op.f("uq_log_leaves_event_id")),
        sa.UniqueConstraint("leaf_hash", name=op.f("uq_log_leaves_leaf_hash")),
    )
    op.create_table(
        "log_nodes",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("level > 0", name=op.f("ck_log_nodes_level")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_log_nodes_hash")),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_log_nodes")),
    )
    op.alter_column(
        "audit_events",
        "salt",
        existing_type=postgresql.BYTEA(),
        nullable=True,
        existing_server_default=sa.text(
            "(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"
        ),
    )
    op.create_index(
        "ix_audit_events_partner_id_id",
        "audit_events",
        ["partner_id", "id"],
        unique=False,
        postgresql_where=sa.text("partner_id IS NOT NULL"),
    )
    run_script(SECURITY)


def downgrade() -> None:
    # An erased event has no salt and cannot go back: the release before knows none.
    run_script(OPEN)
    op.drop_index(
        "ix_audit_events_partner_id_id",
        table_name="audit_events",
        postgresql_where=sa.text("partner_id IS NOT NULL"),
    )
    op.alter_column(
        "audit_events",
        "salt",
        existing_type=postgresql.BYTEA(),
        nullable=False,
        existing_server_default=sa.text(
            "(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"
        ),
    )
    op.drop_table("log_nodes")
    op.drop_table("log_leaves")
    op.drop_table("log_checkpoints")
    op.drop_table("audit_pending")
