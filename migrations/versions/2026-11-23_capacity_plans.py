"""capacity_plans

Revision: 0035, after 0034
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script
from app.partners.retention.guard import Guard, Rules, add_rules, drop_rules

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# As app/assessments/plans/rules.yaml says them; a test compares the two.
VERSION = "2026.1"
WINDOWS = {"PSEA_CSIP": (6, 12), "HACT": (12, 24), "OTHER": (12, 24)}

PLANS = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
GRANT SELECT ON capacity_plan_kinds TO reg_app, reg_worker;

-- ---------------------------------------------------------------- plans
ALTER TABLE capacity_plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE capacity_plans FORCE ROW LEVEL SECURITY;
GRANT SELECT ON capacity_plans TO reg_app;
GRANT INSERT (id, partner_id, owner_agency, kind, assessment_id, assessment_level, supporters,
  starts_on) ON capacity_plans TO reg_app;
GRANT UPDATE (supporters, status, starts_on, agreed_on, window_ends_on, window_limit_on,
  extended_by, extended_at, closed_by, closed_at, after_assessment_id, outcome, measured_at,
  reminded_days, window_ended_at, updated_at, version) ON capacity_plans TO reg_app;
GRANT SELECT, UPDATE (reminded_days, window_ended_at) ON capacity_plans TO reg_worker;
-- A plan that is not agreed is its owner's alone; so is one about an assessment that is. The
-- partner agreed to it, and sees it unless oversight keeps it, or its assessment, back.
CREATE POLICY capacity_plans_select ON capacity_plans FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR (agreed_on IS NOT NULL
    AND (((SELECT app_agency()) IS NOT NULL AND assessment_level IS DISTINCT FROM 'AGENCY_ONLY')
      OR (partner_id IN (SELECT partner_lineage((SELECT app_partner())))
        AND NOT withheld(id) AND NOT withheld(assessment_id)))));
CREATE POLICY capacity_plans_insert ON capacity_plans FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY capacity_plans_update ON capacity_plans FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY capacity_plans_seek ON capacity_plans FOR SELECT TO reg_worker USING (true);
CREATE POLICY capacity_plans_remind ON capacity_plans FOR UPDATE TO reg_worker
  USING (status = 'agreed') WITH CHECK (status = 'agreed');
CREATE POLICY capacity_plans_export ON capacity_plans FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

ALTER TABLE capacity_plan_actions ENABLE ROW LEVEL SECURITY;
ALTER TABLE capacity_plan_actions FORCE ROW LEVEL SECURITY;
GRANT SELECT ON capacity_plan_actions TO reg_app;
GRANT INSERT (id, plan_id, owner_agency, number, area, responsible, due_on, cost, currency, sealed)
  ON capacity_plan_actions TO reg_app;
GRANT UPDATE (area, responsible, due_on, cost, currency, sealed, sealed_version, status,
  started_at, done_at, done_by, verified_at, verified_by, version)
  ON capacity_plan_actions TO reg_app;
-- The plan is looked up under its own policy: who does not see it does not see its actions.
CREATE POLICY capacity_plan_actions_select ON capacity_plan_actions FOR SELECT TO reg_app
  USING (EXISTS (SELECT 1 FROM capacity_plans p WHERE p.id = plan_id));
CREATE POLICY capacity_plan_actions_insert ON capacity_plan_actions FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
-- The partner reports on what is not the agency's to do.
CREATE POLICY capacity_plan_actions_update ON capacity_plan_actions FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR ((SELECT app_agency()) IS NULL
    AND responsible <> 'agency' AND EXISTS (SELECT 1 FROM capacity_plans p WHERE p.id = plan_id)))
  WITH CHECK (owner_agency = (SELECT app_agency()) OR ((SELECT app_agency()) IS NULL
    AND responsible <> 'agency' AND EXISTS (SELECT 1 FROM capacity_plans p WHERE p.id = plan_id)));
CREATE POLICY capacity_plan_actions_export ON capacity_plan_actions FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

ALTER TABLE capacity_plan_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE capacity_plan_steps FORCE ROW LEVEL SECURITY;
GRANT SELECT ON capacity_plan_steps TO reg_app;
GRANT INSERT (id, plan_id, owner_agency, action_id, step, author_agency, person_id, office,
  made_by_client, sealed_note) ON capacity_plan_steps TO reg_app;
CREATE POLICY capacity_plan_steps_select ON capacity_plan_steps FOR SELECT TO reg_app
  USING (EXISTS (SELECT 1 FROM capacity_plans p WHERE p.id = plan_id));
CREATE POLICY capacity_plan_steps_insert ON capacity_plan_steps FOR INSERT TO reg_app
  WITH CHECK ((author_agency = (SELECT app_agency()) AND owner_agency = (SELECT app_agency()))
    OR (author_agency IS NULL AND (SELECT app_agency()) IS NULL
      AND EXISTS (SELECT 1 FROM capacity_plans p WHERE p.id = plan_id)));
CREATE POLICY capacity_plan_steps_export ON capacity_plan_steps FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));
CREATE TRIGGER capacity_plan_steps_append_only BEFORE UPDATE OR DELETE ON capacity_plan_steps
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION capacity_plan_refused(rule text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'a plan does not move so' USING ERRCODE = '23514', CONSTRAINT = rule; END $$;
CREATE FUNCTION capacity_plan_person(person uuid, agency uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = person AND p.agency_id = agency
      AND p.status = 'active') THEN
    PERFORM capacity_plan_refused('plan_person');
  END IF; END $$;

-- What came of it: risk by the later assessment against risk by the first. One dimension only, and
-- never a computed result against a reported one; null where the two do not belong together.
CREATE FUNCTION capacity_plan_compare(before uuid, after uuid) RETURNS text
  LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN b.rating_dimension IS DISTINCT FROM a.rating_dimension
      OR b.rating_source IS DISTINCT FROM a.rating_source THEN 'not_comparable'
    WHEN b.rating_level IS NOT NULL AND a.rating_level IS NOT NULL THEN
      (ARRAY['improved', 'unchanged', 'worsened'])[2 + sign(
        array_position(ARRAY['LOW', 'MODERATE', 'SIGNIFICANT', 'HIGH'], a.rating_level)
        - array_position(ARRAY['LOW', 'MODERATE', 'SIGNIFICANT', 'HIGH'], b.rating_level))::int]
    WHEN b.rating_scheme = a.rating_scheme AND b.rating_value = a.rating_value THEN 'unchanged'
    ELSE 'not_comparable' END
  FROM assessments b, assessments a
  WHERE b.id = before AND a.id = after AND a.id <> b.id AND a.type = b.type
    AND a.status = 'final' AND b.rating_value IS NOT NULL AND a.conducted_on > b.conducted_on
    AND a.partner_id IN (SELECT partner_lineage(b.partner_id)) $$;

-- AFTER the row's policies have spoken: a refusal here is never about a row of somebody else.
CREATE FUNCTION capacity_plans_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.assessment_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = NEW.assessment_id
        AND a.partner_id IN (SELECT partner_lineage(NEW.partner_id))) THEN
    PERFORM capacity_plan_refused('plan_assessment');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER capacity_plans_made AFTER INSERT ON capacity_plans
  FOR EACH ROW EXECUTE FUNCTION capacity_plans_made();
CREATE FUNCTION capacity_plans_supporters() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.owner_agency = ANY (NEW.supporters) OR cardinality(NEW.supporters) <> (
      SELECT count(DISTINCT a.id) FROM agencies a WHERE a.id = ANY (NEW.supporters)) THEN
    PERFORM capacity_plan_refused('plan_supporters');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER capacity_plans_supporters AFTER INSERT OR UPDATE OF supporters ON capacity_plans
  FOR EACH ROW EXECUTE FUNCTION capacity_plans_supporters();

CREATE FUNCTION capacity_plans_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE months record;
BEGIN
  IF NEW.version <> OLD.version + 1 THEN PERFORM capacity_plan_refused('plan_version'); END IF;
  IF OLD.status NOT IN ('draft', 'agreed') AND (NEW.status <> OLD.status
      OR NEW.supporters <> OLD.supporters) THEN
    PERFORM capacity_plan_refused('plan_closed');
  END IF;
  IF NEW.outcome IS NOT NULL AND (NEW.outcome, NEW.after_assessment_id)
      IS DISTINCT FROM (OLD.outcome, OLD.after_assessment_id) THEN
    IF NEW.status NOT IN ('agreed', 'completed', 'not_completed') OR NEW.outcome
        IS DISTINCT FROM capacity_plan_compare(NEW.assessment_id, NEW.after_assessment_id)
      OR (NEW.assessment_level <> 'AGENCY_ONLY' AND NOT EXISTS (SELECT 1 FROM assessments a
        WHERE a.id = NEW.after_assessment_id AND a.level <> 'AGENCY_ONLY')) THEN
      PERFORM capacity_plan_refused('plan_outcome');
    END IF;
  END IF;
  SELECT k.window_months, k.total_months INTO months FROM capacity_plan_kinds k
    WHERE k.code = NEW.kind;
  IF OLD.status = 'draft' AND NEW.status = 'agreed' THEN
    IF NEW.window_ends_on > NEW.agreed_on + make_interval(months => months.window_months)
      OR NEW.window_limit_on <> (NEW.agreed_on + make_interval(months => months.total_months))::date
    THEN
      PERFORM capacity_plan_refused('plan_window');
    END IF;
    IF NOT EXISTS (SELECT 1 FROM capacity_plan_actions a
        WHERE a.plan_id = NEW.id AND a.status <> 'dropped') THEN
      PERFORM capacity_plan_refused('plan_empty');
    END IF;
    RETURN NULL;
  END IF;
  IF (NEW.agreed_on, NEW.window_limit_on) IS DISTINCT FROM (OLD.agreed_on, OLD.window_limit_on) THEN
    PERFORM capacity_plan_refused('plan_agreed');
  END IF;
  IF NEW.window_ends_on IS DISTINCT FROM OLD.window_ends_on THEN
    IF NEW.status <> 'agreed' OR NEW.window_ends_on <= OLD.window_ends_on
      OR NEW.extended_at IS NOT DISTINCT FROM OLD.extended_at THEN
      PERFORM capacity_plan_refused('plan_window');
    END IF;
    PERFORM capacity_plan_person(NEW.extended_by, NEW.owner_agency);
  END IF;
  IF NEW.status <> OLD.status THEN
    PERFORM capacity_plan_person(NEW.closed_by, NEW.owner_agency);
    IF OLD.status = 'draft' AND NEW.status <> 'cancelled' THEN
      PERFORM capacity_plan_refused('plan_status');
    END IF;
    IF NEW.status = 'completed' AND (NOT EXISTS (SELECT 1 FROM capacity_plan_actions a
          WHERE a.plan_id = NEW.id AND a.status = 'verified')
        OR EXISTS (SELECT 1 FROM capacity_plan_actions a WHERE a.plan_id = NEW.id
          AND a.status NOT IN ('verified', 'dropped'))) THEN
      PERFORM capacity_plan_refused('plan_actions_open');
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER capacity_plans_step AFTER UPDATE OF supporters, status, starts_on, agreed_on,
  window_ends_on, window_limit_on, extended_by, extended_at, closed_by, closed_at, outcome,
  measured_at, version ON capacity_plans
  FOR EACH ROW EXECUTE FUNCTION capacity_plans_step();

-- ---------------------------------------------------------------- actions
CREATE FUNCTION capacity_plan_actions_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM capacity_plans p WHERE p.id = NEW.plan_id
      AND p.status IN ('draft', 'agreed')) THEN
    PERFORM capacity_plan_refused('plan_closed');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER capacity_plan_actions_made AFTER INSERT ON capacity_plan_actions
  FOR EACH ROW EXECUTE FUNCTION capacity_plan_actions_made();

CREATE FUNCTION capacity_plan_actions_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE plan_status text;
BEGIN
  IF NEW.version <> OLD.version + 1 THEN PERFORM capacity_plan_refused('plan_version'); END IF;
  SELECT p.status INTO plan_status FROM capacity_plans p WHERE p.id = NEW.plan_id;
  IF plan_status NOT IN ('draft', 'agreed') THEN PERFORM capacity_plan_refused('plan_closed'); END IF;
  IF plan_status = 'draft' AND NEW.status NOT IN ('open', 'dropped') THEN
    PERFORM capacity_plan_refused('plan_draft');
  END IF;
  IF plan_status <> 'draft' AND (NEW.area, NEW.responsible) <> (OLD.area, OLD.responsible) THEN
    PERFORM capacity_plan_refused('action_fixed');
  END IF;
  IF (SELECT app_agency()) IS NULL AND (NEW.status NOT IN ('in_progress', 'done')
      OR NEW.done_by IS NOT NULL
      OR to_jsonb(NEW) - '{status,started_at,done_at,done_by,version}'::text[]
        <> to_jsonb(OLD) - '{status,started_at,done_at,done_by,version}'::text[]) THEN
    PERFORM capacity_plan_refused('action_status');
  END IF;
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
      ('open', 'in_progress'), ('open', 'done'), ('open', 'dropped'),
      ('in_progress', 'done'), ('in_progress', 'dropped'),
      ('done', 'verified'), ('done', 'in_progress'), ('done', 'dropped')) THEN
    PERFORM capacity_plan_refused('action_status');
  END IF;
  IF NEW.status = OLD.status AND OLD.status IN ('verified', 'dropped') THEN
    PERFORM capacity_plan_refused('action_status');
  END IF;
  -- What was reported is sent back by the agency alone.
  IF OLD.status = 'done' AND (SELECT app_agency()) IS NULL THEN
    PERFORM capacity_plan_refused('action_status');
  END IF;
  IF NEW.status = 'done' AND OLD.status <> 'done' AND NEW.done_by IS NULL
      AND (SELECT app_agency()) IS NOT NULL THEN
    PERFORM capacity_plan_refused('plan_person');
  END IF;
  IF NEW.status = 'verified' THEN
    IF (NEW.done_by, NEW.done_at) IS DISTINCT FROM (OLD.done_by, OLD.done_at) THEN
      PERFORM capacity_plan_refused('action_status');
    END IF;
    PERFORM capacity_plan_person(NEW.verified_by, NEW.owner_agency);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER capacity_plan_actions_step AFTER UPDATE OF area, responsible, due_on, cost,
  currency, status, started_at, done_at, done_by, verified_at, verified_by, version
  ON capacity_plan_actions FOR EACH ROW EXECUTE FUNCTION capacity_plan_actions_step();
-- A text changes while its plan is a draft, and under no legal hold: the older one is destroyed.
CREATE FUNCTION capacity_plan_actions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE plan record;
BEGIN
  SELECT p.status, p.partner_id INTO plan FROM capacity_plans p WHERE p.id = OLD.plan_id;
  IF plan.status <> 'draft' THEN PERFORM capacity_plan_refused('action_fixed'); END IF;
  PERFORM refuse_held(OLD.plan_id, plan.partner_id);
  RETURN NULL;
END $$;
CREATE TRIGGER capacity_plan_actions_kept AFTER UPDATE OF sealed ON capacity_plan_actions
  FOR EACH ROW WHEN (current_user = 'reg_app') EXECUTE FUNCTION capacity_plan_actions_kept();

-- ---------------------------------------------------------------- SEA restrictions
ALTER TABLE sea_restrictions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sea_restrictions FORCE ROW LEVEL SECURITY;
GRANT SELECT ON sea_restrictions TO reg_app;
GRANT INSERT (id, partner_id, owner_agency, contact_office, contact_email, review_by, set_by)
  ON sea_restrictions TO reg_app;
GRANT UPDATE (review_by, reviewed_by, reviewed_at, lifted_by, lifted_at, reminded_at, version)
  ON sea_restrictions TO reg_app;
GRANT SELECT (id, partner_id, owner_agency, review_by, lifted_at, reminded_at),
  UPDATE (reminded_at) ON sea_restrictions TO reg_worker;
-- Other agencies see what is in force; the partner sees nothing (domain 10.3).
CREATE POLICY sea_restrictions_select ON sea_restrictions FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency())
    OR ((SELECT app_agency()) IS NOT NULL AND lifted_at IS NULL));
CREATE POLICY sea_restrictions_insert ON sea_restrictions FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()) AND (SELECT app_oversight()));
CREATE POLICY sea_restrictions_update ON sea_restrictions FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency()) AND (SELECT app_oversight()))
  WITH CHECK (owner_agency = (SELECT app_agency()) AND (SELECT app_oversight()));
CREATE POLICY sea_restrictions_remind ON sea_restrictions FOR UPDATE TO reg_worker
  USING (lifted_at IS NULL) WITH CHECK (lifted_at IS NULL);
CREATE POLICY sea_restrictions_export ON sea_restrictions FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

CREATE FUNCTION sea_restriction_by(person uuid, agency uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = person AND p.agency_id = agency
      AND p.status = 'active' AND 'OVS' = ANY (p.roles)) THEN
    RAISE EXCEPTION 'not a person of the oversight office'
      USING ERRCODE = '23514', CONSTRAINT = 'sea_restriction_by';
  END IF; END $$;
CREATE FUNCTION sea_restrictions_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM sea_restriction_by(NEW.set_by, NEW.owner_agency);
    RETURN NULL;
  END IF;
  IF OLD.lifted_at IS NOT NULL OR NEW.version <> OLD.version + 1
    OR (NEW.review_by <> OLD.review_by AND NEW.reviewed_at IS NOT DISTINCT FROM OLD.reviewed_at)
  THEN
    RAISE EXCEPTION 'a restriction does not move so'
      USING ERRCODE = '23514', CONSTRAINT = 'sea_restriction_step';
  END IF;
  IF NEW.reviewed_at IS DISTINCT FROM OLD.reviewed_at THEN
    PERFORM sea_restriction_by(NEW.reviewed_by, NEW.owner_agency);
  END IF;
  IF NEW.lifted_at IS NOT NULL THEN
    PERFORM sea_restriction_by(NEW.lifted_by, NEW.owner_agency);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER sea_restrictions_step AFTER INSERT OR UPDATE OF review_by, reviewed_by, reviewed_at,
  lifted_by, lifted_at, version ON sea_restrictions
  FOR EACH ROW EXECUTE FUNCTION sea_restrictions_step();
"""

SECURITY = (
    PLANS
    + "".join(
        "INSERT INTO capacity_plan_kinds (code, window_months, total_months, version) "  # noqa: S608 - constants
        f"VALUES ('{code}', {window}, {total}, '{VERSION}');\n"
        for code, (window, total) in WINDOWS.items()
    )
    + rekey_security("capacity_plan_actions")
    + rekey_security("capacity_plan_steps")
)

RULES = Rules(
    version="2026.3",
    months={"capacity_plans": 84, "sea_restrictions": 24},
    views={
        "capacity_plans": """SELECT p.id, p.partner_id, p.owner_agency, p.since,
    array_remove(ARRAY[p.id, p.partner_id, p.assessment_id], NULL) AS records,
    NULL::text AS kept_by
  FROM (SELECT x.id, x.partner_id, x.owner_agency, x.assessment_id, x.updated_at,
      greatest(x.closed_at, x.window_ends_on::timestamptz, x.updated_at) AS since
    FROM capacity_plans x) p
  WHERE p.since <= (SELECT retention_before('capacity_plans'))
    AND p.updated_at <= (SELECT retention_settled())""",
        # One that is in force stays, however long its review is overdue.
        "sea_restrictions": """SELECT s.id, s.partner_id, s.owner_agency, s.lifted_at AS since,
    ARRAY[s.id, s.partner_id] AS records, NULL::text AS kept_by
  FROM sea_restrictions s WHERE s.lifted_at <= (SELECT retention_before('sea_restrictions'))""",
    },
    guards=(
        Guard("capacity_plans", ("capacity_plans",), ("id",), sees=True),
        Guard("sea_restrictions", ("sea_restrictions",), ("id",)),
    ),
)
# Of these the rule asks by the plan, not by the row's own id.
PARTS = """
DROP TRIGGER capacity_plan_steps_append_only ON capacity_plan_steps;
CREATE TRIGGER capacity_plan_steps_append_only BEFORE UPDATE ON capacity_plan_steps
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
""" + "".join(
    f"""
GRANT SELECT (plan_id), DELETE ON {table} TO reg_worker;
CREATE POLICY {table}_retention_select ON {table} FOR SELECT TO reg_worker USING (true);
CREATE POLICY {table}_retention_delete ON {table} FOR DELETE TO reg_worker USING (true);
CREATE TRIGGER {table}_due BEFORE DELETE ON {table} FOR EACH ROW
  EXECUTE FUNCTION only_when_due('plan_id', 'capacity_plans');
"""
    for table in ("capacity_plan_steps", "capacity_plan_actions")
)

UNDO = """
SET LOCAL check_function_bodies = off;
DROP TABLE sea_restrictions;
DROP FUNCTION sea_restrictions_step();
DROP FUNCTION sea_restriction_by(uuid, uuid);
DROP TABLE capacity_plan_steps;
DROP TABLE capacity_plan_actions;
DROP TABLE capacity_plans;
DROP TABLE capacity_plan_kinds;
DROP FUNCTION capacity_plan_actions_kept();
DROP FUNCTION capacity_plan_actions_step();
DROP FUNCTION capacity_plan_actions_made();
DROP FUNCTION capacity_plans_step();
DROP FUNCTION capacity_plans_supporters();
DROP FUNCTION capacity_plans_made();
DROP FUNCTION capacity_plan_compare(uuid, uuid);
DROP FUNCTION capacity_plan_person(uuid, uuid);
DROP FUNCTION capacity_plan_refused(text);
"""


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "capacity_plan_kinds",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("window_months", sa.Integer(), nullable=False),
        sa.Column("total_months", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_capacity_plan_kinds")),
    )
    op.create_table(
        "capacity_plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=True),
        sa.Column("assessment_level", sa.Text(), nullable=True),
        sa.Column("supporters", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column("window_ends_on", sa.Date(), nullable=True),
        sa.Column("window_limit_on", sa.Date(), nullable=True),
        sa.Column("extended_by", sa.Uuid(), nullable=True),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("after_assessment_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_days", sa.Integer(), nullable=True),
        sa.Column("window_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(status IN ('completed', 'not_completed', 'cancelled')) = (closed_at IS NOT NULL)",
            name=op.f("ck_capacity_plans_closed_at"),
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'draft' THEN agreed_on IS NULL WHEN 'cancelled' THEN true ELSE agreed_on IS NOT NULL END",
            name=op.f("ck_capacity_plans_agreed_on"),
        ),
        sa.CheckConstraint(
            "outcome IN ('improved', 'unchanged', 'worsened', 'not_comparable')",
            name=op.f("ck_capacity_plans_outcome"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'agreed', 'completed', 'not_completed', 'cancelled')",
            name=op.f("ck_capacity_plans_status"),
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_capacity_plans_closed_by")
        ),
        sa.CheckConstraint(
            "(extended_by IS NULL) = (extended_at IS NULL)", name=op.f("ck_capacity_plans_extended")
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (measured_at IS NULL)", name=op.f("ck_capacity_plans_measured_at")
        ),
        sa.CheckConstraint(
            "assessment_id IS NULL OR assessment_level IS NOT NULL",
            name=op.f("ck_capacity_plans_assessment_level"),
        ),
        sa.CheckConstraint(
            "num_nulls(agreed_on, window_ends_on, window_limit_on) IN (0, 3)",
            name=op.f("ck_capacity_plans_agreed"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR agreed_on IS NOT NULL", name=op.f("ck_capacity_plans_measured")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_capacity_plans_version")),
        sa.CheckConstraint(
            "window_ends_on <= window_limit_on", name=op.f("ck_capacity_plans_window_limit")
        ),
        sa.CheckConstraint("window_ends_on > agreed_on", name=op.f("ck_capacity_plans_window")),
        sa.ForeignKeyConstraint(
            ["after_assessment_id"],
            ["assessments.id"],
            name=op.f("fk_capacity_plans_after_assessment_id_assessments"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency", "assessment_level"],
            ["assessments.id", "assessments.owner_agency", "assessments.level"],
            name="fk_capacity_plans_assessments",
            onupdate="CASCADE",
            ondelete="SET NULL (assessment_id)",
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["persons.id"], name=op.f("fk_capacity_plans_closed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["extended_by"], ["persons.id"], name=op.f("fk_capacity_plans_extended_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["kind"],
            ["capacity_plan_kinds.code"],
            name=op.f("fk_capacity_plans_kind_capacity_plan_kinds"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_capacity_plans_owner_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_capacity_plans_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_plans")),
        sa.UniqueConstraint("id", "owner_agency", name=op.f("uq_capacity_plans_id_owner_agency")),
    )
    op.create_index(
        "ix_capacity_plans_after_assessment_id",
        "capacity_plans",
        ["after_assessment_id"],
        unique=False,
    )
    op.create_index(
        "ix_capacity_plans_assessment_id", "capacity_plans", ["assessment_id"], unique=False
    )
    op.create_index(
        "ix_capacity_plans_created_at_id", "capacity_plans", ["created_at", "id"], unique=False
    )
    op.create_index(
        "ix_capacity_plans_owner_agency_created_at_id",
        "capacity_plans",
        ["owner_agency", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_capacity_plans_partner_id_created_at_id",
        "capacity_plans",
        ["partner_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_capacity_plans_window_ends_on", "capacity_plans", ["window_ends_on"], unique=False
    )
    op.create_table(
        "sea_restrictions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("contact_office", sa.Text(), nullable=False),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("review_by", sa.Date(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "length(contact_email) BETWEEN 3 AND 254 AND contact_email ~ '^[^[:space:]]+$'",
            name=op.f("ck_sea_restrictions_contact_email"),
        ),
        sa.CheckConstraint(
            "length(contact_office) BETWEEN 1 AND 80 AND contact_office !~ '[[:cntrl:]]'",
            name=op.f("ck_sea_restrictions_contact_office"),
        ),
        sa.CheckConstraint(
            "review_by <= (coalesce(reviewed_at, set_at) AT TIME ZONE 'UTC')::date + 184",
            name=op.f("ck_sea_restrictions_review_by"),
        ),
        sa.CheckConstraint(
            "(lifted_by IS NULL) = (lifted_at IS NULL)", name=op.f("ck_sea_restrictions_lifted_by")
        ),
        sa.CheckConstraint(
            "(reviewed_by IS NULL) = (reviewed_at IS NULL)",
            name=op.f("ck_sea_restrictions_reviewed_by"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_sea_restrictions_version")),
        sa.ForeignKeyConstraint(
            ["lifted_by"], ["persons.id"], name=op.f("fk_sea_restrictions_lifted_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_sea_restrictions_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_sea_restrictions_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by"], ["persons.id"], name=op.f("fk_sea_restrictions_reviewed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["persons.id"], name=op.f("fk_sea_restrictions_set_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sea_restrictions")),
    )
    op.create_index(
        "ix_sea_restrictions_review_by",
        "sea_restrictions",
        ["review_by"],
        unique=False,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_index(
        "ix_sea_restrictions_set_at_id", "sea_restrictions", ["set_at", "id"], unique=False
    )
    op.create_index(
        "uq_sea_restrictions_in_force",
        "sea_restrictions",
        ["partner_id", "owner_agency"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "capacity_plan_actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("responsible", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("cost", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "area ~ '^[A-Z0-9_]{1,40}$'", name=op.f("ck_capacity_plan_actions_area")
        ),
        sa.CheckConstraint(
            "currency ~ '^[A-Z]{3}$'", name=op.f("ck_capacity_plan_actions_currency_code")
        ),
        sa.CheckConstraint(
            "num_nulls(verified_at, verified_by) = CASE status WHEN 'verified' THEN 0 ELSE 2 END",
            name=op.f("ck_capacity_plan_actions_verified"),
        ),
        sa.CheckConstraint(
            "responsible IN ('partner', 'agency', 'provider')",
            name=op.f("ck_capacity_plan_actions_responsible"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'in_progress', 'done', 'verified', 'dropped')",
            name=op.f("ck_capacity_plan_actions_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('done', 'verified') OR done_at IS NOT NULL",
            name=op.f("ck_capacity_plan_actions_done_at"),
        ),
        sa.CheckConstraint(
            "(cost IS NULL) = (currency IS NULL)", name=op.f("ck_capacity_plan_actions_currency")
        ),
        sa.CheckConstraint("cost >= 0", name=op.f("ck_capacity_plan_actions_cost")),
        sa.CheckConstraint(
            "number BETWEEN 1 AND 100", name=op.f("ck_capacity_plan_actions_number")
        ),
        sa.CheckConstraint(
            "verified_by <> done_by", name=op.f("ck_capacity_plan_actions_two_persons")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_capacity_plan_actions_version")),
        sa.ForeignKeyConstraint(
            ["done_by"], ["persons.id"], name=op.f("fk_capacity_plan_actions_done_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "owner_agency"],
            ["capacity_plans.id", "capacity_plans.owner_agency"],
            name="fk_capacity_plan_actions_plans",
        ),
        sa.ForeignKeyConstraint(
            ["verified_by"],
            ["persons.id"],
            name=op.f("fk_capacity_plan_actions_verified_by_persons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_plan_actions")),
        sa.UniqueConstraint(
            "id",
            "plan_id",
            "owner_agency",
            name=op.f("uq_capacity_plan_actions_id_plan_id_owner_agency"),
        ),
        sa.UniqueConstraint(
            "plan_id", "number", name=op.f("uq_capacity_plan_actions_plan_id_number")
        ),
    )
    op.create_table(
        "capacity_plan_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("author_agency", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("office", sa.Text(), nullable=True),
        sa.Column("made_by_client", sa.Text(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("sealed_note", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(action_id IS NOT NULL) = (step IN ('progress', 'done', 'returned', 'verified', 'dropped'))",
            name=op.f("ck_capacity_plan_steps_action_id"),
        ),
        sa.CheckConstraint(
            "author_agency IS NOT NULL OR (person_id IS NULL AND step IN ('progress', 'done'))",
            name=op.f("ck_capacity_plan_steps_author_agency"),
        ),
        sa.CheckConstraint(
            "sealed_note IS NOT NULL OR step NOT IN ('extended', 'not_completed', 'cancelled', 'progress', 'done', 'returned', 'dropped')",
            name=op.f("ck_capacity_plan_steps_sealed_note"),
        ),
        sa.CheckConstraint(
            "step IN ('created', 'agreed', 'extended', 'completed', 'not_completed', 'cancelled', 'measured', 'progress', 'done', 'returned', 'verified', 'dropped')",
            name=op.f("ck_capacity_plan_steps_step"),
        ),
        sa.ForeignKeyConstraint(
            ["action_id", "plan_id", "owner_agency"],
            [
                "capacity_plan_actions.id",
                "capacity_plan_actions.plan_id",
                "capacity_plan_actions.owner_agency",
            ],
            name="fk_capacity_plan_steps_actions",
        ),
        sa.ForeignKeyConstraint(
            ["author_agency"],
            ["agencies.id"],
            name=op.f("fk_capacity_plan_steps_author_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_capacity_plan_steps_person_id_persons")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "owner_agency"],
            ["capacity_plans.id", "capacity_plans.owner_agency"],
            name="fk_capacity_plan_steps_plans",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_plan_steps")),
    )
    op.create_index(
        "ix_capacity_plan_steps_action_id", "capacity_plan_steps", ["action_id"], unique=False
    )
    op.create_index(
        "ix_capacity_plan_steps_plan_id_at_id",
        "capacity_plan_steps",
        ["plan_id", "at", "id"],
        unique=False,
    )
    run_script(SECURITY + add_rules(RULES) + PARTS)


def downgrade() -> None:
    run_script(drop_rules(RULES, "2026.2") + UNDO)
