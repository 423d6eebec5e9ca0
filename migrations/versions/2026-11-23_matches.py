"""matches

Revision: 0046, after 0045
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

TABLES = ("screening_matches", "match_decisions", "match_questions")
_OWN = "owner_agency = (SELECT app_agency())"
_MINE = "partner_id IN (SELECT partner_lineage((SELECT app_partner()))) AND NOT withheld(id)"


def _each(template: str, tables: tuple[str, ...] = TABLES) -> str:
    """The statements for each table, whose name stands for ``$``."""
    return "".join(template.replace("$", table) for table in tables)


ROWS = f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- ---------------------------------------------------------------- who sees what
{
    _each('''ALTER TABLE $ ENABLE ROW LEVEL SECURITY;
ALTER TABLE $ FORCE ROW LEVEL SECURITY;
GRANT SELECT ON $ TO reg_app, reg_facts;
CREATE POLICY $_facts ON $ FOR SELECT TO reg_facts USING (true);
CREATE POLICY $_facts_update ON $ FOR UPDATE TO reg_facts USING (true) WITH CHECK (true);
''')
}{"".join(map(rekey_security, TABLES))}
-- A pair is every agency's, of an own list its user's alone. No partner sees one. What becomes of
-- it only triggers and the worker write.
CREATE POLICY screening_matches_select ON screening_matches FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL
    AND (holder IS NULL OR holder = (SELECT app_agency())));
GRANT UPDATE (version, settled_at) ON screening_matches TO reg_facts;
GRANT SELECT, INSERT, UPDATE ON screening_matches TO reg_worker;
CREATE POLICY screening_matches_worker ON screening_matches FOR SELECT TO reg_worker USING (true);
CREATE POLICY screening_matches_worker_insert ON screening_matches FOR INSERT TO reg_worker
  WITH CHECK (true);
CREATE POLICY screening_matches_worker_update ON screening_matches FOR UPDATE TO reg_worker
  USING (true) WITH CHECK (true);
CREATE POLICY screening_matches_export ON screening_matches FOR SELECT TO reg_owner
  USING (holder = (SELECT app_agency()));

-- Of other agencies' words those that stand, or stood in a former round, about pairs of all.
GRANT INSERT (id, match_id, owner_agency, match_version, round, subject_hash, entry_hash, decision,
  state, accepted_from, proposed_by, sealed) ON match_decisions TO reg_app;
GRANT UPDATE (state, confirmed_by, confirmed_at, ended_at, sealed_confirmation)
  ON match_decisions TO reg_app;
GRANT UPDATE (state, ended_at, redacted, sealed, sealed_confirmation) ON match_decisions
  TO reg_facts;
CREATE POLICY match_decisions_select ON match_decisions FOR SELECT TO reg_app
  USING ({_OWN} OR (state = 'standing' AND EXISTS (SELECT 1 FROM screening_matches m
    WHERE m.id = match_id AND m.holder IS NULL)));
CREATE POLICY match_decisions_insert ON match_decisions FOR INSERT TO reg_app
  WITH CHECK ({_OWN} AND EXISTS (SELECT 1 FROM screening_matches m WHERE m.id = match_id));
CREATE POLICY match_decisions_update ON match_decisions FOR UPDATE TO reg_app
  USING ({_OWN} AND state = 'proposed')
  WITH CHECK ({_OWN} AND state IN ('standing', 'refused'));
CREATE POLICY match_decisions_export ON match_decisions FOR SELECT TO reg_owner USING ({_OWN});

-- The partner sees what it is asked, unless oversight keeps that back, and answers once.
GRANT INSERT (id, match_id, owner_agency, round, partner_id, person_id, kinds, asked_by, sealed)
  ON match_questions TO reg_app;
GRANT UPDATE (state, answered_at, answered_client, sealed_answer) ON match_questions TO reg_app;
GRANT UPDATE (state) ON match_questions TO reg_facts;
CREATE POLICY match_questions_select ON match_questions FOR SELECT TO reg_app
  USING ({_OWN} OR ({_MINE}));
CREATE POLICY match_questions_insert ON match_questions FOR INSERT TO reg_app
  WITH CHECK ({_OWN} AND EXISTS (SELECT 1 FROM screening_matches m WHERE m.id = match_id
    AND m.partner_id = match_questions.partner_id AND m.round = match_questions.round
    AND m.person_id IS NOT DISTINCT FROM match_questions.person_id AND m.state <> 'obsolete'));
CREATE POLICY match_questions_update ON match_questions FOR UPDATE TO reg_app
  USING ({_MINE} AND state = 'open') WITH CHECK ({_MINE} AND state = 'answered');
CREATE POLICY match_questions_export ON match_questions FOR SELECT TO reg_owner USING ({_OWN});
"""  # noqa: S608 - constants

GATES = """
-- ---------------------------------------------------------------- what a clearance compares
-- The hashes of a pair are keyed, and the key is the worker's. These tell, in the snapshot of a
-- clearance, whether a side says something else than when the pair was last looked at.
CREATE FUNCTION match_subject_digest(of_partner uuid) RETURNS bytea
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(convert_to(jsonb_build_array(
      jsonb_agg(DISTINCT n.name ORDER BY n.name), jsonb_agg(DISTINCT p.country ORDER BY p.country)
    )::text, 'UTF8'))
  FROM partners p CROSS JOIN LATERAL unnest(
    ARRAY[p.legal_name, p.legal_name_native] || p.aliases || p.former_names) AS n (name)
  WHERE p.id IN (SELECT partner_lineage(of_partner)) AND n.name IS NOT NULL $$;
CREATE FUNCTION match_entry_digest(of_list text, of_party uuid) RETURNS bytea
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(convert_to(jsonb_build_array(
      (SELECT jsonb_agg(DISTINCT n ->> 'name' ORDER BY n ->> 'name')
        FROM jsonb_array_elements(e.entry -> 'names') n),
      (SELECT jsonb_agg(DISTINCT n ORDER BY n) FROM jsonb_array_elements(e.entry -> 'countries') n),
      (SELECT jsonb_agg(DISTINCT n ORDER BY n)
        FROM jsonb_array_elements(e.entry -> 'birth_dates') n),
      (SELECT jsonb_agg(DISTINCT n ->> 'value' ORDER BY n ->> 'value')
        FROM jsonb_array_elements(e.entry -> 'identifiers') n))::text, 'UTF8'))
  FROM (SELECT coalesce(
    (SELECT l.entry FROM listed_parties l WHERE l.source = of_list AND l.entry_id = of_party
      AND l.to_version IS NULL LIMIT 1),
    (SELECT convert_from(f.entry, 'UTF8')::jsonb FROM feed_entries f
      WHERE f.stream = 'inter_agency' AND f.entry_id = of_party::text)) AS entry) e
  WHERE e.entry IS NOT NULL $$;

-- ---------------------------------------------------------------- what a pair does
CREATE FUNCTION match_refused(rule text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'a match is not decided so: %', rule
    USING ERRCODE = 'check_violation', CONSTRAINT = rule;
END $$;

-- Whoever decides takes turns with others and with the worker.
CREATE FUNCTION lock_match(match uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  PERFORM FROM screening_matches m WHERE m.id = match
    AND (m.holder IS NULL OR m.holder = app_agency()) FOR NO KEY UPDATE;
END $$;

CREATE FUNCTION match_state() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  NEW.state := CASE WHEN NEW.gone_at IS NOT NULL THEN 'obsolete'
    WHEN EXISTS (SELECT FROM match_decisions d WHERE d.match_id = NEW.id AND d.round = NEW.round
      AND d.state = 'standing') THEN 'decided'
    ELSE 'open' END;
  NEW.settled_at := CASE WHEN NEW.state = 'open' THEN NULL
    WHEN TG_OP = 'INSERT' THEN now()
    WHEN NEW.state IS DISTINCT FROM OLD.state THEN now()
    ELSE coalesce(NEW.settled_at, now()) END;
  RETURN NEW;
END $$;
CREATE TRIGGER screening_matches_state BEFORE INSERT OR UPDATE ON screening_matches
  FOR EACH ROW EXECUTE FUNCTION match_state();

-- What holds the partner back for this pair alone; nobody knows of the pairs of one agency's list.
CREATE FUNCTION match_effects() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE wanted text;
BEGIN
  wanted := CASE WHEN NEW.holder IS NOT NULL OR NEW.state = 'obsolete' THEN NULL
    WHEN NEW.state = 'open' THEN 'POTENTIAL_MATCH'
    WHEN EXISTS (SELECT FROM match_decisions d WHERE d.match_id = NEW.id AND d.round = NEW.round
      AND d.state = 'standing' AND d.decision = 'TRUE_MATCH') THEN 'CONFIRMED_MATCH' END;
  UPDATE restraints SET lifted_at = now() WHERE source_kind = 'screening_match'
    AND source_id = NEW.id AND lifted_at IS NULL AND reason IS DISTINCT FROM wanted;
  IF wanted IS NOT NULL THEN
    INSERT INTO restraints (id, partner_id, reason, source_kind, source_id)
      VALUES (gen_random_uuid(), NEW.partner_id, wanted, 'screening_match', NEW.id)
      ON CONFLICT (source_kind, source_id, partner_id, reason) WHERE lifted_at IS NULL DO NOTHING;
  END IF;
  UPDATE match_decisions SET state = 'lapsed', ended_at = now()
    WHERE match_id = NEW.id AND state = 'proposed' AND round < NEW.round;
  UPDATE match_questions SET state = 'closed'
    WHERE match_id = NEW.id AND state = 'open' AND (round < NEW.round OR NEW.state = 'obsolete');
  RETURN NULL;
END $$;
CREATE TRIGGER screening_matches_effects AFTER INSERT OR UPDATE ON screening_matches
  FOR EACH ROW EXECUTE FUNCTION match_effects();

-- ---------------------------------------------------------------- what a word on a pair may be
CREATE FUNCTION match_decision_made() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE m record; stands text;
BEGIN
  SELECT s.id, s.state, s.version, s.round, s.subject_hash, s.entry_hash, s.public_office
    INTO STRICT m FROM screening_matches s WHERE s.id = NEW.match_id FOR NO KEY UPDATE;
  IF m.state = 'obsolete' THEN PERFORM match_refused('match_gone'); END IF;
  IF (m.version, m.round, m.subject_hash, m.entry_hash)
      IS DISTINCT FROM (NEW.match_version, NEW.round, NEW.subject_hash, NEW.entry_hash) THEN
    PERFORM match_refused('match_version');
  END IF;
  IF EXISTS (SELECT FROM match_decisions d WHERE d.match_id = m.id AND d.round = m.round
      AND d.owner_agency = NEW.owner_agency AND d.state = 'proposed' AND d.id <> NEW.id) THEN
    PERFORM match_refused('match_pending');
  END IF;
  SELECT d.decision INTO stands FROM match_decisions d WHERE d.match_id = m.id
    AND d.round = m.round AND d.owner_agency = NEW.owner_agency AND d.state = 'standing'
    AND d.id <> NEW.id;
  IF stands = NEW.decision THEN PERFORM match_refused('match_decided'); END IF;
  -- A true match, whatever takes one back, and what concerns a public office take two persons.
  IF (NEW.state = 'standing') = (NEW.decision = 'TRUE_MATCH' OR m.public_office
      OR stands IS NOT NULL) OR NEW.state NOT IN ('proposed', 'standing') THEN
    PERFORM match_refused('match_second_person');
  END IF;
  IF NEW.accepted_from IS NOT NULL AND NOT EXISTS (SELECT FROM match_decisions d
      WHERE d.id = NEW.accepted_from AND d.match_id = m.id AND d.round = m.round
        AND d.state = 'standing' AND d.decision = 'NOT_A_MATCH' AND d.accepted_from IS NULL
        AND d.owner_agency <> NEW.owner_agency) THEN
    PERFORM match_refused('match_offer');
  END IF;
  PERFORM match_word_given(NEW);
  RETURN NULL;
END $$;
CREATE TRIGGER match_decisions_made AFTER INSERT ON match_decisions
  FOR EACH ROW EXECUTE FUNCTION match_decision_made();

CREATE FUNCTION match_word_given(word match_decisions) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  UPDATE screening_matches SET version = version + 1, settled_at = now() WHERE id = word.match_id;
  IF word.state = 'standing' THEN
    UPDATE match_questions SET state = 'closed' WHERE match_id = word.match_id
      AND owner_agency = word.owner_agency AND state = 'open';
  END IF;
END $$;

-- Whoever proposes and whoever confirms are persons of the agency.
CREATE FUNCTION match_by_own_person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM persons p WHERE p.agency_id = NEW.owner_agency AND p.status = 'active'
      AND p.id = coalesce(NEW.confirmed_by, NEW.proposed_by)) THEN
    PERFORM match_refused('match_person');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER match_decisions_by_person AFTER INSERT OR UPDATE OF confirmed_by ON match_decisions
  FOR EACH ROW EXECUTE FUNCTION match_by_own_person();

-- The second person. What stood before is history, and what others took over from it, too.
CREATE FUNCTION match_decision_seconded() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE m record;
BEGIN
  SELECT s.id, s.state, s.version, s.round, s.subject_hash, s.entry_hash, s.public_office
    INTO STRICT m FROM screening_matches s WHERE s.id = NEW.match_id FOR NO KEY UPDATE;
  IF m.state = 'obsolete' THEN PERFORM match_refused('match_gone'); END IF;
  IF m.round <> NEW.round THEN PERFORM match_refused('match_version'); END IF;
  IF NEW.confirmed_by IS NULL THEN PERFORM match_refused('match_person'); END IF;
  IF NEW.state = 'standing' THEN
    IF NEW.accepted_from IS NOT NULL AND NOT EXISTS (SELECT FROM match_decisions d
        WHERE d.id = NEW.accepted_from AND d.state = 'standing') THEN
      PERFORM match_refused('match_offer');
    END IF;
    WITH before AS (
      UPDATE match_decisions SET state = 'revised', ended_at = now()
      WHERE match_id = m.id AND round = m.round AND owner_agency = NEW.owner_agency
        AND state = 'standing' RETURNING id)
    UPDATE match_decisions d SET state = 'revised', ended_at = now()
      FROM before WHERE d.accepted_from = before.id AND d.state = 'standing';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER match_decisions_seconded BEFORE UPDATE OF state ON match_decisions FOR EACH ROW
  WHEN (OLD.state = 'proposed' AND NEW.state IN ('standing', 'refused'))
  EXECUTE FUNCTION match_decision_seconded();
CREATE FUNCTION match_decision_follows() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  PERFORM match_word_given(NEW);
  RETURN NULL;
END $$;
CREATE TRIGGER match_decisions_follow AFTER UPDATE OF state ON match_decisions FOR EACH ROW
  WHEN (OLD.state = 'proposed' AND NEW.state IN ('standing', 'refused'))
  EXECUTE FUNCTION match_decision_follows();

-- ---------------------------------------------------------------- withheld, redacted
DO $do$
DECLARE had text; kind record;
BEGIN
  had := pg_get_functiondef('own_record(text,uuid)'::regprocedure);
  EXECUTE replace(had, 'ELSE false END', $$WHEN 'match_decision' THEN EXISTS (
      SELECT 1 FROM match_decisions d WHERE d.id = record AND d.owner_agency = app_agency())
    WHEN 'match_facts' THEN EXISTS (
      SELECT 1 FROM match_questions q WHERE q.id = record AND q.owner_agency = app_agency())
    ELSE false END$$);
  FOR kind IN SELECT k.of_table, k.code FROM (VALUES ('redactions', 'match_decision'),
      ('withholdings', 'match_facts')) AS k (of_table, code) LOOP
    SELECT pg_get_constraintdef(c.oid) INTO STRICT had FROM pg_constraint c
      WHERE c.conname = 'ck_' || kind.of_table || '_subject_kind';
    EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT ck_%1$s_subject_kind, '
      'ADD CONSTRAINT ck_%1$s_subject_kind %2$s', kind.of_table,
      replace(had, 'ARRAY[', format('ARRAY[%L::text, ', kind.code)));
  END LOOP;
  SELECT pg_get_triggerdef(t.oid) INTO STRICT had FROM pg_trigger t
    WHERE t.tgname = 'redactions_apply' AND t.tgrelid = 'redactions'::regclass;
  DROP TRIGGER redactions_apply ON redactions;
  EXECUTE replace(had, 'ARRAY[', 'ARRAY[''match_decision''::text, ');
END $do$;
CREATE FUNCTION apply_match_redaction() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE gone boolean := NEW.state = 'confirmed';
BEGIN
  UPDATE match_decisions d SET redacted = NEW.state <> 'undone',
      sealed = CASE WHEN gone THEN ''::bytea ELSE d.sealed END,
      sealed_confirmation = CASE WHEN gone AND d.sealed_confirmation IS NOT NULL THEN ''::bytea
        ELSE d.sealed_confirmation END
    WHERE d.id = NEW.subject_id AND d.owner_agency = NEW.agency_id;
  IF NOT FOUND THEN RAISE EXCEPTION 'no such record' USING ERRCODE = '42501'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER redactions_apply_to_matches AFTER INSERT OR UPDATE OF state ON redactions
  FOR EACH ROW WHEN (NEW.subject_kind = 'match_decision')
  EXECUTE FUNCTION apply_match_redaction();
CREATE FUNCTION match_decisions_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM refuse_held(OLD.id, OLD.match_id,
    (SELECT m.partner_id FROM screening_matches m WHERE m.id = OLD.match_id));
  RETURN NEW;
END $$;
CREATE TRIGGER match_decisions_kept BEFORE UPDATE OF sealed ON match_decisions FOR EACH ROW
  WHEN (length(NEW.sealed) = 0 AND length(OLD.sealed) > 0) EXECUTE FUNCTION match_decisions_kept();
"""

_DEFINERS = (
    *("lock_match(uuid)", "match_state()", "match_effects()", "match_decision_made()"),
    *("match_decision_seconded()", "match_decision_follows()", "apply_match_redaction()"),
)
OWNERS = f"""
REVOKE EXECUTE ON FUNCTION {", ".join(_DEFINERS)} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_match(uuid) TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
{"".join(f"ALTER FUNCTION {name} OWNER TO reg_facts;{chr(10)}" for name in _DEFINERS)}
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

_PARTS = TABLES[1:]
_VIEW = """
-- ---------------------------------------------------------------- retention
INSERT INTO retention_rules (name, months, version) VALUES ('potential_matches', 60, '2026.5');
CREATE VIEW retention_potential_matches
  WITH (security_invoker = true, security_barrier = true) AS
  SELECT m.id, m.partner_id, m.holder AS owner_agency, m.settled_at AS since,
    ARRAY[m.id, m.partner_id] || ARRAY(SELECT d.id FROM match_decisions d WHERE d.match_id = m.id)
      AS records, NULL::text AS kept_by
  FROM screening_matches m
  WHERE m.settled_at <= (SELECT retention_before('potential_matches'))
    AND (m.state = 'obsolete' OR NOT EXISTS (SELECT FROM match_decisions d
      WHERE d.match_id = m.id AND d.round = m.round AND d.state = 'standing'
        AND d.decision = 'TRUE_MATCH'));
GRANT SELECT ON retention_potential_matches TO reg_worker;
GRANT SELECT (id, match_id, owner_agency, round, state, decision) ON match_decisions TO reg_worker;
GRANT SELECT (id, match_id, owner_agency) ON match_questions TO reg_worker;
"""
RETENTION = (
    _VIEW
    + _each(
        """CREATE POLICY $_retention_select ON $ FOR SELECT TO reg_worker USING (true);
CREATE TRIGGER $_due BEFORE DELETE ON $ FOR EACH ROW
  EXECUTE FUNCTION only_when_due('match_id', 'potential_matches');
""",
        _PARTS,
    )
    + _each(
        """GRANT DELETE ON $ TO reg_worker;
CREATE POLICY $_retention_delete ON $ FOR DELETE TO reg_worker USING (true);
"""
    )
    + """CREATE TRIGGER screening_matches_due BEFORE DELETE ON screening_matches FOR EACH ROW
  EXECUTE FUNCTION only_when_due('id', 'potential_matches');
"""
)
SECURITY = ROWS + GATES + OWNERS + RETENTION

UNDO = """
SET LOCAL check_function_bodies = off;
DROP VIEW retention_potential_matches;
ALTER TABLE retention_counts NO FORCE ROW LEVEL SECURITY;
DELETE FROM retention_counts WHERE rule = 'potential_matches';
ALTER TABLE retention_counts FORCE ROW LEVEL SECURITY;
DELETE FROM retention_rules WHERE name = 'potential_matches';
DELETE FROM restraints WHERE source_kind = 'screening_match';
DROP TRIGGER redactions_apply_to_matches ON redactions;
DROP FUNCTION apply_match_redaction();
ALTER TABLE redactions NO FORCE ROW LEVEL SECURITY;
DELETE FROM redactions WHERE subject_kind = 'match_decision';
ALTER TABLE redactions FORCE ROW LEVEL SECURITY;
ALTER TABLE withholdings NO FORCE ROW LEVEL SECURITY;
DELETE FROM withholdings WHERE subject_kind = 'match_facts';
ALTER TABLE withholdings FORCE ROW LEVEL SECURITY;
DO $do$
DECLARE had text; kind record;
BEGIN
  had := pg_get_functiondef('own_record(text,uuid)'::regprocedure);
  EXECUTE regexp_replace(had, $$WHEN 'match_decision'.*ELSE false END$$, 'ELSE false END');
  FOR kind IN SELECT k.of_table, k.code FROM (VALUES ('redactions', 'match_decision'),
      ('withholdings', 'match_facts')) AS k (of_table, code) LOOP
    SELECT pg_get_constraintdef(c.oid) INTO STRICT had FROM pg_constraint c
      WHERE c.conname = 'ck_' || kind.of_table || '_subject_kind';
    EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT ck_%1$s_subject_kind, '
      'ADD CONSTRAINT ck_%1$s_subject_kind %2$s', kind.of_table,
      replace(had, format('%L::text, ', kind.code), ''));
  END LOOP;
  SELECT pg_get_triggerdef(t.oid) INTO STRICT had FROM pg_trigger t
    WHERE t.tgname = 'redactions_apply' AND t.tgrelid = 'redactions'::regclass;
  DROP TRIGGER redactions_apply ON redactions;
  EXECUTE replace(had, '''match_decision''::text, ', '');
END $do$;
DROP TABLE match_questions, match_decisions, screening_matches CASCADE;
DROP FUNCTION match_decision_made(), match_decision_seconded(), match_decision_follows(),
  match_by_own_person(), match_decisions_kept(), match_effects(), match_state(), lock_match(uuid), match_refused(text),
  match_entry_digest(text, uuid), match_subject_digest(uuid);
DROP FUNCTION IF EXISTS match_word_given;
"""


def upgrade() -> None:
    # References to agencies are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "screening_matches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("entry_hash", sa.LargeBinary(), nullable=False),
        sa.Column("subject_digest", sa.LargeBinary(), nullable=True),
        sa.Column("entry_digest", sa.LargeBinary(), nullable=True),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("script", sa.Text(), nullable=False),
        sa.Column("public_office", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("emergency", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(state = 'obsolete') = (gone_at IS NOT NULL)", name=op.f("ck_screening_matches_gone")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (settled_at IS NULL)", name=op.f("ck_screening_matches_settled")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'decided', 'obsolete')", name=op.f("ck_screening_matches_state")
        ),
        sa.CheckConstraint(
            "round >= 1 AND version >= 1", name=op.f("ck_screening_matches_version")
        ),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_screening_matches_score")),
        sa.ForeignKeyConstraint(
            ["holder"], ["agencies.id"], name=op.f("fk_screening_matches_holder_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_screening_matches_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_matches")),
        sa.UniqueConstraint(
            "partner_id",
            "person_id",
            "entry_id",
            "holder",
            name=op.f("uq_screening_matches_partner_id_person_id_entry_id_holder"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_screening_matches_due_at_id", "screening_matches", ["due_at", "id"], unique=False
    )
    op.create_index(
        "ix_screening_matches_entry_id", "screening_matches", ["entry_id"], unique=False
    )
    op.create_index(
        "ix_screening_matches_live",
        "screening_matches",
        ["partner_id"],
        unique=False,
        postgresql_where=sa.text("state <> 'obsolete'"),
    )
    op.create_index(
        "ix_screening_matches_overdue",
        "screening_matches",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND escalated_at IS NULL"),
    )
    op.create_table(
        "match_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("match_version", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("entry_hash", sa.LargeBinary(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("accepted_from", sa.Uuid(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "proposed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_confirmation", sa.LargeBinary(), nullable=True),
        sa.Column("redacted", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "(state IN ('proposed', 'standing')) = (ended_at IS NULL)",
            name=op.f("ck_match_decisions_ended"),
        ),
        sa.CheckConstraint(
            "accepted_from IS NULL OR decision = 'NOT_A_MATCH'",
            name=op.f("ck_match_decisions_accepted"),
        ),
        sa.CheckConstraint(
            "decision <> 'TRUE_MATCH' OR state IN ('proposed', 'lapsed') OR confirmed_by IS NOT NULL",
            name=op.f("ck_match_decisions_true_match_confirmed"),
        ),
        sa.CheckConstraint(
            "decision IN ('NOT_A_MATCH', 'TRUE_MATCH')", name=op.f("ck_match_decisions_decision")
        ),
        sa.CheckConstraint(
            "state <> 'proposed' OR confirmed_by IS NULL", name=op.f("ck_match_decisions_proposed")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'standing', 'refused', 'revised', 'lapsed')",
            name=op.f("ck_match_decisions_state"),
        ),
        sa.CheckConstraint(
            "confirmed_by <> proposed_by", name=op.f("ck_match_decisions_two_persons")
        ),
        sa.CheckConstraint(
            "num_nulls(confirmed_by, confirmed_at, sealed_confirmation) IN (0, 3)",
            name=op.f("ck_match_decisions_confirmed"),
        ),
        sa.ForeignKeyConstraint(
            ["accepted_from"],
            ["match_decisions.id"],
            name=op.f("fk_match_decisions_accepted_from_match_decisions"),
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["persons.id"], name=op.f("fk_match_decisions_confirmed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["screening_matches.id"], name="fk_match_decisions_matches"
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_match_decisions_owner_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["persons.id"], name=op.f("fk_match_decisions_proposed_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_decisions")),
    )
    op.create_index(
        "ix_match_decisions_accepted_from", "match_decisions", ["accepted_from"], unique=False
    )
    op.create_index(
        "ix_match_decisions_match_id", "match_decisions", ["match_id", "owner_agency"], unique=False
    )
    op.create_index(
        "ix_match_decisions_owner_agency", "match_decisions", ["owner_agency", "id"], unique=False
    )
    op.create_index(
        "uq_match_decisions_proposed",
        "match_decisions",
        ["match_id", "owner_agency", "round"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index(
        "uq_match_decisions_standing",
        "match_decisions",
        ["match_id", "owner_agency", "round"],
        unique=True,
        postgresql_where=sa.text("state = 'standing'"),
    )
    op.create_table(
        "match_questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_client", sa.Text(), nullable=True),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(answered_at, answered_client, sealed_answer) = CASE state WHEN 'answered' THEN 0 ELSE 3 END",
            name=op.f("ck_match_questions_answered"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'answered', 'closed')", name=op.f("ck_match_questions_state")
        ),
        sa.CheckConstraint("cardinality(kinds) > 0", name=op.f("ck_match_questions_kinds")),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["persons.id"], name=op.f("fk_match_questions_asked_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["screening_matches.id"], name="fk_match_questions_matches"
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_match_questions_owner_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_match_questions_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_questions")),
    )
    op.create_index(
        "ix_match_questions_match_id", "match_questions", ["match_id", "owner_agency"], unique=False
    )
    op.create_index(
        "ix_match_questions_owner_agency", "match_questions", ["owner_agency", "id"], unique=False
    )
    op.create_index(
        "ix_match_questions_partner_id", "match_questions", ["partner_id", "id"], unique=False
    )
    op.create_index(
        "uq_match_questions_open",
        "match_questions",
        ["match_id", "owner_agency"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
