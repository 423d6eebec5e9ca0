"""government

Revision: 0044, after 0043
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.acl import acl_security, shared_now
from app.core.migrate import rekey_security, run_script
from app.partners.retention.guard import Guard, Rules, add_rules, drop_rules

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_OWN = "owner_agency = (SELECT app_agency())"
_AGENCY = "(SELECT app_agency())"

# ---------------------------------------------------------------------- public authorities
# As app/partners/types.yaml says; a test compares.
AUTHORITIES = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
CREATE FUNCTION public_authority(kind text, tags text[]) RETURNS boolean
  LANGUAGE sql IMMUTABLE AS $$
  SELECT kind IN ('GOV_NATIONAL', 'GOV_LOCAL', 'GOV_OTHER_PUBLIC', 'UN_ENTITY')
    OR 'EXERCISES_PUBLIC_FUNCTIONS' = ANY (tags) $$;
-- Locked: what it is now it stays until the measure, or whatever names it, is stored.
CREATE FUNCTION names_public_authority(partner uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  PERFORM 1 FROM partners p WHERE p.id IN (SELECT partner_lineage(partner))
    ORDER BY p.id FOR NO KEY UPDATE;
  RETURN EXISTS (SELECT 1 FROM partners p WHERE p.id IN (SELECT partner_lineage(partner))
    AND public_authority(p.partner_type, p.tags));
END $$;
CREATE FUNCTION not_on_public_authority() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF names_public_authority(NEW.partner_id) THEN
    RAISE EXCEPTION 'a public authority is not sanctioned'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'government_entity';
  END IF;
  RETURN NULL;
END $$;
-- AFTER the row's policies have spoken: a refusal here is never about a row of somebody else.
CREATE TRIGGER sanction_entries_not_government AFTER INSERT ON sanction_entries FOR EACH ROW
  WHEN (NEW.partner_id IS NOT NULL) EXECUTE FUNCTION not_on_public_authority();
CREATE TRIGGER sanction_respondents_not_government AFTER INSERT ON sanction_respondents
  FOR EACH ROW WHEN (NEW.partner_id IS NOT NULL) EXECUTE FUNCTION not_on_public_authority();
CREATE OR REPLACE FUNCTION flag_red_not_on_state(partner uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF names_public_authority(partner) THEN PERFORM flag_refused('flag_red_not_on_state'); END IF;
END $$;

-- A profile does not become one while something holds that may not name one. Measures that the
-- caller may not know of are not asked: a refusal would tell of them. They end by themselves.
DROP TRIGGER partners_state_without_red_flag ON partners;
DROP FUNCTION state_without_red_flag();
CREATE FUNCTION bears_red_flag(partner uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM restraints r WHERE r.partner_id IN (SELECT partner_lineage(partner))
    AND r.reason = 'RED_FLAG' AND r.lifted_at IS NULL
    AND (r.until IS NULL OR r.until > now())) $$;
CREATE FUNCTION bears_measure(partner uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM sanction_entries e
    WHERE e.partner_id IN (SELECT partner_lineage(partner)) AND e.voided_at IS NULL
    AND NOT isempty(e.valid) AND coalesce(upper(e.valid) > current_date, true)) $$;
CREATE FUNCTION becomes_public_authority() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF bears_red_flag(NEW.id) THEN
    RAISE EXCEPTION 'a red flag is in force'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_red_flag';
  END IF;
  IF bears_measure(NEW.id) THEN
    RAISE EXCEPTION 'a measure is in force'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_measure';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER partners_become_authority BEFORE UPDATE OF partner_type, tags ON partners
  FOR EACH ROW WHEN (public_authority(NEW.partner_type, NEW.tags)
    AND NOT public_authority(OLD.partner_type, OLD.tags))
  EXECUTE FUNCTION becomes_public_authority();
-- What a body exercises is said by agencies, not by itself.
CREATE FUNCTION tag_not_own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'not the partner''s to say'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_tag_not_own';
END $$;
CREATE TRIGGER partners_tag_not_own BEFORE UPDATE OF tags ON partners FOR EACH ROW
  WHEN (app_partner() IS NOT NULL AND ('EXERCISES_PUBLIC_FUNCTIONS' = ANY (NEW.tags))
    <> ('EXERCISES_PUBLIC_FUNCTIONS' = ANY (OLD.tags)))
  EXECUTE FUNCTION tag_not_own();
-- Nor does a merge bring the two together.
CREATE FUNCTION merge_with_authority() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (names_public_authority(NEW.loser_id) OR names_public_authority(NEW.survivor_id))
    AND (bears_red_flag(NEW.loser_id) OR bears_measure(NEW.loser_id)
      OR bears_red_flag(NEW.survivor_id) OR bears_measure(NEW.survivor_id)) THEN
    RAISE EXCEPTION 'a public authority bears no measure'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'merge_government';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_merges_authority AFTER UPDATE OF state ON partner_merges FOR EACH ROW
  WHEN (OLD.state <> NEW.state AND NEW.state = 'merged') EXECUTE FUNCTION merge_with_authority();
"""

AUTHORITIES_BEFORE = """
SET LOCAL check_function_bodies = off;
DROP TRIGGER partner_merges_authority ON partner_merges;
DROP TRIGGER partners_tag_not_own ON partners;
DROP TRIGGER partners_become_authority ON partners;
DROP TRIGGER sanction_respondents_not_government ON sanction_respondents;
DROP TRIGGER sanction_entries_not_government ON sanction_entries;
CREATE OR REPLACE FUNCTION flag_red_not_on_state(partner uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- Locked: its type does not become another one while this flag is set.
  PERFORM 1 FROM partners p WHERE p.id IN (SELECT partner_lineage(partner)) ORDER BY p.id FOR SHARE;
  IF EXISTS (SELECT 1 FROM partners p WHERE p.id IN (SELECT partner_lineage(partner))
      AND (starts_with(p.partner_type, 'GOV_') OR p.partner_type = 'UN_ENTITY')) THEN
    PERFORM flag_refused('flag_red_not_on_state');
  END IF; END $$;
CREATE FUNCTION state_without_red_flag() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT 1 FROM restraints r WHERE r.partner_id IN (SELECT partner_lineage(NEW.id))
      AND r.reason = 'RED_FLAG' AND r.lifted_at IS NULL
      AND (r.until IS NULL OR r.until > now())) THEN
    RAISE EXCEPTION 'a red flag is in force'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_red_flag';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER partners_state_without_red_flag BEFORE UPDATE OF partner_type ON partners
  FOR EACH ROW WHEN (OLD.partner_type <> NEW.partner_type
    AND (starts_with(NEW.partner_type, 'GOV_') OR NEW.partner_type = 'UN_ENTITY'))
  EXECUTE FUNCTION state_without_red_flag();
DROP FUNCTION merge_with_authority(), tag_not_own(), becomes_public_authority(),
  bears_measure(uuid), bears_red_flag(uuid), not_on_public_authority(),
  names_public_authority(uuid), public_authority(text, text[]);
"""

# ---------------------------------------------------------------------- transfer restrictions
_SHOWN = """id, partner_id, owner_agency, country, suspended, allowed, reason, contact_office,
  starts_on, ends_on, review_by, state, sealed, redacted, set_by, set_at, decided_by, decided_at,
  reviewed_by, reviewed_at, lifted_by, lifted_on, reminded_at, end_told, version, valid"""
_IN_FORCE = "(state = 'set' AND lifted_on IS NULL AND coalesce(ends_on >= current_date, true))"
RESTRICTIONS = f"""
-- What stands for an engagement in a country as long as there are no engagements: an open office
-- of the agency for it. A regional office is none.
CREATE FUNCTION engaged_in(of_country text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM offices o WHERE o.agency_id = (SELECT app_agency()) AND o.active
    AND o.kind IN ('country', 'multi_country') AND of_country = ANY (o.countries)) $$;

ALTER TABLE transfer_restrictions ENABLE ROW LEVEL SECURITY;
ALTER TABLE transfer_restrictions FORCE ROW LEVEL SECURITY;
GRANT SELECT ({_SHOWN}) ON transfer_restrictions TO reg_app;
GRANT INSERT (id, partner_id, owner_agency, country, suspended, allowed, reason, contact_office,
  starts_on, ends_on, review_by, state, sealed, set_by) ON transfer_restrictions TO reg_app;
GRANT UPDATE (state, review_by, decided_by, decided_at, reviewed_by, reviewed_at, reminded_at,
  lifted_by, lifted_on, version) ON transfer_restrictions TO reg_app;
-- The owner, and agencies engaged in the country while it is in force. No partner.
CREATE POLICY transfer_restrictions_select ON transfer_restrictions FOR SELECT TO reg_app
  USING ({_OWN} OR ({_IN_FORCE} AND engaged_in(country)));
CREATE POLICY transfer_restrictions_insert ON transfer_restrictions FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
CREATE POLICY transfer_restrictions_update ON transfer_restrictions FOR UPDATE TO reg_app
  USING ({_OWN}) WITH CHECK ({_OWN});
CREATE POLICY transfer_restrictions_export ON transfer_restrictions FOR SELECT TO reg_owner
  USING ({_OWN});
GRANT SELECT (lifted_on, ends_on, review_by, reminded_at, end_told, version, country),
  UPDATE (reminded_at, end_told) ON transfer_restrictions TO reg_worker;
CREATE POLICY transfer_restrictions_remind ON transfer_restrictions FOR UPDATE TO reg_worker
  USING (state = 'set') WITH CHECK (state = 'set');
{rekey_security("transfer_restrictions")}
-- For offices of resident coordinators, whose countries the application knows: what is in force.
GRANT SELECT ON transfer_restrictions TO reg_facts;
CREATE POLICY transfer_restrictions_facts ON transfer_restrictions FOR SELECT TO reg_facts
  USING ({_OWN} OR {_IN_FORCE});
CREATE FUNCTION restrictions_for_coordinators(of_countries text[])
  RETURNS SETOF transfer_restrictions
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT r.id, r.partner_id, r.owner_agency, r.country, r.suspended, r.allowed, r.reason,
    r.contact_office, r.starts_on, r.ends_on, r.review_by, r.state, r.sealed, r.redacted,
    NULL::bytea, r.set_by, r.set_at, r.decided_by, r.decided_at, r.reviewed_by, r.reviewed_at,
    r.lifted_by, r.lifted_on, r.reminded_at, r.end_told, r.version, r.valid
  FROM transfer_restrictions r
  WHERE {_IN_FORCE} AND app_agency() IS NOT NULL
    AND (cardinality(of_countries) = 0 OR r.country = ANY (of_countries)) $$;

-- Long ones, and those that follow on another, are not one person's.
CREATE FUNCTION restriction_needs_two(of uuid, partner uuid, in_country text, starts date,
  ends date) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(ends - starts > 92, true) OR EXISTS (SELECT 1 FROM transfer_restrictions r
    WHERE r.owner_agency = (SELECT app_agency()) AND r.country = in_country AND r.state = 'set'
      AND r.partner_id IN (SELECT partner_lineage(partner)) AND r.id <> of
      AND r.valid && daterange(starts - 92, starts)) $$;
CREATE FUNCTION restriction_refused(rule text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'a transfer restriction does not move so'
    USING ERRCODE = 'check_violation', CONSTRAINT = rule; END $$;
CREATE FUNCTION restriction_person(person uuid, agency uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = person AND p.agency_id = agency
      AND p.status = 'active') THEN
    PERFORM restriction_refused('restriction_person');
  END IF; END $$;
CREATE FUNCTION transfer_restrictions_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT names_public_authority(NEW.partner_id) THEN
    PERFORM restriction_refused('restriction_partner');
  END IF;
  PERFORM restriction_person(NEW.set_by, NEW.owner_agency);
  IF NEW.state NOT IN ('proposed', 'set') THEN PERFORM restriction_refused('restriction_state');
  END IF;
  IF NEW.state = 'set' AND restriction_needs_two(NEW.id, NEW.partner_id, NEW.country,
      NEW.starts_on, NEW.ends_on) THEN
    PERFORM restriction_refused('restriction_needs_two');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER transfer_restrictions_made AFTER INSERT ON transfer_restrictions
  FOR EACH ROW EXECUTE FUNCTION transfer_restrictions_made();
CREATE FUNCTION transfer_restrictions_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.version <> OLD.version + 1 THEN PERFORM restriction_refused('restriction_version'); END IF;
  IF OLD.state NOT IN ('proposed', 'set') OR OLD.lifted_on IS NOT NULL
    OR (OLD.state = 'set' AND OLD.ends_on < current_date) THEN
    PERFORM restriction_refused('restriction_over');
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state <> 'proposed'
      OR (NEW.state = 'set' AND NEW.decided_by IS NULL)) THEN
    PERFORM restriction_refused('restriction_state');
  END IF;
  IF NEW.decided_by IS DISTINCT FROM OLD.decided_by THEN
    IF NEW.state = OLD.state THEN PERFORM restriction_refused('restriction_state'); END IF;
    PERFORM restriction_person(NEW.decided_by, NEW.owner_agency);
  END IF;
  IF NEW.review_by <> OLD.review_by AND NEW.reviewed_at IS NOT DISTINCT FROM OLD.reviewed_at THEN
    PERFORM restriction_refused('restriction_state');
  END IF;
  IF NEW.reviewed_at IS DISTINCT FROM OLD.reviewed_at THEN
    PERFORM restriction_person(NEW.reviewed_by, NEW.owner_agency);
  END IF;
  IF NEW.lifted_by IS NOT NULL THEN
    PERFORM restriction_person(NEW.lifted_by, NEW.owner_agency);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER transfer_restrictions_step AFTER UPDATE OF state, review_by, decided_by, decided_at,
  reviewed_by, reviewed_at, lifted_by, lifted_on, version ON transfer_restrictions
  FOR EACH ROW EXECUTE FUNCTION transfer_restrictions_step();
REVOKE EXECUTE ON FUNCTION restrictions_for_coordinators(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION restrictions_for_coordinators(text[]) TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION restrictions_for_coordinators(text[]) OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - constants

# ---------------------------------------------------------------------- redaction of statements
_OWN_RECORD = """
CREATE OR REPLACE FUNCTION own_record(kind text, record uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE kind
    WHEN 'assessment' THEN EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = record AND a.owner_agency = app_agency())
    WHEN 'statement' THEN EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = record AND a.owner_agency = app_agency())
    WHEN 'share' THEN EXISTS (SELECT 1 FROM assessment_shares s
      WHERE s.id = record AND s.owner_agency = app_agency())
    WHEN 'access_request' THEN EXISTS (SELECT 1 FROM access_requests r
      WHERE r.id = record AND app_agency() IN (r.owner_agency, r.requested_by))
{more}    WHEN 'plan_action' THEN EXISTS (SELECT 1 FROM capacity_plan_actions c
      WHERE c.id = record AND c.owner_agency = app_agency())
    WHEN 'plan_step' THEN EXISTS (SELECT 1 FROM capacity_plan_steps c
      WHERE c.id = record AND c.owner_agency = app_agency())
    WHEN 'flag' THEN EXISTS (SELECT 1 FROM partner_flags f
      WHERE f.id = record AND f.owner_agency = app_agency())
    WHEN 'sanction_case' THEN EXISTS (SELECT 1 FROM sanction_cases c
      WHERE c.id = record AND c.agency_id = app_agency())
    WHEN 'case_step' THEN EXISTS (SELECT 1 FROM sanction_case_steps s
      WHERE s.id = record AND s.agency_id = app_agency())
    WHEN 'partner' THEN EXISTS (SELECT 1 FROM partners p WHERE p.id = record)
    ELSE false END $$;
"""
_KINDS = (
    "subject_kind IN ('assessment', 'case_step', 'plan_action', 'plan_step', 'share', "
    "'access_request'{more})"
)
_APPLY = """
DROP TRIGGER redactions_apply ON redactions;
CREATE TRIGGER redactions_apply AFTER INSERT OR UPDATE OF state ON redactions FOR EACH ROW
  WHEN (NEW.subject_kind NOT IN ('share', 'access_request'{more}))
  EXECUTE FUNCTION apply_redaction();
"""
_OWN_RESTRICTION = """    WHEN 'transfer_restriction' THEN EXISTS (SELECT 1
      FROM transfer_restrictions t WHERE t.id = record AND t.owner_agency = app_agency())
"""
REDACTION = f"""
{_OWN_RECORD.format(more=_OWN_RESTRICTION)}
{_APPLY.format(more=", 'transfer_restriction'")}
GRANT UPDATE (sealed, redacted, sealed_hidden) ON transfer_restrictions TO reg_facts;
CREATE POLICY transfer_restrictions_redact ON transfer_restrictions FOR UPDATE TO reg_facts
  USING ({_OWN}) WITH CHECK ({_OWN});
-- The words go where nobody reads them, come back, or are gone: these under no legal hold.
CREATE FUNCTION apply_restriction_redaction() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE hidden boolean := NEW.state <> 'undone'; gone boolean := NEW.state = 'confirmed';
BEGIN
  IF gone THEN PERFORM refuse_held(NEW.subject_id, NEW.partner_id); END IF;
  UPDATE transfer_restrictions SET redacted = hidden,
    sealed = CASE WHEN hidden THEN ''::bytea ELSE sealed_hidden END,
    sealed_hidden = CASE WHEN gone OR NOT hidden THEN NULL ELSE sealed END
    WHERE id = NEW.subject_id AND redacted = (TG_OP = 'UPDATE')
      AND (TG_OP = 'INSERT') = (sealed_hidden IS NULL);
  IF NOT FOUND THEN RAISE EXCEPTION 'no such record' USING ERRCODE = '42501'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER redactions_apply_to_restrictions AFTER INSERT OR UPDATE OF state ON redactions
  FOR EACH ROW WHEN (NEW.subject_kind = 'transfer_restriction')
  EXECUTE FUNCTION apply_restriction_redaction();
REVOKE ALL ON FUNCTION apply_restriction_redaction() FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION apply_restriction_redaction() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - constants
REDACTION_BEFORE = f"""
DROP TRIGGER redactions_apply_to_restrictions ON redactions;
DROP FUNCTION apply_restriction_redaction();
{_APPLY.format(more="")}
{_OWN_RECORD.format(more="")}
ALTER TABLE redactions NO FORCE ROW LEVEL SECURITY;
DELETE FROM redactions WHERE subject_kind = 'transfer_restriction';
ALTER TABLE redactions FORCE ROW LEVEL SECURITY;
"""  # noqa: S608 - constants

# ---------------------------------------------------------------------- fraud cases
_PARTS = ("fraud_case_history", "fraud_case_acts", "fraud_case_amounts")
_SHARED = shared_now("fraud_cases_acl", "fraud_cases.id")
FRAUD = f"""
ALTER TABLE fraud_cases ENABLE ROW LEVEL SECURITY;
ALTER TABLE fraud_cases FORCE ROW LEVEL SECURITY;
GRANT SELECT ON fraud_cases TO reg_app;
GRANT INSERT (id, partner_id, owner_agency, reference, case_type, stage, loss_usd, changed_by)
  ON fraud_cases TO reg_app;
-- Sums are a trigger's alone.
GRANT UPDATE (stage, outcome, outcome_on, closed_on, loss_usd, national_referral, referred_on,
  authority_kind, authority_country, asset_recovery, sanction_case_id, entry_id, published_by,
  published_at, changed_by, version) ON fraud_cases TO reg_app;
-- The owner, and whom its oversight office lets read it. What turned out unfounded is at once
-- nobody's but the owner's.
CREATE POLICY fraud_cases_select ON fraud_cases FOR SELECT TO reg_app
  USING ({_OWN} OR (coalesce(outcome, '') <> 'unsubstantiated' AND {_SHARED}));
CREATE POLICY fraud_cases_insert ON fraud_cases FOR INSERT TO reg_app WITH CHECK ({_OWN});
CREATE POLICY fraud_cases_update ON fraud_cases FOR UPDATE TO reg_app
  USING ({_OWN}) WITH CHECK ({_OWN});
CREATE POLICY fraud_cases_export ON fraud_cases FOR SELECT TO reg_owner USING ({_OWN});
{acl_security("fraud_cases_acl")}
CREATE POLICY fraud_cases_acl_export ON fraud_cases_acl FOR SELECT TO reg_owner USING ({_OWN});
-- History, acts and amounts are the owner's alone.
{
    "".join(
        f'''
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
GRANT SELECT ON {table} TO reg_app;
CREATE POLICY {table}_select ON {table} FOR SELECT TO reg_app USING ({_OWN});
CREATE POLICY {table}_export ON {table} FOR SELECT TO reg_owner USING ({_OWN});
'''
        for table in _PARTS
    )
}
GRANT INSERT (id, fraud_case_id, owner_agency, kind, amount_usd, reference, proposed_by)
  ON fraud_case_acts TO reg_app;
GRANT UPDATE (state, decided_by, decided_at, version) ON fraud_case_acts TO reg_app;
CREATE POLICY fraud_case_acts_insert ON fraud_case_acts FOR INSERT TO reg_app WITH CHECK ({_OWN});
CREATE POLICY fraud_case_acts_update ON fraud_case_acts FOR UPDATE TO reg_app
  USING ({_OWN}) WITH CHECK ({_OWN});
GRANT INSERT (id, fraud_case_id, owner_agency, kind, amount_usd, booked_on, reference, act_id,
  reverses, recorded_by) ON fraud_case_amounts TO reg_app;
CREATE POLICY fraud_case_amounts_insert ON fraud_case_amounts FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
CREATE TRIGGER fraud_case_amounts_append_only BEFORE UPDATE ON fraud_case_amounts
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fraud_case_history_append_only BEFORE UPDATE ON fraud_case_history
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What every agency may know of a case once its owner has published it: no reference, no
-- authority, no file.
GRANT SELECT ON fraud_cases TO reg_facts;
CREATE POLICY fraud_cases_facts ON fraud_cases FOR SELECT TO reg_facts
  USING (published_at IS NOT NULL OR {_OWN});
CREATE FUNCTION published_fraud_cases(profile uuid)
  RETURNS TABLE (id uuid, partner_id uuid, owner_agency uuid, case_type text, stage text,
    outcome_on date, closed_on date, loss_usd numeric, recovered_usd numeric,
    written_off_usd numeric, outstanding_usd numeric, national_referral text,
    asset_recovery text, entry_id uuid, published_at timestamptz, version integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.id, c.partner_id, c.owner_agency, c.case_type, c.stage, c.outcome_on, c.closed_on,
    c.loss_usd, c.recovered_usd, c.written_off_usd, c.outstanding_usd, c.national_referral,
    c.asset_recovery, c.entry_id, c.published_at, c.version
  FROM fraud_cases c
  WHERE c.published_at IS NOT NULL AND app_agency() IS NOT NULL
    AND (profile IS NULL OR c.partner_id IN (SELECT partner_lineage(profile))) $$;

CREATE FUNCTION fraud_case_refused(rule text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'a fraud case does not move so'
    USING ERRCODE = 'check_violation', CONSTRAINT = rule; END $$;
CREATE FUNCTION fraud_case_person(person uuid, agency uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = person AND p.agency_id = agency
      AND p.status = 'active') THEN
    PERFORM fraud_case_refused('fraud_case_person');
  END IF; END $$;

CREATE FUNCTION fraud_cases_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.stage NOT IN ('presumptive', 'under_investigation') THEN
    PERFORM fraud_case_refused('fraud_case_stage');
  END IF;
  PERFORM fraud_case_person(NEW.changed_by, NEW.owner_agency);
  RETURN NULL;
END $$;
CREATE TRIGGER fraud_cases_made AFTER INSERT ON fraud_cases
  FOR EACH ROW EXECUTE FUNCTION fraud_cases_made();

CREATE FUNCTION fraud_cases_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE means text[] := ARRAY['repayment_plan', 'set_off', 'civil_action', 'criminal_restitution'];
BEGIN
  IF NEW.version <> OLD.version + 1 THEN PERFORM fraud_case_refused('fraud_case_version'); END IF;
  IF OLD.stage = 'closed' THEN PERFORM fraud_case_refused('fraud_case_closed'); END IF;
  PERFORM fraud_case_person(NEW.changed_by, NEW.owner_agency);
  IF NEW.stage <> OLD.stage AND (OLD.stage, NEW.stage) NOT IN (
      ('presumptive', 'under_investigation'), ('presumptive', 'unsubstantiated'),
      ('under_investigation', 'substantiated'), ('under_investigation', 'unsubstantiated'),
      ('substantiated', 'closed'), ('unsubstantiated', 'closed')) THEN
    PERFORM fraud_case_refused('fraud_case_stage');
  END IF;
  IF OLD.outcome IS NOT NULL
    AND (NEW.outcome, NEW.outcome_on) IS DISTINCT FROM (OLD.outcome, OLD.outcome_on) THEN
    PERFORM fraud_case_refused('fraud_case_stage');
  END IF;
  IF NEW.stage = 'substantiated' AND OLD.stage <> 'substantiated' AND NOT EXISTS (
      SELECT 1 FROM fraud_case_acts a WHERE a.fraud_case_id = NEW.id
        AND a.kind = 'substantiate' AND a.state = 'approved') THEN
    PERFORM fraud_case_refused('fraud_case_two_persons');
  END IF;
  -- A loss that was established only rises: less of it would be a write-off by one person.
  IF NEW.loss_usd < OLD.loss_usd AND OLD.outcome = 'substantiated' THEN
    PERFORM fraud_case_refused('fraud_case_loss');
  END IF;
  IF NEW.national_referral <> OLD.national_referral
    AND (OLD.national_referral, NEW.national_referral) NOT IN (
      ('none', 'under_legal_review'), ('under_legal_review', 'referred'),
      ('referred', 'accepted'), ('referred', 'declined'), ('accepted', 'concluded'),
      ('declined', 'concluded')) THEN
    PERFORM fraud_case_refused('fraud_case_referral');
  END IF;
  IF OLD.referred_on IS NOT NULL
    AND (NEW.referred_on, NEW.authority_kind, NEW.authority_country)
      IS DISTINCT FROM (OLD.referred_on, OLD.authority_kind, OLD.authority_country) THEN
    PERFORM fraud_case_refused('fraud_case_referral');
  END IF;
  IF NEW.asset_recovery <> OLD.asset_recovery AND (OLD.asset_recovery = 'closed'
      OR NEW.asset_recovery = 'none' OR (NEW.asset_recovery = 'demand_letter'
        AND OLD.asset_recovery = ANY (means))) THEN
    PERFORM fraud_case_refused('fraud_case_recovery');
  END IF;
  IF OLD.published_at IS NOT NULL AND NEW.published_at IS DISTINCT FROM OLD.published_at THEN
    PERFORM fraud_case_refused('fraud_case_published');
  END IF;
  IF NEW.sanction_case_id IS DISTINCT FROM OLD.sanction_case_id
    AND NEW.sanction_case_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sanction_cases s
      WHERE s.id = NEW.sanction_case_id AND s.agency_id = NEW.owner_agency
        AND s.partner_id IN (SELECT partner_lineage(NEW.partner_id))) THEN
    PERFORM fraud_case_refused('fraud_case_link');
  END IF;
  IF NEW.entry_id IS DISTINCT FROM OLD.entry_id
    AND NEW.entry_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sanction_entries e
      WHERE e.id = NEW.entry_id AND e.imposing_agency = NEW.owner_agency
        AND e.partner_id IN (SELECT partner_lineage(NEW.partner_id))) THEN
    PERFORM fraud_case_refused('fraud_case_link');
  END IF;
  IF NEW.outcome = 'unsubstantiated' AND OLD.outcome IS NULL THEN
    DELETE FROM fraud_cases_acl WHERE record_id = NEW.id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER fraud_cases_step AFTER UPDATE OF stage, outcome, outcome_on, closed_on, loss_usd,
  national_referral, referred_on, authority_kind, authority_country, asset_recovery,
  sanction_case_id, entry_id, published_by, published_at ON fraud_cases
  FOR EACH ROW EXECUTE FUNCTION fraud_cases_step();

GRANT INSERT (fraud_case_id, version, owner_agency, stage, loss_usd, recovered_usd,
  written_off_usd, national_referral, referred_on, authority_kind, authority_country,
  asset_recovery, sanction_case_id, entry_id, published, changed_by)
  ON fraud_case_history TO reg_facts;
CREATE POLICY fraud_case_history_kept ON fraud_case_history FOR INSERT TO reg_facts
  WITH CHECK ({_OWN});
CREATE FUNCTION keep_fraud_case() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  INSERT INTO fraud_case_history (fraud_case_id, version, owner_agency, stage, loss_usd,
    recovered_usd, written_off_usd, national_referral, referred_on, authority_kind,
    authority_country, asset_recovery, sanction_case_id, entry_id, published, changed_by)
  VALUES (NEW.id, NEW.version, NEW.owner_agency, NEW.stage, NEW.loss_usd, NEW.recovered_usd,
    NEW.written_off_usd, NEW.national_referral, NEW.referred_on, NEW.authority_kind,
    NEW.authority_country, NEW.asset_recovery, NEW.sanction_case_id, NEW.entry_id,
    NEW.published_at IS NOT NULL, NEW.changed_by);
  RETURN NULL;
END $$;
CREATE TRIGGER fraud_cases_kept_first AFTER INSERT ON fraud_cases
  FOR EACH ROW EXECUTE FUNCTION keep_fraud_case();
CREATE TRIGGER fraud_cases_kept AFTER UPDATE ON fraud_cases
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION keep_fraud_case();

CREATE FUNCTION fraud_case_acts_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE at_stage text;
BEGIN
  SELECT c.stage INTO at_stage FROM fraud_cases c WHERE c.id = NEW.fraud_case_id;
  IF at_stage <> (CASE NEW.kind WHEN 'substantiate' THEN 'under_investigation'
      ELSE 'substantiated' END) AND NEW.state <> 'rejected' THEN
    PERFORM fraud_case_refused('fraud_case_stage');
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'proposed' THEN PERFORM fraud_case_refused('fraud_case_two_persons'); END IF;
    PERFORM fraud_case_person(NEW.proposed_by, NEW.owner_agency);
  ELSE
    IF OLD.state <> 'proposed' THEN PERFORM fraud_case_refused('fraud_case_stage'); END IF;
    PERFORM fraud_case_person(NEW.decided_by, NEW.owner_agency);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER fraud_case_acts_step AFTER INSERT OR UPDATE ON fraud_case_acts
  FOR EACH ROW EXECUTE FUNCTION fraud_case_acts_step();

CREATE FUNCTION fraud_case_amounts_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM fraud_case_person(NEW.recorded_by, NEW.owner_agency);
  IF NEW.act_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM fraud_case_acts a
      WHERE a.id = NEW.act_id AND a.fraud_case_id = NEW.fraud_case_id AND a.kind = 'write_off'
        AND a.state = 'approved' AND a.amount_usd = NEW.amount_usd) THEN
    PERFORM fraud_case_refused('fraud_case_two_persons');
  END IF;
  IF NEW.reverses IS NOT NULL AND NOT EXISTS (SELECT 1 FROM fraud_case_amounts r
      WHERE r.id = NEW.reverses AND r.fraud_case_id = NEW.fraud_case_id AND r.kind = NEW.kind
        AND r.amount_usd = -NEW.amount_usd AND r.reverses IS NULL) THEN
    PERFORM fraud_case_refused('fraud_case_reversal');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER fraud_case_amounts_made AFTER INSERT ON fraud_case_amounts
  FOR EACH ROW EXECUTE FUNCTION fraud_case_amounts_made();
-- The update locks the case: of two at once the second adds to what the first left, and the check
-- of the table refuses what goes beyond the loss.
GRANT UPDATE (recovered_usd, written_off_usd, version, changed_by) ON fraud_cases TO reg_facts;
CREATE POLICY fraud_cases_sums ON fraud_cases FOR UPDATE TO reg_facts
  USING ({_OWN}) WITH CHECK ({_OWN});
CREATE FUNCTION sum_fraud_case() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  UPDATE fraud_cases SET version = version + 1, changed_by = NEW.recorded_by,
    recovered_usd = recovered_usd
      + CASE NEW.kind WHEN 'recovered' THEN NEW.amount_usd ELSE 0 END,
    written_off_usd = written_off_usd
      + CASE NEW.kind WHEN 'written_off' THEN NEW.amount_usd ELSE 0 END
    WHERE id = NEW.fraud_case_id AND stage IN ('presumptive', 'under_investigation',
      'substantiated');
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the case takes no amounts' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'fraud_case_closed';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER fraud_case_amounts_sum AFTER INSERT ON fraud_case_amounts
  FOR EACH ROW EXECUTE FUNCTION sum_fraud_case();

-- Markers and what turned out unfounded are shared with nobody.
CREATE FUNCTION fraud_cases_acl_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM fraud_cases c WHERE c.id = NEW.record_id AND c.case_type <> 'sea'
      AND coalesce(c.outcome, '') <> 'unsubstantiated') THEN
    PERFORM fraud_case_refused('fraud_case_not_shareable');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER fraud_cases_acl_made AFTER INSERT ON fraud_cases_acl
  FOR EACH ROW EXECUTE FUNCTION fraud_cases_acl_made();

REVOKE EXECUTE ON FUNCTION published_fraud_cases(uuid), keep_fraud_case(), sum_fraud_case()
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION published_fraud_cases(uuid) TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION published_fraud_cases(uuid) OWNER TO reg_facts;
ALTER FUNCTION keep_fraud_case() OWNER TO reg_facts;
ALTER FUNCTION sum_fraud_case() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - constants
FUNCTIONS_GONE = """
DROP POLICY fraud_cases_select ON fraud_cases;
DROP FUNCTION restrictions_for_coordinators(text[]), published_fraud_cases(uuid);
"""
GONE = """
DROP FUNCTION engaged_in(text), restriction_needs_two(uuid, uuid, text, date, date),
  restriction_refused(text), restriction_person(uuid, uuid), transfer_restrictions_made(),
  transfer_restrictions_step(), fraud_case_refused(text), fraud_case_person(uuid, uuid),
  fraud_cases_made(), fraud_cases_step(), keep_fraud_case(), fraud_case_acts_step(),
  fraud_case_amounts_made(), sum_fraud_case(), fraud_cases_acl_made();
"""

# ---------------------------------------------------------------------- retention
_CASE = """SELECT c.id, c.partner_id, c.owner_agency, c.{since}::timestamptz AS since,
    array_remove(ARRAY[c.id, c.partner_id, c.sanction_case_id, c.entry_id], NULL) AS records,
    NULL::text AS kept_by
  FROM fraud_cases c WHERE c.outcome = '{outcome}'
    AND c.{since} <= (SELECT retention_before('{rule}'))::date"""
RULES = Rules(
    version="2026.5",
    months={
        "transfer_restrictions": 84,
        "fraud_cases_closed": 120,
        "fraud_cases_unsubstantiated": 24,
    },
    views={
        "transfer_restrictions": """SELECT r.id, r.partner_id, r.owner_agency,
    k.since::timestamptz AS since, ARRAY[r.id, r.partner_id] AS records, NULL::text AS kept_by
  FROM transfer_restrictions r CROSS JOIN LATERAL (SELECT CASE r.state
      WHEN 'set' THEN CASE WHEN isempty(r.valid) THEN r.starts_on ELSE upper(r.valid) END
      WHEN 'proposed' THEN NULL ELSE coalesce(r.decided_at, r.set_at)::date END AS since) k
  WHERE k.since <= (SELECT retention_before('transfer_restrictions'))::date""",
        "fraud_cases_closed": _CASE.format(
            since="closed_on", outcome="substantiated", rule="fraud_cases_closed"
        ),
        "fraud_cases_unsubstantiated": _CASE.format(
            since="outcome_on", outcome="unsubstantiated", rule="fraud_cases_unsubstantiated"
        ),
    },
    guards=(
        Guard(
            "transfer_restrictions",
            ("transfer_restrictions",),
            (
                *("id", "partner_id", "owner_agency", "state", "valid", "set_at", "decided_at"),
                "starts_on",
            ),
        ),
        Guard(
            "fraud_cases",
            ("fraud_cases_closed", "fraud_cases_unsubstantiated"),
            (
                *("id", "partner_id", "owner_agency", "outcome", "outcome_on", "closed_on"),
                *("sanction_case_id", "entry_id"),
            ),
        ),
    ),
)
WITH_CASE = "".join(
    f"""GRANT SELECT (fraud_case_id) ON {table} TO reg_worker;
GRANT DELETE ON {table} TO reg_worker;
CREATE POLICY {table}_retention_select ON {table} FOR SELECT TO reg_worker USING (true);
CREATE POLICY {table}_retention_delete ON {table} FOR DELETE TO reg_worker USING (true);
CREATE TRIGGER {table}_due BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION
  only_when_due('fraud_case_id', 'fraud_cases_closed', 'fraud_cases_unsubstantiated');
"""
    for table in _PARTS
)
TABLES = (
    *("fraud_cases_acl", "fraud_case_amounts", "fraud_case_history", "fraud_case_acts"),
    *("fraud_cases", "transfer_restrictions"),
)


def _subjects(more: str) -> None:
    op.drop_constraint(op.f("ck_redactions_subject_kind"), "redactions", type_="check")
    op.create_check_constraint(
        op.f("ck_redactions_subject_kind"), "redactions", _KINDS.format(more=more)
    )


def upgrade() -> None:
    # References to agencies are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "fraud_cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("case_type", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), server_default="presumptive", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column(
            "loss_usd", sa.Numeric(precision=20, scale=2), server_default="0", nullable=False
        ),
        sa.Column(
            "recovered_usd", sa.Numeric(precision=20, scale=2), server_default="0", nullable=False
        ),
        sa.Column(
            "written_off_usd", sa.Numeric(precision=20, scale=2), server_default="0", nullable=False
        ),
        sa.Column(
            "outstanding_usd",
            sa.Numeric(precision=20, scale=2),
            sa.Computed("loss_usd - recovered_usd - written_off_usd", persisted=True),
            nullable=False,
        ),
        sa.Column("national_referral", sa.Text(), server_default="none", nullable=False),
        sa.Column("referred_on", sa.Date(), nullable=True),
        sa.Column("authority_kind", sa.Text(), nullable=True),
        sa.Column("authority_country", sa.Text(), nullable=True),
        sa.Column("asset_recovery", sa.Text(), server_default="none", nullable=False),
        sa.Column("sanction_case_id", sa.Uuid(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(closed_on IS NULL) = (stage <> 'closed')", name=op.f("ck_fraud_cases_closed")
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (stage IN ('presumptive', 'under_investigation')) AND (outcome IS NULL) = (outcome_on IS NULL) AND (stage = 'closed' OR outcome IS NULL OR outcome = stage)",
            name=op.f("ck_fraud_cases_outcome_of_stage"),
        ),
        sa.CheckConstraint(
            "asset_recovery IN ('none', 'demand_letter', 'repayment_plan', 'set_off', 'civil_action', 'criminal_restitution', 'closed')",
            name=op.f("ck_fraud_cases_asset_recovery"),
        ),
        sa.CheckConstraint(
            "authority_country ~ '^[A-Z]{3}$'", name=op.f("ck_fraud_cases_authority_country")
        ),
        sa.CheckConstraint(
            "authority_kind ~ '^[A-Z_]{1,40}$'", name=op.f("ck_fraud_cases_authority_kind")
        ),
        sa.CheckConstraint(
            "case_type <> 'sea' OR (loss_usd = 0 AND national_referral = 'none' AND asset_recovery = 'none' AND published_at IS NULL AND num_nulls(sanction_case_id, entry_id) = 2)",
            name=op.f("ck_fraud_cases_sea_marker"),
        ),
        sa.CheckConstraint(
            "case_type IN ('fraud', 'corruption', 'theft_or_diversion', 'sea', 'terrorism_financing', 'other_misconduct')",
            name=op.f("ck_fraud_cases_case_type"),
        ),
        sa.CheckConstraint(
            "loss_usd >= 0 AND recovered_usd >= 0 AND written_off_usd >= 0 AND loss_usd <> 'NaN'",
            name=op.f("ck_fraud_cases_amounts"),
        ),
        sa.CheckConstraint(
            "national_referral IN ('none', 'under_legal_review', 'referred', 'accepted', 'declined', 'concluded')",
            name=op.f("ck_fraud_cases_national_referral"),
        ),
        sa.CheckConstraint(
            "num_nulls(referred_on, authority_kind, authority_country) = CASE WHEN national_referral IN ('none', 'under_legal_review') THEN 3 ELSE 0 END",
            name=op.f("ck_fraud_cases_referred"),
        ),
        sa.CheckConstraint(
            "outcome IN ('substantiated', 'unsubstantiated')", name=op.f("ck_fraud_cases_outcome")
        ),
        sa.CheckConstraint(
            "published_at IS NULL OR coalesce(outcome, '') = 'substantiated'",
            name=op.f("ck_fraud_cases_published_substantiated"),
        ),
        sa.CheckConstraint(
            "reference ~ '^[A-Za-z0-9][A-Za-z0-9_./:-]{0,39}$'",
            name=op.f("ck_fraud_cases_reference"),
        ),
        sa.CheckConstraint(
            "stage <> 'closed' OR outcome <> 'substantiated' OR recovered_usd + written_off_usd = loss_usd",
            name=op.f("ck_fraud_cases_settled"),
        ),
        sa.CheckConstraint(
            "stage IN ('presumptive', 'under_investigation', 'substantiated', 'unsubstantiated', 'closed')",
            name=op.f("ck_fraud_cases_stage"),
        ),
        sa.CheckConstraint(
            "num_nulls(published_by, published_at) <> 1", name=op.f("ck_fraud_cases_published")
        ),
        sa.CheckConstraint(
            "recovered_usd + written_off_usd <= loss_usd", name=op.f("ck_fraud_cases_outstanding")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_fraud_cases_version")),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["persons.id"], name=op.f("fk_fraud_cases_changed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_fraud_cases_owner_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_fraud_cases_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["published_by"], ["persons.id"], name=op.f("fk_fraud_cases_published_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_cases")),
        sa.UniqueConstraint("id", "owner_agency", name=op.f("uq_fraud_cases_id_owner_agency")),
        sa.UniqueConstraint(
            "owner_agency",
            "reference",
            "partner_id",
            name=op.f("uq_fraud_cases_owner_agency_reference_partner_id"),
        ),
    )
    op.create_index(
        "ix_fraud_cases_owner_agency_opened_at_id",
        "fraud_cases",
        ["owner_agency", "opened_at", "id"],
        unique=False,
    )
    op.create_index("ix_fraud_cases_partner_id", "fraud_cases", ["partner_id"], unique=False)
    op.create_index(
        "ix_fraud_cases_published_at_id",
        "fraud_cases",
        ["published_at", "id"],
        unique=False,
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.create_table(
        "transfer_restrictions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("suspended", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("allowed", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("contact_office", sa.Text(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("review_by", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("redacted", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("sealed_hidden", sa.LargeBinary(), nullable=True),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_on", sa.Date(), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_told", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "valid",
            postgresql.DATERANGE(),
            sa.Computed(
                "daterange(starts_on, CASE WHEN lifted_on IS NULL THEN ends_on + 1 ELSE greatest(lifted_on, starts_on) END)",
                persisted=True,
            ),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("partner_id"), "="),
            (sa.column("owner_agency"), "="),
            (sa.column("country"), "="),
            (sa.column("valid"), "&&"),
            where=sa.text("state IN ('proposed', 'set')"),
            using="gist",
            name="ex_transfer_restrictions_no_overlap",
        ),
        sa.CheckConstraint(
            "array_to_string(suspended || allowed, ',', '?') ~ '^([a-z_]{1,40})(,[a-z_]{1,40})*$'",
            name=op.f("ck_transfer_restrictions_modalities"),
        ),
        sa.CheckConstraint("country ~ '^[A-Z]{3}$'", name=op.f("ck_transfer_restrictions_country")),
        sa.CheckConstraint(
            "length(contact_office) BETWEEN 1 AND 300 AND contact_office !~ '[[:cntrl:]]'",
            name=op.f("ck_transfer_restrictions_contact_office"),
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) IN (0, 2) AND (state <> 'refused' OR decided_by IS NOT NULL) AND (state NOT IN ('proposed', 'withdrawn') OR decided_by IS NULL)",
            name=op.f("ck_transfer_restrictions_decided"),
        ),
        sa.CheckConstraint(
            "num_nulls(lifted_by, lifted_on) <> 1 AND (lifted_on IS NULL OR state = 'set')",
            name=op.f("ck_transfer_restrictions_lifted"),
        ),
        sa.CheckConstraint(
            "reason ~ '^[A-Z_]{1,40}$'", name=op.f("ck_transfer_restrictions_reason")
        ),
        sa.CheckConstraint(
            "state <> 'set' OR decided_by IS NOT NULL OR coalesce(ends_on - starts_on <= 92, false)",
            name=op.f("ck_transfer_restrictions_second_person"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'set', 'refused', 'withdrawn')",
            name=op.f("ck_transfer_restrictions_state"),
        ),
        sa.CheckConstraint(
            "NOT redacted OR length(sealed) = 0", name=op.f("ck_transfer_restrictions_redacted")
        ),
        sa.CheckConstraint(
            "NOT suspended && allowed AND cardinality(allowed) <= 20",
            name=op.f("ck_transfer_restrictions_allowed"),
        ),
        sa.CheckConstraint(
            "cardinality(suspended) BETWEEN 1 AND 20",
            name=op.f("ck_transfer_restrictions_suspended"),
        ),
        sa.CheckConstraint(
            "decided_by <> set_by", name=op.f("ck_transfer_restrictions_two_persons")
        ),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_transfer_restrictions_period")),
        sa.CheckConstraint(
            "num_nulls(reviewed_by, reviewed_at) <> 1",
            name=op.f("ck_transfer_restrictions_reviewed"),
        ),
        sa.CheckConstraint(
            "redacted OR sealed_hidden IS NULL", name=op.f("ck_transfer_restrictions_sealed_hidden")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_transfer_restrictions_version")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_transfer_restrictions_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["lifted_by"], ["persons.id"], name=op.f("fk_transfer_restrictions_lifted_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_transfer_restrictions_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_transfer_restrictions_partner_id_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by"],
            ["persons.id"],
            name=op.f("fk_transfer_restrictions_reviewed_by_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["persons.id"], name=op.f("fk_transfer_restrictions_set_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_restrictions")),
    )
    op.create_index(
        "ix_transfer_restrictions_partner_id", "transfer_restrictions", ["partner_id"], unique=False
    )
    op.create_index(
        "ix_transfer_restrictions_review_by",
        "transfer_restrictions",
        ["review_by"],
        unique=False,
        postgresql_where=sa.text("state = 'set' AND NOT end_told"),
    )
    op.create_index(
        "ix_transfer_restrictions_set_at_id",
        "transfer_restrictions",
        ["set_at", "id"],
        unique=False,
    )
    op.create_table(
        "fraud_case_acts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fraud_case_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_usd", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
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
            "(kind = 'write_off') = (amount_usd IS NOT NULL) AND amount_usd > 0",
            name=op.f("ck_fraud_case_acts_amount_usd"),
        ),
        sa.CheckConstraint(
            "kind IN ('substantiate', 'write_off')", name=op.f("ck_fraud_case_acts_kind")
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE state WHEN 'proposed' THEN 2 ELSE 0 END",
            name=op.f("ck_fraud_case_acts_decided"),
        ),
        sa.CheckConstraint(
            "reference ~ '^[A-Za-z0-9][A-Za-z0-9_./:-]{0,39}$'",
            name=op.f("ck_fraud_case_acts_reference"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected')", name=op.f("ck_fraud_case_acts_state")
        ),
        sa.CheckConstraint(
            "decided_by <> proposed_by", name=op.f("ck_fraud_case_acts_two_persons")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_fraud_case_acts_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["fraud_case_id", "owner_agency"],
            ["fraud_cases.id", "fraud_cases.owner_agency"],
            name="fk_fraud_case_acts_fraud_cases",
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["persons.id"], name=op.f("fk_fraud_case_acts_proposed_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_case_acts")),
    )
    op.create_index(
        "ix_fraud_case_acts_fraud_case_id",
        "fraud_case_acts",
        ["fraud_case_id", "proposed_at"],
        unique=False,
    )
    op.create_index(
        "uq_fraud_case_acts_open",
        "fraud_case_acts",
        ["fraud_case_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "fraud_case_history",
        sa.Column("fraud_case_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("loss_usd", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("recovered_usd", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("written_off_usd", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("national_referral", sa.Text(), nullable=False),
        sa.Column("referred_on", sa.Date(), nullable=True),
        sa.Column("authority_kind", sa.Text(), nullable=True),
        sa.Column("authority_country", sa.Text(), nullable=True),
        sa.Column("asset_recovery", sa.Text(), nullable=False),
        sa.Column("sanction_case_id", sa.Uuid(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["persons.id"], name=op.f("fk_fraud_case_history_changed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["fraud_case_id", "owner_agency"],
            ["fraud_cases.id", "fraud_cases.owner_agency"],
            name="fk_fraud_case_history_fraud_cases",
        ),
        sa.PrimaryKeyConstraint("fraud_case_id", "version", name=op.f("pk_fraud_case_history")),
    )
    op.create_table(
        "fraud_cases_acl",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("share_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("level IN ('summary', 'detail')", name=op.f("ck_fraud_cases_acl_level")),
        sa.CheckConstraint("purpose ~ '^[A-Z_]{1,40}$'", name=op.f("ck_fraud_cases_acl_purpose")),
        sa.CheckConstraint("agency_id <> owner_agency", name=op.f("ck_fraud_cases_acl_agency_id")),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_fraud_cases_acl_valid_to")),
        sa.ForeignKeyConstraint(
            ["record_id", "owner_agency"],
            ["fraud_cases.id", "fraud_cases.owner_agency"],
            name=op.f("fk_fraud_cases_acl_record_id_owner_agency_fraud_cases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "agency_id", "record_id", "share_id", name=op.f("pk_fraud_cases_acl")
        ),
    )
    op.create_index("ix_fraud_cases_acl_record_id", "fraud_cases_acl", ["record_id"], unique=False)
    op.create_index("ix_fraud_cases_acl_share_id", "fraud_cases_acl", ["share_id"], unique=False)
    op.create_table(
        "fraud_case_amounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fraud_case_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_usd", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("act_id", sa.Uuid(), nullable=True),
        sa.Column("reverses", sa.Uuid(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'written_off') = (act_id IS NOT NULL)",
            name=op.f("ck_fraud_case_amounts_act_id"),
        ),
        sa.CheckConstraint(
            "amount_usd <> 0 AND amount_usd <> 'NaN'", name=op.f("ck_fraud_case_amounts_amount_usd")
        ),
        sa.CheckConstraint(
            "kind IN ('recovered', 'written_off')", name=op.f("ck_fraud_case_amounts_kind")
        ),
        sa.CheckConstraint(
            "reference ~ '^[A-Za-z0-9][A-Za-z0-9_./:-]{0,39}$'",
            name=op.f("ck_fraud_case_amounts_reference"),
        ),
        sa.CheckConstraint(
            "(reverses IS NULL) = (amount_usd > 0)", name=op.f("ck_fraud_case_amounts_reverses")
        ),
        sa.ForeignKeyConstraint(
            ["act_id"],
            ["fraud_case_acts.id"],
            name=op.f("fk_fraud_case_amounts_act_id_fraud_case_acts"),
        ),
        sa.ForeignKeyConstraint(
            ["fraud_case_id", "owner_agency"],
            ["fraud_cases.id", "fraud_cases.owner_agency"],
            name="fk_fraud_case_amounts_fraud_cases",
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["persons.id"], name=op.f("fk_fraud_case_amounts_recorded_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["reverses"],
            ["fraud_case_amounts.id"],
            name=op.f("fk_fraud_case_amounts_reverses_fraud_case_amounts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_case_amounts")),
        sa.UniqueConstraint("act_id", name=op.f("uq_fraud_case_amounts_act_id")),
        sa.UniqueConstraint("reverses", name=op.f("uq_fraud_case_amounts_reverses")),
    )
    op.create_index(
        "ix_fraud_case_amounts_fraud_case_id",
        "fraud_case_amounts",
        ["fraud_case_id", "recorded_at"],
        unique=False,
    )
    _subjects(", 'transfer_restriction'")
    run_script(AUTHORITIES + RESTRICTIONS + REDACTION + FRAUD + add_rules(RULES) + WITH_CASE)


def downgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    run_script(REDACTION_BEFORE + drop_rules(RULES, "2026.4") + FUNCTIONS_GONE)
    _subjects("")
    for table in TABLES:
        op.drop_table(table)
    run_script(GONE + AUTHORITIES_BEFORE)
