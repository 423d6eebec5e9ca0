"""watching in time

Revision: 0068, after 0063
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

_NAMELESS = "kind IN ('name', 'identifier')"

SECURITY = """
-- What an answer without a profile is found by is of no use after its end, and goes with its
-- contents before: whoever guesses a name could try it against the keys. All else stays.
CREATE FUNCTION clearance_dependencies_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.kind IN ('name', 'identifier') AND (OLD.until <= now() OR EXISTS (
      SELECT FROM clearances c WHERE c.id = OLD.clearance_id
        AND c.contents_erased_at IS NOT NULL)) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;
DROP TRIGGER clearance_dependencies_append_only ON clearance_dependencies;
CREATE TRIGGER clearance_dependencies_append_only BEFORE UPDATE OR DELETE
  ON clearance_dependencies FOR EACH ROW EXECUTE FUNCTION clearance_dependencies_kept();
GRANT DELETE ON clearance_dependencies TO reg_app, reg_worker;
CREATE POLICY clearance_dependencies_forget ON clearance_dependencies FOR DELETE TO reg_worker
  USING (kind IN ('name', 'identifier'));
CREATE POLICY clearance_dependencies_erase ON clearance_dependencies FOR DELETE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND (SELECT app_oversight())
    AND kind IN ('name', 'identifier'));
-- A stored answer for a repeated request is the same contents once more.
GRANT DELETE ON idempotency_keys TO reg_app;
CREATE POLICY idempotency_keys_erase ON idempotency_keys FOR DELETE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND (SELECT app_oversight())
    AND route = '/v1/clearances');
"""

UNDO = """
DROP POLICY idempotency_keys_erase ON idempotency_keys;
REVOKE DELETE ON idempotency_keys FROM reg_app;
DROP POLICY clearance_dependencies_erase ON clearance_dependencies;
DROP POLICY clearance_dependencies_forget ON clearance_dependencies;
REVOKE DELETE ON clearance_dependencies FROM reg_app, reg_worker;
DROP TRIGGER clearance_dependencies_append_only ON clearance_dependencies;
DROP FUNCTION clearance_dependencies_kept();
CREATE TRIGGER clearance_dependencies_append_only BEFORE UPDATE OR DELETE
  ON clearance_dependencies FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    # When it got its number: what an answer was computed from had seen all that was numbered before.
    op.add_column("outbox", sa.Column("numbered_at", sa.DateTime(timezone=True), nullable=True))
    # What concerns every open answer waits behind what concerns a few.
    op.add_column(
        "clearance_rechecks",
        sa.Column("bulk", sa.Boolean(), server_default="false", nullable=False),
    )
    op.drop_index("ix_clearance_rechecks_due_at", table_name="clearance_rechecks")
    op.create_index("ix_clearance_rechecks_bulk_due_at", "clearance_rechecks", ["bulk", "due_at"])
    op.create_index(
        "ix_clearance_dependencies_nameless",
        "clearance_dependencies",
        ["until"],
        postgresql_where=sa.text(_NAMELESS),
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    op.drop_index("ix_clearance_dependencies_nameless", table_name="clearance_dependencies")
    op.drop_index("ix_clearance_rechecks_bulk_due_at", table_name="clearance_rechecks")
    op.create_index("ix_clearance_rechecks_due_at", "clearance_rechecks", ["due_at"])
    op.drop_column("clearance_rechecks", "bulk")
    op.drop_column("outbox", "numbered_at")
