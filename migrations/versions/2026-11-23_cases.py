"""cases

Revision: 0042, after 0041
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


OLD_CHECKS = (
    *(
        ("sanction_cases", name)
        for name in (
            *("state", "reviewer_not_investigator", "decider_apart", "notice_first"),
            *("reply_period", "decided_in_order", "notice_after_finding", "reply_after_notice"),
        )
    ),
    ("sanction_case_steps", "kind"),
)
_STATES = (
    "state IN ('DRAFT', 'NOTICE_ISSUED', 'REPLY_RECORDED', 'UNDER_REVIEW', 'RECORDED', "
    "'IMPOSED', 'DISMISSED', 'WITHDRAWN')"
)
CHECKS = (
    ("sanction_cases", "state", _STATES),
    ("sanction_cases", "track", "track IN ('FULL', 'RECORDED')"),
    ("sanction_cases", "practices", "cardinality(practices) > 0"),
    ("sanction_cases", "finding", "track = 'RECORDED' OR finding_on IS NOT NULL"),
    (
        "sanction_cases",
        "recorded",
        "num_nulls(legal_reference, document_sha256) = CASE track WHEN 'RECORDED' THEN 0 ELSE 2 END",
    ),
    ("sanction_cases", "document_sha256", "document_sha256 ~ '^[0-9a-f]{64}$'"),
    (
        "sanction_cases",
        "procedure_bound",
        "procedure_id IS NOT NULL OR track = 'RECORDED' OR state IN ('DRAFT', 'WITHDRAWN')",
    ),
    (
        "sanction_case_steps",
        "kind",
        "kind IN ('finding', 'notice', 'reply', 'review', 'decision', 'dismissal', 'withdrawal', "
        "'decision_notice', 'appeal', 'appeal_decision', 'interim', 'measure_review', 'evidence', "
        "'verification', 'release', 'record', 'certificate', 'lift')",
    ),
    (
        "sanction_case_steps",
        "told",
        "partner_id IS NULL OR kind IN ('notice', 'reply', 'decision', 'decision_notice', "
        "'appeal', 'appeal_decision')",
    ),
    (
        "sanction_case_steps",
        "person",
        "person_id IS NOT NULL OR (kind IN ('reply', 'appeal') AND partner_id IS NOT NULL)",
    ),
)

# What holds where an agency has no procedure of its own, as app/sanctions/data/codes.json says;
# a test compares. Whoever told a partner of a case before told it under these.
MOVE = """
INSERT INTO sanction_procedures (id, agency_id, number, state, effective_from, legal_basis,
  appeal_body, reply_period_days, appeal_days, appeal_suspensive, interim_months,
  interim_renewals, review_months, panel_form, panel_members, departure)
VALUES ('00000000-0000-4000-8000-000000000001', NULL, 1, 'approved', '1900-01-01',
  'Common floor of the registry, unconfirmed', 'As the agency says in the notice of the decision',
  30, 30, false, 6, 1, 12, 'reviewer', 1, 'refused');

ALTER TABLE sanction_cases NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_case_steps NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_case_steps DISABLE TRIGGER sanction_case_steps_append_only;
INSERT INTO sanction_respondents (id, case_id, agency_id, investigator_id, track, main, kind,
  relation, partner_id, state, notice_sent_on, reply_due_on, reply_received_on, reply_waived,
  reviewer_id, reviewed_on, recommendation, panel_members, decider_id, decided_on, departed,
  appeal_suspensive, created_at)
SELECT gen_random_uuid(), id, agency_id, investigator_id, 'FULL', true, 'PARTNER', 'PRINCIPAL',
  partner_id, state, notice_sent_on, reply_due_on, reply_received_on, reply_waived, reviewer_id,
  reviewed_on, recommendation, CASE WHEN reviewer_id IS NOT NULL THEN 1 END, decider_id,
  decided_on, state = 'IMPOSED' AND recommendation = 'do_not_impose',
  CASE WHEN notice_sent_on IS NOT NULL THEN false END, opened_at
FROM sanction_cases;
UPDATE sanction_cases SET procedure_id = '00000000-0000-4000-8000-000000000001'
  WHERE notice_sent_on IS NOT NULL;
UPDATE sanction_case_steps s SET respondent_id = r.id,
    partner_id = CASE WHEN s.kind IN ('notice', 'reply', 'decision') THEN r.partner_id END
  FROM sanction_respondents r WHERE r.case_id = s.case_id AND s.kind <> 'finding';
ALTER TABLE sanction_case_steps ENABLE TRIGGER sanction_case_steps_append_only;
ALTER TABLE sanction_cases FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_case_steps FORCE ROW LEVEL SECURITY;
"""

TABLES = (
    *("sanction_procedures", "sanction_respondents", "sanction_case_parties"),
    *("sanction_interims", "sanction_appeals", "sanction_releases"),
)
_OWN = "agency_id = (SELECT app_agency())"
_MINE = "partner_id IN (SELECT partner_lineage((SELECT app_partner())))"


def _party(case: str, more: str = "") -> str:
    """Whether the bound agency has joined this case, or lends its panel."""
    return (
        f"EXISTS (SELECT 1 FROM sanction_case_parties p WHERE p.case_id = {case} "  # noqa: S608 - ours
        f"AND p.party_agency = (SELECT app_agency()) AND p.state = 'accepted'{more})"
    )


_PANEL = " AND p.role = 'panel'"
_TABLES = "".join(
    f"""ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
GRANT SELECT ON {table} TO reg_app;
CREATE POLICY {table}_export ON {table} FOR SELECT TO reg_owner USING ({_OWN});
"""
    for table in TABLES
)

ROWS = f"""
-- ---------------------------------------------------------------- who sees what
{_TABLES}
-- Procedures in force are every agency's to read, and the partner's: it is judged by them.
GRANT INSERT (id, agency_id, number, effective_from, legal_basis, appeal_body, reply_period_days,
  appeal_days, appeal_suspensive, interim_months, interim_renewals, review_months, panel_form,
  panel_members, departure, proposed_by) ON sanction_procedures TO reg_app;
GRANT UPDATE (state, decided_by, decided_at, version) ON sanction_procedures TO reg_app;
CREATE POLICY sanction_procedures_select ON sanction_procedures FOR SELECT TO reg_app
  USING (state = 'approved' OR {_OWN});
CREATE POLICY sanction_procedures_insert ON sanction_procedures FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
CREATE POLICY sanction_procedures_update ON sanction_procedures FOR UPDATE TO reg_app
  USING ({_OWN} AND state = 'proposed') WITH CHECK ({_OWN} AND state <> 'proposed');

-- Another agency in a case: the lead invites and ends, the other one answers.
GRANT INSERT (id, case_id, agency_id, partner_id, party_agency, role, parts, invited_by)
  ON sanction_case_parties TO reg_app;
GRANT UPDATE (state, answered_by, answered_at, ended_by, ended_at) ON sanction_case_parties
  TO reg_app;
CREATE POLICY sanction_case_parties_select ON sanction_case_parties FOR SELECT TO reg_app
  USING ({_OWN} OR party_agency = (SELECT app_agency()));
CREATE POLICY sanction_case_parties_insert ON sanction_case_parties FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
CREATE POLICY sanction_case_parties_update ON sanction_case_parties FOR UPDATE TO reg_app
  USING (({_OWN} AND state IN ('invited', 'accepted'))
    OR (party_agency = (SELECT app_agency()) AND state = 'invited'))
  WITH CHECK (({_OWN} AND state = 'ended')
    OR (party_agency = (SELECT app_agency()) AND state IN ('accepted', 'declined')));
CREATE POLICY sanction_case_parties_export_party ON sanction_case_parties FOR SELECT TO reg_owner
  USING (party_agency = (SELECT app_agency()));

-- Cases: the own agency's, and those it has joined.
REVOKE INSERT, UPDATE ON sanction_cases FROM reg_app;
GRANT INSERT (id, agency_id, partner_id, track, practices, finding_on, investigator_id,
  legal_reference, document_sha256) ON sanction_cases TO reg_app;
GRANT UPDATE (procedure_id) ON sanction_cases TO reg_app;
DROP POLICY sanction_cases_select ON sanction_cases;
CREATE POLICY sanction_cases_select ON sanction_cases FOR SELECT TO reg_app
  USING ({_OWN} OR {_party("sanction_cases.id")});

-- Steps: of a joint case the parts that are shared, and of an individual nothing but to a panel;
-- the respondent's own partner reads what it was told, unless oversight keeps it back.
REVOKE INSERT ON sanction_case_steps FROM reg_app;
GRANT INSERT (id, case_id, agency_id, respondent_id, partner_id, individual, kind, person_id,
  office, function, sealed) ON sanction_case_steps TO reg_app;
DROP POLICY sanction_case_steps_select ON sanction_case_steps;
CREATE POLICY sanction_case_steps_select ON sanction_case_steps FOR SELECT TO reg_app
  USING (NOT redacted AND ({_OWN}
    OR {
    _party(
        "sanction_case_steps.case_id",
        " AND sanction_case_steps.kind = ANY (p.parts) "
        "AND (p.role = 'panel' OR NOT sanction_case_steps.individual)",
    )
}
    OR ({_MINE} AND NOT withheld(id))));
DROP POLICY sanction_case_steps_insert ON sanction_case_steps;
CREATE POLICY sanction_case_steps_insert ON sanction_case_steps FOR INSERT TO reg_app
  WITH CHECK ({_OWN} OR (kind = 'review' AND {_party("sanction_case_steps.case_id", _PANEL)})
    OR (kind IN ('reply', 'appeal') AND person_id IS NULL AND {_MINE}));

-- Respondents: as the case; an individual is for the own agency and its panel. The partner knows of
-- the case by its notice; of a recorded one by the measure.
GRANT INSERT (id, case_id, agency_id, investigator_id, track, main, kind, relation, partner_id,
  sealed, state, notice_sent_on, reply_received_on, decided_on, decision_sent_on)
  ON sanction_respondents TO reg_app;
GRANT UPDATE (state, notice_sent_on, reply_due_on, reply_received_on, reply_waived, reviewer_id,
  reviewed_on, recommendation, panel_members, decider_id, decided_on, departed, appeal_suspensive,
  entry_id, decision_sent_on, appeal_due_on, review_due_on, last_reviewed_on)
  ON sanction_respondents TO reg_app;
CREATE POLICY sanction_respondents_select ON sanction_respondents FOR SELECT TO reg_app
  USING ({_OWN}
    OR {
    _party(
        "sanction_respondents.case_id",
        " AND (p.role = 'panel' OR sanction_respondents.kind = 'PARTNER')",
    )
}
    OR ({_MINE} AND ((track = 'RECORDED' AND state = 'IMPOSED') OR EXISTS (
      SELECT 1 FROM sanction_case_steps s WHERE s.respondent_id = sanction_respondents.id
        AND s.kind = 'notice'))));
CREATE POLICY sanction_respondents_insert ON sanction_respondents FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
CREATE POLICY sanction_respondents_update ON sanction_respondents FOR UPDATE TO reg_app
  USING ({_OWN} OR ({_MINE} AND state = 'NOTICE_ISSUED')
    OR (state IN ('NOTICE_ISSUED', 'REPLY_RECORDED')
      AND {_party("sanction_respondents.case_id", _PANEL)}))
  WITH CHECK ({_OWN} OR ({_MINE} AND state = 'REPLY_RECORDED')
    OR (state = 'UNDER_REVIEW' AND {_party("sanction_respondents.case_id", _PANEL)}));
GRANT SELECT (id, case_id, agency_id, partner_id, track, state, entry_id, review_due_on,
  reminded_at), UPDATE (reminded_at) ON sanction_respondents TO reg_worker;
CREATE POLICY sanction_respondents_worker ON sanction_respondents FOR SELECT TO reg_worker
  USING (true);
CREATE POLICY sanction_respondents_remind ON sanction_respondents FOR UPDATE TO reg_worker
  USING (state = 'IMPOSED') WITH CHECK (state = 'IMPOSED');
{rekey_security("sanction_respondents")}

-- Interim suspensions and releases: the own agency's.
GRANT INSERT (id, case_id, agency_id, respondent_id, number, decided_by, decided_on,
  effective_from, until_on) ON sanction_interims TO reg_app;
GRANT UPDATE (entry_id, ended_on) ON sanction_interims TO reg_app;
GRANT INSERT (id, case_id, agency_id, respondent_id, recorded_by, recorded_on)
  ON sanction_releases TO reg_app;
GRANT UPDATE (verified, verified_by, verified_on, outcome, decided_by, decided_on, version)
  ON sanction_releases TO reg_app;
CREATE POLICY sanction_interims_select ON sanction_interims FOR SELECT TO reg_app USING ({_OWN});
CREATE POLICY sanction_interims_insert ON sanction_interims FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
CREATE POLICY sanction_interims_update ON sanction_interims FOR UPDATE TO reg_app
  USING ({_OWN}) WITH CHECK ({_OWN});
CREATE POLICY sanction_releases_select ON sanction_releases FOR SELECT TO reg_app USING ({_OWN});
CREATE POLICY sanction_releases_insert ON sanction_releases FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
CREATE POLICY sanction_releases_update ON sanction_releases FOR UPDATE TO reg_app
  USING ({_OWN} AND outcome IS NULL) WITH CHECK ({_OWN});

-- Appeals: the own agency's, and the partner's own.
GRANT INSERT (id, case_id, agency_id, respondent_id, partner_id, kind, by_partner, suspensive,
  filed_on) ON sanction_appeals TO reg_app;
GRANT UPDATE (outcome, decided_by, decided_on, version) ON sanction_appeals TO reg_app;
CREATE POLICY sanction_appeals_select ON sanction_appeals FOR SELECT TO reg_app
  USING ({_OWN} OR ({_MINE} AND EXISTS (
    SELECT 1 FROM sanction_respondents r WHERE r.id = respondent_id)));
CREATE POLICY sanction_appeals_insert ON sanction_appeals FOR INSERT TO reg_app
  WITH CHECK ((NOT by_partner AND {_OWN}) OR (by_partner AND {_MINE} AND EXISTS (
    SELECT 1 FROM sanction_respondents r WHERE r.id = respondent_id)));
CREATE POLICY sanction_appeals_update ON sanction_appeals FOR UPDATE TO reg_app
  USING ({_OWN} AND outcome IS NULL) WITH CHECK ({_OWN} AND outcome IS NOT NULL);
"""  # noqa: S608 - names of tables of ours

GATES = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
-- ---------------------------------------------------------------- the gates no check can keep
-- All of them run after the row, so that a policy refuses first what is not the writer's.
CREATE FUNCTION sanction_refused(gate text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'due process: %', gate USING ERRCODE = 'check_violation', CONSTRAINT = gate;
END $$;

-- The procedure by which an agency tells a partner on this day: its own newest, else the floor.
CREATE FUNCTION sanction_procedure_of(agency uuid, day date) RETURNS uuid
  LANGUAGE sql STABLE AS $$
  SELECT p.id FROM sanction_procedures p
  WHERE p.state = 'approved' AND p.effective_from <= day
    AND (p.agency_id = agency OR p.agency_id IS NULL)
  ORDER BY p.agency_id IS NULL, p.effective_from DESC, p.number DESC LIMIT 1 $$;

CREATE FUNCTION sanction_own_person(person uuid, agency uuid) RETURNS void
  LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM persons p WHERE p.id = person AND p.agency_id = agency
      AND p.status = 'active') THEN
    PERFORM sanction_refused('sanction_own_person');
  END IF;
END $$;

CREATE FUNCTION sanction_procedure_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE f sanction_procedures%ROWTYPE;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM sanction_own_person(NEW.decided_by, NEW.agency_id);
    RETURN NEW;
  END IF;
  PERFORM sanction_own_person(NEW.proposed_by, NEW.agency_id);
  SELECT * INTO STRICT f FROM sanction_procedures p WHERE p.agency_id IS NULL
    ORDER BY p.number DESC LIMIT 1;
  IF NEW.reply_period_days < f.reply_period_days OR NEW.appeal_days < f.appeal_days
    OR NEW.interim_months > f.interim_months OR NEW.interim_renewals > f.interim_renewals
    OR NEW.review_months > f.review_months OR NEW.panel_members < f.panel_members
    OR (f.panel_form = 'panel' AND NEW.panel_form <> 'panel')
    OR (f.appeal_suspensive AND NOT NEW.appeal_suspensive) THEN
    PERFORM sanction_refused('sanction_below_floor');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_procedures_moves AFTER INSERT OR UPDATE ON sanction_procedures
  FOR EACH ROW WHEN (NEW.agency_id IS NOT NULL) EXECUTE FUNCTION sanction_procedure_moves();

-- A case stays with the procedure it was told under.
CREATE FUNCTION sanction_case_bound() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF OLD.procedure_id IS NOT NULL AND NEW.procedure_id IS DISTINCT FROM OLD.procedure_id
    OR NOT EXISTS (SELECT FROM sanction_procedures p WHERE p.id = NEW.procedure_id
      AND p.state = 'approved' AND (p.agency_id = NEW.agency_id OR p.agency_id IS NULL)) THEN
    PERFORM sanction_refused('sanction_procedure_bound');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_cases_bound AFTER UPDATE OF procedure_id ON sanction_cases
  FOR EACH ROW EXECUTE FUNCTION sanction_case_bound();

CREATE FUNCTION sanction_respondent_moves() RETURNS trigger
  LANGUAGE plpgsql SET bytea_output = 'hex' AS $$
DECLARE
  before jsonb; after jsonb; changed text[]; written text[]; p sanction_procedures%ROWTYPE;
  once CONSTANT text[] := '{notice_sent_on,reply_due_on,reply_received_on,reviewer_id,reviewed_on,
    recommendation,panel_members,decider_id,decided_on,decision_sent_on,appeal_due_on,
    appeal_suspensive}';
  by_step CONSTANT text[] := once || '{reply_waived,departed}'::text[];
BEGIN
  IF greatest(NEW.notice_sent_on, NEW.reply_received_on, NEW.reviewed_on, NEW.decided_on,
      NEW.decision_sent_on, NEW.last_reviewed_on) > current_date THEN
    PERFORM sanction_refused('sanction_date_to_come');
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> (CASE NEW.track WHEN 'RECORDED' THEN 'RECORDED' ELSE 'DRAFT' END)
      OR (NEW.main AND NOT EXISTS (SELECT FROM sanction_cases c
        WHERE c.id = NEW.case_id AND c.partner_id = NEW.partner_id)) THEN
      PERFORM sanction_refused('sanction_step_order');
    END IF;
    IF NEW.track = 'RECORDED' AND least(NEW.notice_sent_on, NEW.decided_on) < (
        SELECT c.finding_on FROM sanction_cases c WHERE c.id = NEW.case_id) THEN
      PERFORM sanction_refused('sanction_notice_after_finding');
    END IF;
    RETURN NEW;
  END IF;
  before := to_jsonb(OLD); after := to_jsonb(NEW);
  changed := ARRAY(SELECT a.key FROM jsonb_each(after) a
    WHERE a.value IS DISTINCT FROM before -> a.key AND a.key <> 'state');
  -- What a step wrote stays.
  IF EXISTS (SELECT FROM unnest(changed) k WHERE k = ANY (once) AND before -> k <> 'null') THEN
    PERFORM sanction_refused('sanction_step_fixed');
  END IF;
  -- The partner replies and a lent panel reviews; neither does anything else.
  IF ((SELECT app_partner()) IS NOT NULL AND NOT changed <@ '{reply_received_on}'::text[])
    OR ((SELECT app_agency()) <> OLD.agency_id AND NOT changed
      <@ '{reviewer_id,reviewed_on,recommendation,panel_members}'::text[]) THEN
    PERFORM sanction_refused('sanction_step_of_another');
  END IF;
  IF NEW.state = OLD.state THEN
    written := '{decision_sent_on,appeal_due_on}';
    IF changed && by_step AND NOT (NEW.state = 'IMPOSED'
        AND ARRAY(SELECT k FROM unnest(changed) k WHERE k = ANY (by_step)) <@ written) THEN
      PERFORM sanction_refused('sanction_step_order');
    END IF;
  ELSE
    IF NOT (OLD.state, NEW.state) IN (('DRAFT', 'NOTICE_ISSUED'), ('DRAFT', 'WITHDRAWN'),
        ('NOTICE_ISSUED', 'REPLY_RECORDED'), ('NOTICE_ISSUED', 'UNDER_REVIEW'),
        ('REPLY_RECORDED', 'UNDER_REVIEW'), ('UNDER_REVIEW', 'IMPOSED'),
        ('NOTICE_ISSUED', 'DISMISSED'), ('REPLY_RECORDED', 'DISMISSED'),
        ('UNDER_REVIEW', 'DISMISSED'), ('RECORDED', 'IMPOSED'), ('RECORDED', 'WITHDRAWN')) THEN
      PERFORM sanction_refused('sanction_step_order');
    END IF;
    written := CASE NEW.state
      WHEN 'NOTICE_ISSUED' THEN '{notice_sent_on,reply_due_on,appeal_suspensive}'
      WHEN 'REPLY_RECORDED' THEN '{reply_received_on,reply_waived}'
      WHEN 'UNDER_REVIEW' THEN '{reviewer_id,reviewed_on,recommendation,panel_members}'
      WHEN 'IMPOSED' THEN '{decider_id,decided_on,departed,entry_id,review_due_on}'
      WHEN 'DISMISSED' THEN '{decider_id,decided_on}'
      ELSE '{}' END;
    IF NOT changed <@ written THEN PERFORM sanction_refused('sanction_step_order'); END IF;
  END IF;
  PERFORM sanction_respondent_gate(OLD, NEW);
  RETURN NEW;
END $$;

-- What the procedure of the case asks of this step.
CREATE FUNCTION sanction_respondent_gate(o sanction_respondents, n sanction_respondents)
  RETURNS void LANGUAGE plpgsql AS $$
DECLARE p sanction_procedures%ROWTYPE; c record;
BEGIN
  IF n.state IN ('DRAFT', 'WITHDRAWN') OR (n.state = 'REPLY_RECORDED' AND o.state <> n.state) THEN
    RETURN;
  END IF;
  IF n.track = 'RECORDED' THEN
    IF o.state = 'RECORDED' THEN PERFORM sanction_own_person(n.decider_id, n.agency_id); END IF;
    RETURN;
  END IF;
  IF o.state = n.state AND (n.decision_sent_on, n.appeal_due_on, n.review_due_on)
      IS NOT DISTINCT FROM (o.decision_sent_on, o.appeal_due_on, o.review_due_on) THEN
    RETURN;
  END IF;
  SELECT k.procedure_id, k.finding_on INTO STRICT c FROM sanction_cases k WHERE k.id = n.case_id;
  SELECT * INTO p FROM sanction_procedures q WHERE q.id = c.procedure_id;
  IF p.id IS NULL THEN PERFORM sanction_refused('sanction_procedure_bound'); END IF;
  IF o.state = 'DRAFT' THEN
    IF n.notice_sent_on < c.finding_on THEN
      PERFORM sanction_refused('sanction_notice_after_finding');
    END IF;
    -- The first notice binds the case.
    IF p.id <> sanction_procedure_of(n.agency_id, n.notice_sent_on) AND NOT EXISTS (
        SELECT FROM sanction_respondents r WHERE r.case_id = n.case_id AND r.id <> n.id
          AND r.notice_sent_on IS NOT NULL) THEN
      PERFORM sanction_refused('sanction_procedure_bound');
    END IF;
    IF n.reply_due_on < n.notice_sent_on + p.reply_period_days
      OR n.appeal_suspensive IS DISTINCT FROM p.appeal_suspensive THEN
      PERFORM sanction_refused('sanction_reply_period');
    END IF;
  END IF;
  IF n.state = 'UNDER_REVIEW' AND o.state <> n.state THEN
    IF n.panel_members < p.panel_members THEN PERFORM sanction_refused('sanction_panel'); END IF;
    IF NOT EXISTS (SELECT FROM persons w WHERE w.id = n.reviewer_id AND w.status = 'active'
        AND (w.agency_id = n.agency_id OR EXISTS (SELECT FROM sanction_case_parties y
          WHERE y.case_id = n.case_id AND y.party_agency = w.agency_id AND y.role = 'panel'
            AND y.state = 'accepted'))) THEN
      PERFORM sanction_refused('sanction_own_person');
    END IF;
  END IF;
  IF n.state IN ('IMPOSED', 'DISMISSED') AND o.state <> n.state THEN
    PERFORM sanction_own_person(n.decider_id, n.agency_id);
    IF n.departed AND (p.departure <> 'with_reasons'
        OR n.recommendation IS DISTINCT FROM 'do_not_impose') THEN
      PERFORM sanction_refused('sanction_departure');
    END IF;
  END IF;
  IF n.appeal_due_on < n.decision_sent_on + p.appeal_days THEN
    PERFORM sanction_refused('sanction_appeal_period');
  END IF;
  IF n.review_due_on > (coalesce(n.last_reviewed_on, n.decided_on)
      + make_interval(months => p.review_months))::date THEN
    PERFORM sanction_refused('sanction_review_period');
  END IF;
END $$;
CREATE TRIGGER sanction_respondents_moves AFTER INSERT OR UPDATE ON sanction_respondents
  FOR EACH ROW EXECUTE FUNCTION sanction_respondent_moves();

-- A partner's step goes with what it did: it replied to its notice, or appeals its decision.
CREATE FUNCTION sanction_step_by_partner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM sanction_respondents r WHERE r.id = NEW.respondent_id
      AND r.partner_id = NEW.partner_id
      AND r.state = CASE NEW.kind WHEN 'reply' THEN 'REPLY_RECORDED' ELSE 'IMPOSED' END) THEN
    PERFORM sanction_refused('sanction_step_order');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_case_steps_by_partner AFTER INSERT ON sanction_case_steps
  FOR EACH ROW WHEN (NEW.person_id IS NULL) EXECUTE FUNCTION sanction_step_by_partner();

CREATE FUNCTION sanction_party_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM sanction_own_person(NEW.invited_by, NEW.agency_id);
  ELSIF NEW.state IN ('accepted', 'declined') THEN
    PERFORM sanction_own_person(NEW.answered_by, NEW.party_agency);
  ELSE
    PERFORM sanction_own_person(NEW.ended_by, NEW.agency_id);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_case_parties_moves AFTER INSERT OR UPDATE ON sanction_case_parties
  FOR EACH ROW EXECUTE FUNCTION sanction_party_moves();

CREATE FUNCTION sanction_interim_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r sanction_respondents%ROWTYPE; p sanction_procedures%ROWTYPE; earlier date;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (OLD.entry_id IS NOT NULL AND NEW.entry_id IS DISTINCT FROM OLD.entry_id)
      OR (OLD.ended_on IS NOT NULL AND NEW.ended_on IS DISTINCT FROM OLD.ended_on) THEN
      PERFORM sanction_refused('sanction_step_fixed');
    END IF;
    RETURN NEW;
  END IF;
  SELECT * INTO STRICT r FROM sanction_respondents x WHERE x.id = NEW.respondent_id;
  SELECT q.* INTO STRICT p FROM sanction_cases c JOIN sanction_procedures q
    ON q.id = c.procedure_id WHERE c.id = NEW.case_id;
  IF r.state NOT IN ('NOTICE_ISSUED', 'REPLY_RECORDED', 'UNDER_REVIEW')
    OR NEW.decided_on > current_date OR NEW.decided_on < r.notice_sent_on THEN
    PERFORM sanction_refused('sanction_step_order');
  END IF;
  PERFORM sanction_own_person(NEW.decided_by, NEW.agency_id);
  IF NEW.decided_by = r.investigator_id THEN
    PERFORM sanction_refused('sanction_interim_by_another');
  END IF;
  SELECT i.until_on INTO earlier FROM sanction_interims i
    WHERE i.respondent_id = NEW.respondent_id AND i.number = NEW.number - 1;
  IF NEW.number > p.interim_renewals OR (NEW.number > 0 AND earlier IS NULL)
    OR NEW.effective_from <= earlier
    OR NEW.until_on >= (NEW.effective_from + make_interval(months => p.interim_months))::date THEN
    PERFORM sanction_refused('sanction_interim_limit');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_interims_moves AFTER INSERT OR UPDATE ON sanction_interims
  FOR EACH ROW EXECUTE FUNCTION sanction_interim_moves();

CREATE FUNCTION sanction_appeal_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r sanction_respondents%ROWTYPE;
BEGIN
  SELECT * INTO STRICT r FROM sanction_respondents x WHERE x.id = NEW.respondent_id;
  IF TG_OP = 'INSERT' THEN
    IF r.state <> 'IMPOSED' OR NEW.filed_on < r.decided_on OR NEW.filed_on > current_date
      OR NEW.partner_id IS DISTINCT FROM r.partner_id THEN
      PERFORM sanction_refused('sanction_step_order');
    END IF;
    IF NEW.kind = 'appeal' AND NEW.filed_on > r.appeal_due_on THEN
      PERFORM sanction_refused('sanction_appeal_period');
    END IF;
    IF NEW.suspensive <> (NEW.kind = 'appeal' AND coalesce(r.appeal_suspensive, false)) THEN
      PERFORM sanction_refused('sanction_appeal_effect');
    END IF;
    RETURN NEW;
  END IF;
  PERFORM sanction_own_person(NEW.decided_by, NEW.agency_id);
  IF NEW.decided_by IN (r.investigator_id, r.reviewer_id, r.decider_id)
    OR NEW.decided_on > current_date THEN
    PERFORM sanction_refused('sanction_appeal_by_another');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_appeals_moves AFTER INSERT OR UPDATE ON sanction_appeals
  FOR EACH ROW EXECUTE FUNCTION sanction_appeal_moves();

CREATE FUNCTION sanction_release_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r sanction_respondents%ROWTYPE;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT * INTO STRICT r FROM sanction_respondents x WHERE x.id = NEW.respondent_id;
    IF r.state <> 'IMPOSED' THEN PERFORM sanction_refused('sanction_step_order'); END IF;
    PERFORM sanction_own_person(NEW.recorded_by, NEW.agency_id);
  ELSIF OLD.verified_by IS NOT NULL AND (NEW.verified, NEW.verified_by, NEW.verified_on)
      IS DISTINCT FROM (OLD.verified, OLD.verified_by, OLD.verified_on) THEN
    PERFORM sanction_refused('sanction_step_fixed');
  END IF;
  IF NEW.verified_by IS NOT NULL THEN
    PERFORM sanction_own_person(NEW.verified_by, NEW.agency_id);
  END IF;
  IF NEW.decided_by IS NOT NULL THEN
    PERFORM sanction_own_person(NEW.decided_by, NEW.agency_id);
  END IF;
  IF greatest(NEW.recorded_on, NEW.verified_on, NEW.decided_on) > current_date THEN
    PERFORM sanction_refused('sanction_date_to_come');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_releases_moves AFTER INSERT OR UPDATE ON sanction_releases
  FOR EACH ROW EXECUTE FUNCTION sanction_release_moves();

-- ---------------------------------------------------------------- what follows the respondents
-- State, day and version of a case are nobody's to set: they follow what its respondents do,
-- whoever did it, the partner or a lent panel included.
GRANT UPDATE (state, decided_on, version) ON sanction_cases TO reg_facts;
GRANT SELECT (version) ON sanction_cases TO reg_facts;
CREATE POLICY sanction_cases_follow_select ON sanction_cases FOR SELECT TO reg_facts USING (true);
CREATE POLICY sanction_cases_follow ON sanction_cases FOR UPDATE TO reg_facts
  USING (true) WITH CHECK (true);
CREATE FUNCTION sanction_case_follows() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  IF TG_TABLE_NAME = 'sanction_respondents' THEN
    IF NEW.main THEN
      UPDATE sanction_cases SET state = NEW.state, decided_on = NEW.decided_on,
        version = version + CASE TG_OP WHEN 'INSERT' THEN 0 ELSE 1 END WHERE id = NEW.case_id;
      RETURN NULL;
    END IF;
  END IF;
  UPDATE sanction_cases SET version = version + 1 WHERE id = NEW.case_id;
  RETURN NULL;
END $$;
CREATE TRIGGER sanction_respondents_follow AFTER INSERT OR UPDATE OF state, decision_sent_on,
  last_reviewed_on ON sanction_respondents FOR EACH ROW EXECUTE FUNCTION sanction_case_follows();
CREATE TRIGGER sanction_case_parties_follow AFTER INSERT OR UPDATE OF state
  ON sanction_case_parties FOR EACH ROW EXECUTE FUNCTION sanction_case_follows();
CREATE TRIGGER sanction_interims_follow AFTER INSERT ON sanction_interims
  FOR EACH ROW EXECUTE FUNCTION sanction_case_follows();
CREATE TRIGGER sanction_appeals_follow AFTER INSERT OR UPDATE OF outcome ON sanction_appeals
  FOR EACH ROW EXECUTE FUNCTION sanction_case_follows();
CREATE TRIGGER sanction_releases_follow AFTER INSERT OR UPDATE ON sanction_releases
  FOR EACH ROW EXECUTE FUNCTION sanction_case_follows();

-- No measure of a case without the decision on its respondent; an interim one by its own decision.
GRANT SELECT (case_id, partner_id, kind, state) ON sanction_respondents TO reg_facts;
GRANT SELECT (case_id, until_on) ON sanction_interims TO reg_facts;
CREATE POLICY sanction_respondents_fact ON sanction_respondents FOR SELECT TO reg_facts
  USING (true);
CREATE POLICY sanction_interims_fact ON sanction_interims FOR SELECT TO reg_facts USING (true);
CREATE FUNCTION sanction_entry_decided() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  IF EXISTS (SELECT FROM sanction_respondents r WHERE r.case_id = NEW.case_id
      AND r.state = 'IMPOSED'
      AND (r.partner_id IS NOT DISTINCT FROM NEW.partner_id OR r.kind = 'INDIVIDUAL')) THEN
    RETURN NEW;
  END IF;
  IF NEW.measure = 'INTERIM_SUSPENSION' AND EXISTS (SELECT FROM sanction_interims i
      WHERE i.case_id = NEW.case_id AND i.until_on >= NEW.effective_to) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'due process: the case has no decision on this party'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'sanction_entry_decided';
END $$;
CREATE TRIGGER sanction_entries_decided AFTER INSERT ON sanction_entries FOR EACH ROW
  WHEN (NEW.case_id IS NOT NULL) EXECUTE FUNCTION sanction_entry_decided();

REVOKE EXECUTE ON FUNCTION sanction_case_follows(), sanction_entry_decided() FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION sanction_case_follows() OWNER TO reg_facts;
ALTER FUNCTION sanction_entry_decided() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

# Cases that came to nothing, as flags found invalid. What an open respondent keeps stays.
_CLOSED = """SELECT c.id, c.partner_id, c.agency_id AS owner_agency, k.since::timestamptz AS since,
    ARRAY[c.id, c.partner_id] || ARRAY(SELECT s.id FROM sanction_case_steps s
      WHERE s.case_id = c.id) AS records, NULL::text AS kept_by
  FROM sanction_cases c CROSS JOIN LATERAL (SELECT coalesce(c.decided_on,
    (SELECT max(s.at)::date FROM sanction_case_steps s WHERE s.case_id = c.id)) AS since) k
  WHERE c.state IN ('DISMISSED', 'WITHDRAWN')
    AND k.since <= (SELECT retention_before('sanction_cases_closed'))::date
    AND NOT EXISTS (SELECT FROM sanction_respondents r WHERE r.case_id = c.id
      AND r.state NOT IN ('IMPOSED', 'DISMISSED', 'WITHDRAWN'))
    AND NOT EXISTS (SELECT FROM sanction_entries e WHERE e.case_id = c.id)"""
_IMPOSED = """SELECT c.id, c.partner_id, c.agency_id AS owner_agency,
    c.decided_on::timestamptz AS since,
    ARRAY[c.id, c.partner_id] || ARRAY(SELECT s.id FROM sanction_case_steps s
      WHERE s.case_id = c.id) AS records, NULL::text AS kept_by
  FROM sanction_cases c
  WHERE {whole}c.decided_on <= (SELECT retention_before('sanction_cases'))::date
    AND NOT EXISTS (SELECT FROM sanction_entries e WHERE e.case_id = c.id)"""
# What is asked of respondents must hold while they are being deleted, before their case.
_WHOLE = """c.state = 'IMPOSED' AND NOT EXISTS (SELECT FROM sanction_respondents r
      WHERE r.case_id = c.id AND r.state NOT IN ('IMPOSED', 'DISMISSED', 'WITHDRAWN'))
    AND """
_VIEW = (
    "CREATE {replace}VIEW retention_{name} "
    "WITH (security_invoker = true, security_barrier = true) AS {query};\n"
)
_PARTS = TABLES[1:]
RETENTION = (
    "INSERT INTO retention_rules (name, months, version) "
    "VALUES ('sanction_cases_closed', 24, '2026.4');\n"
    + _VIEW.format(replace="", name="sanction_cases_closed", query=_CLOSED)
    + _VIEW.format(
        replace="OR REPLACE ", name="sanction_cases", query=_IMPOSED.format(whole=_WHOLE)
    )
    + """GRANT SELECT ON retention_sanction_cases_closed TO reg_worker;
GRANT SELECT (at) ON sanction_case_steps TO reg_worker;
DROP TRIGGER sanction_case_steps_due ON sanction_case_steps;
CREATE TRIGGER sanction_case_steps_due BEFORE DELETE ON sanction_case_steps FOR EACH ROW
  EXECUTE FUNCTION only_when_due('case_id', 'sanction_cases', 'sanction_cases_closed',
    'cases_annulled');
DROP TRIGGER sanction_cases_due ON sanction_cases;
CREATE TRIGGER sanction_cases_due BEFORE DELETE ON sanction_cases FOR EACH ROW
  EXECUTE FUNCTION only_when_due('id', 'sanction_cases', 'sanction_cases_closed');
"""
    + "".join(
        f"""GRANT DELETE ON {table} TO reg_worker;
CREATE POLICY {table}_retention_delete ON {table} FOR DELETE TO reg_worker USING (true);
CREATE TRIGGER {table}_due BEFORE DELETE ON {table} FOR EACH ROW
  EXECUTE FUNCTION only_when_due('case_id', 'sanction_cases', 'sanction_cases_closed');
"""
        for table in _PARTS
    )
    + "".join(
        f"""GRANT SELECT (case_id) ON {table} TO reg_worker;
CREATE POLICY {table}_retention_select ON {table} FOR SELECT TO reg_worker USING (true);
"""
        for table in _PARTS
        if table != "sanction_respondents"
    )
)
SECURITY = ROWS + GATES + RETENTION

UNDO = """
DROP TRIGGER sanction_case_steps_due ON sanction_case_steps;
CREATE TRIGGER sanction_case_steps_due BEFORE DELETE ON sanction_case_steps FOR EACH ROW
  EXECUTE FUNCTION only_when_due('case_id', 'sanction_cases', 'cases_annulled');
DROP TRIGGER sanction_cases_due ON sanction_cases;
CREATE TRIGGER sanction_cases_due BEFORE DELETE ON sanction_cases FOR EACH ROW
  EXECUTE FUNCTION only_when_due('id', 'sanction_cases');
REVOKE SELECT (at) ON sanction_case_steps FROM reg_worker;
DROP VIEW retention_sanction_cases_closed;
ALTER TABLE retention_counts NO FORCE ROW LEVEL SECURITY;
DELETE FROM retention_counts WHERE rule = 'sanction_cases_closed';
ALTER TABLE retention_counts FORCE ROW LEVEL SECURITY;
DELETE FROM retention_rules WHERE name = 'sanction_cases_closed';
"""
UNDO_VIEW = _VIEW.format(
    replace="OR REPLACE ",
    name="sanction_cases",
    query=_IMPOSED.format(whole="c.state = 'IMPOSED' AND "),
)
UNDO_ROWS = f"""
DROP TRIGGER sanction_entries_decided ON sanction_entries;
DROP TRIGGER sanction_case_steps_by_partner ON sanction_case_steps;
DROP TRIGGER sanction_cases_bound ON sanction_cases;
DROP FUNCTION sanction_respondent_gate(sanction_respondents, sanction_respondents);
DROP POLICY sanction_respondents_select ON sanction_respondents;
DROP POLICY sanction_cases_follow ON sanction_cases;
DROP POLICY sanction_cases_follow_select ON sanction_cases;
REVOKE UPDATE (state, decided_on, version) ON sanction_cases FROM reg_facts;
REVOKE SELECT (version) ON sanction_cases FROM reg_facts;
DROP POLICY sanction_case_steps_select ON sanction_case_steps;
CREATE POLICY sanction_case_steps_select ON sanction_case_steps FOR SELECT TO reg_app
  USING ({_OWN} AND NOT redacted);
DROP POLICY sanction_case_steps_insert ON sanction_case_steps;
CREATE POLICY sanction_case_steps_insert ON sanction_case_steps FOR INSERT TO reg_app
  WITH CHECK ({_OWN});
DROP POLICY sanction_cases_select ON sanction_cases;
CREATE POLICY sanction_cases_select ON sanction_cases FOR SELECT TO reg_app USING ({_OWN});
REVOKE INSERT ON sanction_case_steps FROM reg_app;
REVOKE INSERT (id, agency_id, partner_id, track, practices, finding_on, investigator_id,
  legal_reference, document_sha256), UPDATE (procedure_id) ON sanction_cases FROM reg_app;
REVOKE INSERT (id, case_id, agency_id, respondent_id, partner_id, individual, kind, person_id,
  office, function, sealed) ON sanction_case_steps FROM reg_app;
GRANT INSERT, UPDATE ON sanction_cases TO reg_app;
GRANT INSERT ON sanction_case_steps TO reg_app;
"""  # noqa: S608 - names of tables of ours
BACK = """
ALTER TABLE sanction_cases NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_respondents NO FORCE ROW LEVEL SECURITY;
UPDATE sanction_cases c SET notice_sent_on = r.notice_sent_on, reply_due_on = r.reply_due_on,
    reply_received_on = r.reply_received_on, reply_waived = r.reply_waived,
    reviewer_id = r.reviewer_id, reviewed_on = r.reviewed_on, recommendation = r.recommendation,
    decider_id = r.decider_id
  FROM sanction_respondents r WHERE r.case_id = c.id AND r.main;
ALTER TABLE sanction_cases FORCE ROW LEVEL SECURITY;
"""
BEFORE = (
    (
        "sanction_cases",
        "state",
        "state IN ('DRAFT', 'NOTICE_ISSUED', 'REPLY_RECORDED', 'UNDER_REVIEW', 'IMPOSED')",
    ),
    ("sanction_cases", "reviewer_not_investigator", "reviewer_id <> investigator_id"),
    (
        "sanction_cases",
        "decider_apart",
        "decider_id <> investigator_id AND decider_id <> reviewer_id",
    ),
    ("sanction_cases", "notice_first", "state = 'DRAFT' OR notice_sent_on IS NOT NULL"),
    (
        "sanction_cases",
        "reply_period",
        "reviewer_id IS NULL OR reply_received_on IS NOT NULL OR reviewed_on > reply_due_on",
    ),
    (
        "sanction_cases",
        "decided_in_order",
        "state <> 'IMPOSED' OR (notice_sent_on IS NOT NULL AND reviewer_id IS NOT NULL "
        "AND decider_id IS NOT NULL AND decided_on IS NOT NULL)",
    ),
    ("sanction_cases", "notice_after_finding", "notice_sent_on >= finding_on"),
    ("sanction_cases", "reply_after_notice", "reply_received_on >= notice_sent_on"),
    (
        "sanction_case_steps",
        "kind",
        "kind IN ('finding', 'notice', 'reply', 'review', 'decision', 'lift')",
    ),
)
FUNCTIONS = """
DROP FUNCTION sanction_entry_decided(), sanction_case_follows(), sanction_release_moves(),
  sanction_appeal_moves(), sanction_interim_moves(), sanction_party_moves(),
  sanction_step_by_partner(), sanction_respondent_moves(), sanction_case_bound(),
  sanction_procedure_moves(), sanction_own_person(uuid, uuid), sanction_procedure_of(uuid, date),
  sanction_refused(text);
"""


def upgrade() -> None:
    # References to agencies are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    for table, name in OLD_CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.add_column(
        "sanction_cases", sa.Column("track", sa.Text(), server_default="FULL", nullable=False)
    )
    op.create_unique_constraint(
        op.f("uq_sanction_cases_id_agency_id_investigator_id_track"),
        "sanction_cases",
        ["id", "agency_id", "investigator_id", "track"],
    )
    op.create_table(
        "sanction_procedures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("appeal_body", sa.Text(), nullable=False),
        sa.Column("reply_period_days", sa.Integer(), nullable=False),
        sa.Column("appeal_days", sa.Integer(), nullable=False),
        sa.Column("appeal_suspensive", sa.Boolean(), nullable=False),
        sa.Column("interim_months", sa.Integer(), nullable=False),
        sa.Column("interim_renewals", sa.Integer(), nullable=False),
        sa.Column("review_months", sa.Integer(), nullable=False),
        sa.Column("panel_form", sa.Text(), nullable=False),
        sa.Column("panel_members", sa.Integer(), nullable=False),
        sa.Column("departure", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
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
            "agency_id IS NOT NULL OR state = 'approved'", name=op.f("ck_sanction_procedures_floor")
        ),
        sa.CheckConstraint(
            "agency_id IS NULL OR (num_nulls(decided_by, decided_at) = CASE state WHEN 'proposed' THEN 2 ELSE 0 END)",
            name=op.f("ck_sanction_procedures_decided"),
        ),
        sa.CheckConstraint(
            "departure IN ('refused', 'with_reasons')",
            name=op.f("ck_sanction_procedures_departure"),
        ),
        sa.CheckConstraint(
            "panel_form IN ('reviewer', 'panel')", name=op.f("ck_sanction_procedures_panel_form")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'refused')",
            name=op.f("ck_sanction_procedures_state"),
        ),
        sa.CheckConstraint(
            "agency_id IS NULL OR proposed_by IS NOT NULL",
            name=op.f("ck_sanction_procedures_proposed_by"),
        ),
        sa.CheckConstraint(
            "decided_by <> proposed_by", name=op.f("ck_sanction_procedures_two_persons")
        ),
        sa.CheckConstraint(
            "least(reply_period_days, appeal_days, interim_months, review_months, panel_members, number) >= 1 AND interim_renewals >= 0",
            name=op.f("ck_sanction_procedures_periods"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_sanction_procedures_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_sanction_procedures_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["persons.id"], name=op.f("fk_sanction_procedures_proposed_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_procedures")),
        sa.UniqueConstraint(
            "agency_id",
            "number",
            name=op.f("uq_sanction_procedures_agency_id_number"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "sanction_case_parties",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("party_agency", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("parts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="invited", nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column(
            "invited_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nulls(answered_by, answered_at) IN (0, 2) AND (state NOT IN ('accepted', 'declined') OR answered_by IS NOT NULL)",
            name=op.f("ck_sanction_case_parties_answered"),
        ),
        sa.CheckConstraint(
            "num_nulls(ended_by, ended_at) = CASE state WHEN 'ended' THEN 0 ELSE 2 END",
            name=op.f("ck_sanction_case_parties_ended"),
        ),
        sa.CheckConstraint(
            "parts <@ ARRAY['finding', 'notice', 'reply', 'review', 'decision', 'dismissal', 'withdrawal', 'decision_notice', 'appeal', 'appeal_decision', 'interim', 'measure_review', 'evidence', 'verification', 'release', 'record', 'certificate', 'lift']::text[]",
            name=op.f("ck_sanction_case_parties_parts"),
        ),
        sa.CheckConstraint(
            "role IN ('joint', 'panel')", name=op.f("ck_sanction_case_parties_role")
        ),
        sa.CheckConstraint(
            "state IN ('invited', 'accepted', 'declined', 'ended')",
            name=op.f("ck_sanction_case_parties_state"),
        ),
        sa.CheckConstraint(
            "party_agency <> agency_id", name=op.f("ck_sanction_case_parties_another")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by"],
            ["persons.id"],
            name=op.f("fk_sanction_case_parties_answered_by_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id", "agency_id"],
            ["sanction_cases.id", "sanction_cases.agency_id"],
            name="fk_sanction_case_parties_case",
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["persons.id"], name=op.f("fk_sanction_case_parties_ended_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["persons.id"], name=op.f("fk_sanction_case_parties_invited_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_sanction_case_parties_partner_id_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["party_agency"],
            ["agencies.id"],
            name=op.f("fk_sanction_case_parties_party_agency_agencies"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_case_parties")),
    )
    op.create_index(
        "ix_sanction_case_parties_party_agency",
        "sanction_case_parties",
        ["party_agency", "id"],
        unique=False,
    )
    op.create_index(
        "uq_sanction_case_parties_open",
        "sanction_case_parties",
        ["case_id", "party_agency", "role"],
        unique=True,
        postgresql_where=sa.text("state IN ('invited', 'accepted')"),
    )
    op.create_table(
        "sanction_respondents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("investigator_id", sa.Uuid(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("main", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), server_default="DRAFT", nullable=False),
        sa.Column("notice_sent_on", sa.Date(), nullable=True),
        sa.Column("reply_due_on", sa.Date(), nullable=True),
        sa.Column("reply_received_on", sa.Date(), nullable=True),
        sa.Column("reply_waived", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("recommendation", sa.Text(), nullable=True),
        sa.Column("panel_members", sa.Integer(), nullable=True),
        sa.Column("decider_id", sa.Uuid(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("departed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("appeal_suspensive", sa.Boolean(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("decision_sent_on", sa.Date(), nullable=True),
        sa.Column("appeal_due_on", sa.Date(), nullable=True),
        sa.Column("review_due_on", sa.Date(), nullable=True),
        sa.Column("last_reviewed_on", sa.Date(), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(decider_id IS NOT NULL) = (state IN ('IMPOSED', 'DISMISSED')) AND (decided_on IS NOT NULL) = (decider_id IS NOT NULL OR track = 'RECORDED')",
            name=op.f("ck_sanction_respondents_decided"),
        ),
        sa.CheckConstraint(
            "(review_due_on IS NULL AND last_reviewed_on IS NULL) OR state = 'IMPOSED'",
            name=op.f("ck_sanction_respondents_measure_review"),
        ),
        sa.CheckConstraint(
            "NOT main OR (kind = 'PARTNER' AND relation = 'PRINCIPAL')",
            name=op.f("ck_sanction_respondents_main"),
        ),
        sa.CheckConstraint(
            "entry_id IS NULL OR state = 'IMPOSED'",
            name=op.f("ck_sanction_respondents_listed_by_decision"),
        ),
        sa.CheckConstraint(
            "kind IN ('PARTNER', 'INDIVIDUAL')", name=op.f("ck_sanction_respondents_kind")
        ),
        sa.CheckConstraint(
            "main OR track = 'FULL'", name=op.f("ck_sanction_respondents_recorded_main")
        ),
        sa.CheckConstraint(
            "num_nulls(partner_id, sealed) = 1 AND (kind = 'PARTNER') = (partner_id IS NOT NULL)",
            name=op.f("ck_sanction_respondents_who"),
        ),
        sa.CheckConstraint(
            "num_nulls(reviewer_id, reviewed_on, recommendation, panel_members) IN (0, 4) AND (reviewer_id IS NULL OR state IN ('UNDER_REVIEW', 'IMPOSED', 'DISMISSED'))",
            name=op.f("ck_sanction_respondents_reviewed"),
        ),
        sa.CheckConstraint(
            "recommendation IN ('impose', 'do_not_impose')",
            name=op.f("ck_sanction_respondents_recommendation"),
        ),
        sa.CheckConstraint(
            "relation IN ('CONTROLLING', 'CONTROLLED', 'COMMON_CONTROL', 'SUCCESSOR', 'ASSIGN', 'PRINCIPAL')",
            name=op.f("ck_sanction_respondents_relation"),
        ),
        sa.CheckConstraint(
            "state <> 'IMPOSED' OR recommendation IS DISTINCT FROM 'do_not_impose' OR departed",
            name=op.f("ck_sanction_respondents_advised_against"),
        ),
        sa.CheckConstraint(
            "state <> 'REPLY_RECORDED' OR reply_received_on IS NOT NULL",
            name=op.f("ck_sanction_respondents_reply_recorded"),
        ),
        sa.CheckConstraint(
            "state IN ('DRAFT', 'NOTICE_ISSUED', 'REPLY_RECORDED', 'UNDER_REVIEW', 'RECORDED', 'IMPOSED', 'DISMISSED', 'WITHDRAWN')",
            name=op.f("ck_sanction_respondents_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('UNDER_REVIEW', 'IMPOSED') OR track = 'RECORDED' OR reviewer_id IS NOT NULL",
            name=op.f("ck_sanction_respondents_review_first"),
        ),
        sa.CheckConstraint(
            "track = 'FULL' OR state IN ('RECORDED', 'IMPOSED', 'WITHDRAWN')",
            name=op.f("ck_sanction_respondents_track_states"),
        ),
        sa.CheckConstraint(
            "track = 'RECORDED' OR ((decision_sent_on IS NULL) = (appeal_due_on IS NULL) AND (decision_sent_on IS NULL OR state = 'IMPOSED'))",
            name=op.f("ck_sanction_respondents_appeal_route"),
        ),
        sa.CheckConstraint(
            "track = 'RECORDED' OR ((notice_sent_on IS NULL) = (state IN ('DRAFT', 'WITHDRAWN')) AND (reply_due_on IS NULL) = (notice_sent_on IS NULL))",
            name=op.f("ck_sanction_respondents_notice_first"),
        ),
        sa.CheckConstraint(
            "track = 'RECORDED' OR reply_received_on IS NULL OR notice_sent_on IS NOT NULL",
            name=op.f("ck_sanction_respondents_reply_to_notice"),
        ),
        sa.CheckConstraint(
            "track = 'RECORDED' OR state <> 'RECORDED'",
            name=op.f("ck_sanction_respondents_recorded_state"),
        ),
        sa.CheckConstraint(
            "decided_on >= notice_sent_on",
            name=op.f("ck_sanction_respondents_decided_after_notice"),
        ),
        sa.CheckConstraint(
            "decided_on >= reply_received_on",
            name=op.f("ck_sanction_respondents_decided_after_reply"),
        ),
        sa.CheckConstraint(
            "decided_on >= reviewed_on", name=op.f("ck_sanction_respondents_decided_after_review")
        ),
        sa.CheckConstraint(
            "decider_id <> investigator_id AND decider_id <> reviewer_id",
            name=op.f("ck_sanction_respondents_decider_apart"),
        ),
        sa.CheckConstraint(
            "decision_sent_on >= decided_on AND appeal_due_on >= decision_sent_on",
            name=op.f("ck_sanction_respondents_decision_notice"),
        ),
        sa.CheckConstraint(
            "panel_members >= 1", name=op.f("ck_sanction_respondents_panel_members")
        ),
        sa.CheckConstraint(
            "reply_received_on >= notice_sent_on",
            name=op.f("ck_sanction_respondents_reply_after_notice"),
        ),
        sa.CheckConstraint(
            "reviewed_on >= notice_sent_on",
            name=op.f("ck_sanction_respondents_review_after_notice"),
        ),
        sa.CheckConstraint(
            "reviewer_id <> investigator_id",
            name=op.f("ck_sanction_respondents_reviewer_not_investigator"),
        ),
        sa.CheckConstraint(
            "reviewer_id IS NULL OR reply_received_on IS NOT NULL OR reviewed_on > reply_due_on",
            name=op.f("ck_sanction_respondents_reply_period"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id", "agency_id", "investigator_id", "track"],
            [
                "sanction_cases.id",
                "sanction_cases.agency_id",
                "sanction_cases.investigator_id",
                "sanction_cases.track",
            ],
            name="fk_sanction_respondents_case",
        ),
        sa.ForeignKeyConstraint(
            ["decider_id"], ["persons.id"], name=op.f("fk_sanction_respondents_decider_id_persons")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_sanction_respondents_partner_id_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"],
            ["persons.id"],
            name=op.f("fk_sanction_respondents_reviewer_id_persons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_respondents")),
        sa.UniqueConstraint(
            "id", "case_id", "agency_id", name=op.f("uq_sanction_respondents_id_case_id_agency_id")
        ),
    )
    op.create_index(
        "ix_sanction_respondents_partner_id", "sanction_respondents", ["partner_id"], unique=False
    )
    op.create_index(
        "ix_sanction_respondents_review_due_on",
        "sanction_respondents",
        ["review_due_on"],
        unique=False,
        postgresql_where=sa.text("review_due_on IS NOT NULL"),
    )
    op.create_index(
        "uq_sanction_respondents_main",
        "sanction_respondents",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("main"),
    )
    op.create_index(
        "uq_sanction_respondents_partner",
        "sanction_respondents",
        ["case_id", "partner_id"],
        unique=True,
        postgresql_where=sa.text("partner_id IS NOT NULL"),
    )
    op.create_table(
        "sanction_appeals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("respondent_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by_partner", sa.Boolean(), nullable=False),
        sa.Column("suspensive", sa.Boolean(), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "kind IN ('appeal', 'reconsideration')", name=op.f("ck_sanction_appeals_kind")
        ),
        sa.CheckConstraint(
            "outcome IN ('upheld', 'reduced', 'overturned')",
            name=op.f("ck_sanction_appeals_outcome"),
        ),
        sa.CheckConstraint(
            "NOT by_partner OR partner_id IS NOT NULL", name=op.f("ck_sanction_appeals_by_partner")
        ),
        sa.CheckConstraint(
            "decided_on >= filed_on", name=op.f("ck_sanction_appeals_decided_after")
        ),
        sa.CheckConstraint(
            "num_nulls(outcome, decided_by, decided_on) IN (0, 3)",
            name=op.f("ck_sanction_appeals_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_sanction_appeals_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_sanction_appeals_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["respondent_id", "case_id", "agency_id"],
            [
                "sanction_respondents.id",
                "sanction_respondents.case_id",
                "sanction_respondents.agency_id",
            ],
            name="fk_sanction_appeals_respondent",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_appeals")),
    )
    op.create_index("ix_sanction_appeals_case_id", "sanction_appeals", ["case_id"], unique=False)
    op.create_index(
        "uq_sanction_appeals_open",
        "sanction_appeals",
        ["respondent_id"],
        unique=True,
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "sanction_interims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("respondent_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "effective_from >= decided_on", name=op.f("ck_sanction_interims_from_decision")
        ),
        sa.CheckConstraint("ended_on >= decided_on", name=op.f("ck_sanction_interims_ended")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_sanction_interims_number")),
        sa.CheckConstraint("until_on >= effective_from", name=op.f("ck_sanction_interims_period")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_sanction_interims_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["respondent_id", "case_id", "agency_id"],
            [
                "sanction_respondents.id",
                "sanction_respondents.case_id",
                "sanction_respondents.agency_id",
            ],
            name="fk_sanction_interims_respondent",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_interims")),
        sa.UniqueConstraint(
            "respondent_id", "number", name=op.f("uq_sanction_interims_respondent_id_number")
        ),
    )
    op.create_table(
        "sanction_releases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("respondent_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=True),
        sa.Column("verified_by", sa.Uuid(), nullable=True),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "outcome IS NULL OR (outcome = 'refused' AND verified_by IS NOT NULL) OR (outcome = 'released' AND verified)",
            name=op.f("ck_sanction_releases_outcome"),
        ),
        sa.CheckConstraint(
            "decided_by <> recorded_by AND decided_by <> verified_by",
            name=op.f("ck_sanction_releases_three_persons"),
        ),
        sa.CheckConstraint(
            "num_nulls(outcome, decided_by, decided_on) IN (0, 3)",
            name=op.f("ck_sanction_releases_decided"),
        ),
        sa.CheckConstraint(
            "num_nulls(verified, verified_by, verified_on) IN (0, 3)",
            name=op.f("ck_sanction_releases_verified"),
        ),
        sa.CheckConstraint(
            "verified_by <> recorded_by", name=op.f("ck_sanction_releases_verified_by")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_sanction_releases_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["persons.id"], name=op.f("fk_sanction_releases_recorded_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["respondent_id", "case_id", "agency_id"],
            [
                "sanction_respondents.id",
                "sanction_respondents.case_id",
                "sanction_respondents.agency_id",
            ],
            name="fk_sanction_releases_respondent",
        ),
        sa.ForeignKeyConstraint(
            ["verified_by"], ["persons.id"], name=op.f("fk_sanction_releases_verified_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_releases")),
    )
    op.create_index("ix_sanction_releases_case_id", "sanction_releases", ["case_id"], unique=False)
    op.create_index(
        "uq_sanction_releases_open",
        "sanction_releases",
        ["respondent_id"],
        unique=True,
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.add_column("sanction_case_steps", sa.Column("respondent_id", sa.Uuid(), nullable=True))
    op.add_column("sanction_case_steps", sa.Column("partner_id", sa.Uuid(), nullable=True))
    op.add_column(
        "sanction_case_steps",
        sa.Column("individual", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column("sanction_case_steps", sa.Column("office", sa.Text(), nullable=True))
    op.add_column("sanction_case_steps", sa.Column("function", sa.Text(), nullable=True))
    op.alter_column("sanction_case_steps", "person_id", existing_type=sa.UUID(), nullable=True)
    op.create_index(
        "ix_sanction_case_steps_partner_id",
        "sanction_case_steps",
        ["partner_id"],
        unique=False,
        postgresql_where=sa.text("partner_id IS NOT NULL"),
    )
    op.create_foreign_key(
        "fk_sanction_case_steps_respondent",
        "sanction_case_steps",
        "sanction_respondents",
        ["respondent_id", "case_id", "agency_id"],
        ["id", "case_id", "agency_id"],
    )
    op.create_foreign_key(
        op.f("fk_sanction_case_steps_partner_id_partners"),
        "sanction_case_steps",
        "partners",
        ["partner_id"],
        ["id"],
    )
    op.add_column("sanction_cases", sa.Column("procedure_id", sa.Uuid(), nullable=True))
    op.add_column("sanction_cases", sa.Column("legal_reference", sa.Text(), nullable=True))
    op.add_column("sanction_cases", sa.Column("document_sha256", sa.Text(), nullable=True))
    op.alter_column("sanction_cases", "finding_on", existing_type=sa.DATE(), nullable=True)
    op.create_index("ix_sanction_cases_partner_id", "sanction_cases", ["partner_id"], unique=False)
    op.drop_constraint(
        op.f("fk_sanction_cases_reviewer_id_persons"), "sanction_cases", type_="foreignkey"
    )
    op.drop_constraint(
        op.f("fk_sanction_cases_decider_id_persons"), "sanction_cases", type_="foreignkey"
    )
    op.create_foreign_key(
        op.f("fk_sanction_cases_procedure_id_sanction_procedures"),
        "sanction_cases",
        "sanction_procedures",
        ["procedure_id"],
        ["id"],
    )
    run_script(MOVE)
    op.drop_column("sanction_cases", "reply_received_on")
    op.drop_column("sanction_cases", "notice_sent_on")
    op.drop_column("sanction_cases", "reply_due_on")
    op.drop_column("sanction_cases", "reply_waived")
    op.drop_column("sanction_cases", "decider_id")
    op.drop_column("sanction_cases", "reviewed_on")
    op.drop_column("sanction_cases", "reviewer_id")
    op.drop_column("sanction_cases", "recommendation")
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    run_script(SECURITY)


def downgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    run_script(UNDO + UNDO_VIEW + UNDO_ROWS)
    op.add_column(
        "sanction_cases", sa.Column("recommendation", sa.TEXT(), autoincrement=False, nullable=True)
    )
    op.add_column(
        "sanction_cases", sa.Column("reviewer_id", sa.UUID(), autoincrement=False, nullable=True)
    )
    op.add_column(
        "sanction_cases", sa.Column("reviewed_on", sa.DATE(), autoincrement=False, nullable=True)
    )
    op.add_column(
        "sanction_cases", sa.Column("decider_id", sa.UUID(), autoincrement=False, nullable=True)
    )
    op.add_column(
        "sanction_cases",
        sa.Column(
            "reply_waived",
            sa.BOOLEAN(),
            server_default=sa.text("false"),
            autoincrement=False,
            nullable=False,
        ),
    )
    op.add_column(
        "sanction_cases", sa.Column("reply_due_on", sa.DATE(), autoincrement=False, nullable=True)
    )
    op.add_column(
        "sanction_cases", sa.Column("notice_sent_on", sa.DATE(), autoincrement=False, nullable=True)
    )
    op.add_column(
        "sanction_cases",
        sa.Column("reply_received_on", sa.DATE(), autoincrement=False, nullable=True),
    )
    run_script(BACK)
    op.create_foreign_key(
        op.f("fk_sanction_cases_decider_id_persons"),
        "sanction_cases",
        "persons",
        ["decider_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("fk_sanction_cases_reviewer_id_persons"),
        "sanction_cases",
        "persons",
        ["reviewer_id"],
        ["id"],
    )
    op.drop_index("ix_sanction_cases_partner_id", table_name="sanction_cases")
    op.alter_column("sanction_cases", "finding_on", existing_type=sa.DATE(), nullable=False)
    op.drop_column("sanction_cases", "document_sha256")
    op.drop_column("sanction_cases", "legal_reference")
    op.drop_constraint(
        op.f("fk_sanction_cases_procedure_id_sanction_procedures"),
        "sanction_cases",
        type_="foreignkey",
    )
    op.drop_column("sanction_cases", "procedure_id")
    op.drop_constraint(
        op.f("fk_sanction_case_steps_partner_id_partners"),
        "sanction_case_steps",
        type_="foreignkey",
    )
    op.drop_constraint(
        "fk_sanction_case_steps_respondent", "sanction_case_steps", type_="foreignkey"
    )
    op.drop_index(
        "ix_sanction_case_steps_partner_id",
        table_name="sanction_case_steps",
        postgresql_where=sa.text("partner_id IS NOT NULL"),
    )
    op.alter_column("sanction_case_steps", "person_id", existing_type=sa.UUID(), nullable=False)
    op.drop_column("sanction_case_steps", "function")
    op.drop_column("sanction_case_steps", "office")
    op.drop_column("sanction_case_steps", "individual")
    op.drop_column("sanction_case_steps", "partner_id")
    op.drop_column("sanction_case_steps", "respondent_id")
    op.drop_index(
        "uq_sanction_releases_open",
        table_name="sanction_releases",
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.drop_index("ix_sanction_releases_case_id", table_name="sanction_releases")
    op.drop_table("sanction_releases")
    op.drop_table("sanction_interims")
    op.drop_index(
        "uq_sanction_appeals_open",
        table_name="sanction_appeals",
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.drop_index("ix_sanction_appeals_case_id", table_name="sanction_appeals")
    op.drop_table("sanction_appeals")
    op.drop_index(
        "uq_sanction_respondents_partner",
        table_name="sanction_respondents",
        postgresql_where=sa.text("partner_id IS NOT NULL"),
    )
    op.drop_index(
        "uq_sanction_respondents_main",
        table_name="sanction_respondents",
        postgresql_where=sa.text("main"),
    )
    op.drop_index(
        "ix_sanction_respondents_review_due_on",
        table_name="sanction_respondents",
        postgresql_where=sa.text("review_due_on IS NOT NULL"),
    )
    op.drop_index("ix_sanction_respondents_partner_id", table_name="sanction_respondents")
    op.drop_table("sanction_respondents")
    op.drop_index(
        "uq_sanction_case_parties_open",
        table_name="sanction_case_parties",
        postgresql_where=sa.text("state IN ('invited', 'accepted')"),
    )
    op.drop_index("ix_sanction_case_parties_party_agency", table_name="sanction_case_parties")
    op.drop_table("sanction_case_parties")
    op.drop_table("sanction_procedures")
    op.drop_constraint(
        op.f("uq_sanction_cases_id_agency_id_investigator_id_track"),
        "sanction_cases",
        type_="unique",
    )
    op.drop_column("sanction_cases", "track")
    run_script(FUNCTIONS)
    for table, name, condition in BEFORE:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
