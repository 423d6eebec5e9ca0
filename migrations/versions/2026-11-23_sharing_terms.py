"""terms of shares, deadlines of access requests, the watch over reading

Revision: 0034, after 0033
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

LEGAL = ("assessment_shares", "sharing_policies", "access_requests")
SEALED = ("assessment_shares", "sharing_policies")

SECURITY = f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- Who changes a record waits for policies in the making before it locks the record, not after:
-- entries that a policy makes refer to the record, and each would wait for the other.
CREATE FUNCTION policies_come_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF app_agency() IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock_shared(7021012, hashtext(app_agency()::text));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER assessments_policies_first BEFORE UPDATE OF status, type, level, partner_id
  ON assessments FOR EACH STATEMENT EXECUTE FUNCTION policies_come_first();

-- ---------------------------------------------------------------- access requests
-- Who asked takes it back while nobody has decided, and says nothing else with it.
CREATE POLICY access_requests_withdraw ON access_requests FOR UPDATE TO reg_app
  USING (requested_by = (SELECT app_agency()) AND status = 'open')
  WITH CHECK (requested_by = (SELECT app_agency()) AND status = 'withdrawn'
    AND sealed_reason IS NULL);
GRANT SELECT (answer_by, reminded), UPDATE (reminded) ON access_requests TO reg_worker;
CREATE POLICY access_requests_remind ON access_requests FOR UPDATE TO reg_worker
  USING (status = 'open') WITH CHECK (status = 'open');

-- What an approval gives is never more than what was asked for.
CREATE FUNCTION share_within_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM access_requests r WHERE r.id = NEW.access_request_id
      AND r.assessment_id = NEW.assessment_id AND r.requested_by = NEW.shared_with
      AND r.status = 'approved' AND r.purpose = NEW.purpose
      AND (r.level = 'detail' OR NEW.level = 'summary')
      AND (r.valid_until IS NULL OR NEW.valid_until <= r.valid_until)) THEN
    RAISE EXCEPTION 'a share gives no more than its request asked for'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'share_within_request';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER assessment_shares_within_request BEFORE INSERT ON assessment_shares
  FOR EACH ROW WHEN (NEW.access_request_id IS NOT NULL) EXECUTE FUNCTION share_within_request();

-- ---------------------------------------------------------------- sealed notes
{rekey_security("assessment_shares")}
{rekey_security("sharing_policies")}

-- ---------------------------------------------------------------- groups
-- Whom else a policy is for is its owner's business, not the recipient's.
ALTER TABLE sharing_policy_groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE sharing_policy_groups FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON sharing_policy_groups TO reg_app;
CREATE POLICY sharing_policy_groups_select ON sharing_policy_groups FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY sharing_policy_groups_insert ON sharing_policy_groups FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY sharing_policy_groups_export ON sharing_policy_groups FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));

-- ---------------------------------------------------------------- the watch over reading
ALTER TABLE unusual_readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE unusual_readings FORCE ROW LEVEL SECURITY;
GRANT SELECT ON unusual_readings TO reg_app;
GRANT SELECT, INSERT, DELETE ON unusual_readings TO reg_worker;
CREATE POLICY unusual_readings_select ON unusual_readings FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY unusual_readings_worker ON unusual_readings TO reg_worker
  USING (true) WITH CHECK (true);
CREATE POLICY unusual_readings_export ON unusual_readings FOR SELECT TO reg_owner
  USING (owner_agency = (SELECT app_agency()));
ALTER TABLE reading_purposes ENABLE ROW LEVEL SECURITY;
ALTER TABLE reading_purposes FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON reading_purposes TO reg_worker;
GRANT SELECT, INSERT, UPDATE ON reading_watch TO reg_worker;
CREATE POLICY reading_purposes_worker ON reading_purposes TO reg_worker
  USING (true) WITH CHECK (true);
GRANT SELECT (revoked_at, ended_at, valid_until) ON assessment_shares TO reg_worker;
GRANT SELECT (agency_id, key, value, effective_from, effective_to, superseded_at)
  ON agency_settings TO reg_worker, reg_facts;
CREATE POLICY agency_settings_watch ON agency_settings FOR SELECT TO reg_worker
  USING (key = 'unusual_reading_records');

-- ---------------------------------------------------------------- facts for others
-- How an owner lets its facts count in the clearances of others: the one setting that whoever
-- computes a clearance asks of every owner.
CREATE POLICY agency_settings_counted ON agency_settings FOR SELECT TO reg_facts
  USING (key = 'facts_in_clearances' AND superseded_at IS NULL);
CREATE FUNCTION counted_facts(owners uuid[], on_day date)
  RETURNS TABLE (agency_id uuid, value jsonb)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT s.agency_id, s.value FROM agency_settings s
  WHERE app_agency() IS NOT NULL AND s.agency_id = ANY (owners)
    AND s.key = 'facts_in_clearances' AND s.superseded_at IS NULL AND s.effective_from <= on_day
    AND (s.effective_to IS NULL OR s.effective_to >= on_day) $$;

-- To whom the partner's assessments were opened: agency, day and type, and nothing that is held
-- back (the policy audit_events_facts).
GRANT SELECT (event, subject_id, owner_agency) ON audit_events TO reg_facts;
GRANT SELECT (type) ON assessments TO reg_facts;
CREATE POLICY assessments_of_partner ON assessments FOR SELECT TO reg_facts
  USING (partner_id IN (SELECT partner_lineage((SELECT app_partner()))));
CREATE FUNCTION partner_disclosures(before date, after_agency text, after_type text, amount integer)
  RETURNS TABLE (disclosed_on date, agency text, type text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT d.disclosed_on, d.agency, d.type FROM (
    SELECT DISTINCT (e.at AT TIME ZONE 'UTC')::date AS disclosed_on, g.code AS agency, a.type
    FROM audit_events e JOIN agencies g ON g.id = e.agency_id
      JOIN assessments a ON a.id = e.subject_id
    WHERE e.partner_id = ANY (ARRAY(SELECT partner_lineage(app_partner())))
      AND e.event IN ('assessment:detail:read', 'assessment:document:read')
      AND e.agency_id <> e.owner_agency AND NOT e.held
      AND ($1 IS NULL OR e.at < ($1 + 1)::timestamp AT TIME ZONE 'UTC')) d
  WHERE $1 IS NULL OR d.disclosed_on < $1 OR (d.agency, d.type) > ($2, $3)
  ORDER BY d.disclosed_on DESC, d.agency, d.type LIMIT least($4, 201) $$;

REVOKE EXECUTE ON FUNCTION counted_facts(uuid[], date),
  partner_disclosures(date, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION counted_facts(uuid[], date),
  partner_disclosures(date, text, text, integer) TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION counted_facts(uuid[], date) OWNER TO reg_facts;
ALTER FUNCTION partner_disclosures(date, text, text, integer) OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - constants

UNDO = """
DROP FUNCTION partner_disclosures(date, text, text, integer);
DROP FUNCTION counted_facts(uuid[], date);
DROP POLICY assessments_of_partner ON assessments;
REVOKE SELECT (type) ON assessments FROM reg_facts;
REVOKE SELECT (event, subject_id, owner_agency) ON audit_events FROM reg_facts;
DROP POLICY agency_settings_counted ON agency_settings;
DROP POLICY agency_settings_watch ON agency_settings;
REVOKE SELECT (agency_id, key, value, effective_from, effective_to, superseded_at)
  ON agency_settings FROM reg_worker, reg_facts;
REVOKE SELECT (revoked_at, ended_at, valid_until) ON assessment_shares FROM reg_worker;
DROP POLICY assessment_shares_rekey_select ON assessment_shares;
DROP POLICY assessment_shares_rekey_update ON assessment_shares;
DROP POLICY sharing_policies_rekey_select ON sharing_policies;
DROP POLICY sharing_policies_rekey_update ON sharing_policies;
DROP TRIGGER assessment_shares_within_request ON assessment_shares;
DROP FUNCTION share_within_request();
DROP TRIGGER assessments_policies_first ON assessments;
DROP FUNCTION policies_come_first();
DROP POLICY access_requests_remind ON access_requests;
DROP POLICY access_requests_withdraw ON access_requests;
REVOKE SELECT (answer_by, reminded), UPDATE (reminded) ON access_requests FROM reg_worker;
-- A share for some roles only would be for all of the agency in the release before.
ALTER TABLE assessments_acl NO FORCE ROW LEVEL SECURITY;
ALTER TABLE assessment_shares NO FORCE ROW LEVEL SECURITY;
DELETE FROM assessments_acl x USING assessment_shares s
  WHERE s.id = x.share_id AND s.roles <> '{}';
ALTER TABLE assessment_shares FORCE ROW LEVEL SECURITY;
ALTER TABLE assessments_acl FORCE ROW LEVEL SECURITY;
"""


def _time(name: str, *, nullable: bool = False, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _groups() -> None:
    op.create_unique_constraint(
        op.f("uq_sharing_policies_id_owner_agency"), "sharing_policies", ["id", "owner_agency"]
    )
    op.create_table(
        "sharing_policy_groups",
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.CheckConstraint("code ~ '^[A-Z_]{1,40}$'", name=op.f("ck_sharing_policy_groups_code")),
        sa.ForeignKeyConstraint(
            ["policy_id", "owner_agency"],
            ["sharing_policies.id", "sharing_policies.owner_agency"],
            name=op.f("fk_sharing_policy_groups_policy_id_owner_agency_sharing_policies"),
        ),
        sa.PrimaryKeyConstraint("policy_id", name=op.f("pk_sharing_policy_groups")),
    )
    op.create_index(
        "ix_sharing_policy_groups_owner_agency_group_id",
        "sharing_policy_groups",
        ["owner_agency", "group_id"],
    )


def _watch() -> None:
    op.create_table(
        "unusual_readings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("reader_agency", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("records", sa.Integer(), nullable=True),
        _time("at"),
        _time("noticed_at", now=True),
        sa.CheckConstraint(
            "kind IN ('volume', 'new_purpose', 'after_revoke')",
            name=op.f("ck_unusual_readings_kind"),
        ),
        sa.CheckConstraint(
            "(kind = 'volume') = (records IS NOT NULL)", name=op.f("ck_unusual_readings_records")
        ),
        sa.CheckConstraint(
            "reader_agency <> owner_agency", name=op.f("ck_unusual_readings_reader_agency")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_unusual_readings_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["reader_agency"],
            ["agencies.id"],
            name=op.f("fk_unusual_readings_reader_agency_agencies"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unusual_readings")),
        sa.UniqueConstraint("event_id", "kind", name=op.f("uq_unusual_readings_event_id_kind")),
    )
    op.create_index(
        "ix_unusual_readings_owner_agency_id", "unusual_readings", ["owner_agency", "id"]
    )
    op.create_table(
        "reading_watch",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_reading_watch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_watch")),
    )
    op.create_table(
        "reading_purposes",
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("reader_agency", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        _time("first_at"),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_reading_purposes_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["reader_agency"],
            ["agencies.id"],
            name=op.f("fk_reading_purposes_reader_agency_agencies"),
        ),
        sa.PrimaryKeyConstraint(
            "owner_agency", "reader_agency", "purpose", name=op.f("pk_reading_purposes")
        ),
    )


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    roles = postgresql.ARRAY(sa.Text())
    op.add_column(
        "assessment_shares", sa.Column("roles", roles, server_default="{}", nullable=False)
    )
    for table in LEGAL:
        op.add_column(
            table, sa.Column("legal_basis", sa.Text(), server_default="agreement", nullable=False)
        )
        op.add_column(table, sa.Column("legal_reference", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("partner_consent_reference", sa.Text(), nullable=True))
        op.create_check_constraint(
            op.f(f"ck_{table}_legal_basis"), table, "legal_basis ~ '^[a-z_]{1,40}$'"
        )
        op.create_check_constraint(
            op.f(f"ck_{table}_partner_consent"),
            table,
            "legal_basis <> 'partner_consent' OR partner_consent_reference IS NOT NULL",
        )
    for table in SEALED:
        op.add_column(table, sa.Column("sealed_note", sa.LargeBinary(), nullable=True))
    op.add_column("access_requests", _time("valid_until", nullable=True))
    # What waits today gets its time from today on.
    op.add_column(
        "access_requests",
        sa.Column(
            "answer_by", sa.Date(), server_default=sa.text("(CURRENT_DATE + 15)"), nullable=False
        ),
    )
    op.add_column("access_requests", sa.Column("reminded", sa.SmallInteger(), nullable=True))
    op.create_index(
        "ix_access_requests_answer_by",
        "access_requests",
        ["answer_by"],
        postgresql_where=sa.text("status = 'open'"),
    )
    _groups()
    _watch()
    run_script(SECURITY)
    op.drop_index("ix_assessment_shares_access_request_id", table_name="assessment_shares")
    op.create_index(
        "uq_assessment_shares_access_request_id",
        "assessment_shares",
        ["access_request_id"],
        unique=True,
    )


def downgrade() -> None:
    op.drop_index("uq_assessment_shares_access_request_id", table_name="assessment_shares")
    op.create_index(
        "ix_assessment_shares_access_request_id", "assessment_shares", ["access_request_id"]
    )
    run_script(UNDO)
    op.drop_table("reading_watch")
    op.drop_table("reading_purposes")
    op.drop_table("unusual_readings")
    op.drop_table("sharing_policy_groups")
    op.drop_constraint(
        op.f("uq_sharing_policies_id_owner_agency"), "sharing_policies", type_="unique"
    )
    op.drop_index("ix_access_requests_answer_by", table_name="access_requests")
    for column in ("reminded", "answer_by", "valid_until"):
        op.drop_column("access_requests", column)
    for table in SEALED:
        op.drop_column(table, "sealed_note")
    for table in LEGAL:
        for name in ("partner_consent", "legal_basis"):
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        for column in ("partner_consent_reference", "legal_reference", "legal_basis"):
            op.drop_column(table, column)
    op.drop_column("assessment_shares", "roles")
