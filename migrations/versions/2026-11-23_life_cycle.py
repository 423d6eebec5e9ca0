"""life cycle: submitted, superseded, withdrawn; milestones, adjusted ratings, joint assessments

Revision: 0032, after 0031
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

OLD_CHECKS = {
    "status": "status IN ('draft', 'final', 'withdrawn')",
    "level": "level = CASE status WHEN 'draft' THEN 'AGENCY_ONLY' ELSE confidentiality END",
    "complete": "status = 'draft' OR (conducted_on IS NOT NULL AND valid_until IS NOT NULL "
    "AND num_nulls(rating_scheme, rating_value, rating_dimension, rating_source) = 0)",
}
CHECKS = {
    "status": "status IN ('draft', 'submitted', 'final', 'superseded', 'withdrawn', 'cancelled')",
    "level": "level = CASE WHEN status IN ('draft', 'submitted', 'cancelled') OR held_until "
    "IS NOT NULL THEN 'AGENCY_ONLY' ELSE confidentiality END",
    "complete": "status IN ('draft', 'cancelled') OR (conducted_on IS NOT NULL AND valid_until "
    "IS NOT NULL AND num_nulls(rating_scheme, rating_value, rating_dimension, rating_source) = 0)",
    "held_until": "held_until IS NULL OR status IN ('final', 'superseded')",
    "superseded": "(status = 'superseded') = (superseded_by IS NOT NULL)",
    "superseded_by": "superseded_by <> id",
    "withdrawn": "(status = 'withdrawn') = (withdrawn_at IS NOT NULL) "
    "AND (withdrawn_at IS NULL) = (withdrawal_reason IS NULL)",
    "withdrawal_reason": "withdrawal_reason ~ '^[A-Z_]{1,40}$'",
    "submitted": "status <> 'submitted' OR submitted_at IS NOT NULL",
    "finalised": "status IN ('draft', 'submitted', 'cancelled') OR finalised_at IS NOT NULL",
    "adjusted": "(adjusted_value IS NULL) = (adjusted_at IS NULL)",
    "adjusted_of": "adjusted_value IS NOT NULL OR adjusted_level IS NULL",
    "adjusted_level": "adjusted_level IN ('LOW', 'MODERATE', 'SIGNIFICANT', 'HIGH')",
    "assessor": "assessor_kind IS NOT NULL OR assessor_name IS NULL",
}

# What there is: of several final results of one owner, partner and type the newest is current.
FILL = """
UPDATE assessments SET finalised_at = updated_at WHERE status <> 'draft';
UPDATE assessments SET withdrawn_at = updated_at, withdrawal_reason = 'OTHER'
  WHERE status = 'withdrawn';
UPDATE assessments SET current_key = type
  || CASE confidentiality WHEN 'AGENCY_ONLY' THEN ':own' ELSE '' END;
UPDATE assessments a SET status = 'superseded', superseded_by = n.current
FROM (SELECT id, first_value(id) OVER w AS current FROM assessments WHERE status = 'final'
      WINDOW w AS (PARTITION BY owner_agency, partner_id, current_key
        ORDER BY conducted_on DESC, created_at DESC, id)) n
WHERE a.id = n.id AND n.current <> a.id;
"""

# As migration 0028 has them, but for the statuses: what was superseded stays shared as it was.
FITS = """a.owner_agency = s.owner_agency AND s.active AND a.status IN {statuses}
    AND a.level <> 'AGENCY_ONLY' AND (s.type IS NULL OR a.type = s.type)
    AND (s.country IS NULL OR p.country = s.country)
    AND (s.partner_id IS NULL OR a.partner_id = s.partner_id
      OR (s.partner_id = ANY (profiles)
      AND a.partner_id = ANY (profiles)
      AND one_partner_since(s.partner_id, a.partner_id) <= greatest(s.created_at, a.created_at)))
    AND (s.valid_until IS NULL OR s.valid_until > now())
    AND EXISTS (SELECT 1 FROM agencies g WHERE g.id = s.shared_with AND g.status <> 'withdrawn')"""
ENTRIES = """INSERT INTO assessments_acl (agency_id, record_id, share_id, owner_agency, level, purpose,
      valid_from, valid_to)
    SELECT s.shared_with, a.id, s.id, s.owner_agency, s.level, s.purpose, s.valid_from,
      s.valid_until"""


def functions(statuses: str) -> str:
    """The two ways to write the access list, for records of these statuses."""
    fits = FITS.format(statuses=statuses)
    return f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
CREATE OR REPLACE FUNCTION start_sharing_policy(policy uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE entries bigint; profiles uuid[];
BEGIN
  profiles := ARRAY(SELECT partner_lineage(s.partner_id) FROM sharing_policies s
    WHERE s.id = policy AND s.partner_id IS NOT NULL);
  {ENTRIES}
  FROM sharing_policies s JOIN assessments a ON a.owner_agency = s.owner_agency
  JOIN partners p ON p.id = a.partner_id
  WHERE s.id = policy AND {fits}
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS entries = ROW_COUNT;
  RETURN entries;
END $$;

CREATE OR REPLACE FUNCTION apply_sharing_policies(record uuid, agency uuid, fresh boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE profiles uuid[];
BEGIN
  profiles := ARRAY(SELECT partner_lineage(a.partner_id) FROM assessments a WHERE a.id = record);
  PERFORM pg_advisory_xact_lock_shared(7021012, hashtext(agency::text));
  IF NOT fresh THEN
    DELETE FROM assessments_acl x USING sharing_policies s
    WHERE x.record_id = record AND s.id = x.share_id AND NOT EXISTS (
      SELECT 1 FROM assessments a JOIN partners p ON p.id = a.partner_id
      WHERE a.id = record AND {fits});
  END IF;
  {ENTRIES}
  FROM assessments a JOIN sharing_policies s ON s.owner_agency = a.owner_agency
  JOIN partners p ON p.id = a.partner_id
  WHERE a.id = record AND s.owner_agency = agency AND {fits}
  ON CONFLICT DO NOTHING;
END $$;

-- A partner may object to what stands, and to what stood before it.
CREATE OR REPLACE FUNCTION statement_of(of_kind text, statement uuid)
  RETURNS TABLE (owner_agency uuid, office text, partner_id uuid)
  LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT f.owner_agency, f.office, f.partner_id FROM partner_flags f
    WHERE of_kind = 'flag' AND f.id = statement AND f.state NOT IN ('invalid', 'lapsed')
  UNION ALL SELECT a.owner_agency, NULL, a.partner_id FROM assessments a
    WHERE of_kind = 'assessment' AND a.id = statement AND a.status IN {statuses}
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

CREATE OR REPLACE FUNCTION assessments_shared_by_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' OR (NEW.status IN {statuses} AND NEW.level <> 'AGENCY_ONLY') THEN
    PERFORM apply_sharing_policies(NEW.id, NEW.owner_agency, TG_OP = 'INSERT');
  END IF;
  RETURN NULL;
END $$;
"""  # noqa: S608 - constants


CHILDREN = (
    "assessment_participants",
    "assessment_milestones",
    "assessment_adjustments",
    "assessment_notes",
)
OWN = "owner_agency = (SELECT app_agency())"


def _child(table: str) -> str:
    """Row security of a table about assessments: written by the owner, erased with its record."""
    seen = OWN
    if table in ("assessment_participants", "assessment_milestones"):
        # Whoever sees the summary; the sub-select is under that table's own row security.
        seen = f"""{OWN} OR ((SELECT app_agency()) IS NOT NULL
    AND EXISTS (SELECT 1 FROM assessments a WHERE a.id = assessment_id))"""  # noqa: S608 - constants
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON {table} TO reg_app;
CREATE POLICY {table}_select ON {table} FOR SELECT TO reg_app USING ({seen});
CREATE POLICY {table}_insert ON {table} FOR INSERT TO reg_app WITH CHECK ({OWN});
CREATE POLICY {table}_export ON {table} FOR SELECT TO reg_owner USING ({OWN});
GRANT SELECT (assessment_id), DELETE ON {table} TO reg_worker;
CREATE POLICY {table}_retention_select ON {table} FOR SELECT TO reg_worker USING (true);
CREATE POLICY {table}_retention_delete ON {table} FOR DELETE TO reg_worker USING (true);
CREATE TRIGGER {table}_due BEFORE DELETE ON {table} FOR EACH ROW
  WHEN (current_user <> 'reg_app')
  EXECUTE FUNCTION only_when_due('assessment_id', 'assessments');
"""


SECURITY = f"""
GRANT UPDATE (adjusted_value, adjusted_level, adjusted_at, summary, assessor_kind, assessor_name,
  current_key, superseded_by, submitted_at, finalised_at, held_until, withdrawn_at,
  withdrawal_reason) ON assessments TO reg_app;
-- Of a result that is withdrawn shares end and requests are closed.
GRANT UPDATE (ended_at, end_reason) ON assessment_shares TO reg_app;
GRANT UPDATE (close_reason) ON access_requests TO reg_app;
-- What changes by time alone: the partner's first word ends, and notices of the end are given.
GRANT UPDATE (level, held_until, reminded_days, version, updated_at) ON assessments TO reg_worker;
CREATE POLICY assessments_time ON assessments FOR UPDATE TO reg_worker
  USING (status IN ('final', 'superseded')) WITH CHECK (status IN ('final', 'superseded'));

{"".join(map(_child, CHILDREN))}
-- A draft may change who takes part in it.
GRANT DELETE ON assessment_participants TO reg_app;
CREATE POLICY assessment_participants_delete ON assessment_participants FOR DELETE TO reg_app
  USING ({OWN} AND EXISTS (SELECT 1 FROM assessments a
    WHERE a.id = assessment_id AND a.status = 'draft'));
GRANT UPDATE (state, decided_by, decided_at, sealed_decision, version)
  ON assessment_adjustments TO reg_app;
CREATE POLICY assessment_adjustments_update ON assessment_adjustments FOR UPDATE TO reg_app
  USING ({OWN} AND state = 'proposed') WITH CHECK ({OWN});
{rekey_security("assessment_adjustments")}{rekey_security("assessment_notes")}
-- Milestones cannot go back.
CREATE FUNCTION milestones_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM assessments a WHERE a.id = NEW.assessment_id FOR NO KEY UPDATE;
  IF EXISTS (SELECT 1 FROM assessment_milestones m WHERE m.assessment_id = NEW.assessment_id
      AND (m.position < NEW.position AND m.reached_on > NEW.reached_on
        OR m.position > NEW.position AND m.reached_on < NEW.reached_on)) THEN
    RAISE EXCEPTION 'a later step of an assessment is not before an earlier one'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'milestones_in_order';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER assessment_milestones_in_order BEFORE INSERT ON assessment_milestones
  FOR EACH ROW EXECUTE FUNCTION milestones_in_order();
-- What is final stays so, whoever asks: no way back to a draft.
CREATE FUNCTION assessments_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (OLD.status, NEW.status) IN (('draft', 'submitted'), ('draft', 'final'),
      ('draft', 'superseded'), ('draft', 'cancelled'), ('submitted', 'draft'),
      ('submitted', 'final'), ('submitted', 'superseded'), ('submitted', 'cancelled'),
      ('final', 'superseded'), ('final', 'withdrawn'), ('superseded', 'final'),
      ('superseded', 'withdrawn')) THEN
    RAISE EXCEPTION 'an assessment that is % does not become %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'assessments_forward';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER assessments_forward BEFORE UPDATE OF status ON assessments
  FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION assessments_forward();
"""  # noqa: S608 - constants

UNDO = """
REVOKE UPDATE (ended_at, end_reason) ON assessment_shares FROM reg_app;
REVOKE UPDATE (close_reason) ON access_requests FROM reg_app;
DROP TRIGGER assessments_forward ON assessments;
DROP FUNCTION assessments_forward();
DROP POLICY assessments_time ON assessments;
REVOKE UPDATE (level, version, updated_at) ON assessments FROM reg_worker;
UPDATE assessments SET status = 'withdrawn' WHERE status IN ('cancelled');
UPDATE assessments SET status = 'draft', level = 'AGENCY_ONLY' WHERE status = 'submitted';
UPDATE assessments SET status = 'final' WHERE status = 'superseded';
UPDATE assessments SET level = confidentiality WHERE status IN ('final', 'withdrawn');
"""


def _checks(checks: dict[str, str]) -> None:
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"ck_assessments_{name}"), "assessments", condition)


def _no_checks(checks: dict[str, str]) -> None:
    for name in checks:
        op.drop_constraint(op.f(f"ck_assessments_{name}"), "assessments", type_="check")


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "assessment_adjustments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "proposed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_decision", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)",
            name=op.f("ck_assessment_adjustments_decided"),
        ),
        sa.CheckConstraint(
            "level IN ('LOW', 'MODERATE', 'SIGNIFICANT', 'HIGH')",
            name=op.f("ck_assessment_adjustments_level"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'refused')",
            name=op.f("ck_assessment_adjustments_state"),
        ),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_assessment_adjustments_decided_at"),
        ),
        sa.CheckConstraint(
            "decided_by <> proposed_by", name=op.f("ck_assessment_adjustments_second_person")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_assessment_adjustments_version")),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency"],
            ["assessments.id", "assessments.owner_agency"],
            name=op.f("fk_assessment_adjustments_assessment_id_owner_agency_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"],
            ["persons.id"],
            name=op.f("fk_assessment_adjustments_decided_by_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"],
            ["persons.id"],
            name=op.f("fk_assessment_adjustments_proposed_by_persons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_adjustments")),
    )
    op.create_index(
        "ix_assessment_adjustments_assessment_id_id",
        "assessment_adjustments",
        ["assessment_id", "id"],
        unique=False,
    )
    op.create_index(
        "uq_assessment_adjustments_proposed",
        "assessment_adjustments",
        ["assessment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "assessment_milestones",
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("reached_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(code, position) IN (('partner_contacted', 1), ('field_visit', 2), ('draft_to_partner', 3), ('partner_comments', 4), ('draft_to_agency', 5), ('agency_comments', 6), ('report_submitted', 7))",
            name=op.f("ck_assessment_milestones_code"),
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency"],
            ["assessments.id", "assessments.owner_agency"],
            name=op.f("fk_assessment_milestones_assessment_id_owner_agency_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"],
            ["persons.id"],
            name=op.f("fk_assessment_milestones_recorded_by_persons"),
        ),
        sa.PrimaryKeyConstraint("assessment_id", "code", name=op.f("pk_assessment_milestones")),
    )
    op.create_table(
        "assessment_notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=True),
        sa.Column(
            "written_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('sent_back', 'cancelled', 'withdrawn')", name=op.f("ck_assessment_notes_kind")
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency"],
            ["assessments.id", "assessments.owner_agency"],
            name=op.f("fk_assessment_notes_assessment_id_owner_agency_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["written_by"], ["persons.id"], name=op.f("fk_assessment_notes_written_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_notes")),
    )
    op.create_index(
        "ix_assessment_notes_assessment_id_id",
        "assessment_notes",
        ["assessment_id", "id"],
        unique=False,
    )
    op.create_table(
        "assessment_participants",
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "agency_id <> owner_agency", name=op.f("ck_assessment_participants_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"],
            ["agencies.id"],
            name=op.f("fk_assessment_participants_agency_id_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency"],
            ["assessments.id", "assessments.owner_agency"],
            name=op.f("fk_assessment_participants_assessment_id_owner_agency_assessments"),
        ),
        sa.PrimaryKeyConstraint(
            "assessment_id", "agency_id", name=op.f("pk_assessment_participants")
        ),
    )
    op.create_index(
        "ix_assessment_participants_agency_id",
        "assessment_participants",
        ["agency_id"],
        unique=False,
    )
    op.add_column("assessments", sa.Column("adjusted_value", sa.Text(), nullable=True))
    op.add_column("assessments", sa.Column("adjusted_level", sa.Text(), nullable=True))
    op.add_column(
        "assessments", sa.Column("adjusted_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "assessments",
        sa.Column(
            "summary", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
    )
    op.add_column("assessments", sa.Column("assessor_kind", sa.Text(), nullable=True))
    op.add_column("assessments", sa.Column("assessor_name", sa.Text(), nullable=True))
    op.add_column("assessments", sa.Column("current_key", sa.Text(), nullable=True))
    op.add_column("assessments", sa.Column("superseded_by", sa.Uuid(), nullable=True))
    op.add_column(
        "assessments", sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "assessments", sa.Column("finalised_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("assessments", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "assessments", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("assessments", sa.Column("withdrawal_reason", sa.Text(), nullable=True))
    op.add_column("assessments", sa.Column("reminded_days", sa.SmallInteger(), nullable=True))
    op.execute("ALTER TABLE assessments DISABLE TRIGGER USER")
    op.execute("ALTER TABLE assessments NO FORCE ROW LEVEL SECURITY")
    _no_checks(OLD_CHECKS)
    run_script(FILL)
    _checks(CHECKS)
    op.execute("ALTER TABLE assessments FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE assessments ENABLE TRIGGER USER")
    op.create_index(
        "ix_assessments_held_until",
        "assessments",
        ["held_until"],
        unique=False,
        postgresql_where=sa.text("held_until IS NOT NULL"),
    )
    op.create_index(
        "ix_assessments_valid_until",
        "assessments",
        ["valid_until"],
        unique=False,
        postgresql_where=sa.text("status = 'final' AND reminded_days IS DISTINCT FROM 0"),
    )
    op.create_index(
        "uq_assessments_current",
        "assessments",
        ["owner_agency", "partner_id", "current_key"],
        unique=True,
        postgresql_where=sa.text("status = 'final' AND current_key IS NOT NULL"),
    )
    run_script(SECURITY + functions("('final', 'superseded')"))


def downgrade() -> None:
    run_script(functions("('final')"))
    op.execute("ALTER TABLE assessments NO FORCE ROW LEVEL SECURITY")
    _no_checks(CHECKS)
    run_script(UNDO)
    _checks(OLD_CHECKS)
    op.execute("ALTER TABLE assessments FORCE ROW LEVEL SECURITY")
    op.drop_index(
        "uq_assessments_current",
        table_name="assessments",
        postgresql_where=sa.text("status = 'final' AND current_key IS NOT NULL"),
    )
    op.drop_index(
        "ix_assessments_valid_until",
        table_name="assessments",
        postgresql_where=sa.text("status = 'final' AND reminded_days IS DISTINCT FROM 0"),
    )
    op.drop_index(
        "ix_assessments_held_until",
        table_name="assessments",
        postgresql_where=sa.text("held_until IS NOT NULL"),
    )
    op.drop_column("assessments", "reminded_days")
    op.drop_column("assessments", "withdrawal_reason")
    op.drop_column("assessments", "withdrawn_at")
    op.drop_column("assessments", "held_until")
    op.drop_column("assessments", "finalised_at")
    op.drop_column("assessments", "submitted_at")
    op.drop_column("assessments", "superseded_by")
    op.drop_column("assessments", "current_key")
    op.drop_column("assessments", "assessor_name")
    op.drop_column("assessments", "assessor_kind")
    op.drop_column("assessments", "summary")
    op.drop_column("assessments", "adjusted_at")
    op.drop_column("assessments", "adjusted_level")
    op.drop_column("assessments", "adjusted_value")
    op.drop_index("ix_assessment_participants_agency_id", table_name="assessment_participants")
    op.drop_table("assessment_participants")
    op.drop_index("ix_assessment_notes_assessment_id_id", table_name="assessment_notes")
    op.drop_table("assessment_notes")
    op.drop_table("assessment_milestones")
    op.drop_index(
        "uq_assessment_adjustments_proposed",
        table_name="assessment_adjustments",
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.drop_index("ix_assessment_adjustments_assessment_id_id", table_name="assessment_adjustments")
    op.drop_table("assessment_adjustments")
    op.execute("DROP FUNCTION milestones_in_order()")
