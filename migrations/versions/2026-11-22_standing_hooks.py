"""What verification, standing and merges ask of declarations, flags, objections and papers

Revision: 0022, after 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_DECLARES = (
    "{NGO_INTL,NGO_NATIONAL,NGO_LOCAL,NGO_REGIONAL,CBO,ACADEMIC,RCRC_NATIONAL,RCRC_INTL,FOUNDATION,"
    "PRIVATE_NFP,PPP_NETWORK,PRIVATE_FP}"
)

_LEGAL_BEFORE = """
  SELECT encode(sha256(convert_to(jsonb_build_array(p.legal_name, p.partner_type, p.country,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(i.country, i.value) ORDER BY i.country, i.value),
       '[]') FROM partner_identifiers i
     WHERE i.partner_id = p.id AND i.scheme = 'NAT_REG' AND i.active))::text, 'UTF8')), 'hex')
  FROM partners p WHERE p.id = partner"""

SECURITY = f"""
SET LOCAL check_function_bodies = off;
GRANT CREATE ON SCHEMA public TO reg_facts;

-- ---------------------------------------------------------------- lineage of headquarters
-- The profiles that bear on a partner: its own lineage, and every headquarters' of that lineage.
-- An undone merge of two headquarters leaves a partner with both, until its own merge is undone.
CREATE OR REPLACE FUNCTION partner_bearing(partner uuid) RETURNS SETOF uuid
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 2 AS $$
  SELECT partner_lineage(partner)
  UNION ALL SELECT partner_lineage(h.id) FROM (
    SELECT DISTINCT partner_root(p.hq_id) AS id FROM partners p
    WHERE p.id IN (SELECT partner_lineage(partner)) AND p.hq_id IS NOT NULL) h $$;
CREATE OR REPLACE FUNCTION restraints_in_force(partner uuid) RETURNS TABLE (id uuid, reason text,
    source_kind text, source_id uuid, put_by uuid, since timestamptz, until timestamptz,
    inherited_from uuid)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
  SELECT r.id, r.reason, r.source_kind, r.source_id, r.put_by, r.since, r.until, NULL::uuid
  FROM restraints r WHERE r.partner_id IN (SELECT partner_lineage(partner))
    AND r.lifted_at IS NULL AND r.since <= now() AND (r.until IS NULL OR r.until > now())
  UNION ALL
  SELECT r.id, r.reason, r.source_kind, r.source_id, r.put_by, r.since, r.until, h.id
  FROM (SELECT DISTINCT partner_root(p.hq_id) AS id FROM partners p
      WHERE p.id IN (SELECT partner_lineage(partner)) AND p.hq_id IS NOT NULL) h
    JOIN restraints r ON r.partner_id IN (SELECT partner_lineage(h.id))
    JOIN restraint_reasons k ON k.code = r.reason AND k.inherited
  WHERE r.lifted_at IS NULL AND r.since <= now() AND (r.until IS NULL OR r.until > now()) $$;

-- ---------------------------------------------------------------- what a verification rests on
GRANT SELECT ON partner_declarations TO reg_facts;
GRANT SELECT (partner_id, section, body) ON partner_sections TO reg_facts;
GRANT SELECT (id, partner_id, kind, blob_id, superseded_by, deleted_at) ON partner_documents
  TO reg_facts;
GRANT SELECT (partner_id, kind, state) ON partner_flags TO reg_facts;
GRANT INSERT ON outbox TO reg_facts;
GRANT SELECT (verified_on, updated_by) ON partners TO reg_facts;
CREATE POLICY partner_documents_facts ON partner_documents FOR SELECT TO reg_facts
  USING (kind = 'registration_certificate');
CREATE POLICY partner_flags_facts ON partner_flags FOR SELECT TO reg_facts
  USING (state <> 'invalid');

-- The same for every reader, whatever documents it may see: so with rights of its own.
ALTER FUNCTION partner_legal_fields(uuid) RENAME TO partner_legal_fields_before;
CREATE FUNCTION partner_legal_fields(partner uuid) RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT encode(sha256(convert_to(jsonb_build_array(p.legal_name, p.partner_type, p.country,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(i.country, i.value) ORDER BY i.country, i.value),
       '[]') FROM partner_identifiers i
     WHERE i.partner_id = p.id AND i.scheme = 'NAT_REG' AND i.active),
    (SELECT jsonb_build_array(s.body->'registered_to_operate', s.body->'certificates')
     FROM partner_sections s WHERE s.partner_id = p.id AND s.section = 'registration'
       AND s.body ?| '{{registered_to_operate,certificates}}'),
    (SELECT coalesce(jsonb_agg(d.id ORDER BY d.id), '[]') FROM partner_documents d
     WHERE d.partner_id = p.id AND d.kind = 'registration_certificate' AND d.blob_id IS NOT NULL
       AND d.superseded_by IS NULL AND d.deleted_at IS NULL))::text, 'UTF8')), 'hex')
  FROM partners p WHERE p.id = partner $$;
REVOKE EXECUTE ON FUNCTION partner_legal_fields(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION partner_legal_fields(uuid) TO reg_app, reg_worker, reg_owner;
ALTER FUNCTION partner_legal_fields(uuid) OWNER TO reg_facts;
-- What was verified and has not changed since stays so under the new hash.
ALTER TABLE partner_verifications DISABLE TRIGGER partner_verifications_append_only;
UPDATE partner_verifications v SET legal_fields = partner_legal_fields(v.partner_id)
  WHERE v.legal_fields = partner_legal_fields_before(v.partner_id);
ALTER TABLE partner_verifications ENABLE TRIGGER partner_verifications_append_only;
DROP FUNCTION partner_legal_fields_before(uuid);

CREATE TRIGGER partner_sections_legal_new AFTER INSERT ON partner_sections
  FOR EACH ROW WHEN (NEW.section = 'registration'
    AND NEW.body ?| '{{registered_to_operate,certificates}}')
  EXECUTE FUNCTION legal_basis_changed();
CREATE TRIGGER partner_sections_legal_changed AFTER UPDATE ON partner_sections
  FOR EACH ROW WHEN (NEW.section = 'registration'
    AND (OLD.body->'registered_to_operate', OLD.body->'certificates')
      IS DISTINCT FROM (NEW.body->'registered_to_operate', NEW.body->'certificates'))
  EXECUTE FUNCTION legal_basis_changed();
CREATE TRIGGER partner_documents_legal AFTER UPDATE ON partner_documents
  FOR EACH ROW WHEN (NEW.kind = 'registration_certificate' AND NEW.blob_id IS NOT NULL
    AND (OLD.blob_id, OLD.superseded_by, OLD.deleted_at)
      IS DISTINCT FROM (NEW.blob_id, NEW.superseded_by, NEW.deleted_at))
  EXECUTE FUNCTION legal_basis_changed();

-- Whoever verified is told that it no longer holds; one that came to its end is told apart.
CREATE FUNCTION tell_verification_stale() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO outbox (id, type, agency_id, subject_id, data)
    VALUES (uuidv7(), 'partner.verification_stale', OLD.verified_by, NEW.id,
      jsonb_build_object('version', NEW.version, 'verified_on', OLD.verified_on));
  RETURN NULL;
END $$;
CREATE TRIGGER partners_verification_stale AFTER UPDATE ON partners
  FOR EACH ROW WHEN (OLD.verification = 'verified' AND NEW.verification IS NULL
    AND OLD.verified_until >= current_date)
  EXECUTE FUNCTION tell_verification_stale();

-- ---------------------------------------------------------------- answers of the other parts
UPDATE verification_question_sets SET declaration_types = '{_DECLARES}';
CREATE OR REPLACE FUNCTION verification_declared(partner uuid) RETURNS boolean
  LANGUAGE sql STABLE AS $$
  SELECT NOT EXISTS (SELECT 1 FROM partners p JOIN verification_question_sets q
      ON q.version = verification_question_set() AND p.partner_type = ANY (q.declaration_types)
    WHERE p.id = partner) OR coalesce((SELECT d.accepted FROM partner_declarations d
      WHERE d.partner_id IN (SELECT partner_lineage(coalesce(p.hq_id, p.id)) FROM partners p
        WHERE p.id = partner)
      ORDER BY d.signed_on DESC, d.id DESC LIMIT 1), false) $$;
CREATE OR REPLACE FUNCTION verification_flags(partner uuid) RETURNS uuid[]
  LANGUAGE sql STABLE AS $$
  SELECT ARRAY(SELECT f.id FROM partner_flags f
    WHERE f.partner_id IN (SELECT partner_bearing(partner)) AND f.kind = 'YELLOW'
      AND f.state IN ('open', 'escalated', 'deferred') ORDER BY f.id) $$;
CREATE OR REPLACE FUNCTION standing_flags(partner uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
      'observations', count(*) FILTER (WHERE own AND kind = 'OBSERVATION'),
      'yellow', count(*) FILTER (WHERE own AND kind = 'YELLOW' AND state <> 'escalated'),
      'escalated', count(*) FILTER (WHERE own AND state = 'escalated'),
      'red', count(*) FILTER (WHERE own AND kind = 'RED' AND state <> 'escalated'),
      'mine', count(*) FILTER (WHERE mine),
      'inherited', jsonb_build_object(
        'observations', count(*) FILTER (WHERE NOT own AND kind = 'OBSERVATION'),
        'yellow', count(*) FILTER (WHERE NOT own AND kind = 'YELLOW' AND state <> 'escalated'),
        'escalated', count(*) FILTER (WHERE NOT own AND state = 'escalated'),
        'red', count(*) FILTER (WHERE NOT own AND kind = 'RED' AND state <> 'escalated')))
  FROM (SELECT f.kind, f.state, f.owner_agency = app_agency() AS mine,
      f.partner_id IN (SELECT partner_lineage(partner)) AS own
    FROM partner_flags f WHERE f.partner_id IN (SELECT partner_bearing(partner))
      AND f.state NOT IN ('invalid', 'lapsed')
      AND NOT (f.kind = 'RED' AND f.state = 'confirmed' AND f.until <= now())) f $$;
CREATE OR REPLACE FUNCTION standing_contested(partner uuid) RETURNS boolean
  LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM objections o
    WHERE o.partner_id IN (SELECT partner_lineage(partner)) AND o.state = 'open') $$;

-- ---------------------------------------------------------------- one partner, its verifications
-- The newest of each agency on the whole lineage.
CREATE FUNCTION verifications_by_agency(partner uuid)
  RETURNS TABLE (id uuid, agency_id uuid, result text, valid_until date)
  LANGUAGE sql STABLE ROWS 3 AS $$
  SELECT DISTINCT ON (v.agency_id) v.id, v.agency_id, v.result, v.valid_until
  FROM partner_verifications v WHERE v.partner_id IN (SELECT partner_lineage(partner))
  ORDER BY v.agency_id, v.recorded_at DESC, v.sequence DESC $$;

-- Writes into a profile what verification comes to. The newest on any profile of the lineage
-- counts, a negative one always. A positive one says that legal data are right: it counts while it
-- is valid and the profile has those very data; one on a merged profile with other data says
-- nothing of the survivor's, and one of its own that no longer holds leaves it to be verified.
CREATE FUNCTION settle_verification(partner uuid, by uuid, always boolean) RETURNS void
  LANGUAGE sql AS $$
  WITH newest AS (SELECT DISTINCT ON (v.partner_id) v.partner_id, v.agency_id, v.result,
      v.verified_on, v.valid_until, v.recorded_at, v.sequence, v.result = 'unverified'
        OR (v.valid_until >= current_date AND v.legal_fields = partner_legal_fields(partner))
        AS holds
    FROM partner_verifications v WHERE v.partner_id IN (SELECT partner_lineage(partner))
    ORDER BY v.partner_id, v.sequence DESC),
  chosen AS (SELECT n.result, n.agency_id, n.verified_on, n.valid_until, n.holds
    FROM newest n WHERE n.holds OR n.partner_id = partner
    ORDER BY n.recorded_at DESC, n.sequence DESC LIMIT 1)
  UPDATE partners p SET verification = c.result, verified_by = c.agency_id,
    verified_on = c.verified_on, verified_until = c.valid_until, version = p.version + 1,
    updated_by = coalesce(by, p.updated_by)
  FROM (SELECT 1) one LEFT JOIN chosen c ON c.holds
  WHERE p.id = partner AND (always
    OR (p.verification, p.verified_by, p.verified_on, p.verified_until)
      IS DISTINCT FROM (c.result, c.agency_id, c.verified_on, c.valid_until)) $$;

CREATE OR REPLACE FUNCTION fill_verification() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE rules record;
BEGIN
  -- Verifications of a partner take turns, and with restraints, whose reference to the profile
  -- waits for this lock as this lock waits for theirs.
  PERFORM 1 FROM partners p WHERE p.id = ANY (ARRAY(
      SELECT partner_lineage(NEW.partner_id) UNION
      SELECT partner_lineage(o.hq_id) FROM partners o
        WHERE o.id = NEW.partner_id AND o.hq_id IS NOT NULL))
    ORDER BY p.id FOR UPDATE;
  SELECT q.needed, q.valid_months INTO rules FROM verification_question_sets q
    WHERE q.version = NEW.question_set;
  NEW.sequence := 1 + coalesce((SELECT max(v.sequence) FROM partner_verifications v
    WHERE v.partner_id = NEW.partner_id), 0);
  -- Of one partner the time of recording is an order, too: whatever the clock does.
  NEW.recorded_at := greatest(clock_timestamp(), (SELECT max(v.recorded_at) + interval '1 us'
    FROM partner_verifications v WHERE v.partner_id IN (SELECT partner_lineage(NEW.partner_id))));
  -- Answers to other questions, or to not all of them, have no result, which the table refuses.
  NEW.result := CASE
    WHEN NOT EXISTS (SELECT 1 FROM jsonb_each(NEW.answers) a FULL JOIN jsonb_each(rules.needed) n
      ON n.key = a.key WHERE n.key IS NULL OR jsonb_typeof(a.value) IS DISTINCT FROM 'boolean')
    THEN CASE WHEN NEW.answers = rules.needed THEN 'verified' ELSE 'unverified' END END;
  NEW.verified_on := coalesce(NEW.verified_on, current_date);
  NEW.valid_until := CASE WHEN NEW.result = 'verified'
    THEN (NEW.verified_on + make_interval(months => rules.valid_months))::date END;
  NEW.legal_fields := partner_legal_fields(NEW.partner_id);
  NEW.contradicts := CASE WHEN NEW.result = 'unverified' THEN ARRAY(
    SELECT b.id FROM verifications_by_agency(NEW.partner_id) b
    WHERE b.agency_id <> NEW.agency_id AND b.result = 'verified'
      AND b.valid_until >= current_date ORDER BY b.id) ELSE '{{}}' END;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION apply_verification() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE obstacles text[];
BEGIN
  IF NEW.question_set <> verification_question_set() THEN
    RAISE EXCEPTION 'these questions are not the ones in force'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'question_set_in_force';
  END IF;
  obstacles := verification_obstacles(NEW.partner_id, NEW.result = 'verified', NEW.flags_shown);
  IF obstacles <> '{{}}' THEN
    RAISE EXCEPTION 'this partner cannot be verified: %', array_to_string(obstacles, ', ')
      USING ERRCODE = 'check_violation', CONSTRAINT = 'verification_not_possible';
  END IF;
  PERFORM settle_verification(NEW.partner_id, NEW.agency_id, true);
  RETURN NULL;
END $$;

-- A merge and its undoing settle the verification of every profile that stands afterwards.
CREATE FUNCTION merge_settles_verification() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  PERFORM settle_verification(r.id, NULL, false)
  FROM (SELECT DISTINCT partner_root(x) AS id FROM unnest(ARRAY[NEW.loser_id, NEW.survivor_id]) x
    ORDER BY 1) r;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION merge_settles_verification() FROM PUBLIC;
ALTER FUNCTION merge_settles_verification() OWNER TO reg_facts;
CREATE TRIGGER partner_merges_settle AFTER UPDATE OF state ON partner_merges
  FOR EACH ROW WHEN (OLD.state <> NEW.state AND NEW.state IN ('merged', 'undone'))
  EXECUTE FUNCTION merge_settles_verification();

-- ---------------------------------------------------------------- states bear no red flag
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

-- ---------------------------------------------------------------- objections
CREATE OR REPLACE FUNCTION statement_of(of_kind text, statement uuid)
  RETURNS TABLE (owner_agency uuid, office text, partner_id uuid)
  LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT f.owner_agency, f.office, f.partner_id FROM partner_flags f
    WHERE of_kind = 'flag' AND f.id = statement AND f.state NOT IN ('invalid', 'lapsed')
  UNION ALL SELECT a.owner_agency, NULL, a.partner_id FROM assessments a
    WHERE of_kind = 'assessment' AND a.id = statement AND a.status = 'final'
  UNION ALL SELECT coalesce(e.custodian_agency, e.imposing_agency), NULL, e.partner_id
    FROM sanction_entries e WHERE of_kind = 'sanction_entry' AND e.id = statement
  UNION ALL SELECT v.agency_id, (SELECT o.office FROM persons o WHERE o.id = v.person_id),
      v.partner_id
    FROM partner_verifications v WHERE of_kind = 'verification' AND v.id = statement
  -- What an agency entered on the partner's behalf; the statement is the profile.
  UNION ALL SELECT coalesce((SELECT g.custodian_agency FROM agencies g
      WHERE g.id = p.created_by AND g.status = 'withdrawn'), p.created_by), NULL, p.id
    FROM partners p WHERE of_kind = 'profile_field' AND p.id = statement
      AND p.control = 'agency' $$;
-- Whoever raised an objection may take it back, the agency or the partner itself, and change
-- nothing else of it: see `objections_answered`.
CREATE POLICY objections_withdraw ON objections FOR UPDATE TO reg_app
  USING (state = 'open' AND (raised_by_agency = (SELECT app_agency()) OR (raised_by_agency IS NULL
    AND (SELECT app_agency()) IS NULL
    AND partner_id IN (SELECT partner_lineage((SELECT app_partner()))))))
  WITH CHECK (raised_by_agency = (SELECT app_agency()) OR (raised_by_agency IS NULL
    AND (SELECT app_agency()) IS NULL
    AND partner_id IN (SELECT partner_lineage((SELECT app_partner())))));
CREATE OR REPLACE FUNCTION objections_answered() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE answerer record;
BEGIN
  IF OLD.state <> 'open' OR NEW.state = 'open' OR NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'an objection is answered once'
      USING ERRCODE = '23514', CONSTRAINT = 'objection_answered';
  END IF;
  -- Only who raised it takes it back: its owner would be rid of it without an answer.
  -- In brackets: an IF reads its condition up to the first THEN outside of them.
  IF NEW.state = 'withdrawn' AND (CASE WHEN OLD.raised_by_agency IS NULL
      THEN app_agency() IS NULL AND OLD.partner_id IN (SELECT partner_lineage(app_partner()))
      ELSE OLD.raised_by_agency = app_agency() END) IS NOT TRUE THEN
    RAISE EXCEPTION 'an objection is withdrawn by who raised it'
      USING ERRCODE = '23514', CONSTRAINT = 'objection_withdrawn';
  END IF;
  IF NEW.state <> 'withdrawn' AND OLD.owner_agency IS DISTINCT FROM app_agency() THEN
    RAISE EXCEPTION 'an objection is answered by the owner of the statement'
      USING ERRCODE = '23514', CONSTRAINT = 'objection_owner';
  END IF;
  SELECT p.office INTO answerer FROM persons p WHERE p.id = NEW.answered_by
    AND p.agency_id = NEW.owner_agency AND p.status = 'active';
  IF NEW.state <> 'withdrawn' AND (NOT FOUND
      OR (NEW.due_on < current_date AND answerer.office = NEW.author_office)) THEN
    RAISE EXCEPTION 'an overdue objection is answered outside the office of its author'
      USING ERRCODE = '23514', CONSTRAINT = 'objection_office';
  END IF;
  RETURN NULL;
END $$;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - constants of ours

UNDO = (
    """
SET LOCAL check_function_bodies = off;
GRANT CREATE ON SCHEMA public TO reg_facts;
DROP POLICY objections_withdraw ON objections;
DROP TRIGGER partners_state_without_red_flag ON partners;
DROP FUNCTION state_without_red_flag();
DROP TRIGGER partner_merges_settle ON partner_merges;
DROP FUNCTION merge_settles_verification();
DROP TRIGGER partners_verification_stale ON partners;
DROP FUNCTION tell_verification_stale();
DROP TRIGGER partner_documents_legal ON partner_documents;
DROP TRIGGER partner_sections_legal_changed ON partner_sections;
DROP TRIGGER partner_sections_legal_new ON partner_sections;
ALTER FUNCTION partner_legal_fields(uuid) RENAME TO partner_legal_fields_after;
CREATE FUNCTION partner_legal_fields(partner uuid) RETURNS text LANGUAGE sql STABLE AS $$"""  # noqa: S608 - constants of ours
    + _LEGAL_BEFORE
    + """ $$;
ALTER TABLE partner_verifications DISABLE TRIGGER partner_verifications_append_only;
UPDATE partner_verifications v SET legal_fields = partner_legal_fields(v.partner_id)
  WHERE v.legal_fields = partner_legal_fields_after(v.partner_id);
ALTER TABLE partner_verifications ENABLE TRIGGER partner_verifications_append_only;
CREATE OR REPLACE FUNCTION partner_bearing(partner uuid) RETURNS SETOF uuid
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 2 AS $$
  SELECT partner_lineage(partner)
  UNION ALL SELECT partner_lineage(p.hq_id) FROM partners p
    WHERE p.id = partner_root(partner) AND p.hq_id IS NOT NULL $$;
CREATE OR REPLACE FUNCTION restraints_in_force(partner uuid) RETURNS TABLE (id uuid, reason text,
    source_kind text, source_id uuid, put_by uuid, since timestamptz, until timestamptz,
    inherited_from uuid)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
  SELECT r.id, r.reason, r.source_kind, r.source_id, r.put_by, r.since, r.until, NULL::uuid
  FROM restraints r WHERE r.partner_id IN (SELECT partner_lineage(partner))
    AND r.lifted_at IS NULL AND r.since <= now() AND (r.until IS NULL OR r.until > now())
  UNION ALL
  SELECT r.id, r.reason, r.source_kind, r.source_id, r.put_by, r.since, r.until,
    partner_root(p.hq_id)
  FROM partners p JOIN restraints r ON r.partner_id IN (SELECT partner_lineage(p.hq_id))
    JOIN restraint_reasons k ON k.code = r.reason AND k.inherited
  WHERE p.id = partner_root(partner) AND p.hq_id IS NOT NULL
    AND r.lifted_at IS NULL AND r.since <= now() AND (r.until IS NULL OR r.until > now()) $$;
CREATE OR REPLACE FUNCTION verification_declared(partner uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT true $$;
CREATE OR REPLACE FUNCTION verification_flags(partner uuid) RETURNS uuid[] LANGUAGE sql STABLE AS $$
  SELECT '{}'::uuid[] $$;
CREATE OR REPLACE FUNCTION standing_flags(partner uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT '{"observations": 0, "yellow": 0, "escalated": 0, "red": 0, "inherited":
    {"observations": 0, "yellow": 0, "escalated": 0, "red": 0}}'::jsonb $$;
CREATE OR REPLACE FUNCTION standing_contested(partner uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT false $$;
CREATE OR REPLACE FUNCTION fill_verification() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE rules record;
BEGIN
  -- Verifications of a partner take turns, and with restraints, whose reference to the profile
  -- waits for this lock as this lock waits for theirs.
  PERFORM 1 FROM partners p WHERE p.id = ANY (ARRAY(
      SELECT partner_lineage(NEW.partner_id) UNION
      SELECT partner_lineage(o.hq_id) FROM partners o
        WHERE o.id = NEW.partner_id AND o.hq_id IS NOT NULL))
    ORDER BY p.id FOR UPDATE;
  SELECT q.needed, q.valid_months INTO rules FROM verification_question_sets q
    WHERE q.version = NEW.question_set;
  NEW.sequence := 1 + coalesce((SELECT max(v.sequence) FROM partner_verifications v
    WHERE v.partner_id = NEW.partner_id), 0);
  -- Answers to other questions, or to not all of them, have no result, which the table refuses.
  NEW.result := CASE
    WHEN NOT EXISTS (SELECT 1 FROM jsonb_each(NEW.answers) a FULL JOIN jsonb_each(rules.needed) n
      ON n.key = a.key WHERE n.key IS NULL OR jsonb_typeof(a.value) IS DISTINCT FROM 'boolean')
    THEN CASE WHEN NEW.answers = rules.needed THEN 'verified' ELSE 'unverified' END END;
  NEW.verified_on := coalesce(NEW.verified_on, current_date);
  NEW.valid_until := CASE WHEN NEW.result = 'verified'
    THEN (NEW.verified_on + make_interval(months => rules.valid_months))::date END;
  NEW.legal_fields := partner_legal_fields(NEW.partner_id);
  NEW.contradicts := CASE WHEN NEW.result = 'unverified' THEN ARRAY(
    SELECT b.id FROM partner_verification_by_agency b
    WHERE b.partner_id = NEW.partner_id AND b.agency_id <> NEW.agency_id
      AND b.result = 'verified' AND b.valid_until >= current_date ORDER BY b.id) ELSE '{}' END;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION apply_verification() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE obstacles text[];
BEGIN
  IF NEW.question_set <> verification_question_set() THEN
    RAISE EXCEPTION 'these questions are not the ones in force'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'question_set_in_force';
  END IF;
  obstacles := verification_obstacles(NEW.partner_id, NEW.result = 'verified', NEW.flags_shown);
  IF obstacles <> '{}' THEN
    RAISE EXCEPTION 'this partner cannot be verified: %', array_to_string(obstacles, ', ')
      USING ERRCODE = 'check_violation', CONSTRAINT = 'verification_not_possible';
  END IF;
  UPDATE partners p SET verification = c.result, verified_by = c.agency_id,
    verified_on = c.verified_on, verified_until = c.valid_until, version = p.version + 1,
    updated_by = NEW.agency_id
  FROM partner_verification_current c WHERE p.id = NEW.partner_id AND c.partner_id = p.id;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION flag_red_not_on_state(partner uuid) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT 1 FROM partners p WHERE p.id IN (SELECT partner_lineage(partner))
      AND (starts_with(p.partner_type, 'GOV_') OR p.partner_type = 'UN_ENTITY')) THEN
    PERFORM flag_refused('flag_red_not_on_state');
  END IF; END $$;
CREATE OR REPLACE FUNCTION statement_of(of_kind text, statement uuid)
  RETURNS TABLE (owner_agency uuid, office text, partner_id uuid)
  LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT f.owner_agency, f.office, f.partner_id FROM partner_flags f
    WHERE of_kind = 'flag' AND f.id = statement AND f.state NOT IN ('invalid', 'lapsed')
  UNION ALL SELECT a.owner_agency, NULL, a.partner_id FROM assessments a
    WHERE of_kind = 'assessment' AND a.id = statement AND a.status = 'final'
  UNION ALL SELECT coalesce(e.custodian_agency, e.imposing_agency), NULL, e.partner_id
    FROM sanction_entries e WHERE of_kind = 'sanction_entry' AND e.id = statement $$;
CREATE OR REPLACE FUNCTION objections_answered() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE answerer record;
BEGIN
  IF OLD.state <> 'open' OR NEW.state = 'open' OR NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'an objection is answered once'
      USING ERRCODE = '23514', CONSTRAINT = 'objection_answered';
  END IF;
  SELECT p.office INTO answerer FROM persons p WHERE p.id = NEW.answered_by
    AND p.agency_id = NEW.owner_agency AND p.status = 'active';
  IF NEW.state <> 'withdrawn' AND (NOT FOUND
      OR (NEW.due_on < current_date AND answerer.office = NEW.author_office)) THEN
    RAISE EXCEPTION 'an overdue objection is answered outside the office of its author'
      USING ERRCODE = '23514', CONSTRAINT = 'objection_office';
  END IF;
  RETURN NULL;
END $$;
DROP FUNCTION partner_legal_fields_after(uuid), settle_verification(uuid, uuid, boolean),
  verifications_by_agency(uuid);
DROP POLICY partner_flags_facts ON partner_flags;
DROP POLICY partner_documents_facts ON partner_documents;
REVOKE INSERT ON outbox FROM reg_facts;
REVOKE SELECT (verified_on, updated_by) ON partners FROM reg_facts;
REVOKE SELECT (partner_id, kind, state) ON partner_flags FROM reg_facts;
REVOKE SELECT (id, partner_id, kind, blob_id, superseded_by, deleted_at) ON partner_documents
  FROM reg_facts;
REVOKE SELECT (partner_id, section, body) ON partner_sections FROM reg_facts;
REVOKE SELECT ON partner_declarations FROM reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""
)


def upgrade() -> None:
    # References to agencies and persons are looked up under row security that shows them all.
    op.execute("SET LOCAL row_security = on")
    op.add_column(
        "verification_question_sets",
        sa.Column(
            "declaration_types",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    run_script(UNDO)
    op.drop_column("verification_question_sets", "declaration_types")
