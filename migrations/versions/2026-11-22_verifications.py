"""Verifications, deactivation, and the restraints of measures

Revision: 0020, after 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


SECURITY = """
SET LOCAL check_function_bodies = off;
GRANT SELECT ON verification_question_sets TO reg_app, reg_worker, reg_facts;
INSERT INTO verification_question_sets
  (version, effective_from, needed, partner_types, valid_months) VALUES
  ('2026-1', '2026-01-01', '{"registration": true, "mandate": true, "safeguards": true,
    "other_risk": false, "recorded_risk": false}',
   '{NGO_INTL,NGO_NATIONAL,NGO_LOCAL,NGO_REGIONAL,CBO,ACADEMIC,RCRC_NATIONAL}', 60);

-- ---------------------------------------------------------------- who sees what
ALTER TABLE partner_verifications ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_verifications FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_verifications TO reg_app, reg_worker, reg_facts;
GRANT INSERT (id, partner_id, agency_id, person_id, question_set, answers, flags_shown)
  ON partner_verifications TO reg_app;
CREATE POLICY partner_verifications_select ON partner_verifications FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL OR partner_id = (SELECT app_partner()));
CREATE POLICY partner_verifications_insert ON partner_verifications FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY partner_verifications_worker ON partner_verifications FOR SELECT TO reg_worker
  USING (true);
CREATE POLICY partner_verifications_facts ON partner_verifications FOR SELECT TO reg_facts
  USING (true);
CREATE POLICY partner_verifications_operator ON partner_verifications TO reg_owner
  USING (true) WITH CHECK (true);
CREATE TRIGGER partner_verifications_append_only BEFORE UPDATE OR DELETE ON partner_verifications
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER partner_verifications_no_truncate BEFORE TRUNCATE ON partner_verifications
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Comments are for every agency's roles that may read them; the application asks for role and
-- purpose and logs the reading.
ALTER TABLE partner_verification_notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_verification_notes FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON partner_verification_notes TO reg_app;
CREATE POLICY partner_verification_notes_select ON partner_verification_notes
  FOR SELECT TO reg_app USING ((SELECT app_agency()) IS NOT NULL);
CREATE POLICY partner_verification_notes_insert ON partner_verification_notes
  FOR INSERT TO reg_app WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY partner_verification_notes_export ON partner_verification_notes
  FOR SELECT TO reg_owner USING (owner_agency = (SELECT app_agency()));
CREATE TRIGGER partner_verification_notes_append_only BEFORE UPDATE OR DELETE
  ON partner_verification_notes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER partner_verification_notes_no_truncate BEFORE TRUNCATE
  ON partner_verification_notes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON verification_notices TO reg_worker;

ALTER TABLE partner_deactivations ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_deactivations FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_deactivations TO reg_app;
GRANT INSERT (id, partner_id, agency_id, kind, reason_code, sealed_reason, proposed_by)
  ON partner_deactivations TO reg_app;
GRANT UPDATE (state, decided_by, decided_at, sealed_decision, version)
  ON partner_deactivations TO reg_app;
CREATE POLICY partner_deactivations_select ON partner_deactivations FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY partner_deactivations_insert ON partner_deactivations FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
-- What was decided stays decided.
CREATE POLICY partner_deactivations_update ON partner_deactivations FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) AND state = 'proposed')
  WITH CHECK (agency_id = (SELECT app_agency()) AND state <> 'proposed');
CREATE POLICY partner_deactivations_export ON partner_deactivations FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));

-- ---------------------------------------------------------------- what is in force
-- The one definition of the current verification of a profile, and of each agency's own.
CREATE VIEW partner_verification_current
  WITH (security_invoker = true, security_barrier = true) AS
  SELECT DISTINCT ON (v.partner_id) v.partner_id, v.id, v.agency_id, v.result, v.verified_on,
    v.valid_until, v.legal_fields, v.sequence
  FROM partner_verifications v ORDER BY v.partner_id, v.sequence DESC;
CREATE VIEW partner_verification_by_agency
  WITH (security_invoker = true, security_barrier = true) AS
  SELECT DISTINCT ON (v.partner_id, v.agency_id) v.partner_id, v.id, v.agency_id, v.result,
    v.verified_on, v.valid_until, v.legal_fields, v.sequence
  FROM partner_verifications v ORDER BY v.partner_id, v.agency_id, v.sequence DESC;
GRANT SELECT ON partner_verification_current, partner_verification_by_agency
  TO reg_app, reg_worker, reg_facts;

-- A hash of what a verification rests on; when it changes, the profile is to be verified anew.
CREATE FUNCTION partner_legal_fields(partner uuid) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT encode(sha256(convert_to(jsonb_build_array(p.legal_name, p.partner_type, p.country,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(i.country, i.value) ORDER BY i.country, i.value),
       '[]') FROM partner_identifiers i
     WHERE i.partner_id = p.id AND i.scheme = 'NAT_REG' AND i.active))::text, 'UTF8')), 'hex')
  FROM partners p WHERE p.id = partner $$;

CREATE FUNCTION verification_question_set() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT q.version FROM verification_question_sets q WHERE q.effective_from <= current_date
  ORDER BY q.effective_from DESC LIMIT 1 $$;

-- Four questions to other parts of the registry; each part answers by replacing the function.
CREATE FUNCTION verification_declared(partner uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT true $$;
CREATE FUNCTION verification_flags(partner uuid) RETURNS uuid[] LANGUAGE sql STABLE AS $$
  SELECT '{}'::uuid[] $$;
CREATE FUNCTION standing_flags(partner uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT '{"observations": 0, "yellow": 0, "escalated": 0, "red": 0, "inherited":
    {"observations": 0, "yellow": 0, "escalated": 0, "red": 0}}'::jsonb $$;
CREATE FUNCTION standing_contested(partner uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT false $$;

-- Everything that stands against recording a verification now, as codes. What speaks against the
-- partner stops a positive result only: bad news may always be recorded.
CREATE FUNCTION verification_obstacles(partner uuid, positive boolean, shown uuid[])
  RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT coalesce(array_agg(o.code ORDER BY o.place, o.code), '{}') FROM (
    SELECT 1 AS place, 'partner_merged' AS code FROM partners p
      WHERE p.id = partner AND p.merged_into IS NOT NULL
    UNION SELECT 1, 'partner_deactivated' FROM partners p
      WHERE p.id = partner AND p.deactivated_at IS NOT NULL
    UNION SELECT 2, 'partner_type_not_verifiable' FROM partners p
      WHERE p.id = partner AND NOT EXISTS (SELECT 1 FROM verification_question_sets q
        WHERE q.version = verification_question_set() AND p.partner_type = ANY (q.partner_types))
    UNION SELECT 3, 'profile_incomplete' FROM partners p WHERE p.id = partner AND NOT p.complete
    UNION SELECT 4, 'declaration_missing' WHERE NOT verification_declared(partner)
    UNION SELECT 5, 'flags_not_shown' WHERE NOT coalesce(shown, '{}') @> verification_flags(partner)
    UNION SELECT 6, 'headquarters_not_verified' FROM partners p
      JOIN partners h ON h.id = partner_root(p.hq_id)
      WHERE positive AND p.id = partner AND (h.verification IS DISTINCT FROM 'verified'
        OR h.verified_until < current_date OR h.deactivated_at IS NOT NULL)
    UNION SELECT 7, CASE WHEN f.inherited_from IS NOT NULL THEN 'headquarters_' ELSE '' END
        || CASE f.reason WHEN 'POTENTIAL_MATCH' THEN 'list_match_open' ELSE lower(f.reason) END
      FROM restraints_in_force(partner) f JOIN restraint_reasons k ON k.code = f.reason
      WHERE positive AND k.stops_verification) o $$;

-- ---------------------------------------------------------------- recording
GRANT SELECT (hq_id, partner_type, complete, verification, verified_until, deactivated_at,
  merged_into, legal_name, country, version), UPDATE (verification, verified_by, verified_on,
  verified_until, deactivated_at, version, updated_by) ON partners TO reg_facts;
GRANT SELECT (partner_id, scheme, value, country, active) ON partner_identifiers TO reg_facts;
GRANT SELECT ON partner_aliases, restraints, restraint_reasons TO reg_facts;

-- Refuses nothing: row security, which comes after, decides about whose row it is first.
CREATE FUNCTION fill_verification() RETURNS trigger
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
CREATE FUNCTION apply_verification() RETURNS trigger
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
CREATE TRIGGER partner_verifications_fill BEFORE INSERT ON partner_verifications
  FOR EACH ROW EXECUTE FUNCTION fill_verification();
CREATE TRIGGER partner_verifications_apply AFTER INSERT ON partner_verifications
  FOR EACH ROW EXECUTE FUNCTION apply_verification();

-- Whoever contradicts another agency says why, in the same transaction.
CREATE FUNCTION contradiction_is_reasoned() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM partner_verification_notes n
      WHERE n.verification_id = NEW.id AND n.reasoned) THEN
    RAISE EXCEPTION 'a verification that contradicts another needs a reason'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'contradiction_is_reasoned';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER partner_verifications_reasoned AFTER INSERT ON partner_verifications
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.contradicts <> '{}')
  EXECUTE FUNCTION contradiction_is_reasoned();

-- ---------------------------------------------------------------- falling back
-- What was verified is no longer what the profile says. A negative result stays until the next.
CREATE FUNCTION legal_fields_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.verification := NULL;
  NEW.verified_by := NULL;
  NEW.verified_on := NULL;
  NEW.verified_until := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER partners_legal_fields BEFORE UPDATE OF legal_name, partner_type, country ON partners
  FOR EACH ROW WHEN (OLD.verification = 'verified'
    AND (OLD.legal_name, OLD.partner_type, OLD.country)
      IS DISTINCT FROM (NEW.legal_name, NEW.partner_type, NEW.country))
  EXECUTE FUNCTION legal_fields_changed();
-- The same for what lies in other tables: for any table with a partner_id.
CREATE FUNCTION legal_basis_changed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  UPDATE partners p SET verification = NULL, verified_by = NULL, verified_on = NULL,
    verified_until = NULL, version = p.version + 1
  WHERE p.verification = 'verified'
    AND p.id = CASE WHEN TG_OP = 'DELETE' THEN OLD.partner_id ELSE NEW.partner_id END;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_identifiers_legal_new AFTER INSERT ON partner_identifiers
  FOR EACH ROW WHEN (NEW.scheme = 'NAT_REG' AND NEW.active) EXECUTE FUNCTION legal_basis_changed();
CREATE TRIGGER partner_identifiers_legal_changed AFTER UPDATE ON partner_identifiers
  FOR EACH ROW WHEN (NEW.scheme = 'NAT_REG' AND (OLD.value, OLD.country, OLD.active)
    IS DISTINCT FROM (NEW.value, NEW.country, NEW.active)) EXECUTE FUNCTION legal_basis_changed();
CREATE TRIGGER partner_identifiers_legal_gone AFTER DELETE ON partner_identifiers
  FOR EACH ROW WHEN (OLD.scheme = 'NAT_REG' AND OLD.active) EXECUTE FUNCTION legal_basis_changed();

-- Ends what is past its last day, and nothing else.
CREATE FUNCTION lapse_verifications(most integer)
  RETURNS TABLE (partner uuid, agency uuid, until date, profile_version integer)
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH due AS (SELECT d.id, d.verified_by, d.verified_until FROM partners d
    WHERE d.verified_until < current_date ORDER BY d.verified_until LIMIT most
    FOR UPDATE SKIP LOCKED)
  UPDATE partners p SET verification = NULL, verified_by = NULL, verified_on = NULL,
    verified_until = NULL, version = p.version + 1
  FROM due WHERE p.id = due.id
  RETURNING p.id, due.verified_by, due.verified_until, p.version $$;
REVOKE EXECUTE ON FUNCTION lapse_verifications(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lapse_verifications(integer) TO reg_worker;
GRANT SELECT (verified_by) ON partners TO reg_facts;

-- ---------------------------------------------------------------- deactivation
CREATE FUNCTION apply_deactivation() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  UPDATE partners p SET deactivated_at = CASE NEW.kind WHEN 'deactivate' THEN now() END,
    version = p.version + 1, updated_by = NEW.agency_id
  WHERE p.id = NEW.partner_id AND p.merged_into IS NULL
    AND (p.deactivated_at IS NULL) = (NEW.kind = 'deactivate');
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the profile is not in the state that this would change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deactivation_not_possible';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_deactivations_apply AFTER UPDATE OF state ON partner_deactivations
  FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION apply_deactivation();

-- ---------------------------------------------------------------- restraints
-- What was lifted stays as it was; another restraint is another row.
CREATE FUNCTION keep_restraint_lifted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'a lifted restraint is not changed'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'restraint_lifted';
END $$;
CREATE TRIGGER restraints_lifted BEFORE UPDATE ON restraints
  FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL AND OLD.* IS DISTINCT FROM NEW.*)
  EXECUTE FUNCTION keep_restraint_lifted();
-- Measures that were imposed before restraints were kept.
INSERT INTO restraints (id, partner_id, reason, source_kind, source_id, put_by, since, until)
  SELECT uuidv7(), e.partner_id, 'SANCTION', 'sanction_entry', e.id, e.imposing_agency,
    e.effective_from::timestamp AT TIME ZONE 'UTC',
    (e.effective_to + 1)::timestamp AT TIME ZONE 'UTC'
  FROM sanction_entries e WHERE e.blocking AND e.status = 'ACTIVE'
    AND (e.effective_to IS NULL OR e.effective_to >= current_date);

REVOKE EXECUTE ON FUNCTION fill_verification(), apply_verification(), legal_basis_changed(),
  apply_deactivation() FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION fill_verification() OWNER TO reg_facts;
ALTER FUNCTION apply_verification() OWNER TO reg_facts;
ALTER FUNCTION legal_basis_changed() OWNER TO reg_facts;
ALTER FUNCTION lapse_verifications(integer) OWNER TO reg_facts;
ALTER FUNCTION apply_deactivation() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

UNDO = """
DELETE FROM restraints WHERE source_kind = 'sanction_entry';
DROP TRIGGER restraints_lifted ON restraints;
DROP TRIGGER partner_identifiers_legal_new ON partner_identifiers;
DROP TRIGGER partner_identifiers_legal_changed ON partner_identifiers;
DROP TRIGGER partner_identifiers_legal_gone ON partner_identifiers;
DROP TRIGGER partners_legal_fields ON partners;
DROP VIEW partner_verification_current, partner_verification_by_agency;
DROP TRIGGER partner_verifications_fill ON partner_verifications;
DROP TRIGGER partner_verifications_apply ON partner_verifications;
DROP TRIGGER partner_verifications_reasoned ON partner_verifications;
DROP TRIGGER partner_deactivations_apply ON partner_deactivations;
DROP FUNCTION keep_restraint_lifted(), apply_deactivation(), lapse_verifications(integer),
  legal_basis_changed(), legal_fields_changed(), contradiction_is_reasoned(),
  apply_verification(), fill_verification(), verification_obstacles(uuid, boolean, uuid[]),
  standing_contested(uuid), standing_flags(uuid), verification_flags(uuid),
  verification_declared(uuid), verification_question_set(), partner_legal_fields(uuid);
REVOKE UPDATE (verification, verified_by, verified_on, verified_until, deactivated_at)
  ON partners FROM reg_facts;
"""


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "verification_question_sets",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("needed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("partner_types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("valid_months", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "valid_months > 0", name=op.f("ck_verification_question_sets_valid_months")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_verification_question_sets")),
    )
    op.create_table(
        "partner_deactivations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_decision", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "proposed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('deactivate', 'reactivate')", name=op.f("ck_partner_deactivations_kind")
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at, sealed_decision) = CASE WHEN state = 'proposed' THEN 3 ELSE 0 END",
            name=op.f("ck_partner_deactivations_decided"),
        ),
        sa.CheckConstraint(
            "reason_code ~ '^[A-Z_]{1,40}$'", name=op.f("ck_partner_deactivations_reason_code")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'refused')",
            name=op.f("ck_partner_deactivations_state"),
        ),
        sa.CheckConstraint(
            "decided_by <> proposed_by", name=op.f("ck_partner_deactivations_two_persons")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_partner_deactivations_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_partner_deactivations_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_deactivations_partner_id_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"],
            ["persons.id"],
            name=op.f("fk_partner_deactivations_proposed_by_persons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_deactivations")),
    )
    op.create_index(
        "ix_partner_deactivations_partner_id",
        "partner_deactivations",
        ["partner_id"],
        unique=False,
    )
    op.create_index(
        "uq_partner_deactivations_partner_id_agency_id",
        "partner_deactivations",
        ["partner_id", "agency_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "partner_verifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("question_set", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("flags_shown", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("verified_on", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("legal_fields", sa.Text(), nullable=False),
        sa.Column("contradicts", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(result = 'verified') = (valid_until IS NOT NULL)",
            name=op.f("ck_partner_verifications_valid_until"),
        ),
        sa.CheckConstraint(
            "result IN ('verified', 'unverified')", name=op.f("ck_partner_verifications_result")
        ),
        sa.CheckConstraint(
            "verified_on <= CURRENT_DATE", name=op.f("ck_partner_verifications_verified_on")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_partner_verifications_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_verifications_partner_id_partners"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_partner_verifications_person_id_persons")
        ),
        sa.ForeignKeyConstraint(
            ["question_set"],
            ["verification_question_sets.version"],
            name="fk_partner_verifications_question_set",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_verifications")),
        sa.UniqueConstraint("id", "agency_id", name=op.f("uq_partner_verifications_id_agency_id")),
        sa.UniqueConstraint(
            "partner_id", "sequence", name=op.f("uq_partner_verifications_partner_id_sequence")
        ),
    )
    op.create_table(
        "partner_verification_notes",
        sa.Column("verification_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("reasoned", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["verification_id", "owner_agency"],
            ["partner_verifications.id", "partner_verifications.agency_id"],
            name="fk_partner_verification_notes_record",
        ),
        sa.PrimaryKeyConstraint("verification_id", name=op.f("pk_partner_verification_notes")),
    )
    op.create_table(
        "verification_notices",
        sa.Column("verification_id", sa.Uuid(), nullable=False),
        sa.Column("days", sa.SmallInteger(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["verification_id"],
            ["partner_verifications.id"],
            name=op.f("fk_verification_notices_verification_id_partner_verifications"),
        ),
        sa.PrimaryKeyConstraint("verification_id", "days", name=op.f("pk_verification_notices")),
    )
    op.create_index(
        "ix_partners_verified_until",
        "partners",
        ["verified_until"],
        unique=False,
        postgresql_where=sa.text("verified_until IS NOT NULL"),
    )
    run_script(
        SECURITY
        + rekey_security("partner_verification_notes")
        + rekey_security("partner_deactivations")
    )


def downgrade() -> None:
    run_script(UNDO)
    op.drop_index(
        "ix_partners_verified_until",
        table_name="partners",
        postgresql_where=sa.text("verified_until IS NOT NULL"),
    )
    op.drop_table("verification_notices")
    op.drop_table("partner_verification_notes")
    op.drop_table("partner_verifications")
    op.drop_index(
        "uq_partner_deactivations_partner_id_agency_id",
        table_name="partner_deactivations",
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.drop_index("ix_partner_deactivations_partner_id", table_name="partner_deactivations")
    op.drop_table("partner_deactivations")
    op.drop_table("verification_question_sets")
