"""flags

Revision: 0021, after 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SECURITY = (
    """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- The profiles whose flags count for a partner: its own lineage, and its headquarters'.
CREATE FUNCTION partner_bearing(partner uuid) RETURNS SETOF uuid
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 2 AS $$
  SELECT partner_lineage(partner)
  UNION ALL SELECT partner_lineage(p.hq_id) FROM partners p
    WHERE p.id = partner_root(partner) AND p.hq_id IS NOT NULL $$;

-- ---------------------------------------------------------------- flags
ALTER TABLE partner_flags ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_flags FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_flags TO reg_app, reg_worker;
GRANT INSERT (id, partner_id, owner_agency, office, author, kind, state, category, risk_category,
  contact_office, contact_email, review_by, partner_visible, decided_by, decided_at, until)
  ON partner_flags TO reg_app;
GRANT UPDATE (kind, state, review_by, partner_visible, escalated_once, escalated_by, decided_by,
  decided_at, until, renewed_by, renewed_at, closed_by, closed_at, replaced_by, version)
  ON partner_flags TO reg_app;
GRANT UPDATE (state, closed_at, version) ON partner_flags TO reg_worker;
GRANT SELECT (id, owner_agency) ON partner_flags TO reg_facts;
-- Agencies see that there is a flag; an invalid one is its owner's alone from that moment on. The
-- partner sees what others see or count, unless oversight keeps it back.
CREATE POLICY partner_flags_select ON partner_flags FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR (state <> 'invalid'
    AND ((SELECT app_agency()) IS NOT NULL
      OR (partner_id IN (SELECT partner_bearing((SELECT app_partner()))) AND NOT withheld(id)))));
CREATE POLICY partner_flags_insert ON partner_flags FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY partner_flags_update ON partner_flags FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY partner_flags_seek ON partner_flags FOR SELECT TO reg_worker USING (true);
CREATE POLICY partner_flags_lapse ON partner_flags FOR UPDATE TO reg_worker
  USING (kind = 'RED' AND state = 'confirmed') WITH CHECK (state = 'lapsed');
CREATE POLICY partner_flags_own_fact ON partner_flags FOR SELECT TO reg_facts
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY partner_flags_export ON partner_flags FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

ALTER TABLE partner_flag_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_flag_texts FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON partner_flag_texts TO reg_app;
-- The flag is looked up under its own policy: who does not see it does not see its text.
CREATE POLICY partner_flag_texts_select ON partner_flag_texts FOR SELECT TO reg_app
  USING (EXISTS (SELECT 1 FROM partner_flags f WHERE f.id = flag_id
    AND ((SELECT app_agency()) IS NOT NULL OR f.kind = 'RED' OR f.partner_visible)));
CREATE POLICY partner_flag_texts_insert ON partner_flag_texts FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY partner_flag_texts_export ON partner_flag_texts FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

ALTER TABLE partner_flag_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_flag_steps FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON partner_flag_steps TO reg_app;
GRANT INSERT ON partner_flag_steps TO reg_worker;
CREATE POLICY partner_flag_steps_select ON partner_flag_steps FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL
    AND EXISTS (SELECT 1 FROM partner_flags f WHERE f.id = flag_id));
CREATE POLICY partner_flag_steps_insert ON partner_flag_steps FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY partner_flag_steps_worker ON partner_flag_steps FOR INSERT TO reg_worker
  WITH CHECK (action = 'lapsed' AND person_id IS NULL);
CREATE POLICY partner_flag_steps_export ON partner_flag_steps FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));
CREATE TRIGGER partner_flag_texts_append_only BEFORE UPDATE OR DELETE ON partner_flag_texts
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER partner_flag_steps_append_only BEFORE UPDATE OR DELETE ON partner_flag_steps
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION flag_refused(rule text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'a flag does not move so' USING ERRCODE = '23514', CONSTRAINT = rule; END $$;
-- A red flag is set, confirmed and renewed by a person of the owner's headquarters unit.
CREATE FUNCTION flag_by_headquarters(person uuid, agency uuid) RETURNS void
  LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = person AND p.agency_id = agency
      AND p.status = 'active' AND 'IPU' = ANY (p.roles)) THEN
    PERFORM flag_refused('flag_by_headquarters');
  END IF; END $$;
-- States and UN entities are never locked: agencies speak with them, and may restrict transfers.
CREATE FUNCTION flag_red_not_on_state(partner uuid) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT 1 FROM partners p WHERE p.id IN (SELECT partner_lineage(partner))
      AND (starts_with(p.partner_type, 'GOV_') OR p.partner_type = 'UN_ENTITY')) THEN
    PERFORM flag_refused('flag_red_not_on_state');
  END IF; END $$;

-- AFTER the row's policies have spoken: a refusal here is never about a row of somebody else.
CREATE FUNCTION partner_flags_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = NEW.author AND p.agency_id = NEW.owner_agency
      AND p.office = NEW.office) THEN
    PERFORM flag_refused('flag_author');
  END IF;
  IF NEW.category = 'SANCTIONS_MATCH' AND current_user = 'reg_app' THEN
    PERFORM flag_refused('flag_category');
  END IF;
  IF NEW.kind = 'RED' THEN
    IF NEW.state <> 'confirmed' OR NEW.decided_by <> NEW.author THEN
      PERFORM flag_refused('flag_made');
    END IF;
    PERFORM flag_by_headquarters(NEW.decided_by, NEW.owner_agency);
    PERFORM flag_red_not_on_state(NEW.partner_id);
  ELSIF NEW.state <> 'open' OR NEW.decided_by IS NOT NULL THEN
    PERFORM flag_refused('flag_made');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_flags_made AFTER INSERT ON partner_flags
  FOR EACH ROW EXECUTE FUNCTION partner_flags_made();

CREATE FUNCTION partner_flags_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.version <> OLD.version + 1 THEN PERFORM flag_refused('flag_version'); END IF;
  IF OLD.state IN ('invalid', 'lapsed') THEN PERFORM flag_refused('flag_closed'); END IF;
  IF OLD.escalated_once AND (NOT NEW.escalated_once OR NEW.escalated_by <> OLD.escalated_by) THEN
    PERFORM flag_refused('flag_escalated_once');
  END IF;
  IF NEW.state IN ('confirmed', 'deferred') AND OLD.state = 'escalated' THEN
    PERFORM flag_by_headquarters(NEW.decided_by, NEW.owner_agency);
    IF NEW.kind = 'RED' THEN PERFORM flag_red_not_on_state(NEW.partner_id); END IF;
    RETURN NULL;
  END IF;
  IF NEW.kind <> OLD.kind OR NEW.decided_by IS DISTINCT FROM OLD.decided_by
     OR NEW.decided_at IS DISTINCT FROM OLD.decided_at THEN
    PERFORM flag_refused('flag_decided');
  END IF;
  IF NEW.state = 'escalated' AND OLD.state = 'open' THEN
    IF OLD.escalated_once OR NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = NEW.escalated_by
        AND p.agency_id = NEW.owner_agency AND p.status = 'active'
        AND (p.office = NEW.office OR 'IPU' = ANY (p.roles))) THEN
      PERFORM flag_refused('flag_escalated');
    END IF;
    RETURN NULL;
  END IF;
  IF NEW.escalated_once <> OLD.escalated_once THEN
    PERFORM flag_refused('flag_escalated_once');
  END IF;
  IF NEW.renewed_by IS DISTINCT FROM OLD.renewed_by THEN
    IF OLD.renewed_by IS NOT NULL OR OLD.until <= now() OR NEW.state <> OLD.state THEN
      PERFORM flag_refused('flag_renewed_once');
    END IF;
    PERFORM flag_by_headquarters(NEW.renewed_by, NEW.owner_agency);
  ELSIF NEW.until IS DISTINCT FROM OLD.until OR NEW.renewed_at IS DISTINCT FROM OLD.renewed_at THEN
    PERFORM flag_refused('flag_renewed_once');
  END IF;
  IF NEW.state = 'invalid' THEN
    IF NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = NEW.closed_by
        AND p.agency_id = NEW.owner_agency) THEN PERFORM flag_refused('flag_closed_by'); END IF;
  ELSIF NEW.state = 'lapsed' THEN
    IF OLD.until > now() AND NEW.replaced_by IS NULL THEN
      PERFORM flag_refused('flag_lapsed');
    END IF;
  ELSIF NEW.state <> OLD.state THEN PERFORM flag_refused('flag_state');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_flags_step AFTER UPDATE ON partner_flags
  FOR EACH ROW EXECUTE FUNCTION partner_flags_step();

-- At the end of the transaction a confirmed red flag holds its partner back, and no other does.
CREATE FUNCTION partner_flags_hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT 1 FROM partner_flags f WHERE f.id = NEW.id
      AND (f.kind = 'RED' AND f.state = 'confirmed') <> EXISTS (SELECT 1 FROM restraints r
        WHERE r.source_kind = 'flag' AND r.source_id = f.id AND r.reason = 'RED_FLAG'
        AND r.partner_id = f.partner_id AND r.lifted_at IS NULL
        AND r.until IS NOT DISTINCT FROM f.until)) THEN
    PERFORM flag_refused('flag_holds');
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER partner_flags_hold AFTER INSERT OR UPDATE ON partner_flags
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION partner_flags_hold();

-- Oversight may keep an own flag back from its partner.
CREATE OR REPLACE FUNCTION own_record(kind text, record uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE kind
    WHEN 'assessment' THEN EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = record AND a.owner_agency = app_agency())
    WHEN 'statement' THEN EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = record AND a.owner_agency = app_agency())
    WHEN 'flag' THEN EXISTS (SELECT 1 FROM partner_flags f
      WHERE f.id = record AND f.owner_agency = app_agency())
    WHEN 'sanction_case' THEN EXISTS (SELECT 1 FROM sanction_cases c
      WHERE c.id = record AND c.agency_id = app_agency())
    WHEN 'case_step' THEN EXISTS (SELECT 1 FROM sanction_case_steps s
      WHERE s.id = record AND s.agency_id = app_agency())
    WHEN 'partner' THEN EXISTS (SELECT 1 FROM partners p WHERE p.id = record)
    ELSE false END $$;

-- ---------------------------------------------------------------- objections
-- Whose statement it is, of which office and about which partner; no row where the reader sees
-- none. A kind of statement has its branch here, or nobody can object to it.
CREATE FUNCTION statement_of(of_kind text, statement uuid)
  RETURNS TABLE (owner_agency uuid, office text, partner_id uuid)
  LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT f.owner_agency, f.office, f.partner_id FROM partner_flags f
    WHERE of_kind = 'flag' AND f.id = statement AND f.state NOT IN ('invalid', 'lapsed')
  UNION ALL SELECT a.owner_agency, NULL, a.partner_id FROM assessments a
    WHERE of_kind = 'assessment' AND a.id = statement AND a.status = 'final'
  UNION ALL SELECT coalesce(e.custodian_agency, e.imposing_agency), NULL, e.partner_id
    FROM sanction_entries e WHERE of_kind = 'sanction_entry' AND e.id = statement $$;

ALTER TABLE objections ENABLE ROW LEVEL SECURITY;
ALTER TABLE objections FORCE ROW LEVEL SECURITY;
GRANT SELECT ON objections TO reg_app;
GRANT INSERT (id, partner_id, subject_kind, subject_id, owner_agency, author_office,
  raised_by_agency, raised_by_client, evidence, sealed_reason, due_on) ON objections TO reg_app;
GRANT UPDATE (state, sealed_answer, answered_by, answered_at, version) ON objections TO reg_app;
GRANT SELECT (id, partner_id, subject_kind, subject_id, owner_agency, due_on, state, overdue_at),
  UPDATE (overdue_at) ON objections TO reg_worker;
-- An objection to a flag that others do not see any more would tell that there was one.
CREATE POLICY objections_select ON objections FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR raised_by_agency = (SELECT app_agency())
    OR ((SELECT app_agency()) IS NOT NULL AND (subject_kind <> 'flag'
      OR EXISTS (SELECT 1 FROM partner_flags f WHERE f.id = subject_id)))
    OR partner_id IN (SELECT partner_lineage((SELECT app_partner()))));
CREATE POLICY objections_insert ON objections FOR INSERT TO reg_app
  WITH CHECK (raised_by_agency = (SELECT app_agency()) OR (raised_by_agency IS NULL
    AND (SELECT app_agency()) IS NULL AND partner_id = (SELECT app_partner())));
CREATE POLICY objections_update ON objections FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY objections_seek ON objections FOR SELECT TO reg_worker USING (true);
CREATE POLICY objections_remind ON objections FOR UPDATE TO reg_worker
  USING (state = 'open') WITH CHECK (state = 'open');
CREATE POLICY objections_export ON objections FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

CREATE FUNCTION objections_raised() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM statement_of(NEW.subject_kind, NEW.subject_id) s
      WHERE s.owner_agency = NEW.owner_agency AND s.office IS NOT DISTINCT FROM NEW.author_office
      AND s.partner_id IN (SELECT partner_bearing(NEW.partner_id))) THEN
    RAISE EXCEPTION 'not a statement about this partner'
      USING ERRCODE = '23514', CONSTRAINT = 'objection_subject';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER objections_raised AFTER INSERT ON objections
  FOR EACH ROW EXECUTE FUNCTION objections_raised();
CREATE FUNCTION objections_answered() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER objections_answered AFTER UPDATE OF state, sealed_answer, answered_by, answered_at,
  version ON objections FOR EACH ROW
  WHEN (current_user <> 'reg_owner')
  EXECUTE FUNCTION objections_answered();

-- ---------------------------------------------------------------- partners write, too
-- A stored answer belongs to the client that asked; a partner's has no agency.
CREATE POLICY idempotency_keys_partner_select ON idempotency_keys FOR SELECT TO reg_app
  USING (agency_id = '00000000-0000-0000-0000-000000000000' AND client_id IN (
    SELECT c.id FROM clients c WHERE c.partner_id = (SELECT app_partner())));
CREATE POLICY idempotency_keys_partner_insert ON idempotency_keys FOR INSERT TO reg_app
  WITH CHECK (agency_id = '00000000-0000-0000-0000-000000000000' AND client_id IN (
    SELECT c.id FROM clients c WHERE c.partner_id = (SELECT app_partner())));
"""  # noqa: S608 - names of tables of ours
    + rekey_security("partner_flag_texts")
    + rekey_security("partner_flag_steps")
    + rekey_security("objections")
)

UNDO = """
SET LOCAL check_function_bodies = off;
DROP POLICY idempotency_keys_partner_insert ON idempotency_keys;
DROP POLICY idempotency_keys_partner_select ON idempotency_keys;
DROP TABLE objections;
DROP FUNCTION objections_answered();
DROP FUNCTION objections_raised();
DROP FUNCTION statement_of(text, uuid);
CREATE OR REPLACE FUNCTION own_record(kind text, record uuid) RETURNS boolean
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
DROP TABLE partner_flag_steps;
DROP TABLE partner_flag_texts;
DROP TABLE partner_flags;
DROP FUNCTION partner_flags_hold();
DROP FUNCTION partner_flags_step();
DROP FUNCTION partner_flags_made();
DROP FUNCTION flag_red_not_on_state(uuid);
DROP FUNCTION flag_by_headquarters(uuid, uuid);
DROP FUNCTION flag_refused(text);
DROP FUNCTION partner_bearing(uuid);
"""


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "objections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("author_office", sa.Text(), nullable=True),
        sa.Column("raised_by_agency", sa.Uuid(), nullable=True),
        sa.Column("raised_by_client", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column(
            "raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(state IN ('upheld', 'partly', 'rejected')) = (answered_by IS NOT NULL)",
            name=op.f("ck_objections_answered_by"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'upheld', 'partly', 'rejected', 'withdrawn')",
            name=op.f("ck_objections_state"),
        ),
        sa.CheckConstraint(
            "subject_kind IN ('flag', 'verification', 'assessment', 'sanction_entry', 'profile_field')",
            name=op.f("ck_objections_subject_kind"),
        ),
        sa.CheckConstraint(
            "num_nulls(sealed_answer, answered_by, answered_at) IN (0, 3)",
            name=op.f("ck_objections_answered"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_objections_version")),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["persons.id"], name=op.f("fk_objections_answered_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_objections_owner_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_objections_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["raised_by_agency"],
            ["agencies.id"],
            name=op.f("fk_objections_raised_by_agency_agencies"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objections")),
    )
    op.create_index(
        "ix_objections_due_on",
        "objections",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND overdue_at IS NULL"),
    )
    op.create_index(
        "ix_objections_partner_id_raised_at_id",
        "objections",
        ["partner_id", "raised_at", "id"],
        unique=False,
    )
    op.create_index("ix_objections_subject_id", "objections", ["subject_id"], unique=False)
    op.create_index(
        "uq_objections_open",
        "objections",
        ["subject_kind", "subject_id", "partner_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "partner_flags",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("risk_category", sa.Text(), nullable=True),
        sa.Column("contact_office", sa.Text(), nullable=False),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("review_by", sa.Date(), nullable=False),
        sa.Column("partner_visible", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("escalated_once", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("escalated_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renewed_by", sa.Uuid(), nullable=True),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(kind = 'OBSERVATION' AND state IN ('open', 'invalid')) OR (kind = 'YELLOW' AND state IN ('open', 'escalated', 'deferred', 'invalid')) OR (kind = 'RED' AND state IN ('confirmed', 'invalid', 'lapsed'))",
            name=op.f("ck_partner_flags_state"),
        ),
        sa.CheckConstraint(
            "(kind = 'RED') = (until IS NOT NULL)", name=op.f("ck_partner_flags_red_until")
        ),
        sa.CheckConstraint(
            "(state = 'invalid') = (closed_by IS NOT NULL)", name=op.f("ck_partner_flags_closed_by")
        ),
        sa.CheckConstraint(
            "(state IN ('invalid', 'lapsed')) = (closed_at IS NOT NULL)",
            name=op.f("ck_partner_flags_ended"),
        ),
        sa.CheckConstraint("category ~ '^[A-Z_]{1,40}$'", name=op.f("ck_partner_flags_category")),
        sa.CheckConstraint(
            "decided_by IS NOT NULL OR (kind <> 'RED' AND state <> 'deferred')",
            name=op.f("ck_partner_flags_decided"),
        ),
        sa.CheckConstraint(
            "escalated_once OR state NOT IN ('escalated', 'deferred')",
            name=op.f("ck_partner_flags_once"),
        ),
        sa.CheckConstraint(
            "replaced_by IS NULL OR state = 'lapsed'", name=op.f("ck_partner_flags_replaced_by")
        ),
        sa.CheckConstraint(
            "risk_category ~ '^[A-Z_]{1,40}$'", name=op.f("ck_partner_flags_risk_category")
        ),
        sa.CheckConstraint(
            "until <= coalesce(renewed_at, decided_at) + interval '184 days'",
            name=op.f("ck_partner_flags_until"),
        ),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)", name=op.f("ck_partner_flags_decided_by")
        ),
        sa.CheckConstraint(
            "(renewed_by IS NULL) = (renewed_at IS NULL)", name=op.f("ck_partner_flags_renewed_by")
        ),
        sa.CheckConstraint(
            "NOT escalated_once OR (decided_by <> escalated_by AND decided_by <> author)",
            name=op.f("ck_partner_flags_two_persons"),
        ),
        sa.CheckConstraint(
            "escalated_once = (escalated_by IS NOT NULL)",
            name=op.f("ck_partner_flags_escalated_by"),
        ),
        sa.CheckConstraint(
            "renewed_by <> decided_by", name=op.f("ck_partner_flags_renewed_by_another")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_partner_flags_version")),
        sa.ForeignKeyConstraint(
            ["author"], ["persons.id"], name=op.f("fk_partner_flags_author_persons")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["persons.id"], name=op.f("fk_partner_flags_closed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_partner_flags_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["escalated_by"], ["persons.id"], name=op.f("fk_partner_flags_escalated_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"], ["agencies.id"], name=op.f("fk_partner_flags_owner_agency_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_flags_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["renewed_by"], ["persons.id"], name=op.f("fk_partner_flags_renewed_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_flags")),
        sa.UniqueConstraint("id", "owner_agency", name=op.f("uq_partner_flags_id_owner_agency")),
    )
    op.create_index(
        "ix_partner_flags_partner_id_made_at_id",
        "partner_flags",
        ["partner_id", "made_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_partner_flags_until",
        "partner_flags",
        ["until"],
        unique=False,
        postgresql_where=sa.text("kind = 'RED' AND state = 'confirmed'"),
    )
    op.create_table(
        "partner_flag_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("flag_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("office", sa.Text(), nullable=True),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("sealed_comment", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "action IN ('made', 'escalated', 'confirmed', 'deferred', 'invalidated', 'renewed', 'reviewed', 'lapsed', 'replaced')",
            name=op.f("ck_partner_flag_steps_action"),
        ),
        sa.CheckConstraint(
            "sealed_comment IS NOT NULL OR action NOT IN ('invalidated', 'confirmed', 'deferred')",
            name=op.f("ck_partner_flag_steps_sealed_comment"),
        ),
        sa.CheckConstraint(
            "(person_id IS NULL) = (office IS NULL)", name=op.f("ck_partner_flag_steps_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["flag_id", "owner_agency"],
            ["partner_flags.id", "partner_flags.owner_agency"],
            name=op.f("fk_partner_flag_steps_flag_id_owner_agency_partner_flags"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_partner_flag_steps_person_id_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_flag_steps")),
    )
    op.create_index(
        "ix_partner_flag_steps_flag_id_at", "partner_flag_steps", ["flag_id", "at"], unique=False
    )
    op.create_table(
        "partner_flag_texts",
        sa.Column("flag_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flag_id", "owner_agency"],
            ["partner_flags.id", "partner_flags.owner_agency"],
            name=op.f("fk_partner_flag_texts_flag_id_owner_agency_partner_flags"),
        ),
        sa.PrimaryKeyConstraint("flag_id", name=op.f("pk_partner_flag_texts")),
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
