"""Objections before an assessment is final, reasons of returned assurance plans, redacted words of
capacity plans

Revision: 0038, after 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import rekey_security, run_script

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

FINAL = "a.status IN ('final', 'superseded')"
SHOWN = f"""({FINAL} OR (a.status = 'submitted' AND a.shown_to_partner_at IS NOT NULL
      AND a.confidentiality <> 'AGENCY_ONLY'))"""


def statement_of(assessments: str) -> str:
    """To which statements one may object; of assessments those that meet the condition."""
    return f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
-- A partner may object to what stands, to what stood before it, and to what it is asked to comment
-- on before it stands.
CREATE OR REPLACE FUNCTION statement_of(of_kind text, statement uuid)
  RETURNS TABLE (owner_agency uuid, office text, partner_id uuid)
  LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT f.owner_agency, f.office, f.partner_id FROM partner_flags f
    WHERE of_kind = 'flag' AND f.id = statement AND f.state NOT IN ('invalid', 'lapsed')
  UNION ALL SELECT a.owner_agency, NULL, a.partner_id FROM assessments a
    WHERE of_kind = 'assessment' AND a.id = statement AND {assessments}
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
"""  # noqa: S608 - constants


RETURNS = """
ALTER TABLE assurance_plan_returns ENABLE ROW LEVEL SECURITY;
ALTER TABLE assurance_plan_returns FORCE ROW LEVEL SECURITY;
GRANT SELECT ON assurance_plan_returns TO reg_app;
-- When is the database's to say.
GRANT INSERT (id, plan_id, revision, owner_agency, returned_by, sealed_reason)
  ON assurance_plan_returns TO reg_app;
CREATE POLICY assurance_plan_returns_select ON assurance_plan_returns FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY assurance_plan_returns_insert ON assurance_plan_returns FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY assurance_plan_returns_export ON assurance_plan_returns FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));
-- Only what waits for approval is sent back, by another person than the one who handed it in.
CREATE FUNCTION assurance_plan_returns_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM assurance_plans p WHERE p.id = NEW.plan_id
      AND p.revision = NEW.revision AND p.status = 'submitted'
      AND p.submitted_by <> NEW.returned_by) THEN
    RAISE EXCEPTION 'no revision that waits for this person'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'assurance_plan_returns_made';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER assurance_plan_returns_made AFTER INSERT ON assurance_plan_returns
  FOR EACH ROW EXECUTE FUNCTION assurance_plan_returns_made();
CREATE TRIGGER assurance_plan_returns_append_only BEFORE UPDATE ON assurance_plan_returns
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- Nothing is sent back without a reason, written in the same transaction.
CREATE FUNCTION assurance_plan_reasoned() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM assurance_plan_returns r WHERE r.plan_id = NEW.id
      AND r.revision = NEW.revision AND r.returned_at = now()) THEN
    RAISE EXCEPTION 'a plan is sent back with a reason'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'assurance_plan_reasoned';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER assurance_plan_reasoned AFTER UPDATE OF status ON assurance_plans
  FOR EACH ROW WHEN (OLD.status = 'submitted' AND NEW.status = 'draft')
  EXECUTE FUNCTION assurance_plan_reasoned();
""" + rekey_security("assurance_plan_returns")  # noqa: S608 - constants

ACTIONS = (
    "id, plan_id, owner_agency, number, area, responsible, due_on, cost, currency, sealed, "
    "sealed_version, status, started_at, done_at, done_by, verified_at, verified_by, created_at, "
    "version, redacted"
)
STEPS = (
    "id, plan_id, owner_agency, action_id, step, author_agency, person_id, office, "
    "made_by_client, at, sealed_note, redacted"
)
OWN = "owner_agency = (SELECT app_agency())"


def _words(table: str, columns: str, sealed: str) -> str:
    """Words of plans that are hidden: moved where only the function that hides reads."""
    return f"""
REVOKE SELECT ON {table} FROM reg_app;
GRANT SELECT ({columns}) ON {table} TO reg_app;
GRANT SELECT (id, plan_id, owner_agency, {sealed}, redacted, sealed_hidden),
  UPDATE ({sealed}, redacted, sealed_hidden) ON {table} TO reg_facts;
CREATE POLICY {table}_own_fact ON {table} FOR SELECT TO reg_facts USING ({OWN});
CREATE POLICY {table}_redact ON {table} FOR UPDATE TO reg_facts USING ({OWN}) WITH CHECK ({OWN});
"""  # noqa: S608 - constants


KEPT = """
-- What is destroyed for good is under no legal hold.
CREATE FUNCTION capacity_plan_words_gone(word uuid, plan uuid) RETURNS void
  LANGUAGE plpgsql AS $$ BEGIN
  PERFORM refuse_held(word, plan, (SELECT p.partner_id FROM capacity_plans p WHERE p.id = plan));
END $$;
CREATE FUNCTION capacity_plan_actions_redacted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF OLD.sealed_hidden IS NOT NULL AND NEW.sealed_hidden IS NULL AND NEW.redacted THEN
    PERFORM capacity_plan_words_gone(OLD.id, OLD.plan_id);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER capacity_plan_actions_redacted BEFORE UPDATE OF sealed_hidden
  ON capacity_plan_actions FOR EACH ROW WHEN (current_user = 'reg_facts')
  EXECUTE FUNCTION capacity_plan_actions_redacted();
-- Steps stay append-only, but for what a redaction does, and a change of keys.
CREATE FUNCTION capacity_plan_steps_kept() RETURNS trigger
  LANGUAGE plpgsql SET bytea_output = 'hex' AS $$ BEGIN
  IF current_user = 'reg_facts' THEN
    IF OLD.sealed_hidden IS NOT NULL AND NEW.sealed_hidden IS NULL AND NEW.redacted THEN
      PERFORM capacity_plan_words_gone(OLD.id, OLD.plan_id);
    END IF;
    RETURN NEW;
  END IF;
  IF pg_has_role(current_user, 'reg_owner', 'MEMBER') AND OLD IS DISTINCT FROM NEW
     AND public.without_key_headers(to_jsonb(OLD)) = public.without_key_headers(to_jsonb(NEW)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;
DROP TRIGGER capacity_plan_steps_append_only ON capacity_plan_steps;
CREATE TRIGGER capacity_plan_steps_append_only BEFORE UPDATE ON capacity_plan_steps
  FOR EACH ROW EXECUTE FUNCTION capacity_plan_steps_kept();
-- A text changes while its plan is a draft, it is not redacted, and under no legal hold: the older
-- one is destroyed.
CREATE OR REPLACE FUNCTION capacity_plan_actions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE plan record;
BEGIN
  SELECT p.status, p.partner_id INTO plan FROM capacity_plans p WHERE p.id = OLD.plan_id;
  IF plan.status <> 'draft' THEN PERFORM capacity_plan_refused('action_fixed'); END IF;
  IF OLD.redacted THEN PERFORM capacity_plan_refused('action_redacted'); END IF;
  PERFORM refuse_held(OLD.plan_id, plan.partner_id);
  RETURN NULL;
END $$;
GRANT SELECT (id, owner_agency, partner_id) ON capacity_plans TO reg_facts;
"""

KINDS = "'assessment', 'case_step'"
PLAN_KINDS = f"{KINDS}, 'plan_action', 'plan_step'"

OWN_RECORD = """
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
    {plans}WHEN 'partner' THEN EXISTS (SELECT 1 FROM partners p WHERE p.id = record)
    ELSE false END $$;
"""
OWN_PLANS = """WHEN 'plan_action' THEN EXISTS (SELECT 1 FROM capacity_plan_actions c
      WHERE c.id = record AND c.owner_agency = app_agency())
    WHEN 'plan_step' THEN EXISTS (SELECT 1 FROM capacity_plan_steps c
      WHERE c.id = record AND c.owner_agency = app_agency())
    """

APPLY = """
CREATE OR REPLACE FUNCTION apply_redaction() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE hidden boolean := NEW.state <> 'undone'; gone boolean := NEW.state = 'confirmed';
{declared}BEGIN
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
  {plans}ELSE
    UPDATE sanction_case_steps SET redacted = hidden WHERE id = NEW.subject_id;
    IF gone THEN UPDATE sanction_case_steps SET sealed = '' WHERE id = NEW.subject_id; END IF;
  END IF;
  IF NOT FOUND AND NOT gone THEN
    RAISE EXCEPTION 'no such record' USING ERRCODE = '42501';
  END IF;
  RETURN NULL;
END $$;
"""


def _moved(table: str, sealed: str) -> str:
    """The words go where nobody reads them, come back, or are gone."""
    return f"""UPDATE {table} SET redacted = hidden,
      {sealed} = CASE WHEN hidden THEN ''::bytea ELSE sealed_hidden END,
      sealed_hidden = CASE WHEN gone OR NOT hidden THEN NULL ELSE {sealed} END
      WHERE id = NEW.subject_id AND redacted = (TG_OP = 'UPDATE')
        AND (TG_OP = 'INSERT') = (sealed_hidden IS NULL) AND {sealed} IS NOT NULL;
"""  # noqa: S608 - constants


ROUTE = "  one text := '/v1/capacity-plans/' || NEW.record_id || '/actions/';\n"
# A stored answer to a report repeats the words of its action, the partner's own, too. That to
# adding it goes when the words do: who has its key has sent them itself.
MOVED = f"""ELSIF NEW.subject_kind = 'plan_action' THEN
    DELETE FROM idempotency_keys k WHERE hidden AND (k.route IN (
        one || NEW.subject_id || '/progress', one || NEW.subject_id || '/verification',
        replace(one, '/v1/', '/v1/self/') || NEW.subject_id || '/progress')
      OR (gone AND k.route = rtrim(one, '/')));
    {_moved("capacity_plan_actions", "sealed")}  ELSIF NEW.subject_kind = 'plan_step' THEN
    {_moved("capacity_plan_steps", "sealed_note")}  """  # noqa: S608 - constants

PLANS = (
    """
SET LOCAL check_function_bodies = off;
"""
    + _words("capacity_plan_actions", ACTIONS, "sealed")
    + _words("capacity_plan_steps", STEPS, "sealed_note")
    + KEPT
    + f"""
CREATE POLICY capacity_plans_own_fact ON capacity_plans FOR SELECT TO reg_facts USING ({OWN});
CREATE POLICY idempotency_keys_plans_seek ON idempotency_keys FOR SELECT TO reg_facts
  USING (route LIKE '/v1/capacity-plans/%' OR route LIKE '/v1/self/capacity-plans/%');
CREATE POLICY idempotency_keys_plans_redact ON idempotency_keys FOR DELETE TO reg_facts
  USING (route LIKE '/v1/capacity-plans/%' OR route LIKE '/v1/self/capacity-plans/%');
"""
    + OWN_RECORD.format(plans=OWN_PLANS)
    + APPLY.format(plans=MOVED, declared=ROUTE)
)

UNDO_PLANS = (
    """
SET LOCAL check_function_bodies = off;
"""  # noqa: S608 - constants
    + OWN_RECORD.format(plans="")
    + APPLY.format(plans="", declared="")
    + """
DROP POLICY idempotency_keys_plans_redact ON idempotency_keys;
DROP POLICY idempotency_keys_plans_seek ON idempotency_keys;
DROP POLICY capacity_plans_own_fact ON capacity_plans;
DROP TRIGGER capacity_plan_steps_append_only ON capacity_plan_steps;
DROP TRIGGER capacity_plan_actions_redacted ON capacity_plan_actions;
DROP FUNCTION capacity_plan_steps_kept();
DROP FUNCTION capacity_plan_actions_redacted();
DROP FUNCTION capacity_plan_words_gone(uuid, uuid);
-- What is hidden shows again: there is nothing left that would decide about it.
ALTER TABLE capacity_plan_actions DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY;
ALTER TABLE capacity_plan_steps DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY;
ALTER TABLE redactions NO FORCE ROW LEVEL SECURITY;
UPDATE capacity_plan_actions SET redacted = false, sealed = sealed_hidden,
  sealed_hidden = NULL
  WHERE sealed_hidden IS NOT NULL;
UPDATE capacity_plan_steps SET redacted = false, sealed_note = sealed_hidden,
  sealed_hidden = NULL
  WHERE sealed_hidden IS NOT NULL;
DELETE FROM redactions WHERE subject_kind IN ('plan_action', 'plan_step');
ALTER TABLE redactions FORCE ROW LEVEL SECURITY;
ALTER TABLE capacity_plan_actions ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY;
ALTER TABLE capacity_plan_steps ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION capacity_plan_actions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE plan record;
BEGIN
  SELECT p.status, p.partner_id INTO plan FROM capacity_plans p WHERE p.id = OLD.plan_id;
  IF plan.status <> 'draft' THEN PERFORM capacity_plan_refused('action_fixed'); END IF;
  PERFORM refuse_held(OLD.plan_id, plan.partner_id);
  RETURN NULL;
END $$;
CREATE TRIGGER capacity_plan_steps_append_only BEFORE UPDATE ON capacity_plan_steps
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
REVOKE ALL ON capacity_plans, capacity_plan_actions, capacity_plan_steps FROM reg_facts;
"""
    + "".join(
        f"""DROP POLICY {table}_redact ON {table};
DROP POLICY {table}_own_fact ON {table};
GRANT SELECT ON {table} TO reg_app;
"""
        for table in ("capacity_plan_actions", "capacity_plan_steps")
    )
)
WORDS = {"capacity_plan_actions": "sealed", "capacity_plan_steps": "sealed_note"}


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_redactions_subject_kind"), "redactions", type_="check")
    op.create_check_constraint(
        op.f("ck_redactions_subject_kind"), "redactions", f"subject_kind IN ({kinds})"
    )


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_unique_constraint(
        op.f("uq_assurance_plans_id_revision_owner_agency"),
        "assurance_plans",
        ["id", "revision", "owner_agency"],
    )
    op.create_table(
        "assurance_plan_returns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("returned_by", sa.Uuid(), nullable=False),
        sa.Column(
            "returned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id", "revision", "owner_agency"],
            ["assurance_plans.id", "assurance_plans.revision", "assurance_plans.owner_agency"],
            name="fk_assurance_plan_returns_assurance_plans",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["returned_by"],
            ["persons.id"],
            name=op.f("fk_assurance_plan_returns_returned_by_persons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assurance_plan_returns")),
    )
    op.create_index(
        "ix_assurance_plan_returns_plan",
        "assurance_plan_returns",
        ["plan_id", "returned_at", "id"],
    )
    for table, sealed in WORDS.items():
        op.add_column(
            table, sa.Column("redacted", sa.Boolean(), server_default="false", nullable=False)
        )
        op.add_column(table, sa.Column("sealed_hidden", sa.LargeBinary(), nullable=True))
        op.create_check_constraint(
            op.f(f"ck_{table}_redacted"), table, f"NOT redacted OR length({sealed}) = 0"
        )
        op.create_check_constraint(
            op.f(f"ck_{table}_sealed_hidden"), table, "redacted OR sealed_hidden IS NULL"
        )
    _kinds(PLAN_KINDS)
    run_script(
        statement_of(SHOWN)
        + RETURNS
        + "GRANT CREATE ON SCHEMA public TO reg_facts;\n"
        + PLANS
        + "REVOKE CREATE ON SCHEMA public FROM reg_facts;\n"
    )


def downgrade() -> None:
    run_script(
        "GRANT CREATE ON SCHEMA public TO reg_facts;\n"
        + UNDO_PLANS
        + "REVOKE CREATE ON SCHEMA public FROM reg_facts;\n"
        + "DROP TRIGGER assurance_plan_reasoned ON assurance_plans;\n"
        + "DROP FUNCTION assurance_plan_reasoned();\n"
        + statement_of(FINAL)
    )
    _kinds(KINDS)
    for table in WORDS:
        op.drop_constraint(op.f(f"ck_{table}_sealed_hidden"), table, type_="check")
        op.drop_constraint(op.f(f"ck_{table}_redacted"), table, type_="check")
        op.drop_column(table, "sealed_hidden")
        op.drop_column(table, "redacted")
    op.drop_table("assurance_plan_returns")
    op.execute("DROP FUNCTION assurance_plan_returns_made()")
    op.drop_constraint(
        op.f("uq_assurance_plans_id_revision_owner_agency"), "assurance_plans", type_="unique"
    )
