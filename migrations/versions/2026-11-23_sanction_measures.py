"""Measures in two times, with their effects, conditions, ends and recognition

Revision: 0041, after 0040
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script
from app.partners.retention.guard import Rules, add_rules, drop_rules

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# What is known of a measure; a former row has all of it.
KNOWN = (
    "id", "partner_id", "imposing_agency", "case_id", "individual", "affiliate_of",
    "affiliate_relation", "supersedes", "regime", "measure", "blocking", "level", "practices",
    "practice_ended_on", "procedure", "certificate", "legal_reference", "decided_on",
    "effective_from", "effective_to", "release_not_before", "scope_countries", "scope_modalities",
    "new_agreements", "renewals", "payments_due", "running_agreements", "wind_down_until",
    "continuity_contact", "contact_office", "last_reviewed", "ended_on", "end_reason", "ended_by",
    "voided_at", "custodian_agency", "version", "created_at", "recorded_from", "valid",
)  # fmt: skip
# What a new measure is born with: in force from its day, and not ended.
BORN = (
    "id", "partner_id", "imposing_agency", "case_id", "individual", "affiliate_of",
    "affiliate_relation", "supersedes", "regime", "measure", "blocking", "level", "practices",
    "practice_ended_on", "procedure", "certificate", "legal_reference", "decided_on",
    "effective_from", "effective_to", "release_not_before", "scope_countries", "scope_modalities",
    "new_agreements", "renewals", "payments_due", "running_agreements", "wind_down_until",
    "continuity_contact", "contact_office", "last_reviewed", "announced", "version",
)  # fmt: skip
VALID = (
    "CASE WHEN voided_at IS NOT NULL THEN 'empty'::daterange "
    "WHEN ended_on IS NULL AND effective_to IS NULL THEN daterange(effective_from, NULL) "
    "ELSE daterange(effective_from, greatest(effective_from, least(ended_on, effective_to + 1))) "
    "END"
)
_OWN = "(SELECT app_agency())"
_RESPONSIBLE = f"coalesce(custodian_agency, imposing_agency) = {_OWN}"
_SEES = "EXISTS (SELECT 1 FROM sanction_entries e WHERE e.id = $.entry_id)"

STATUS = """
-- What a measure is on a day. Every reader asks this one function; nothing that it says is stored.
CREATE FUNCTION sanction_status(effective_from date, effective_to date, ended_on date,
    end_reason text, voided boolean, on_day date) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN voided THEN 'ANNULLED' WHEN ended_on <= on_day THEN upper(end_reason)
    WHEN effective_to < on_day THEN 'EXPIRED' WHEN effective_from > on_day THEN 'PENDING'
    ELSE 'ACTIVE' END $$;
-- The next day on which that changes by itself.
CREATE FUNCTION sanction_next_day(valid daterange, on_day date) RETURNS date
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN lower(valid) > on_day THEN lower(valid)
    WHEN upper(valid) > on_day THEN upper(valid) END $$;
"""

# What was stored of the status so far becomes dates.
MOVE = """
UPDATE sanction_entries SET announced = CASE WHEN status <> 'ACTIVE' THEN 'ENDED'
    WHEN effective_from > current_date THEN 'PENDING' ELSE 'ACTIVE' END,
  voided_at = CASE WHEN end_reason IN ('annulled', 'error') THEN ended_on::timestamptz END,
  end_reason = CASE WHEN status = 'LIFTED' THEN CASE WHEN end_reason IN ('annulled', 'error')
    THEN 'annulled' ELSE 'lifted' END END,
  ended_on = CASE WHEN status = 'LIFTED' THEN CASE WHEN end_reason IN ('annulled', 'error')
    THEN ended_on ELSE least(ended_on, effective_to + 1) END END,
  new_agreements = CASE WHEN blocking THEN 'stop' ELSE 'allowed' END,
  renewals = CASE WHEN blocking THEN 'stop' ELSE 'allowed' END;
"""
MOVE_BACK = """
UPDATE sanction_entries SET status = CASE WHEN ended_on IS NOT NULL THEN 'LIFTED'
    WHEN effective_to < current_date THEN 'EXPIRED' ELSE 'ACTIVE' END;
UPDATE sanction_entries SET ended_on = effective_to, end_reason = 'expired'
  WHERE status = 'EXPIRED';
"""

HISTORY = f"""
SET LOCAL check_function_bodies = off;
-- ---------------------------------------------------------------- what was known before
-- Whoever changes what is known of a measure leaves the former row behind. What the worker has
-- told the feed, and how a text is sealed, is not part of it.
CREATE FUNCTION keep_sanction_entry() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE apart text[] := '{{announced,sealed_end_reason,valid,recorded_from}}';
BEGIN
  IF (to_jsonb(OLD) - apart) IS NOT DISTINCT FROM (to_jsonb(NEW) - apart) THEN
    NEW.recorded_from := OLD.recorded_from;
    RETURN NEW;
  END IF;
  -- The row is locked: of two changes the later one always has the later time.
  NEW.recorded_from := greatest(clock_timestamp(), OLD.recorded_from + interval '1 microsecond');
  INSERT INTO sanction_entry_history ({", ".join(KNOWN)}, recorded_to)
    VALUES ({", ".join(f"OLD.{name}" for name in KNOWN)}, NEW.recorded_from);
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_entries_kept BEFORE UPDATE ON sanction_entries
  FOR EACH ROW EXECUTE FUNCTION keep_sanction_entry();

-- What is over stays over, and ends in its right way: released or annulled by two persons.
CREATE FUNCTION sanction_entry_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.voided_at IS NOT NULL OR (OLD.end_reason IS NOT NULL AND NEW.voided_at IS NULL) THEN
    RAISE EXCEPTION 'the measure has ended' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'sanction_entry_ended';
  END IF;
  IF NEW.end_reason IN ('released', 'annulled') AND NOT EXISTS (SELECT FROM sanction_entry_acts a
      WHERE a.entry_id = NEW.id AND a.state = 'approved'
        AND a.kind = CASE NEW.end_reason WHEN 'released' THEN 'release' ELSE 'annul' END) THEN
    RAISE EXCEPTION 'a release or an annulment takes two persons'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'sanction_entry_two_persons';
  END IF;
  IF NEW.end_reason = 'released' AND (NEW.release_not_before > NEW.ended_on
      OR EXISTS (SELECT FROM sanction_conditions c WHERE c.entry_id = NEW.id
        AND c.state NOT IN ('met', 'waived'))) THEN
    RAISE EXCEPTION 'the conditions of the release are not met'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'sanction_entry_conditions';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sanction_entries_end BEFORE UPDATE ON sanction_entries FOR EACH ROW
  WHEN (OLD.end_reason IS DISTINCT FROM NEW.end_reason OR OLD.ended_on IS DISTINCT FROM NEW.ended_on
    OR OLD.voided_at IS DISTINCT FROM NEW.voided_at)
  EXECUTE FUNCTION sanction_entry_ends();

ALTER TABLE sanction_entry_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE sanction_entry_history FORCE ROW LEVEL SECURITY;
GRANT SELECT ON sanction_entry_history TO reg_app;
CREATE POLICY sanction_entry_history_select ON sanction_entry_history FOR SELECT TO reg_app
  USING (level <> 'RESTRICTED' OR {_RESPONSIBLE});
CREATE POLICY sanction_entry_history_operator ON sanction_entry_history TO reg_owner
  USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON sanction_entry_history TO reg_facts;
CREATE POLICY sanction_entry_history_facts_select ON sanction_entry_history FOR SELECT
  TO reg_facts USING (true);
CREATE POLICY sanction_entry_history_facts_insert ON sanction_entry_history FOR INSERT
  TO reg_facts WITH CHECK (true);
GRANT SELECT (id), DELETE ON sanction_entry_history TO reg_worker;
CREATE POLICY sanction_entry_history_retention_select ON sanction_entry_history FOR SELECT
  TO reg_worker USING (true);
CREATE POLICY sanction_entry_history_retention_delete ON sanction_entry_history FOR DELETE
  TO reg_worker USING (true);
CREATE TRIGGER sanction_entry_history_due BEFORE DELETE ON sanction_entry_history FOR EACH ROW
  EXECUTE FUNCTION only_when_due('id', 'sanctions_ended', 'entries_annulled');
CREATE TRIGGER sanction_entry_history_append_only BEFORE UPDATE ON sanction_entry_history
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- ---------------------------------------------------------------- who sees and changes what
-- A RESTRICTED measure is its agency's, and the partner's own unless oversight keeps it back.
DROP POLICY sanction_entries_select ON sanction_entries;
CREATE POLICY sanction_entries_select ON sanction_entries FOR SELECT TO reg_app
  USING (level <> 'RESTRICTED' OR {_RESPONSIBLE}
    OR (partner_id IN (SELECT partner_lineage((SELECT app_partner()))) AND NOT withheld(id)));
REVOKE INSERT ON sanction_entries FROM reg_app;
GRANT INSERT ({", ".join(BORN)}) ON sanction_entries TO reg_app;
REVOKE UPDATE ON sanction_entries FROM reg_app;
GRANT UPDATE (ended_on, end_reason, ended_by, sealed_end_reason, voided_at, level, contact_office,
  continuity_contact, last_reviewed, announced, version) ON sanction_entries TO reg_app;
REVOKE UPDATE ON sanction_entries FROM reg_worker;
GRANT UPDATE (announced, sealed_end_reason) ON sanction_entries TO reg_worker;

-- ---------------------------------------------------------------- conditions, ends, recognition
ALTER TABLE sanction_conditions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sanction_conditions FORCE ROW LEVEL SECURITY;
GRANT SELECT ON sanction_conditions TO reg_app;
GRANT INSERT (id, entry_id, owner_agency, position, condition, due_on)
  ON sanction_conditions TO reg_app;
GRANT UPDATE (state, verified_by, verified_on, sealed, version) ON sanction_conditions TO reg_app;
-- The worker says in the feed whether a release is open.
GRANT SELECT (state) ON sanction_conditions TO reg_worker;
CREATE POLICY sanction_conditions_select ON sanction_conditions FOR SELECT TO reg_app
  USING ({_SEES.replace("$", "sanction_conditions")});
CREATE POLICY sanction_conditions_insert ON sanction_conditions FOR INSERT TO reg_app
  WITH CHECK (owner_agency = {_OWN} AND EXISTS (SELECT 1 FROM sanction_entries e
    WHERE e.id = entry_id AND {_RESPONSIBLE}));
-- A custodian verifies, too.
CREATE POLICY sanction_conditions_update ON sanction_conditions FOR UPDATE TO reg_app
  USING (EXISTS (SELECT 1 FROM sanction_entries e WHERE e.id = entry_id AND {_RESPONSIBLE}))
  WITH CHECK (EXISTS (SELECT 1 FROM sanction_entries e WHERE e.id = entry_id AND {_RESPONSIBLE}));

ALTER TABLE sanction_entry_acts ENABLE ROW LEVEL SECURITY;
ALTER TABLE sanction_entry_acts FORCE ROW LEVEL SECURITY;
GRANT SELECT ON sanction_entry_acts TO reg_app;
GRANT INSERT (id, entry_id, owner_agency, kind, proposed_by, sealed) ON sanction_entry_acts
  TO reg_app;
GRANT UPDATE (state, decided_by, decided_at, sealed_decision, version) ON sanction_entry_acts
  TO reg_app;
CREATE POLICY sanction_entry_acts_select ON sanction_entry_acts FOR SELECT TO reg_app
  USING (owner_agency = {_OWN});
CREATE POLICY sanction_entry_acts_insert ON sanction_entry_acts FOR INSERT TO reg_app
  WITH CHECK (owner_agency = {_OWN} AND EXISTS (SELECT 1 FROM sanction_entries e
    WHERE e.id = entry_id AND {_RESPONSIBLE}));
CREATE POLICY sanction_entry_acts_update ON sanction_entry_acts FOR UPDATE TO reg_app
  USING (owner_agency = {_OWN} AND state = 'proposed') WITH CHECK (owner_agency = {_OWN});

ALTER TABLE sanction_recognitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sanction_recognitions FORCE ROW LEVEL SECURITY;
GRANT SELECT ON sanction_recognitions TO reg_app;
GRANT INSERT (id, entry_id, owner_agency, decision, reason, policy, entry_version, decided_by)
  ON sanction_recognitions TO reg_app;
CREATE POLICY sanction_recognitions_select ON sanction_recognitions FOR SELECT TO reg_app
  USING ({_SEES.replace("$", "sanction_recognitions")});
CREATE POLICY sanction_recognitions_insert ON sanction_recognitions FOR INSERT TO reg_app
  WITH CHECK (owner_agency = {_OWN} AND EXISTS (SELECT 1 FROM sanction_entries e
    WHERE e.id = entry_id AND NOT {_RESPONSIBLE}));
CREATE TRIGGER sanction_recognitions_append_only BEFORE UPDATE ON sanction_recognitions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
{rekey_security("sanction_conditions")}
{rekey_security("sanction_entry_acts")}
"""  # noqa: S608 - constants

PARTS = ("sanction_conditions", "sanction_entry_acts", "sanction_recognitions")
_PART = """
CREATE POLICY $_export ON $ FOR SELECT TO reg_owner USING (owner_agency = (SELECT app_agency()));
GRANT SELECT (entry_id), DELETE ON $ TO reg_worker;
CREATE POLICY $_retention_select ON $ FOR SELECT TO reg_worker USING (true);
CREATE POLICY $_retention_delete ON $ FOR DELETE TO reg_worker USING (true);
CREATE TRIGGER $_due BEFORE DELETE ON $ FOR EACH ROW
  EXECUTE FUNCTION only_when_due('entry_id', 'sanctions_ended', 'entries_annulled');
"""

INTERIM = """
-- ---------------------------------------------------------------- RESTRICTED measures of others
GRANT SELECT ON sanction_entries TO reg_facts;
CREATE POLICY sanction_entries_facts ON sanction_entries FOR SELECT TO reg_facts USING (true);
GRANT SELECT (contact_office, contact_email) ON agencies TO reg_facts;
-- For the agencies' own sanctions authorities and compliance officers; who that is, is known above.
CREATE FUNCTION restricted_measures(profile uuid, on_day date)
  RETURNS SETOF sanction_entries
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e FROM sanction_entries e
  WHERE e.level = 'RESTRICTED' AND e.valid @> on_day
    AND e.partner_id IN (SELECT partner_lineage(profile))
    AND app_agency() IS NOT NULL $$;
-- For a clearance: which agencies are to be asked about these profiles, as each of them lets its
-- suspensions count. Never what it is about, nor since when.
CREATE FUNCTION suspended_elsewhere(profiles uuid[], otherwise text, on_day date)
  RETURNS TABLE (agency text, counted text, contact_office text, contact_email text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT a.code, s.counted, a.contact_office, a.contact_email
  FROM sanction_entries e JOIN agencies a ON a.id = coalesce(e.custodian_agency, e.imposing_agency),
    LATERAL (SELECT coalesce((SELECT f.value ->> 'interim_suspension'
      FROM counted_facts(ARRAY[a.id], on_day) f), otherwise) AS counted) s
  WHERE e.partner_id = ANY (profiles) AND e.level = 'RESTRICTED' AND e.blocking
    AND e.valid @> on_day AND a.id IS DISTINCT FROM app_agency() AND app_agency() IS NOT NULL
    AND s.counted <> 'not_counted' $$;
REVOKE EXECUTE ON FUNCTION restricted_measures(uuid, date),
  suspended_elsewhere(uuid[], text, date), keep_sanction_entry() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION restricted_measures(uuid, date),
  suspended_elsewhere(uuid[], text, date) TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION restricted_measures(uuid, date) OWNER TO reg_facts;
ALTER FUNCTION suspended_elsewhere(uuid[], text, date) OWNER TO reg_facts;
ALTER FUNCTION keep_sanction_entry() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

# ------------------------------------------------------------------------------------- retention
_ENDED = """CREATE VIEW retention_sanctions_ended
  WITH (security_invoker = true, security_barrier = true) AS
  SELECT e.id, e.partner_id, coalesce(e.custodian_agency, e.imposing_agency) AS owner_agency,
    {since}::timestamptz AS since,
    array_remove(ARRAY[e.id, e.partner_id, e.case_id], NULL) AS records,
    {kept} AS kept_by
  FROM sanction_entries e
  WHERE {ended} AND {since} <= (SELECT retention_before('sanctions_ended'))::date;"""
_ANNULLED = """CREATE VIEW retention_cases_annulled
  WITH (security_invoker = true, security_barrier = true) AS
  SELECT c.id, c.partner_id, c.agency_id AS owner_agency,
    max(e.ended_on)::timestamptz AS since,
    ARRAY[c.id, c.partner_id] || array_agg(e.id) || ARRAY(SELECT s.id FROM sanction_case_steps s
      WHERE s.case_id = c.id) AS records,
    max(retention_contested('sanction_entry', e.id)) AS kept_by
  FROM sanction_cases c JOIN sanction_entries e ON e.case_id = c.id
  WHERE EXISTS (SELECT FROM sanction_case_steps s WHERE s.case_id = c.id)
  GROUP BY c.id
  HAVING bool_and({annulled})
    AND max(e.ended_on) <= (SELECT retention_before('cases_annulled'))::date;"""
# A measure that another one names, as its affiliate's or its successor, stays as long as that.
VIEWS = _ENDED.format(
    since="upper(e.valid)",
    kept="""coalesce(retention_contested('sanction_entry', e.id),
      (SELECT 'NAMED' WHERE EXISTS (SELECT FROM sanction_entries o
        WHERE o.affiliate_of = e.id OR o.supersedes = e.id)))""",
    ended="e.voided_at IS NULL AND NOT isempty(e.valid)",
) + _ANNULLED.format(annulled="e.voided_at IS NOT NULL")
GRANT_VIEWS = """
GRANT SELECT ON retention_sanctions_ended, retention_cases_annulled TO reg_worker;
"""
VIEWS_GONE = "DROP VIEW retention_sanctions_ended, retention_cases_annulled;"
VIEWS_BEFORE = _ENDED.format(
    since="e.ended_on",
    kept="retention_contested('sanction_entry', e.id)",
    ended="e.status <> 'ACTIVE' AND coalesce(e.end_reason, '') NOT IN ('annulled', 'error')",
) + _ANNULLED.format(annulled="e.status <> 'ACTIVE' AND e.end_reason IN ('annulled', 'error')")
RULES = Rules(
    version="2026.4",
    months={"entries_annulled": 6},
    views={
        "entries_annulled": """SELECT e.id, e.partner_id,
    coalesce(e.custodian_agency, e.imposing_agency) AS owner_agency, e.voided_at AS since,
    array_remove(ARRAY[e.id, e.partner_id, e.case_id], NULL) AS records,
    retention_contested('sanction_entry', e.id) AS kept_by
  FROM sanction_entries e
  WHERE e.voided_at <= (SELECT retention_before('entries_annulled'))
    AND (e.sealed_end_reason IS NOT NULL
      OR EXISTS (SELECT FROM sanction_entry_history h WHERE h.id = e.id)
      OR EXISTS (SELECT FROM sanction_conditions o WHERE o.entry_id = e.id)
      OR EXISTS (SELECT FROM sanction_entry_acts o WHERE o.entry_id = e.id)
      OR EXISTS (SELECT FROM sanction_recognitions o WHERE o.entry_id = e.id))"""
    },
    guards=(),
)

UNDO = """
DROP FUNCTION restricted_measures(uuid, date);
DROP FUNCTION suspended_elsewhere(uuid[], text, date);
DROP POLICY sanction_entries_facts ON sanction_entries;
REVOKE SELECT ON sanction_entries FROM reg_facts;
REVOKE SELECT (contact_office, contact_email) ON agencies FROM reg_facts;
DROP TRIGGER sanction_entries_end ON sanction_entries;
DROP FUNCTION sanction_entry_ends();
DROP TRIGGER sanction_entries_kept ON sanction_entries;
DROP FUNCTION keep_sanction_entry();
DROP POLICY sanction_entries_select ON sanction_entries;
CREATE POLICY sanction_entries_select ON sanction_entries FOR SELECT TO reg_app USING (true);
DROP FUNCTION sanction_status(date, date, date, text, boolean, date);
DROP FUNCTION sanction_next_day(daterange, date);
"""
# An older release shows every row to every agency, and knows neither persons nor other regimes.
KEPT_BACK = """
ALTER TABLE sanction_entries DISABLE TRIGGER USER;
DELETE FROM restraints WHERE source_kind = 'sanction_entry' AND source_id IN (
  SELECT id FROM sanction_entries WHERE level = 'RESTRICTED' OR partner_id IS NULL);
DELETE FROM sanction_entries WHERE level = 'RESTRICTED' OR partner_id IS NULL;
ALTER TABLE sanction_entries ENABLE TRIGGER USER;
"""
RIGHTS_BEFORE = """
GRANT INSERT ON sanction_entries TO reg_app;
GRANT UPDATE (status, ended_on, end_reason, ended_by, sealed_end_reason, version)
  ON sanction_entries TO reg_app;
GRANT UPDATE ON sanction_entries TO reg_worker;
"""
CHECKS = {
    "subject": "num_nonnulls(partner_id, individual) = 1",
    "individual": "individual IS NULL OR level = 'INTER_AGENCY'",
    "affiliate": "num_nulls(affiliate_of, affiliate_relation) <> 1",
    "affiliate_relation": "affiliate_relation IN ('CONTROLLING', 'CONTROLLED', 'COMMON_CONTROL', "
    "'SUCCESSOR', 'ASSIGN', 'PRINCIPAL')",
    "affiliate_of": "affiliate_of <> id",
    "supersedes": "supersedes <> id",
    "regime": "regime IN ('VENDOR', 'IMPLEMENTING_PARTNER')",
    "level": "level IN ('PUBLIC', 'INTER_AGENCY', 'RESTRICTED')",
    "interim": "measure <> 'INTERIM_SUSPENSION' OR level = 'RESTRICTED'",
    "release_not_before": "release_not_before >= effective_from",
    "effects": "new_agreements IN ('allowed', 'stop') AND renewals IN ('allowed', 'stop') "
    "AND payments_due IN ('continue', 'stop') "
    "AND running_agreements IN ('continue', 'wind_down', 'stop')",
    "blocking": "blocking = (new_agreements = 'stop')",
    "unblocking": "blocking OR (renewals = 'allowed' AND payments_due = 'continue' "
    "AND running_agreements = 'continue')",
    "wind_down": "(running_agreements = 'wind_down') = (wind_down_until IS NOT NULL)",
    "continuity": "(running_agreements = 'continue' AND payments_due = 'continue') "
    "OR continuity_contact IS NOT NULL",
    "end_reason": "end_reason IN ('lifted', 'released', 'superseded', 'annulled')",
    "ended": "(ended_on IS NULL) = (end_reason IS NULL)",
    "voided": "(voided_at IS NOT NULL) = (coalesce(end_reason, '') = 'annulled')",
    "ended_in_time": "voided_at IS NOT NULL OR ended_on <= effective_to + 1",
    "announced": "announced IN ('PENDING', 'ACTIVE', 'ENDED')",
}
INDEXES = {
    "affiliate_of": ("affiliate_of", None),
    "begins": ("effective_from", "announced = 'PENDING'"),
    "ends": (sa.literal_column("upper(valid)"), "announced <> 'ENDED'"),
    "voided": ("voided_at", "voided_at IS NOT NULL"),
}
_OVERLAP = (
    "ALTER TABLE sanction_entries ADD CONSTRAINT ex_sanction_entries_no_overlap "
    "EXCLUDE USING gist ({}) WHERE ({})"
)
ADDED = (
    sa.Column("affiliate_of", sa.Uuid(), nullable=True),
    sa.Column("supersedes", sa.Uuid(), nullable=True),
    sa.Column("announced", sa.Text(), server_default="PENDING", nullable=False),
    sa.Column(
        "individual", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
    ),
    sa.Column("affiliate_relation", sa.Text(), nullable=True),
    sa.Column("regime", sa.Text(), server_default="IMPLEMENTING_PARTNER", nullable=False),
    sa.Column("level", sa.Text(), server_default="INTER_AGENCY", nullable=False),
    sa.Column("practice_ended_on", sa.Date(), nullable=True),
    sa.Column("certificate", sa.Text(), nullable=True),
    sa.Column("legal_reference", sa.Text(), nullable=True),
    sa.Column("release_not_before", sa.Date(), nullable=True),
    sa.Column("scope_countries", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    sa.Column("scope_modalities", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    sa.Column("new_agreements", sa.Text(), server_default="allowed", nullable=False),
    sa.Column("renewals", sa.Text(), server_default="allowed", nullable=False),
    sa.Column("payments_due", sa.Text(), server_default="continue", nullable=False),
    sa.Column("running_agreements", sa.Text(), server_default="continue", nullable=False),
    sa.Column("wind_down_until", sa.Date(), nullable=True),
    sa.Column("continuity_contact", sa.Text(), nullable=True),
    sa.Column("contact_office", sa.Text(), nullable=True),
    sa.Column("last_reviewed", sa.Date(), nullable=True),
    sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column(
        "recorded_from",
        sa.DateTime(timezone=True),
        server_default=sa.text("clock_timestamp()"),
        nullable=False,
    ),
)


def _tables() -> None:
    op.create_table(
        "sanction_conditions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("verified_by", sa.Uuid(), nullable=True),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "num_nulls(verified_by, verified_on, sealed) = CASE state WHEN 'open' THEN 3 ELSE 0 END",
            name=op.f("ck_sanction_conditions_verified"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'met', 'waived', 'breached')",
            name=op.f("ck_sanction_conditions_state"),
        ),
        sa.CheckConstraint(
            "length(condition) BETWEEN 1 AND 300", name=op.f("ck_sanction_conditions_condition")
        ),
        sa.CheckConstraint(
            "position BETWEEN 1 AND 20", name=op.f("ck_sanction_conditions_position")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["sanction_entries.id"],
            name=op.f("fk_sanction_conditions_entry_id_sanction_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_sanction_conditions_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["verified_by"], ["persons.id"], name=op.f("fk_sanction_conditions_verified_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_conditions")),
        sa.UniqueConstraint(
            "entry_id", "position", name=op.f("uq_sanction_conditions_entry_id_position")
        ),
    )
    op.create_table(
        "sanction_entry_acts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "proposed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_decision", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('release', 'annul')", name=op.f("ck_sanction_entry_acts_kind")
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at, sealed_decision) = CASE state WHEN 'proposed' THEN 3 ELSE 0 END",
            name=op.f("ck_sanction_entry_acts_decided"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected')",
            name=op.f("ck_sanction_entry_acts_state"),
        ),
        sa.CheckConstraint(
            "decided_by <> proposed_by", name=op.f("ck_sanction_entry_acts_two_persons")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_sanction_entry_acts_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["sanction_entries.id"],
            name=op.f("fk_sanction_entry_acts_entry_id_sanction_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_sanction_entry_acts_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["persons.id"], name=op.f("fk_sanction_entry_acts_proposed_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_entry_acts")),
    )
    op.create_index(
        "ix_sanction_entry_acts_entry_id", "sanction_entry_acts", ["entry_id"], unique=False
    )
    op.create_index(
        "uq_sanction_entry_acts_open",
        "sanction_entry_acts",
        ["entry_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "sanction_entry_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recorded_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("imposing_agency", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column(
            "individual", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("affiliate_of", sa.Uuid(), nullable=True),
        sa.Column("affiliate_relation", sa.Text(), nullable=True),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column("regime", sa.Text(), server_default="IMPLEMENTING_PARTNER", nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.Column("level", sa.Text(), server_default="INTER_AGENCY", nullable=False),
        sa.Column("practices", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("practice_ended_on", sa.Date(), nullable=True),
        sa.Column("procedure", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("legal_reference", sa.Text(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("release_not_before", sa.Date(), nullable=True),
        sa.Column(
            "scope_countries", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "scope_modalities", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("new_agreements", sa.Text(), server_default="allowed", nullable=False),
        sa.Column("renewals", sa.Text(), server_default="allowed", nullable=False),
        sa.Column("payments_due", sa.Text(), server_default="continue", nullable=False),
        sa.Column("running_agreements", sa.Text(), server_default="continue", nullable=False),
        sa.Column("wind_down_until", sa.Date(), nullable=True),
        sa.Column("continuity_contact", sa.Text(), nullable=True),
        sa.Column("contact_office", sa.Text(), nullable=True),
        sa.Column("last_reviewed", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("custodian_agency", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "recorded_to > recorded_from", name=op.f("ck_sanction_entry_history_recorded")
        ),
        sa.ForeignKeyConstraint(
            ["id"],
            ["sanction_entries.id"],
            name=op.f("fk_sanction_entry_history_id_sanction_entries"),
        ),
        sa.PrimaryKeyConstraint("id", "recorded_from", name=op.f("pk_sanction_entry_history")),
    )
    op.create_index(
        "ix_sanction_entry_history_partner_id",
        "sanction_entry_history",
        ["partner_id"],
        unique=False,
    )
    op.create_table(
        "sanction_recognitions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("entry_version", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "decision IN ('recognise', 'not_recognise')",
            name=op.f("ck_sanction_recognitions_decision"),
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 1000", name=op.f("ck_sanction_recognitions_reason")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_sanction_recognitions_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["sanction_entries.id"],
            name=op.f("fk_sanction_recognitions_entry_id_sanction_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_sanction_recognitions_owner_agency_agencies"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_recognitions")),
    )
    op.create_index(
        "ix_sanction_recognitions_newest",
        "sanction_recognitions",
        ["entry_id", "owner_agency", sa.literal_column("decided_at DESC")],
        unique=False,
    )


def _entries() -> None:
    table = "sanction_entries"
    for added in ADDED:
        op.add_column(table, added)
    op.alter_column(table, "partner_id", nullable=True)
    op.drop_constraint(op.f("ck_sanction_entries_ended"), table, type_="check")
    run_script(MOVE + VIEWS_GONE)
    op.execute("ALTER TABLE sanction_entries DROP CONSTRAINT ex_sanction_entries_no_overlap")
    op.drop_index("ix_sanction_entries_effective_to", table_name=table)
    op.drop_column(table, "status")
    valid = sa.Column(
        "valid", postgresql.DATERANGE(), sa.Computed(VALID, persisted=True), nullable=False
    )
    op.add_column(table, valid)
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.create_unique_constraint(op.f(f"uq_{table}_supersedes"), table, ["supersedes"])
    for name in ("affiliate_of", "supersedes"):
        key = op.f(f"fk_{table}_{name}_{table}")
        op.create_foreign_key(key, table, table, [name], ["id"])
    for name, (what, where) in INDEXES.items():
        condition = {"postgresql_where": sa.text(where)} if where else {}
        op.create_index(f"ix_{table}_{name}", table, [what], **condition)
    same = "partner_id WITH =, imposing_agency WITH =, regime WITH =, valid WITH &&"
    op.execute(_OVERLAP.format(same, "blocking AND voided_at IS NULL"))


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    _tables()
    run_script(STATUS)
    _entries()
    parts = "".join(_PART.replace("$", table) for table in PARTS)
    run_script(HISTORY + parts + INTERIM + VIEWS + GRANT_VIEWS + add_rules(RULES))


def downgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    table = "sanction_entries"
    run_script(drop_rules(RULES, "2026.3") + VIEWS_GONE + UNDO)
    for name in (*PARTS, "sanction_entry_history"):
        op.drop_table(name)
    run_script(KEPT_BACK)
    op.execute("ALTER TABLE sanction_entries DROP CONSTRAINT ex_sanction_entries_no_overlap")
    for name in ("ended", "end_reason", "voided", "ended_in_time"):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.add_column(table, sa.Column("status", sa.Text(), server_default="ACTIVE", nullable=False))
    run_script(MOVE_BACK)
    # Indexes and checks go with the columns they speak of.
    op.drop_column(table, "valid")
    for added in ADDED:
        op.drop_column(table, added.name)
    op.alter_column(table, "partner_id", nullable=False)
    op.create_check_constraint(
        op.f(f"ck_{table}_status"), table, "status IN ('ACTIVE', 'EXPIRED', 'LIFTED')"
    )
    op.create_check_constraint(
        op.f(f"ck_{table}_ended"), table, "(status = 'ACTIVE') = (ended_on IS NULL)"
    )
    op.create_index(
        "ix_sanction_entries_effective_to",
        table,
        ["effective_to"],
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )
    days = "daterange(effective_from, effective_to, '[]')"
    same = f"partner_id WITH =, imposing_agency WITH =, {days} WITH &&"
    op.execute(_OVERLAP.format(same, "blocking AND status = 'ACTIVE'"))
    run_script(RIGHTS_BEFORE + VIEWS_BEFORE + GRANT_VIEWS)
