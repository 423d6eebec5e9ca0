"""merges

Revision: 0019, after 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


SECURITY = """
ALTER TABLE partner_merges ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_merges FORCE ROW LEVEL SECURITY;
ALTER TABLE partner_merge_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_merge_steps FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_merges, partner_merge_steps TO reg_app;
GRANT INSERT (id, loser_id, survivor_id, matched_on, document_ids, proposed_by)
  ON partner_merges TO reg_app;
GRANT UPDATE (version, state, decided_by, decided_at, undo, undo_proposed_by, undo_decided_by)
  ON partner_merges TO reg_app;
GRANT INSERT (id, merge_id, kind, agency_id, person_id, office, role, reason)
  ON partner_merge_steps TO reg_app;
-- Inter-agency: every agency's, no partner's.
CREATE POLICY partner_merges_select ON partner_merges FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL);
CREATE POLICY partner_merges_insert ON partner_merges FOR INSERT TO reg_app
  WITH CHECK ((SELECT app_agency()) IS NOT NULL);
CREATE POLICY partner_merges_update ON partner_merges FOR UPDATE TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL) WITH CHECK ((SELECT app_agency()) IS NOT NULL);
CREATE POLICY partner_merge_steps_select ON partner_merge_steps FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL);
CREATE POLICY partner_merge_steps_insert ON partner_merge_steps FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE TRIGGER partner_merge_steps_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
  ON partner_merge_steps FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Types that may be one partner wrongly entered twice; a public body is never an NGO.
CREATE FUNCTION partner_class(partner_type text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN partner_type LIKE 'GOV\\_%' THEN 'government'
    WHEN partner_type IN ('IGO', 'UN_ENTITY', 'PRIVATE_FP') THEN partner_type
    ELSE 'civil_society' END $$;

-- Why these two cannot be merged now; null when nothing stands against it.
CREATE FUNCTION merge_obstacle(loser uuid, survivor uuid) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN l.merged_into IS NOT NULL OR s.merged_into IS NOT NULL THEN 'merged'
    WHEN s.deactivated_at IS NOT NULL AND l.deactivated_at IS NULL THEN 'deactivated'
    WHEN l.country <> s.country THEN 'country'
    WHEN partner_class(l.partner_type) <> partner_class(s.partner_type) THEN 'type'
    WHEN l.protected AND NOT s.protected THEN 'protection'
    WHEN partner_root(l.hq_id) = s.id OR partner_root(s.hq_id) = l.id THEN 'headquarters'
    -- The survivor would lose what it has to inherit by the other profile.
    WHEN l.hq_id IS NOT NULL AND partner_root(l.hq_id) IS DISTINCT FROM partner_root(s.hq_id)
      THEN 'headquarters'
    WHEN s.hq_id IS NOT NULL
      AND EXISTS (SELECT 1 FROM partners c WHERE c.hq_id IN (SELECT partner_lineage(l.id)))
      THEN 'headquarters'
    WHEN EXISTS (SELECT 1 FROM (VALUES (l.id), (s.id)) AS p (id),
        LATERAL restraints_in_force(p.id) f JOIN restraint_reasons k ON k.code = f.reason
        WHERE k.freezes_edits AND f.inherited_from IS NULL) THEN 'disputed'
  END FROM partners l, partners s WHERE l.id = loser AND s.id = survivor $$;

-- The one way by which profiles become one, or two again: a row of partner_merges.
GRANT SELECT (id, merged_into, deactivated_at, country, partner_type, protected, hq_id, version),
  UPDATE (merged_into, version, updated_by) ON partners TO reg_facts;
GRANT SELECT, INSERT, UPDATE (survivor_id), DELETE ON partner_aliases TO reg_facts;
GRANT SELECT (id, loser_id, survivor_id, state) ON partner_merges TO reg_facts;
GRANT SELECT ON restraints, restraint_reasons TO reg_facts;
CREATE POLICY partner_merges_fact ON partner_merges FOR SELECT TO reg_facts USING (state = 'merged');
CREATE FUNCTION apply_merge() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE obstacle text;
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'a changed merge has the next version'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partner_merges_next_version';
  END IF;
  IF OLD.state || '>' || NEW.state NOT IN ('proposed>merged', 'proposed>rejected',
      'proposed>withdrawn', 'merged>merged', 'merged>undone') THEN
    RAISE EXCEPTION 'a merge does not go back'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partner_merges_next_state';
  END IF;
  IF NEW.state = OLD.state OR NEW.state NOT IN ('merged', 'undone') THEN RETURN NEW; END IF;
  -- Merges take turns, all of them: chains have more profiles than the two that are locked. The
  -- two wait for whatever is being written about them now, and what comes later waits for this.
  PERFORM pg_advisory_xact_lock(7021019);
  PERFORM p.id FROM partners p WHERE p.id IN (NEW.loser_id, NEW.survivor_id)
    ORDER BY p.id FOR UPDATE;
  IF NEW.state = 'merged' THEN
    obstacle := merge_obstacle(NEW.loser_id, NEW.survivor_id);
    IF obstacle IS NOT NULL THEN
      RAISE EXCEPTION 'these profiles cannot be merged'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'merge_' || obstacle;
    END IF;
    UPDATE partner_aliases SET survivor_id = NEW.survivor_id WHERE survivor_id = NEW.loser_id;
    INSERT INTO partner_aliases (partner_id, survivor_id)
      VALUES (NEW.loser_id, NEW.survivor_id);
    UPDATE partners SET merged_into = NEW.survivor_id, version = version + 1
      WHERE id = NEW.loser_id;
    RETURN NEW;
  END IF;
  DELETE FROM partner_aliases WHERE partner_id = NEW.loser_id;
  -- What had been merged into it before stays merged into it, wherever it went itself.
  WITH RECURSIVE below (id) AS (
    SELECT m.loser_id FROM partner_merges m
      WHERE m.survivor_id = NEW.loser_id AND m.state = 'merged'
    UNION SELECT m.loser_id FROM partner_merges m JOIN below b ON m.survivor_id = b.id
      WHERE m.state = 'merged')
  UPDATE partner_aliases a SET survivor_id = NEW.loser_id FROM below b WHERE a.partner_id = b.id;
  UPDATE partners SET merged_into = NULL, version = version + 1 WHERE id = NEW.loser_id;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION apply_merge() FROM PUBLIC;
CREATE TRIGGER partner_merges_apply BEFORE UPDATE ON partner_merges
  FOR EACH ROW EXECUTE FUNCTION apply_merge();
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION apply_merge() OWNER TO reg_facts;

-- A hold on a partner binds what is kept about all profiles that are this partner.
CREATE OR REPLACE FUNCTION is_held(record uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM legal_holds h
    WHERE h.subject_id IN (SELECT partner_lineage(record)) AND h.released_at IS NULL) $$;
CREATE OR REPLACE FUNCTION refuse_held(VARIADIC records uuid[]) RETURNS void
  LANGUAGE plpgsql AS $$
DECLARE record uuid; one uuid;
BEGIN
  FOREACH record IN ARRAY records LOOP
    FOR one IN SELECT x FROM partner_lineage(record) x WHERE x IS NOT NULL ORDER BY x LOOP
      PERFORM pg_advisory_xact_lock(hashtextextended(one::text, 7021));
    END LOOP;
    IF record IS NULL OR is_held(record) THEN
      RAISE EXCEPTION 'the record is under legal hold'
        USING ERRCODE = '23514', CONSTRAINT = 'legal_hold';
    END IF;
  END LOOP;
END $$;

-- Whoever keeps back that it reads about a partner keeps it back for all its profiles.
CREATE OR REPLACE FUNCTION read_withheld(reader uuid, subject uuid, partner uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  -- Whom another agency looks into is nobody's to ask but theirs whose view of the log it filters.
  SELECT (app_oversight() OR app_partner() IS NOT NULL) AND (EXISTS (
      SELECT 1 FROM withholdings w WHERE w.subject_id = subject
      AND w.agency_id = reader AND w.subject_kind = 'read_log'
      AND w.ended_at IS NULL AND w.until > now())
    OR EXISTS (SELECT 1 FROM withholdings w WHERE w.partner_id IN (SELECT partner_lineage(partner))
      AND w.agency_id = reader AND w.subject_kind = 'read_log'
      AND w.ended_at IS NULL AND w.until > now())) $$;

-- A partner sees who looked into it, under whichever profile.
CREATE OR REPLACE FUNCTION partner_audit(before uuid, since timestamptz, until timestamptz,
    amount integer) RETURNS TABLE (id uuid, agency text, at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT e.id, a.code, e.at
    FROM public.audit_events e JOIN public.agencies a ON a.id = e.agency_id
    WHERE e.partner_id = ANY (ARRAY(SELECT partner_lineage(app_partner()))) AND NOT e.held
      AND ($1 IS NULL OR e.id < $1) AND ($2 IS NULL OR e.at >= $2) AND ($3 IS NULL OR e.at < $3)
    ORDER BY e.id DESC LIMIT least($4, 201) $$;
DROP POLICY audit_events_facts ON audit_events;
CREATE POLICY audit_events_facts ON audit_events FOR SELECT TO reg_facts
  USING (partner_id = ANY (ARRAY(SELECT partner_lineage((SELECT app_partner()))))
    AND NOT held AND NOT read_withheld(agency_id, subject_id, partner_id)
    AND NOT withheld(subject_id));
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

UNDO = """
GRANT CREATE ON SCHEMA public TO reg_facts;
DROP POLICY audit_events_facts ON audit_events;
CREATE POLICY audit_events_facts ON audit_events FOR SELECT TO reg_facts
  USING (partner_id = (SELECT app_partner()) AND NOT held
    AND NOT read_withheld(agency_id, subject_id, partner_id) AND NOT withheld(subject_id));
CREATE OR REPLACE FUNCTION partner_audit(before uuid, since timestamptz, until timestamptz,
    amount integer) RETURNS TABLE (id uuid, agency text, at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.id, a.code, e.at
    FROM public.audit_events e JOIN public.agencies a ON a.id = e.agency_id
    WHERE e.partner_id = (SELECT public.app_partner()) AND NOT e.held
      AND ($1 IS NULL OR e.id < $1) AND ($2 IS NULL OR e.at >= $2) AND ($3 IS NULL OR e.at < $3)
    ORDER BY e.id DESC LIMIT least($4, 201) $$;
CREATE OR REPLACE FUNCTION read_withheld(reader uuid, subject uuid, partner uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT (app_oversight() OR app_partner() IS NOT NULL) AND (EXISTS (
      SELECT 1 FROM withholdings w WHERE w.subject_id = subject
      AND w.agency_id = reader AND w.subject_kind = 'read_log'
      AND w.ended_at IS NULL AND w.until > now())
    OR EXISTS (SELECT 1 FROM withholdings w WHERE w.partner_id = partner
      AND w.agency_id = reader AND w.subject_kind = 'read_log'
      AND w.ended_at IS NULL AND w.until > now())) $$;
CREATE OR REPLACE FUNCTION refuse_held(VARIADIC records uuid[]) RETURNS void
  LANGUAGE plpgsql AS $$
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
CREATE OR REPLACE FUNCTION is_held(record uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM legal_holds h
    WHERE h.subject_id = record AND h.released_at IS NULL) $$;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
DROP TRIGGER partner_merges_apply ON partner_merges;
DROP FUNCTION apply_merge();
DROP POLICY partner_merges_fact ON partner_merges;
REVOKE SELECT ON restraints, restraint_reasons FROM reg_facts;
REVOKE SELECT, INSERT, UPDATE (survivor_id), DELETE ON partner_aliases FROM reg_facts;
REVOKE SELECT (merged_into, deactivated_at, country, partner_type, protected, hq_id, version),
  UPDATE (merged_into, version, updated_by) ON partners FROM reg_facts;
DROP FUNCTION merge_obstacle(uuid, uuid);
DROP FUNCTION partner_class(text);
"""


def upgrade() -> None:
    # References to agencies and persons are looked up under row security that shows them all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "partner_merges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("loser_id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("matched_on", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("document_ids", postgresql.ARRAY(sa.UUID()), server_default="{}", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "proposed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo", sa.Text(), nullable=True),
        sa.Column("undo_proposed_by", sa.Uuid(), nullable=True),
        sa.Column("undo_decided_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(undo IS NULL) = (undo_proposed_by IS NULL) AND coalesce(undo IN ('rejected', 'approved'), false) = (undo_decided_by IS NOT NULL) AND (state = 'undone') = coalesce(undo = 'approved', false) AND (undo IS NULL OR state IN ('merged', 'undone'))",
            name=op.f("ck_partner_merges_undo_decided"),
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) IN (0, 2) AND (state = 'proposed') = (decided_by IS NULL)",
            name=op.f("ck_partner_merges_decided"),
        ),
        sa.CheckConstraint(
            "state = 'withdrawn' OR decided_by <> proposed_by",
            name=op.f("ck_partner_merges_second_person"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'merged', 'rejected', 'withdrawn', 'undone')",
            name=op.f("ck_partner_merges_state"),
        ),
        sa.CheckConstraint(
            "undo IN ('proposed', 'rejected', 'approved')", name=op.f("ck_partner_merges_undo")
        ),
        sa.CheckConstraint(
            "cardinality(matched_on) <= 20 AND cardinality(document_ids) <= 20",
            name=op.f("ck_partner_merges_evidence"),
        ),
        sa.CheckConstraint("loser_id <> survivor_id", name=op.f("ck_partner_merges_survivor_id")),
        sa.CheckConstraint(
            "undo_decided_by <> undo_proposed_by", name=op.f("ck_partner_merges_undo_second_person")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_partner_merges_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["loser_id"], ["partners.id"], name=op.f("fk_partner_merges_loser_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["persons.id"], name=op.f("fk_partner_merges_proposed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["survivor_id"], ["partners.id"], name=op.f("fk_partner_merges_survivor_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["undo_decided_by"],
            ["persons.id"],
            name=op.f("fk_partner_merges_undo_decided_by_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["undo_proposed_by"],
            ["persons.id"],
            name=op.f("fk_partner_merges_undo_proposed_by_persons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_merges")),
    )
    op.create_index(
        "ix_partner_merges_loser_id_id", "partner_merges", ["loser_id", "id"], unique=False
    )
    op.create_index(
        "ix_partner_merges_survivor_id", "partner_merges", ["survivor_id"], unique=False
    )
    op.create_index(
        "uq_partner_merges_loser_id",
        "partner_merges",
        ["loser_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'merged')"),
    )
    op.create_table(
        "partner_merge_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("office", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "kind IN ('proposed', 'approved', 'rejected', 'withdrawn', 'undo_proposed', 'undo_approved', 'undo_rejected')",
            name=op.f("ck_partner_merge_steps_kind"),
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 4000", name=op.f("ck_partner_merge_steps_reason")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_partner_merge_steps_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["merge_id"],
            ["partner_merges.id"],
            name=op.f("fk_partner_merge_steps_merge_id_partner_merges"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_partner_merge_steps_person_id_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_merge_steps")),
    )
    op.create_index(
        "ix_partner_merge_steps_merge_id_id",
        "partner_merge_steps",
        ["merge_id", "id"],
        unique=False,
    )
    run_script(SECURITY)


def downgrade() -> None:
    # The bodies of functions are checked as their owner, under the row security of what they read.
    op.execute("SET LOCAL row_security = on")
    run_script(UNDO)
    op.drop_index("ix_partner_merge_steps_merge_id_id", table_name="partner_merge_steps")
    op.drop_table("partner_merge_steps")
    op.drop_index(
        "uq_partner_merges_loser_id",
        table_name="partner_merges",
        postgresql_where=sa.text("state IN ('proposed', 'merged')"),
    )
    op.drop_index("ix_partner_merges_survivor_id", table_name="partner_merges")
    op.drop_index("ix_partner_merges_loser_id_id", table_name="partner_merges")
    op.drop_table("partner_merges")
