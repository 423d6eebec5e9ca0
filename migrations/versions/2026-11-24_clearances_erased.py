"""clearances erased

Revision: 0063, after 0062
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script
from app.partners.retention.guard import Guard, Rules, add_rules, drop_rules

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

_RULES = Rules(
    version="2026.8",
    months={
        "clearance_decisions": 84,
        "clearance_recognitions": 84,
        "clearance_questions": 84,
    },
    views={
        "clearance_decisions": """SELECT d.clearance_id AS id, c.partner_id,
    d.agency_id AS owner_agency, d.decided_at AS since,
    array_remove(ARRAY[c.id, c.partner_id], NULL) AS records,
    CASE WHEN EXISTS (SELECT FROM clearance_waivers w WHERE w.clearance_id = d.clearance_id
      AND w.completed_on IS NULL) THEN 'OPEN_WAIVER' END AS kept_by
  FROM clearance_decisions d JOIN clearances c ON c.id = d.clearance_id
  WHERE d.decided_at <= (SELECT retention_before('clearance_decisions'))""",
        "clearance_recognitions": """SELECT r.clearance_id AS id, r.partner_id,
    r.agency_id AS owner_agency, r.at AS since,
    array_remove(ARRAY[r.clearance_id, r.partner_id], NULL) AS records, NULL::text AS kept_by
  FROM clearance_recognitions r
  WHERE r.at <= (SELECT retention_before('clearance_recognitions'))
  GROUP BY r.clearance_id, r.partner_id, r.agency_id, r.at""",
        "clearance_questions": """SELECT q.id, c.partner_id, q.agency_id AS owner_agency,
    coalesce(q.answered_at, q.asked_at) AS since,
    array_remove(ARRAY[c.id, c.partner_id], NULL) || q.id AS records,
    NULL::text AS kept_by
  FROM clearance_questions q JOIN clearances c ON c.id = q.clearance_id
  WHERE coalesce(q.answered_at, q.asked_at)
    <= (SELECT retention_before('clearance_questions'))""",
    },
    guards=(
        Guard(
            "clearance_waivers",
            ("clearance_decisions",),
            ("clearance_id", "completed_on"),
            sees=True,
            key="clearance_id",
        ),
        Guard(
            "clearance_decisions",
            ("clearance_decisions",),
            ("clearance_id", "agency_id", "decided_at"),
            append_only=True,
            key="clearance_id",
        ),
        Guard(
            "clearance_recognitions",
            ("clearance_recognitions",),
            ("clearance_id", "agency_id", "partner_id", "at"),
            append_only=True,
            key="clearance_id",
        ),
        Guard(
            "clearance_questions",
            ("clearance_questions",),
            ("id", "clearance_id", "agency_id", "asked_at", "answered_at"),
        ),
    ),
)

SECURITY = """
-- What is destroyed before its time is destroyed by two persons of the agency's oversight: one asks
-- for it, another decides.
ALTER TABLE clearance_erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearance_erasures FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON clearance_erasures TO reg_app;
GRANT UPDATE (state, decided_by, decided_at, version) ON clearance_erasures TO reg_app;
CREATE POLICY clearance_erasures_select ON clearance_erasures FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()) AND (SELECT app_oversight()));
CREATE POLICY clearance_erasures_insert ON clearance_erasures FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()) AND (SELECT app_oversight())
    AND state = 'proposed');
CREATE POLICY clearance_erasures_update ON clearance_erasures FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND (SELECT app_oversight()) AND state = 'proposed')
  WITH CHECK (state <> 'proposed');
CREATE POLICY clearance_erasures_export ON clearance_erasures FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
CREATE TRIGGER clearance_erasures_no_delete BEFORE DELETE ON clearance_erasures
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION clearances_kept() RETURNS trigger LANGUAGE plpgsql
  SET bytea_output = 'hex' AS $$
DECLARE contents constant text[] := ARRAY['sealed_request', 'sealed_answer', 'sealed_inputs',
  'contents_erased_at'];
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.contents_erased_at IS NULL AND NEW.contents_erased_at IS NOT NULL
     AND num_nonnulls(NEW.sealed_request, NEW.sealed_answer, NEW.sealed_inputs) = 0
     AND to_jsonb(NEW) - contents = to_jsonb(OLD) - contents THEN
    PERFORM refuse_held(OLD.id, coalesce(OLD.partner_id, OLD.id));
    -- The worker's is retention, whose trigger asks whether it is due.
    IF current_user <> 'reg_worker' THEN
      IF NOT EXISTS (SELECT FROM clearance_erasures e
          WHERE e.clearance_id = OLD.id AND e.state = 'confirmed') THEN
        RAISE EXCEPTION 'nobody decided that this is erased'
          USING ERRCODE = 'check_violation', CONSTRAINT = 'two_persons';
      END IF;
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
"""

UNDO = """
CREATE OR REPLACE FUNCTION clearances_kept() RETURNS trigger LANGUAGE plpgsql
  SET bytea_output = 'hex' AS $$
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
"""


def upgrade() -> None:
    # References are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "clearance_erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clearance_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "proposed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "basis IN ('person_request', 'court_order', 'unlawful_processing')",
            name=op.f("ck_clearance_erasures_basis"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'confirmed', 'refused')",
            name=op.f("ck_clearance_erasures_state"),
        ),
        sa.CheckConstraint(
            "decided_by <> proposed_by", name=op.f("ck_clearance_erasures_two_persons")
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE WHEN state = 'proposed' THEN 2 ELSE 0 END",
            name=op.f("ck_clearance_erasures_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["clearance_id", "agency_id"],
            ["clearances.id", "clearances.agency_id"],
            name=op.f("fk_clearance_erasures_clearance_id_agency_id_clearances"),
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"],
            ["persons.id"],
            name=op.f("fk_clearance_erasures_proposed_by_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_clearance_erasures_decided_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearance_erasures")),
    )
    op.create_index(
        "uq_clearance_erasures_clearance_id",
        "clearance_erasures",
        ["clearance_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'refused'"),
    )
    for column in ("proposed_by", "decided_by"):
        op.create_index(f"ix_clearance_erasures_{column}", "clearance_erasures", [column])
    op.create_index(
        "ix_clearance_recognitions_at", "clearance_recognitions", ["at"], postgresql_using="brin"
    )
    run_script(SECURITY + add_rules(_RULES))


def downgrade() -> None:
    run_script(drop_rules(_RULES, before="2026.7") + UNDO)
    op.drop_index("ix_clearance_recognitions_at", table_name="clearance_recognitions")
    op.drop_table("clearance_erasures")
