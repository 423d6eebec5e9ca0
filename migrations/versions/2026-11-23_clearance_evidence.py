"""clearance evidence

Revision: 0054, after 0052
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script
from app.partners.retention.guard import Guard, Rules, add_rules, drop_rules

revision = "0054"
down_revision = "0052"
branch_labels = None
depends_on = None

_SEALED = ("sealed_request", "sealed_answer", "sealed_inputs")
_RULES = Rules(
    version="2026.7",
    months={"clearance_contents": 84},
    views={
        "clearance_contents": """SELECT c.id, c.partner_id, c.agency_id AS owner_agency,
    c.evaluated_at AS since, array_remove(ARRAY[c.id, c.partner_id], NULL) AS records,
    NULL::text AS kept_by
  FROM clearances c WHERE c.contents_erased_at IS NULL
    AND c.evaluated_at <= (SELECT retention_before('clearance_contents'))"""
    },
    guards=(
        Guard(
            "clearances",
            ("clearance_contents",),
            ("id", "evaluated_at", "contents_erased_at"),
            sees=True,
            emptied=(*_SEALED, "contents_erased_at"),
            becomes="contents_erased_at IS NOT NULL",
        ),
    ),
)

SECURITY = """
-- What was answered never changes. Its contents may be destroyed: when their time is over, or by a
-- decision of the agency's oversight; never under a legal hold. A change of keys rewrites headers.
CREATE FUNCTION clearances_kept() RETURNS trigger LANGUAGE plpgsql SET bytea_output = 'hex' AS $$
DECLARE contents constant text[] := ARRAY['sealed_request', 'sealed_answer', 'sealed_inputs',
  'contents_erased_at'];
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.contents_erased_at IS NULL AND NEW.contents_erased_at IS NOT NULL
     AND num_nonnulls(NEW.sealed_request, NEW.sealed_answer, NEW.sealed_inputs) = 0
     AND to_jsonb(NEW) - contents = to_jsonb(OLD) - contents THEN
    PERFORM refuse_held(OLD.id, coalesce(OLD.partner_id, OLD.id));
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND pg_has_role(current_user, 'reg_owner', 'MEMBER')
     AND OLD IS DISTINCT FROM NEW
     AND public.without_key_headers(to_jsonb(OLD)) = public.without_key_headers(to_jsonb(NEW)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;
DROP TRIGGER clearances_append_only ON clearances;
CREATE TRIGGER clearances_append_only BEFORE UPDATE OR DELETE ON clearances
  FOR EACH ROW EXECUTE FUNCTION clearances_kept();
GRANT UPDATE (sealed_request, sealed_answer, sealed_inputs, contents_erased_at)
  ON clearances TO reg_app;
CREATE POLICY clearances_erase ON clearances FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND (SELECT app_oversight())
    AND contents_erased_at IS NULL)
  WITH CHECK (contents_erased_at IS NOT NULL);

-- The worker signs what nobody has read yet.
GRANT SELECT (receipt_payload) ON clearances TO reg_worker;
GRANT SELECT, INSERT ON clearance_receipts TO reg_worker;
CREATE POLICY clearance_receipts_worker ON clearance_receipts FOR SELECT TO reg_worker USING (true);
CREATE POLICY clearance_receipts_sign ON clearance_receipts FOR INSERT TO reg_worker
  WITH CHECK (true);

-- Versions of the registry's own data: no agency's, and nobody's secret.
GRANT SELECT, INSERT ON clearance_editions TO reg_app;
CREATE TRIGGER clearance_editions_append_only BEFORE UPDATE OR DELETE ON clearance_editions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a clearance rests on is its agency's, as the answer is; the worker finds by it what changes.
ALTER TABLE clearance_dependencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearance_dependencies FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON clearance_dependencies TO reg_app;
GRANT SELECT, INSERT ON clearance_dependencies TO reg_worker;
CREATE POLICY clearance_dependencies_list ON clearance_dependencies FOR INSERT TO reg_worker
  WITH CHECK (kind = 'stale_source');
CREATE POLICY clearance_dependencies_select ON clearance_dependencies FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY clearance_dependencies_insert ON clearance_dependencies FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY clearance_dependencies_worker ON clearance_dependencies FOR SELECT TO reg_worker
  USING (true);
CREATE POLICY clearance_dependencies_export ON clearance_dependencies FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
CREATE TRIGGER clearance_dependencies_append_only BEFORE UPDATE OR DELETE
  ON clearance_dependencies FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE clearance_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearance_changes FORCE ROW LEVEL SECURITY;
GRANT SELECT ON clearance_changes TO reg_app;
GRANT INSERT ON clearance_changes TO reg_worker;
CREATE POLICY clearance_changes_select ON clearance_changes FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY clearance_changes_insert ON clearance_changes FOR INSERT TO reg_worker
  WITH CHECK (true);
CREATE POLICY clearance_changes_export ON clearance_changes FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
CREATE TRIGGER clearance_changes_append_only BEFORE UPDATE OR DELETE ON clearance_changes
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE, DELETE ON clearance_rechecks TO reg_worker;
"""

UNDO = """
DROP POLICY clearance_receipts_sign ON clearance_receipts;
DROP POLICY clearance_receipts_worker ON clearance_receipts;
REVOKE SELECT, INSERT ON clearance_receipts FROM reg_worker;
REVOKE SELECT (receipt_payload) ON clearances FROM reg_worker;
DROP POLICY clearances_erase ON clearances;
REVOKE UPDATE (sealed_request, sealed_answer, sealed_inputs, contents_erased_at)
  ON clearances FROM reg_app;
DROP TRIGGER clearances_append_only ON clearances;
DROP FUNCTION clearances_kept();
"""
# The release before knows no clearance without contents: such a row keeps empty ones.
EMPTIED = """
ALTER TABLE clearances NO FORCE ROW LEVEL SECURITY;
UPDATE clearances SET sealed_request = '', sealed_answer = '' WHERE sealed_request IS NULL;
ALTER TABLE clearances FORCE ROW LEVEL SECURITY;
CREATE TRIGGER clearances_append_only BEFORE UPDATE OR DELETE ON clearances
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    # References are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "clearance_editions",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("editions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_clearance_editions")),
    )
    for column in (
        sa.Column("sealed_inputs", sa.LargeBinary(), nullable=True),
        sa.Column("contents_erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("audit_event_id", sa.Uuid(), nullable=True),
        sa.Column("editions", sa.LargeBinary(), nullable=True),
    ):
        op.add_column("clearances", column)
    for name in ("sealed_request", "sealed_answer"):
        op.alter_column("clearances", name, existing_type=sa.LargeBinary(), nullable=True)
    op.create_check_constraint(
        op.f("ck_clearances_erased"),
        "clearances",
        "num_nulls(sealed_request, sealed_answer) = "
        "CASE WHEN contents_erased_at IS NULL THEN 0 ELSE 2 END",
    )
    op.create_index(
        "ix_clearances_contents_kept",
        "clearances",
        ["evaluated_at"],
        postgresql_where=sa.text("contents_erased_at IS NULL"),
    )
    _watching()
    run_script(SECURITY + add_rules(_RULES))


def _watching() -> None:
    of_clearance = {
        "columns": ["clearance_id", "agency_id"],
        "refcolumns": ["clearances.id", "clearances.agency_id"],
    }
    op.create_table(
        "clearance_dependencies",
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            **of_clearance,
            name=op.f("fk_clearance_dependencies_clearance_id_agency_id_clearances"),
        ),
        sa.PrimaryKeyConstraint(
            "clearance_id", "kind", "ref", name=op.f("pk_clearance_dependencies")
        ),
    )
    op.create_index(
        "ix_clearance_dependencies_kind_ref_until",
        "clearance_dependencies",
        ["kind", "ref", "until"],
    )
    op.create_table(
        "clearance_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("causes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'worsened', 'improved')", name=op.f("ck_clearance_changes_status")
        ),
        sa.CheckConstraint(
            "outcome IN ('CLEAR', 'CLEAR_WITH_CONDITIONS', 'REFER', 'BLOCKED')",
            name=op.f("ck_clearance_changes_outcome"),
        ),
        sa.CheckConstraint("version >= 2", name=op.f("ck_clearance_changes_version")),
        sa.ForeignKeyConstraint(
            **of_clearance, name=op.f("fk_clearance_changes_clearance_id_agency_id_clearances")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearance_changes")),
        sa.UniqueConstraint(
            "clearance_id", "version", name=op.f("uq_clearance_changes_clearance_id_version")
        ),
    )
    op.create_table(
        "clearance_rechecks",
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unshared", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("clearance_id", name=op.f("pk_clearance_rechecks")),
    )
    op.create_index("ix_clearance_rechecks_due_at", "clearance_rechecks", ["due_at"])


def downgrade() -> None:
    run_script(drop_rules(_RULES, before="2026.6") + UNDO)
    for name in ("clearance_rechecks", "clearance_changes", "clearance_dependencies"):
        op.drop_table(name)
    op.drop_constraint(op.f("ck_clearances_erased"), "clearances", type_="check")
    run_script(EMPTIED)
    for name in ("sealed_request", "sealed_answer"):
        op.alter_column("clearances", name, existing_type=sa.LargeBinary(), nullable=False)
    op.drop_index("ix_clearances_contents_kept", table_name="clearances")
    for name in ("editions", "audit_event_id", "contents_erased_at", "sealed_inputs"):
        op.drop_column("clearances", name)
    op.drop_table("clearance_editions")
