"""recognition policies by two persons, facts for clearances, inquiries

Revision: 0052, after 0051
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

_OWN = "agency_id = (SELECT app_agency())"

POLICIES = f"""
ALTER TABLE recognition_policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE recognition_policies FORCE ROW LEVEL SECURITY;
GRANT INSERT (id, agency_id, requirement, version, rules, source, effective_from, effective_to,
  note, proposed_by) ON recognition_policies TO reg_app;
GRANT UPDATE (state, decided_by, reason, row_version) ON recognition_policies TO reg_app;
-- What was approved is for all agencies; what was not is its agency's own.
CREATE POLICY recognition_policies_select ON recognition_policies FOR SELECT TO reg_app
  USING ({_OWN} OR (state = 'approved' AND (SELECT app_agency()) IS NOT NULL));
CREATE POLICY recognition_policies_insert ON recognition_policies FOR INSERT TO reg_app
  WITH CHECK ({_OWN} AND state = 'proposed' AND proposed_by IS NOT NULL);
CREATE POLICY recognition_policies_update ON recognition_policies FOR UPDATE TO reg_app
  USING ({_OWN} AND state = 'proposed') WITH CHECK ({_OWN});
CREATE POLICY recognition_policies_worker ON recognition_policies FOR SELECT TO reg_worker
  USING (true);
CREATE POLICY recognition_policies_operator ON recognition_policies TO reg_owner
  USING (true) WITH CHECK (true);

-- A version never changes: it is decided once, and nothing else of it moves. One that is approved
-- late begins on the day it was approved: what is past stays as it was decided then.
CREATE FUNCTION recognition_policies_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE moves CONSTANT text[] := ARRAY['state', 'decided_by', 'decided_at', 'reason',
  'effective_from', 'row_version'];
BEGIN
  IF OLD.state <> 'proposed' OR NEW.state = 'proposed'
      OR to_jsonb(NEW) - moves <> to_jsonb(OLD) - moves
      OR NEW.effective_from <> OLD.effective_from THEN
    RAISE EXCEPTION 'a version of a policy never changes' USING ERRCODE = '42501';
  END IF;
  IF NEW.state <> 'withdrawn' AND NOT EXISTS (SELECT FROM persons p WHERE p.id = NEW.decided_by
      AND p.agency_id = NEW.agency_id AND p.status = 'active') THEN
    RAISE EXCEPTION 'a person of the agency decides'
      USING ERRCODE = '23514', CONSTRAINT = 'recognition_policies_person';
  END IF;
  NEW.decided_at := now();
  IF NEW.state = 'approved' THEN
    NEW.effective_from := greatest(OLD.effective_from, current_date);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recognition_policies_step BEFORE UPDATE ON recognition_policies
  FOR EACH ROW EXECUTE FUNCTION recognition_policies_step();
CREATE TRIGGER recognition_policies_kept BEFORE DELETE ON recognition_policies
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER recognition_policies_no_truncate BEFORE TRUNCATE ON recognition_policies
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""  # noqa: S608 - texts of ours

INQUIRIES = f"""
ALTER TABLE clearance_inquiries ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearance_inquiries FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON clearance_inquiries TO reg_app;
GRANT SELECT, DELETE ON clearance_inquiries TO reg_worker;
CREATE POLICY clearance_inquiries_select ON clearance_inquiries FOR SELECT TO reg_app
  USING ({_OWN});
CREATE POLICY clearance_inquiries_insert ON clearance_inquiries FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
CREATE POLICY clearance_inquiries_worker ON clearance_inquiries TO reg_worker USING (true);
"""

# What RESTRICTED records come to for whoever asks for a clearance, each as its owner's setting
# says. Of one that is to be asked only: no kind, no figure, and the agency's own contact, for the
# office that keeps the record would tell what it is.
FACTS = """
GRANT SELECT (partner_id, owner_agency, contact_office, contact_email, lifted_at)
  ON sea_restrictions TO reg_facts;
CREATE POLICY sea_restrictions_facts ON sea_restrictions FOR SELECT TO reg_facts
  USING (lifted_at IS NULL);
CREATE FUNCTION clearance_facts(profiles uuid[], otherwise jsonb, deep boolean, on_day date)
  RETURNS TABLE (agency text, kind text, counted text, open_high bigint, oldest_open_high date,
    band text, contact_office text, contact_email text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 2 SET search_path = public, pg_temp AS $$
BEGIN
  -- Most partners have none of these, and the plans of this function are kept.
  IF app_agency() IS NULL OR NOT (
      EXISTS (SELECT FROM sea_restrictions r WHERE r.partner_id = ANY (profiles))
      OR EXISTS (SELECT FROM assessment_findings g WHERE g.partner_id = ANY (profiles))
      OR EXISTS (SELECT FROM fraud_cases c WHERE c.partner_id = ANY (profiles))) THEN
    RETURN;
  END IF;
  RETURN QUERY SELECT DISTINCT a.code, CASE s.counted WHEN 'named' THEN f.kind END, s.counted,
    CASE s.counted WHEN 'named' THEN f.open_high END, CASE s.counted WHEN 'named' THEN f.oldest END,
    CASE s.counted WHEN 'named' THEN f.band END,
    coalesce(CASE s.counted WHEN 'named' THEN f.office END, a.contact_office),
    coalesce(CASE s.counted WHEN 'named' THEN f.email END, a.contact_email)
  FROM (
    SELECT r.owner_agency, 'sea_restriction'::text AS kind, NULL::bigint AS open_high,
      NULL::date AS oldest, NULL::text AS band, min(r.contact_office) AS office,
      min(r.contact_email) AS email
    FROM sea_restrictions r WHERE r.partner_id = ANY (profiles) AND r.lifted_at IS NULL
    GROUP BY r.owner_agency
    UNION ALL
    SELECT g.owner_agency, 'findings', count(*), min(g.found_on), NULL, NULL, NULL
    FROM assessment_findings g WHERE g.partner_id = ANY (profiles) AND NOT g.withdrawn
      AND g.state <> 'closed' AND g.priority = 'HIGH'
      AND (g.level <> 'AGENCY_ONLY' OR (deep AND g.owner_agency = app_agency()))
    GROUP BY g.owner_agency
    UNION ALL
    SELECT g.owner_agency, 'unsupported_amounts', NULL, NULL,
      unsupported_band(sum(g.amount_usd - g.resolved_usd)), NULL, NULL
    FROM assessment_findings g WHERE g.partner_id = ANY (profiles) AND NOT g.withdrawn
      AND (g.level <> 'AGENCY_ONLY' OR (deep AND g.owner_agency = app_agency()))
    GROUP BY g.owner_agency HAVING sum(g.amount_usd - g.resolved_usd) > 0
    UNION ALL
    SELECT DISTINCT c.owner_agency, 'case_facts', NULL::bigint, NULL::date, NULL, NULL, NULL
    FROM fraud_cases c WHERE c.partner_id = ANY (profiles) AND c.published_at IS NOT NULL
      AND coalesce(c.outcome, '') <> 'unsubstantiated') f
  JOIN agencies a ON a.id = f.owner_agency,
  LATERAL (SELECT CASE WHEN a.id = app_agency() THEN 'named' ELSE coalesce(
    (SELECT c.value ->> f.kind FROM counted_facts(ARRAY[a.id], on_day) c),
    otherwise ->> f.kind, 'consult') END AS counted) s
  WHERE s.counted <> 'not_counted';
END $$;
REVOKE EXECUTE ON FUNCTION clearance_facts(uuid[], jsonb, boolean, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION clearance_facts(uuid[], jsonb, boolean, date) TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION clearance_facts(uuid[], jsonb, boolean, date) OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

UNDO = """
DROP FUNCTION clearance_facts(uuid[], jsonb, boolean, date);
DROP POLICY sea_restrictions_facts ON sea_restrictions;
REVOKE SELECT (partner_id, owner_agency, contact_office, contact_email, lifted_at)
  ON sea_restrictions FROM reg_facts;
DROP TRIGGER recognition_policies_step ON recognition_policies;
DROP TRIGGER recognition_policies_kept ON recognition_policies;
DROP TRIGGER recognition_policies_no_truncate ON recognition_policies;
DROP FUNCTION recognition_policies_step();
DROP POLICY recognition_policies_select ON recognition_policies;
DROP POLICY recognition_policies_insert ON recognition_policies;
DROP POLICY recognition_policies_update ON recognition_policies;
DROP POLICY recognition_policies_worker ON recognition_policies;
DROP POLICY recognition_policies_operator ON recognition_policies;
ALTER TABLE recognition_policies NO FORCE ROW LEVEL SECURITY;
ALTER TABLE recognition_policies DISABLE ROW LEVEL SECURITY;
REVOKE INSERT (id, agency_id, requirement, version, rules, source, effective_from, effective_to,
  note, proposed_by), UPDATE (state, decided_by, reason, row_version)
  ON recognition_policies FROM reg_app;
-- An older release knows neither other requirements nor more than one version in force.
DELETE FROM recognition_policies WHERE state <> 'approved'
  OR requirement NOT IN ('SANCTIONS', 'PSEA');
DELETE FROM recognition_policies p WHERE effective_to IS NULL AND EXISTS (
  SELECT FROM recognition_policies n WHERE n.agency_id = p.agency_id
    AND n.requirement = p.requirement AND n.effective_to IS NULL AND n.version > p.version);
"""


def upgrade() -> None:
    # References to persons are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    text, instant = sa.Text(), sa.DateTime(timezone=True)
    for column in (
        sa.Column("state", text, server_default="proposed", nullable=False),
        sa.Column("note", text),
        sa.Column("proposed_by", sa.Uuid()),
        sa.Column("decided_by", sa.Uuid()),
        sa.Column("decided_at", instant),
        sa.Column("reason", text),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
    ):
        op.add_column("recognition_policies", column)
    op.execute("UPDATE recognition_policies SET state = 'approved', decided_at = created_at")
    op.drop_index("uq_recognition_policies_open", table_name="recognition_policies")
    for name, check in (
        ("state", "state IN ('proposed', 'approved', 'refused', 'withdrawn')"),
        ("two_persons", "decided_by <> proposed_by OR state = 'withdrawn'"),
        ("decided", "(state = 'proposed') = (decided_at IS NULL)"),
        ("rules", "jsonb_typeof(rules) = 'array' AND jsonb_array_length(rules) BETWEEN 1 AND 20"),
    ):
        op.create_check_constraint(
            op.f(f"ck_recognition_policies_{name}"), "recognition_policies", check
        )
    for column_name in ("proposed_by", "decided_by"):
        op.create_foreign_key(
            op.f(f"fk_recognition_policies_{column_name}_persons"),
            "recognition_policies",
            "persons",
            [column_name],
            ["id"],
        )
    op.create_index(
        "ix_recognition_policies_state_id", "recognition_policies", ["state", "id"], unique=False
    )
    run_script(POLICIES)
    op.create_table(
        "clearance_inquiries",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("on_day", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(digest) = 16", name=op.f("ck_clearance_inquiries_digest")),
        sa.PrimaryKeyConstraint(
            "agency_id", "partner_id", "on_day", "digest", name=op.f("pk_clearance_inquiries")
        ),
    )
    op.create_index("ix_clearance_inquiries_on_day", "clearance_inquiries", ["on_day"])
    run_script(INQUIRIES)
    run_script(FACTS)


def downgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.drop_table("clearance_inquiries")
    run_script(UNDO)
    op.drop_index("ix_recognition_policies_state_id", table_name="recognition_policies")
    for name in ("state", "two_persons", "decided", "rules"):
        op.drop_constraint(op.f(f"ck_recognition_policies_{name}"), "recognition_policies")
    for column_name in ("proposed_by", "decided_by"):
        op.drop_constraint(
            op.f(f"fk_recognition_policies_{column_name}_persons"), "recognition_policies"
        )
    for column_name in (
        *("row_version", "reason", "decided_at", "decided_by", "proposed_by", "note", "state"),
    ):
        op.drop_column("recognition_policies", column_name)
    op.create_index(
        "uq_recognition_policies_open",
        "recognition_policies",
        ["agency_id", "requirement"],
        unique=True,
        postgresql_where=sa.text("effective_to IS NULL"),
    )
