"""watching time

Revision: 0062, after 0057
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0062"
down_revision = "0057"
branch_labels = None
depends_on = None

SECURITY = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- How far the worker's look at the clock is; its own.
GRANT SELECT, INSERT, UPDATE, DELETE ON clearance_watch TO reg_worker;

-- What is found when a clearance is decided again is watched from then on.
DROP POLICY clearance_dependencies_list ON clearance_dependencies;
CREATE POLICY clearance_dependencies_list ON clearance_dependencies FOR INSERT TO reg_worker
  WITH CHECK (kind IN ('stale_source', 'time', 'partner'));

-- Whether parties of the lists wait to be compared with people, and no more: which ones, and whose
-- lists, is the worker's to know.
CREATE FUNCTION of_a_party(type text, data jsonb) RETURNS boolean
  LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
  SELECT type IN ('list.changed', 'list.use_changed')
    OR (type IN ('sanction.imposed', 'sanction.began', 'sanction.changed')
      AND data ->> 'partner_id' IS NULL)
$$;
CREATE FUNCTION parties_wait() RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM rescreen_tasks WHERE kind = 'entry')
    OR EXISTS (SELECT FROM outbox o WHERE o.seq IS NULL AND of_a_party(o.type, o.data))
    OR EXISTS (SELECT FROM outbox o WHERE of_a_party(o.type, o.data) AND o.seq >
      coalesce((SELECT seq FROM consumer_cursors WHERE name = 'matches.queue'), 0))
$$;
REVOKE EXECUTE ON FUNCTION parties_wait() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parties_wait() TO reg_app;
GRANT SELECT (kind) ON rescreen_tasks TO reg_facts;
GRANT SELECT (seq, type, data) ON outbox TO reg_facts;
GRANT SELECT (name, seq) ON consumer_cursors TO reg_facts;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION parties_wait() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

UNDO = """
DROP FUNCTION parties_wait();
DROP FUNCTION of_a_party(text, jsonb);
REVOKE SELECT (kind) ON rescreen_tasks FROM reg_facts;
REVOKE SELECT (seq, type, data) ON outbox FROM reg_facts;
REVOKE SELECT (name, seq) ON consumer_cursors FROM reg_facts;
DROP POLICY clearance_dependencies_list ON clearance_dependencies;
CREATE POLICY clearance_dependencies_list ON clearance_dependencies FOR INSERT TO reg_worker
  WITH CHECK (kind = 'stale_source');
"""


def upgrade() -> None:
    op.create_table(
        "clearance_watch",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_clearance_watch")),
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    op.drop_table("clearance_watch")
