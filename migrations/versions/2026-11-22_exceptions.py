"""exceptions

Revision: 0008, after 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SECURITY = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
-- ---------------------------------------------------------------- facts about records
-- These run as reg_facts: it owns no table, passes by no policy, and tells a yes or a no, or which
-- steps of an own case are hidden; never contents.
GRANT USAGE ON SCHEMA public TO reg_facts;
GRANT SELECT (id, owner_agency, redacted, version, updated_at) ON assessments TO reg_facts;
GRANT UPDATE (redacted, version, updated_at) ON assessments TO reg_facts;
GRANT SELECT, UPDATE (sealed, redacted) ON assessment_details TO reg_facts;
GRANT SELECT (id, assessment_id, owner_agency, requested_by, sealed_reason),
  UPDATE (sealed_justification, sealed_reason) ON access_requests TO reg_facts;
GRANT SELECT (id, agency_id, partner_id) ON sanction_cases TO reg_facts;
GRANT SELECT, UPDATE (sealed, redacted) ON sanction_case_steps TO reg_facts;
GRANT SELECT (id) ON partners TO reg_facts;
GRANT SELECT (agency_id, route, headers), DELETE ON idempotency_keys TO reg_facts;
GRANT SELECT (partner_id) ON assessments TO reg_facts;
CREATE POLICY assessments_own_fact ON assessments FOR SELECT TO reg_facts
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY assessments_redact ON assessments FOR UPDATE TO reg_facts
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assessment_details_own_fact ON assessment_details FOR SELECT TO reg_facts
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY assessment_details_redact ON assessment_details FOR UPDATE TO reg_facts
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY access_requests_own_fact ON access_requests FOR SELECT TO reg_facts
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY access_requests_redact ON access_requests FOR UPDATE TO reg_facts
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY sanction_cases_own_fact ON sanction_cases FOR SELECT TO reg_facts
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY sanction_case_steps_own_fact ON sanction_case_steps FOR SELECT TO reg_facts
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY sanction_case_steps_redact ON sanction_case_steps FOR UPDATE TO reg_facts
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
-- The asking agency's stored answers repeat what it wrote of the record.
CREATE POLICY idempotency_keys_redact_seek ON idempotency_keys FOR SELECT TO reg_facts
  USING (route = '/v1/access-requests' OR route LIKE '/v1/access-requests/%');
CREATE POLICY idempotency_keys_redact ON idempotency_keys FOR DELETE TO reg_facts
  USING (route = '/v1/access-requests' OR route LIKE '/v1/access-requests/%');

CREATE FUNCTION own_record(kind text, record uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE kind
    WHEN 'assessment' THEN EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = record AND a.owner_agency = app_agency())
    WHEN 'statement' THEN EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = record AND a.owner_agency = app_agency())
    WHEN 'sanction_case' THEN EXISTS (SELECT 1 FROM sanction_cases c
      WHERE c.id = record AND c.agency_id = app_agency())
    WHEN 'case_step' THEN EXISTS (SELECT 1 FROM sanction_case_steps s
      WHERE s.id = record AND s.agency_id = app_agency())
    WHEN 'partner' THEN EXISTS (SELECT 1 FROM partners p WHERE p.id = record)
    ELSE false END $$;
CREATE FUNCTION redacted_steps(of_case uuid) RETURNS TABLE (id uuid, kind text, at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT s.id, s.kind, s.at FROM sanction_case_steps s
  WHERE s.case_id = of_case AND s.redacted AND s.agency_id = app_agency() $$;

-- ---------------------------------------------------------------- legal holds
ALTER TABLE legal_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE legal_holds FORCE ROW LEVEL SECURITY;
GRANT SELECT ON legal_holds TO reg_app;
GRANT INSERT (id, agency_id, subject_kind, subject_id, sealed_reason, review_on, set_by)
  ON legal_holds TO reg_app;
GRANT UPDATE (review_on, renewed_by, renewed_at, released_by, released_at, sealed_release, version)
  ON legal_holds TO reg_app;
GRANT SELECT (subject_id, review_on, released_at) ON legal_holds TO reg_worker;
GRANT SELECT (subject_id, released_at) ON legal_holds TO reg_facts;
CREATE POLICY legal_holds_select ON legal_holds FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY legal_holds_insert ON legal_holds FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()) AND own_record(subject_kind, subject_id));
CREATE POLICY legal_holds_update ON legal_holds FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND released_at IS NULL)
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY legal_holds_worker ON legal_holds FOR SELECT TO reg_worker USING (true);
CREATE POLICY legal_holds_fact ON legal_holds FOR SELECT TO reg_facts
  USING (released_at IS NULL);

CREATE FUNCTION is_held(record uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM legal_holds h
    WHERE h.subject_id = record AND h.released_at IS NULL) $$;

-- A hold and a destruction of the same record take turns.
CREATE FUNCTION hold_takes_turn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(NEW.subject_id::text, 7021));
  RETURN NEW; END $$;
CREATE TRIGGER legal_holds_take_turn BEFORE INSERT ON legal_holds
  FOR EACH ROW EXECUTE FUNCTION hold_takes_turn();
-- Every destroyer asks this, of the record and of all that it is part of; a part that is not
-- found counts as held.
CREATE FUNCTION refuse_held(VARIADIC records uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE record uuid;
BEGIN
  FOREACH record IN ARRAY records LOOP
    IF record IS NOT NULL THEN
      PERFORM pg_advisory_xact_lock(hashtextextended(record::text, 7021));
    END IF;
    IF record IS NULL OR is_held(record) THEN
      RAISE EXCEPTION 'the record is under legal hold'
        USING ERRCODE = '23514', CONSTRAINT = 'legal_hold';
    END IF;
  END LOOP;
END $$;
CREATE FUNCTION assessment_details_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'DELETE' OR length(NEW.sealed) = 0 THEN
    PERFORM refuse_held(OLD.assessment_id,
      (SELECT a.partner_id FROM assessments a WHERE a.id = OLD.assessment_id));
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER assessment_details_kept BEFORE DELETE OR UPDATE OF sealed ON assessment_details
  FOR EACH ROW EXECUTE FUNCTION assessment_details_kept();
CREATE FUNCTION access_requests_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'DELETE' OR length(NEW.sealed_justification) = 0 THEN
    PERFORM refuse_held(OLD.assessment_id,
      (SELECT a.partner_id FROM assessments a WHERE a.id = OLD.assessment_id));
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_requests_kept BEFORE DELETE OR UPDATE OF sealed_justification
  ON access_requests FOR EACH ROW EXECUTE FUNCTION access_requests_kept();
-- Steps stay append-only, but for what a redaction does.
CREATE FUNCTION sanction_case_steps_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'reg_facts'
     AND to_jsonb(NEW) - '{sealed,redacted}'::text[] = to_jsonb(OLD) - '{sealed,redacted}'::text[]
     AND (NEW.sealed = OLD.sealed OR length(NEW.sealed) = 0) THEN
    IF length(NEW.sealed) = 0 THEN
      PERFORM refuse_held(OLD.id, OLD.case_id,
        (SELECT c.partner_id FROM sanction_cases c WHERE c.id = OLD.case_id));
    END IF;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;
DROP TRIGGER sanction_case_steps_append_only ON sanction_case_steps;
CREATE TRIGGER sanction_case_steps_append_only BEFORE UPDATE OR DELETE ON sanction_case_steps
  FOR EACH ROW EXECUTE FUNCTION sanction_case_steps_kept();

-- ---------------------------------------------------------------- redactions
-- A redacted detail or step is nobody's: not the owner's, not that of raw SQL as the API's role.
DROP POLICY assessment_details_select ON assessment_details;
CREATE POLICY assessment_details_select ON assessment_details FOR SELECT TO reg_app
  USING (NOT redacted AND (owner_agency = (SELECT app_agency())
    OR (level = 'INTER_AGENCY' AND (SELECT app_agency()) IS NOT NULL)
    OR (level = 'RESTRICTED' AND EXISTS (SELECT 1 FROM assessments_acl x
      WHERE x.agency_id = (SELECT app_agency()) AND x.record_id = assessment_id
        AND x.level = 'detail' AND x.valid_from <= now()
        AND (x.valid_to IS NULL OR x.valid_to > now())))));
DROP POLICY sanction_case_steps_select ON sanction_case_steps;
CREATE POLICY sanction_case_steps_select ON sanction_case_steps FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()) AND NOT redacted);

ALTER TABLE redactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE redactions FORCE ROW LEVEL SECURITY;
GRANT SELECT ON redactions TO reg_app;
GRANT INSERT (id, agency_id, subject_kind, subject_id, record_id, partner_id, sealed_reason,
  requested_by) ON redactions TO reg_app;
GRANT UPDATE (state, decided_by, decided_at, sealed_decision, version) ON redactions TO reg_app;
GRANT SELECT (id, agency_id, subject_kind, subject_id, record_id, partner_id, decide_by, state,
  reminded_at), UPDATE (reminded_at) ON redactions TO reg_worker;
CREATE POLICY redactions_select ON redactions FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY redactions_insert ON redactions FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()) AND state = 'hidden'
    AND own_record(subject_kind, subject_id));
-- What was decided stays decided.
CREATE POLICY redactions_update ON redactions FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND state = 'hidden')
  WITH CHECK (agency_id = (SELECT app_agency()) AND state <> 'hidden');
CREATE POLICY redactions_seek ON redactions FOR SELECT TO reg_worker USING (true);
CREATE POLICY redactions_remind ON redactions FOR UPDATE TO reg_worker
  USING (state = 'hidden') WITH CHECK (state = 'hidden');

-- The one way by which content is hidden, destroyed or brought back: a row of redactions.
CREATE FUNCTION apply_redaction() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE hidden boolean := NEW.state <> 'undone'; gone boolean := NEW.state = 'confirmed';
BEGIN
  IF NEW.subject_kind = 'assessment' THEN
    UPDATE assessments SET redacted = hidden, version = version + 1, updated_at = now()
      WHERE id = NEW.subject_id;
    UPDATE assessment_details SET redacted = hidden WHERE assessment_id = NEW.subject_id;
    IF gone THEN
      UPDATE assessment_details SET sealed = '' WHERE assessment_id = NEW.subject_id;
      UPDATE access_requests SET sealed_justification = '',
        sealed_reason = CASE WHEN sealed_reason IS NULL THEN NULL ELSE ''::bytea END
        WHERE assessment_id = NEW.subject_id;
      DELETE FROM idempotency_keys k USING access_requests r
        WHERE r.assessment_id = NEW.subject_id AND k.agency_id IN (r.requested_by, r.owner_agency)
        AND ((k.route = '/v1/access-requests'
              AND k.headers ->> 'location' = '/v1/access-requests/' || r.id)
          OR k.route = '/v1/access-requests/' || r.id || '/decision');
    END IF;
  ELSE
    UPDATE sanction_case_steps SET redacted = hidden WHERE id = NEW.subject_id;
    IF gone THEN UPDATE sanction_case_steps SET sealed = '' WHERE id = NEW.subject_id; END IF;
  END IF;
  IF NOT FOUND AND NOT gone THEN
    RAISE EXCEPTION 'no such record' USING ERRCODE = '42501';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER redactions_apply AFTER INSERT OR UPDATE OF state ON redactions
  FOR EACH ROW EXECUTE FUNCTION apply_redaction();

-- ---------------------------------------------------------------- withholdings
ALTER TABLE withholdings ENABLE ROW LEVEL SECURITY;
ALTER TABLE withholdings FORCE ROW LEVEL SECURITY;
GRANT SELECT ON withholdings TO reg_app;
GRANT INSERT (id, agency_id, subject_kind, subject_id, partner_id, until, sealed_reason, set_by)
  ON withholdings TO reg_app;
GRANT UPDATE (since, until, renewed_by, ended_by, ended_at, version) ON withholdings TO reg_app;
GRANT SELECT (id, until, ended_at) ON withholdings TO reg_worker;
GRANT SELECT (agency_id, subject_kind, subject_id, partner_id, until, ended_at)
  ON withholdings TO reg_facts;
CREATE POLICY withholdings_select ON withholdings FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()) AND (SELECT app_oversight()));
CREATE POLICY withholdings_insert ON withholdings FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()) AND (SELECT app_oversight())
    AND (subject_kind = 'read_log' OR own_record(subject_kind, subject_id)));
CREATE POLICY withholdings_update ON withholdings FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND (SELECT app_oversight()) AND ended_at IS NULL)
  WITH CHECK (agency_id = (SELECT app_agency()) AND (SELECT app_oversight()));
CREATE POLICY withholdings_worker ON withholdings FOR SELECT TO reg_worker USING (true);
CREATE POLICY withholdings_fact ON withholdings FOR SELECT TO reg_facts
  USING (ended_at IS NULL);

CREATE FUNCTION read_withheld(reader uuid, subject uuid, partner uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  -- Whom another agency looks into is nobody's to ask but theirs whose view of the log it filters.
  SELECT (app_oversight() OR app_partner() IS NOT NULL) AND (EXISTS (SELECT 1 FROM withholdings w WHERE w.subject_id = subject
      AND w.agency_id = reader AND w.subject_kind = 'read_log'
      AND w.ended_at IS NULL AND w.until > now())
    OR EXISTS (SELECT 1 FROM withholdings w WHERE w.partner_id = partner
      AND w.agency_id = reader AND w.subject_kind = 'read_log'
      AND w.ended_at IS NULL AND w.until > now())) $$;
CREATE FUNCTION withheld(subject uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM withholdings w WHERE w.subject_id = subject
    AND w.subject_kind <> 'read_log' AND w.ended_at IS NULL AND w.until > now()) $$;

-- Held events are for oversight roles; while the reader's office withholds them, for its own only.
DROP POLICY audit_events_select ON audit_events;
CREATE POLICY audit_events_select ON audit_events FOR SELECT TO reg_app
  USING ((owner_agency = (SELECT app_agency()) OR agency_id = (SELECT app_agency()))
    AND (NOT held OR ((SELECT app_oversight()) AND (agency_id = (SELECT app_agency())
      OR NOT read_withheld(agency_id, subject_id, partner_id)))));
-- To the partner neither: nothing held, no act of an agency that withholds its reads of it, and
-- nothing done on a statement that is kept from it.
DROP POLICY audit_events_facts ON audit_events;
CREATE POLICY audit_events_facts ON audit_events FOR SELECT TO reg_facts
  USING (partner_id = (SELECT app_partner()) AND NOT held
    AND NOT read_withheld(agency_id, subject_id, partner_id) AND NOT withheld(subject_id));

-- ---------------------------------------------------------------- break-glass
ALTER TABLE operators ENABLE ROW LEVEL SECURITY;
ALTER TABLE operators FORCE ROW LEVEL SECURITY;
ALTER TABLE break_glass ENABLE ROW LEVEL SECURITY;
ALTER TABLE break_glass FORCE ROW LEVEL SECURITY;
CREATE POLICY operators_operator ON operators TO reg_owner USING (true) WITH CHECK (true);
CREATE POLICY break_glass_operator ON break_glass TO reg_owner USING (true) WITH CHECK (true);
-- Even the operator's own role sees one record's content, for one hour, and never what is redacted.
CREATE POLICY assessments_break_glass ON assessments FOR SELECT TO reg_owner
  USING (EXISTS (SELECT 1 FROM break_glass b WHERE b.record_id = assessments.id
    AND b.closed_at IS NULL AND b.expires_at > now()));
CREATE POLICY assessment_details_break_glass ON assessment_details FOR SELECT TO reg_owner
  USING (NOT redacted AND EXISTS (SELECT 1 FROM break_glass b
    WHERE b.record_id = assessment_id AND b.closed_at IS NULL AND b.expires_at > now()));
CREATE POLICY sanction_cases_break_glass ON sanction_cases FOR SELECT TO reg_owner
  USING (EXISTS (SELECT 1 FROM break_glass b WHERE b.record_id = sanction_cases.id
    AND b.closed_at IS NULL AND b.expires_at > now()));
CREATE POLICY sanction_case_steps_break_glass ON sanction_case_steps FOR SELECT TO reg_owner
  USING (NOT redacted AND EXISTS (SELECT 1 FROM break_glass b
    WHERE b.record_id = case_id AND b.closed_at IS NULL AND b.expires_at > now()));

-- ---------------------------------------------------------------- who may call and own what
REVOKE ALL ON FUNCTION own_record(text, uuid), redacted_steps(uuid), is_held(uuid),
  read_withheld(uuid, uuid, uuid), withheld(uuid), apply_redaction() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_record(text, uuid), is_held(uuid) TO reg_app, reg_worker, reg_facts;
GRANT EXECUTE ON FUNCTION redacted_steps(uuid), read_withheld(uuid, uuid, uuid) TO reg_app;
GRANT EXECUTE ON FUNCTION withheld(uuid) TO reg_app, reg_worker;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION own_record(text, uuid) OWNER TO reg_facts;
ALTER FUNCTION redacted_steps(uuid) OWNER TO reg_facts;
ALTER FUNCTION is_held(uuid) OWNER TO reg_facts;
ALTER FUNCTION read_withheld(uuid, uuid, uuid) OWNER TO reg_facts;
ALTER FUNCTION withheld(uuid) OWNER TO reg_facts;
ALTER FUNCTION apply_redaction() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

OPEN = """
DROP POLICY sanction_case_steps_break_glass ON sanction_case_steps;
DROP POLICY sanction_cases_break_glass ON sanction_cases;
DROP POLICY assessment_details_break_glass ON assessment_details;
DROP POLICY assessments_break_glass ON assessments;
DROP POLICY audit_events_facts ON audit_events;
CREATE POLICY audit_events_facts ON audit_events FOR SELECT TO reg_facts
  USING (partner_id = (SELECT app_partner()) AND NOT held);
DROP POLICY audit_events_select ON audit_events;
CREATE POLICY audit_events_select ON audit_events FOR SELECT TO reg_app
  USING ((owner_agency = (SELECT app_agency()) OR agency_id = (SELECT app_agency()))
    AND (NOT held OR (SELECT app_oversight())));
DROP POLICY sanction_case_steps_select ON sanction_case_steps;
CREATE POLICY sanction_case_steps_select ON sanction_case_steps FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
DROP POLICY assessment_details_select ON assessment_details;
CREATE POLICY assessment_details_select ON assessment_details FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency())
    OR (level = 'INTER_AGENCY' AND (SELECT app_agency()) IS NOT NULL)
    OR (level = 'RESTRICTED' AND EXISTS (SELECT 1 FROM assessments_acl x
      WHERE x.agency_id = (SELECT app_agency()) AND x.record_id = assessment_id
        AND x.level = 'detail' AND x.valid_from <= now()
        AND (x.valid_to IS NULL OR x.valid_to > now()))));
DROP TRIGGER sanction_case_steps_append_only ON sanction_case_steps;
CREATE TRIGGER sanction_case_steps_append_only BEFORE UPDATE OR DELETE ON sanction_case_steps
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER access_requests_kept ON access_requests;
DROP TRIGGER assessment_details_kept ON assessment_details;
DROP POLICY idempotency_keys_redact ON idempotency_keys;
DROP POLICY idempotency_keys_redact_seek ON idempotency_keys;
DROP POLICY sanction_case_steps_redact ON sanction_case_steps;
DROP POLICY sanction_case_steps_own_fact ON sanction_case_steps;
DROP POLICY sanction_cases_own_fact ON sanction_cases;
DROP POLICY access_requests_redact ON access_requests;
DROP POLICY access_requests_own_fact ON access_requests;
DROP POLICY assessment_details_redact ON assessment_details;
DROP POLICY assessment_details_own_fact ON assessment_details;
DROP POLICY assessments_redact ON assessments;
DROP POLICY assessments_own_fact ON assessments;
REVOKE ALL ON assessments, assessment_details, access_requests, sanction_cases,
  sanction_case_steps, partners, idempotency_keys FROM reg_facts;
REVOKE USAGE ON SCHEMA public FROM reg_facts;
DROP POLICY redactions_insert ON redactions;
DROP POLICY legal_holds_insert ON legal_holds;
DROP POLICY withholdings_insert ON withholdings;
DROP TRIGGER redactions_apply ON redactions;
DROP TRIGGER legal_holds_take_turn ON legal_holds;
DROP FUNCTION apply_redaction();
DROP FUNCTION sanction_case_steps_kept();
DROP FUNCTION access_requests_kept();
DROP FUNCTION assessment_details_kept();
DROP FUNCTION refuse_held(uuid[]);
DROP FUNCTION hold_takes_turn();
DROP FUNCTION is_held(uuid);
DROP FUNCTION withheld(uuid);
DROP FUNCTION read_withheld(uuid, uuid, uuid);
DROP FUNCTION redacted_steps(uuid);
DROP FUNCTION own_record(text, uuid);
"""

EMPTIED = ("assessment_details", "sanction_case_steps")


def upgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    op.create_table(
        "operators",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column(
            "added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("name ~ '^[a-z][a-z0-9._-]{1,39}$'", name=op.f("ck_operators_name")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_operators")),
    )
    op.create_index("uq_operators_public", "operators", ["public"], unique=True)
    op.create_table(
        "break_glass",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("record_kind", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("asked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("asked_signature", sa.LargeBinary(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "approved", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("approved_signature", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "expires_at <= approved_at + interval '1 hour'", name=op.f("ck_break_glass_one_hour")
        ),
        sa.CheckConstraint(
            "record_kind IN ('assessment', 'sanction_case')",
            name=op.f("ck_break_glass_record_kind"),
        ),
        sa.CheckConstraint("approved_by <> asked_by", name=op.f("ck_break_glass_two_persons")),
        sa.CheckConstraint(
            "num_nulls(approved_by, approved_at, approved, approved_signature, expires_at) IN (0, 5)",
            name=op.f("ck_break_glass_approved"),
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["operators.name"], name=op.f("fk_break_glass_approved_by_operators")
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["operators.name"], name=op.f("fk_break_glass_asked_by_operators")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_break_glass_owner_agency_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_glass")),
    )
    op.create_index("ix_break_glass_record_id", "break_glass", ["record_id"], unique=False)
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("renewed_by", sa.Uuid(), nullable=True),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_release", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "subject_kind IN ('assessment', 'sanction_case', 'case_step', 'partner')",
            name=op.f("ck_legal_holds_subject_kind"),
        ),
        sa.CheckConstraint(
            "num_nulls(released_by, released_at, sealed_release) IN (0, 3)",
            name=op.f("ck_legal_holds_released"),
        ),
        sa.CheckConstraint(
            "num_nulls(renewed_by, renewed_at) <> 1", name=op.f("ck_legal_holds_renewed")
        ),
        sa.CheckConstraint("released_by <> set_by", name=op.f("ck_legal_holds_two_persons")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_legal_holds_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["released_by"], ["persons.id"], name=op.f("fk_legal_holds_released_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["renewed_by"], ["persons.id"], name=op.f("fk_legal_holds_renewed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["persons.id"], name=op.f("fk_legal_holds_set_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.create_index("ix_legal_holds_agency_id_id", "legal_holds", ["agency_id", "id"], unique=False)
    op.create_index(
        "ix_legal_holds_review_on",
        "legal_holds",
        ["review_on"],
        unique=False,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index(
        "ix_legal_holds_subject_id",
        "legal_holds",
        ["subject_id"],
        unique=False,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "redactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "decide_by",
            sa.DateTime(timezone=True),
            server_default=sa.text("(now() + interval '72 hours')"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), server_default="hidden", nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_decision", sa.LargeBinary(), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(state = 'hidden') = (decided_by IS NULL) AND num_nulls(decided_by, decided_at, sealed_decision) IN (0, 3)",
            name=op.f("ck_redactions_decided"),
        ),
        sa.CheckConstraint(
            "state IN ('hidden', 'confirmed', 'undone')", name=op.f("ck_redactions_state")
        ),
        sa.CheckConstraint(
            "subject_kind IN ('assessment', 'case_step')", name=op.f("ck_redactions_subject_kind")
        ),
        sa.CheckConstraint("decided_by <> requested_by", name=op.f("ck_redactions_two_persons")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_redactions_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_redactions_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["persons.id"], name=op.f("fk_redactions_requested_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redactions")),
    )
    op.create_index("ix_redactions_agency_id_id", "redactions", ["agency_id", "id"], unique=False)
    op.create_index(
        "ix_redactions_decide_by",
        "redactions",
        ["decide_by"],
        unique=False,
        postgresql_where=sa.text("state = 'hidden'"),
    )
    op.create_index(
        "uq_redactions_subject_id",
        "redactions",
        ["subject_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'undone'"),
    )
    op.create_table(
        "withholdings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("renewed_by", sa.Uuid(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(subject_id, partner_id) = 1 AND (partner_id IS NULL OR subject_kind = 'read_log')",
            name=op.f("ck_withholdings_subject"),
        ),
        sa.CheckConstraint(
            "subject_kind IN ('read_log', 'statement', 'flag', 'case_step')",
            name=op.f("ck_withholdings_subject_kind"),
        ),
        sa.CheckConstraint(
            "until > since AND until <= since + interval '184 days'",
            name=op.f("ck_withholdings_until"),
        ),
        sa.CheckConstraint(
            "(ended_by IS NULL) = (ended_at IS NULL)", name=op.f("ck_withholdings_ended")
        ),
        sa.CheckConstraint("renewed_by <> set_by", name=op.f("ck_withholdings_two_persons")),
        sa.CheckConstraint(
            "since = set_at OR renewed_by IS NOT NULL", name=op.f("ck_withholdings_renewed")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_withholdings_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["persons.id"], name=op.f("fk_withholdings_ended_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["renewed_by"], ["persons.id"], name=op.f("fk_withholdings_renewed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["persons.id"], name=op.f("fk_withholdings_set_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withholdings")),
    )
    op.create_index(
        "ix_withholdings_agency_id_id", "withholdings", ["agency_id", "id"], unique=False
    )
    op.create_index(
        "ix_withholdings_partner_id",
        "withholdings",
        ["partner_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL AND partner_id IS NOT NULL"),
    )
    op.create_index(
        "ix_withholdings_subject_id",
        "withholdings",
        ["subject_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL AND subject_id IS NOT NULL"),
    )
    op.add_column(
        "assessment_details",
        sa.Column("redacted", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "assessments", sa.Column("redacted", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "sanction_case_steps",
        sa.Column("redacted", sa.Boolean(), server_default="false", nullable=False),
    )
    # ### end Alembic commands ###
    for table in EMPTIED:
        op.create_check_constraint(
            op.f(f"ck_{table}_emptied"), table, "redacted OR length(sealed) > 0"
        )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(OPEN)
    for table in EMPTIED:
        op.drop_constraint(op.f(f"ck_{table}_emptied"), table, type_="check")
    # ### commands auto generated by Alembic - please adjust! ###
    op.drop_column("sanction_case_steps", "redacted")
    op.drop_column("assessments", "redacted")
    op.drop_column("assessment_details", "redacted")
    op.drop_index(
        "ix_withholdings_subject_id",
        table_name="withholdings",
        postgresql_where=sa.text("ended_at IS NULL AND subject_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_withholdings_partner_id",
        table_name="withholdings",
        postgresql_where=sa.text("ended_at IS NULL AND partner_id IS NOT NULL"),
    )
    op.drop_index("ix_withholdings_agency_id_id", table_name="withholdings")
    op.drop_table("withholdings")
    op.drop_index(
        "uq_redactions_subject_id",
        table_name="redactions",
        postgresql_where=sa.text("state <> 'undone'"),
    )
    op.drop_index(
        "ix_redactions_decide_by",
        table_name="redactions",
        postgresql_where=sa.text("state = 'hidden'"),
    )
    op.drop_index("ix_redactions_agency_id_id", table_name="redactions")
    op.drop_table("redactions")
    op.drop_index(
        "ix_legal_holds_subject_id",
        table_name="legal_holds",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.drop_index(
        "ix_legal_holds_review_on",
        table_name="legal_holds",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.drop_index("ix_legal_holds_agency_id_id", table_name="legal_holds")
    op.drop_table("legal_holds")
    op.drop_index("ix_break_glass_record_id", table_name="break_glass")
    op.drop_table("break_glass")
    op.drop_index("uq_operators_public", table_name="operators")
    op.drop_table("operators")
    # ### end Alembic commands ###
