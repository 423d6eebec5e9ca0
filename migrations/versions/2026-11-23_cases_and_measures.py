"""Cases and measures joined: whose measure it is, releases and appeals that end one

Revision: 0043, after 0042
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

# Measures so far: by the respondent or the suspension that names them, else by the party.
MOVE = """
ALTER TABLE sanction_entries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_respondents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_interims NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_entries DISABLE TRIGGER sanction_entries_kept;
UPDATE sanction_entries e SET respondent_id = coalesce(
  (SELECT r.id FROM sanction_respondents r WHERE r.entry_id = e.id),
  (SELECT i.respondent_id FROM sanction_interims i WHERE i.entry_id = e.id),
  (SELECT r.id FROM sanction_respondents r WHERE r.case_id = e.case_id
     AND (r.partner_id = e.partner_id OR (r.partner_id IS NULL AND e.partner_id IS NULL))
   ORDER BY r.created_at LIMIT 1),
  (SELECT r.id FROM sanction_respondents r WHERE r.case_id = e.case_id AND r.main))
WHERE e.case_id IS NOT NULL;
-- A measure of before this is still its case's.
UPDATE sanction_respondents r SET entry_id = (SELECT e.id FROM sanction_entries e
    WHERE e.respondent_id = r.id AND e.measure <> 'INTERIM_SUSPENSION'
    ORDER BY e.created_at DESC LIMIT 1)
  WHERE r.entry_id IS NULL AND r.state = 'IMPOSED' AND EXISTS (SELECT FROM sanction_entries e
    WHERE e.respondent_id = r.id AND e.measure <> 'INTERIM_SUSPENSION');
ALTER TABLE sanction_entries ENABLE TRIGGER sanction_entries_kept;
ALTER TABLE sanction_entries FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_respondents FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_interims FORCE ROW LEVEL SECURITY;
"""

_OVERLAP = """ALTER TABLE sanction_entries ADD CONSTRAINT ex_sanction_entries_no_overlap_person
  EXCLUDE USING gist (respondent_id WITH =, regime WITH =, valid WITH &&)
  WHERE (blocking AND voided_at IS NULL AND individual IS NOT NULL)"""

_REFUSED = """RAISE EXCEPTION '{what}' USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';"""
_OVER = _REFUSED.format(what="the measure has ended", name="sanction_entry_ended")
_TWO = _REFUSED.format(
    what="a release or an annulment takes two persons", name="sanction_entry_two_persons"
)
_CONDITIONS = _REFUSED.format(
    what="the conditions of the release are not met", name="sanction_entry_conditions"
)
_ENDS = f"""
-- What is over stays over, and ends in its right way: {{how}}
CREATE OR REPLACE FUNCTION sanction_entry_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.voided_at IS NOT NULL OR (OLD.end_reason IS NOT NULL AND NEW.voided_at IS NULL) THEN
    {_OVER}
  END IF;
{{ways}}  IF NEW.end_reason = 'released' THEN
    IF NEW.release_not_before > NEW.ended_on OR EXISTS (SELECT FROM sanction_conditions c
        WHERE c.entry_id = NEW.id AND c.state NOT IN ('met', 'waived')) THEN
      {_CONDITIONS}
    END IF;
  END IF;
  RETURN NEW;
END $$;
"""
_ACT = """SELECT FROM sanction_entry_acts a WHERE a.entry_id = NEW.id AND a.state = 'approved'
        AND a.kind = """
ENDS = _ENDS.format(
    how="""released by the
-- three persons of its case, or where there is none by two, annulled by two. Each question is asked
-- only where it is due: whoever ends a measure in another way need not read the answers.""",
    ways=f"""  IF NEW.end_reason = 'annulled' THEN
    IF NOT EXISTS ({_ACT}'annul') THEN
      {_TWO}
    END IF;
  ELSIF NEW.end_reason = 'released' THEN
    IF NEW.case_id IS NOT NULL AND NEW.custodian_agency IS NULL THEN
      IF NOT EXISTS (SELECT FROM sanction_releases x JOIN sanction_respondents r
          ON r.id = x.respondent_id WHERE r.id = NEW.respondent_id AND r.entry_id = NEW.id
          AND x.outcome = 'released') THEN
        {_TWO}
      END IF;
    ELSIF NOT EXISTS ({_ACT}'release') THEN
      {_TWO}
    END IF;
  END IF;
""",
)
ENDS_BEFORE = _ENDS.format(
    how="released or annulled by two persons.",
    ways=f"""  IF NEW.end_reason IN ('released', 'annulled') AND NOT EXISTS ({_ACT}
          CASE NEW.end_reason WHEN 'released' THEN 'release' ELSE 'annul' END) THEN
    {_TWO}
  END IF;
""",
)

_DECIDED = f"""
CREATE OR REPLACE FUNCTION sanction_entry_decided() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
{{ways}}  {
    _REFUSED.format(
        what="due process: the case has no decision on this party", name="sanction_entry_decided"
    )
}
END $$;
"""
DECIDED = _DECIDED.format(
    ways="""  -- By the decision on this very party; a suspension by one of its own, within its limits.
  IF EXISTS (SELECT FROM sanction_respondents r WHERE r.id = NEW.respondent_id
      AND r.case_id = NEW.case_id AND r.partner_id IS NOT DISTINCT FROM NEW.partner_id
      AND (r.kind = 'INDIVIDUAL') = (NEW.individual IS NOT NULL)
      AND CASE NEW.measure WHEN 'INTERIM_SUSPENSION' THEN EXISTS (
          SELECT FROM sanction_interims i WHERE i.respondent_id = r.id AND i.entry_id IS NULL
            AND i.effective_from = NEW.effective_from AND i.until_on = NEW.effective_to)
        ELSE r.state = 'IMPOSED' END) THEN
    RETURN NEW;
  END IF;
"""
)
DECIDED_BEFORE = _DECIDED.format(
    ways="""  IF EXISTS (SELECT FROM sanction_respondents r WHERE r.case_id = NEW.case_id
      AND r.state = 'IMPOSED'
      AND (r.partner_id IS NOT DISTINCT FROM NEW.partner_id OR r.kind = 'INDIVIDUAL')) THEN
    RETURN NEW;
  END IF;
  IF NEW.measure = 'INTERIM_SUSPENSION' AND EXISTS (SELECT FROM sanction_interims i
      WHERE i.case_id = NEW.case_id AND i.until_on >= NEW.effective_to) THEN
    RETURN NEW;
  END IF;
"""
)

# Functions of reg_facts are replaced by their owner, who may create nothing in the schema.
_AS_FACTS = """
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION sanction_entry_decided() OWNER TO reg_facts;
{more}REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

GATES = f"""
SET LOCAL check_function_bodies = off;
GRANT INSERT (respondent_id) ON sanction_entries TO reg_app;
GRANT SELECT (id) ON sanction_respondents TO reg_facts;
GRANT SELECT (respondent_id, entry_id, effective_from) ON sanction_interims TO reg_facts;
{ENDS}{DECIDED}
-- Under a procedure whose appeals suspend, the appeal that a partner files itself ends its measure
-- until it is decided: the agency has said so with its procedure, and the partner, who may change
-- nothing of a measure, needs nobody's further act. The worker tells of it within the minute.
GRANT SELECT (agency_id, entry_id) ON sanction_respondents TO reg_facts;
GRANT UPDATE (ended_on, end_reason, version) ON sanction_entries TO reg_facts;
CREATE POLICY sanction_entries_appealed ON sanction_entries FOR UPDATE TO reg_facts
  USING (end_reason IS NULL AND voided_at IS NULL) WITH CHECK (end_reason = 'lifted');
CREATE FUNCTION sanction_appeal_suspends() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  UPDATE sanction_entries e SET ended_on = current_date, end_reason = 'lifted',
      version = e.version + 1
    FROM sanction_respondents r
    WHERE r.id = NEW.respondent_id AND e.id = r.entry_id AND e.end_reason IS NULL
      AND e.voided_at IS NULL AND coalesce(e.effective_to >= current_date, true);
  RETURN NULL;
END $$;
-- After sanction_appeals_moves, which refuses an appeal that is none.
CREATE TRIGGER sanction_appeals_suspend AFTER INSERT ON sanction_appeals FOR EACH ROW
  WHEN (NEW.suspensive AND NEW.by_partner) EXECUTE FUNCTION sanction_appeal_suspends();
REVOKE EXECUTE ON FUNCTION sanction_appeal_suspends() FROM PUBLIC;

-- Whoever decides about a measure is a person of the agency that does.
CREATE FUNCTION sanction_act_person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM sanction_own_person(coalesce(NEW.decided_by, NEW.proposed_by), NEW.owner_agency);
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_entry_acts_person AFTER INSERT OR UPDATE OF decided_by
  ON sanction_entry_acts FOR EACH ROW EXECUTE FUNCTION sanction_act_person();
CREATE FUNCTION sanction_recognition_person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM sanction_own_person(NEW.decided_by, NEW.owner_agency);
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_recognitions_person AFTER INSERT ON sanction_recognitions
  FOR EACH ROW EXECUTE FUNCTION sanction_recognition_person();
CREATE FUNCTION sanction_condition_person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM sanction_own_person(NEW.verified_by, (SELECT coalesce(e.custodian_agency,
    e.imposing_agency) FROM sanction_entries e WHERE e.id = NEW.entry_id));
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_conditions_person AFTER UPDATE OF verified_by ON sanction_conditions
  FOR EACH ROW WHEN (NEW.verified_by IS NOT NULL) EXECUTE FUNCTION sanction_condition_person();
CREATE FUNCTION sanction_entry_person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM sanction_own_person(NEW.ended_by, coalesce(NEW.custodian_agency, NEW.imposing_agency));
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_entries_person AFTER UPDATE OF ended_by ON sanction_entries FOR EACH ROW
  WHEN (NEW.ended_by IS NOT NULL) EXECUTE FUNCTION sanction_entry_person();
{
    _AS_FACTS.format(
        more='''ALTER FUNCTION sanction_appeal_suspends() OWNER TO reg_facts;
'''
    )
}"""  # noqa: S608 - texts of ours

# One that ended before it began was in force on no day: it is due by the day on which it ended.
_KEPT = """CREATE OR REPLACE VIEW retention_sanctions_ended
  WITH (security_invoker = true, security_barrier = true) AS
  SELECT e.id, e.partner_id, coalesce(e.custodian_agency, e.imposing_agency) AS owner_agency,
    {since}::timestamptz AS since,
    array_remove(ARRAY[e.id, e.partner_id, e.case_id], NULL) AS records,
    coalesce(retention_contested('sanction_entry', e.id),
      (SELECT 'NAMED' WHERE EXISTS (SELECT FROM sanction_entries o
        WHERE o.affiliate_of = e.id OR o.supersedes = e.id))) AS kept_by
  FROM sanction_entries e
  WHERE {ended} AND {since} <= (SELECT retention_before('sanctions_ended'))::date;
"""
KEPT = _KEPT.format(since="coalesce(upper(e.valid), e.ended_on)", ended="e.voided_at IS NULL")
KEPT_BEFORE = _KEPT.format(
    since="upper(e.valid)", ended="e.voided_at IS NULL AND NOT isempty(e.valid)"
)

UNDO = f"""
SET LOCAL check_function_bodies = off;
DROP TRIGGER sanction_entries_person ON sanction_entries;
DROP TRIGGER sanction_conditions_person ON sanction_conditions;
DROP TRIGGER sanction_recognitions_person ON sanction_recognitions;
DROP TRIGGER sanction_entry_acts_person ON sanction_entry_acts;
DROP TRIGGER sanction_appeals_suspend ON sanction_appeals;
DROP FUNCTION sanction_entry_person(), sanction_condition_person(), sanction_recognition_person(),
  sanction_act_person(), sanction_appeal_suspends();
DROP POLICY sanction_entries_appealed ON sanction_entries;
REVOKE UPDATE (ended_on, end_reason, version) ON sanction_entries FROM reg_facts;
REVOKE SELECT (id, agency_id, entry_id) ON sanction_respondents FROM reg_facts;
REVOKE SELECT (respondent_id, entry_id, effective_from) ON sanction_interims FROM reg_facts;
{ENDS_BEFORE}{DECIDED_BEFORE}{_AS_FACTS.format(more="")}{KEPT_BEFORE}"""  # noqa: S608 - texts of ours


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    table = "sanction_entries"
    op.add_column(table, sa.Column("respondent_id", sa.Uuid(), nullable=True))
    run_script(MOVE)
    op.create_foreign_key(
        "fk_sanction_entries_respondent",
        table,
        "sanction_respondents",
        ["respondent_id", "case_id", "imposing_agency"],
        ["id", "case_id", "agency_id"],
    )
    op.create_check_constraint(
        op.f("ck_sanction_entries_respondent"), table, "num_nulls(case_id, respondent_id) <> 1"
    )
    op.create_index("ix_sanction_entries_respondent_id", table, ["respondent_id"])
    op.execute(_OVERLAP)
    run_script(GATES + KEPT)


def downgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    table = "sanction_entries"
    run_script(UNDO)
    op.drop_constraint("ex_sanction_entries_no_overlap_person", table)
    op.drop_index("ix_sanction_entries_respondent_id", table_name=table)
    op.drop_constraint(op.f("ck_sanction_entries_respondent"), table, type_="check")
    op.drop_constraint("fk_sanction_entries_respondent", table, type_="foreignkey")
    op.drop_column(table, "respondent_id")
