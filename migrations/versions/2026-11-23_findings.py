"""findings

Revision: 0037, after 0036
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import rekey_security, run_script

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TABLES = ("assessment_findings", "finding_resolutions", "finding_actions")
_OWN = "(owner_agency = (SELECT app_agency()))"
EXPORT = f"CREATE POLICY $_export ON $ FOR SELECT TO reg_owner USING {_OWN};\n"
FACTS = (
    f"CREATE POLICY $_facts_update ON $ FOR UPDATE TO reg_facts USING {_OWN} WITH CHECK {_OWN};\n"
)
RETENTION = """GRANT DELETE ON $ TO reg_worker;
CREATE POLICY $_retention_delete ON $ FOR DELETE TO reg_worker USING (true);
CREATE TRIGGER $_due BEFORE DELETE ON $ FOR EACH ROW
  EXECUTE FUNCTION only_when_due('assessment_id', 'assessments');
"""


def _each(template: str) -> str:
    """The statement for each table, whose name stands for ``$``."""
    return "".join(template.replace("$", table) for table in TABLES)


SECURITY = f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- ---------------------------------------------------------------- who sees what
-- A finding is read by exactly those who may read the detail of its assessment: the sub-select is
-- itself under the policies of that table. The partner reads its own, once they are stated, unless
-- oversight keeps the statement back or its content was redacted.
ALTER TABLE assessment_findings ENABLE ROW LEVEL SECURITY;
ALTER TABLE assessment_findings FORCE ROW LEVEL SECURITY;
GRANT SELECT ON assessment_findings TO reg_app;
GRANT INSERT (id, assessment_id, owner_agency, level, partner_id, part, position, code, priority,
  found_on, amount_usd, sealed, due_on) ON assessment_findings TO reg_app;
-- What it is about never changes; what of it is settled, and whether it
-- still stands, only triggers write.
GRANT UPDATE (due_on, overdue_at, state, closed_by, closed_at, verified_by, verified_at, version)
  ON assessment_findings TO reg_app;
CREATE POLICY assessment_findings_select ON assessment_findings FOR SELECT TO reg_app
  USING (EXISTS (SELECT 1 FROM assessment_details d
      WHERE d.assessment_id = assessment_findings.assessment_id)
    OR (partner_id IN (SELECT partner_lineage((SELECT app_partner())))
      AND NOT withdrawn AND NOT withheld(assessment_id)
      AND EXISTS (SELECT 1 FROM assessments a
        WHERE a.id = assessment_findings.assessment_id AND NOT a.redacted)));
CREATE POLICY assessment_findings_insert ON assessment_findings FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency())
    AND EXISTS (SELECT 1 FROM assessments a WHERE a.id = assessment_findings.assessment_id
      AND a.partner_id = assessment_findings.partner_id AND a.status <> 'draft'));
CREATE POLICY assessment_findings_update ON assessment_findings FOR UPDATE TO reg_app
  USING (owner_agency = (SELECT app_agency())) WITH CHECK (owner_agency = (SELECT app_agency()));
-- The worker says what is overdue.
GRANT SELECT (id, assessment_id, owner_agency, partner_id, priority, due_on, overdue_at, state,
  withdrawn), UPDATE (overdue_at) ON assessment_findings TO reg_worker;
CREATE POLICY assessment_findings_worker ON assessment_findings FOR SELECT TO reg_worker
  USING (true);
CREATE POLICY assessment_findings_remind ON assessment_findings FOR UPDATE TO reg_worker
  USING (state = 'open') WITH CHECK (state = 'open');

ALTER TABLE finding_resolutions ENABLE ROW LEVEL SECURITY;
ALTER TABLE finding_resolutions FORCE ROW LEVEL SECURITY;
GRANT SELECT ON finding_resolutions TO reg_app;
GRANT INSERT (id, finding_id, assessment_id, owner_agency, kind, amount_usd, settled_on, reverses,
  sealed, recorded_by, recorded_client) ON finding_resolutions TO reg_app;
CREATE POLICY finding_resolutions_select ON finding_resolutions FOR SELECT TO reg_app
  USING (EXISTS (SELECT 1 FROM assessment_findings f WHERE f.id = finding_id));
CREATE POLICY finding_resolutions_insert ON finding_resolutions FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));

ALTER TABLE finding_actions ENABLE ROW LEVEL SECURITY;
ALTER TABLE finding_actions FORCE ROW LEVEL SECURITY;
GRANT SELECT ON finding_actions TO reg_app;
GRANT INSERT (id, finding_id, assessment_id, owner_agency, kind, by_partner, sealed, made_by,
  made_client) ON finding_actions TO reg_app;
CREATE POLICY finding_actions_select ON finding_actions FOR SELECT TO reg_app
  USING (EXISTS (SELECT 1 FROM assessment_findings f WHERE f.id = finding_id));
-- The partner answers what it may read and what is not closed.
CREATE POLICY finding_actions_insert ON finding_actions FOR INSERT TO reg_app
  WITH CHECK (CASE WHEN by_partner THEN (SELECT app_partner()) IS NOT NULL
      AND EXISTS (SELECT 1 FROM assessment_findings f WHERE f.id = finding_id
        AND f.state <> 'closed')
    ELSE owner_agency = (SELECT app_agency()) END);
{"".join(map(rekey_security, TABLES))}
{_each(EXPORT)}

-- ---------------------------------------------------------------- money
-- reg_facts counts for all agencies, and keeps the sums for the owner.
GRANT SELECT ON assessment_findings, finding_resolutions TO reg_facts;
GRANT SELECT (assessment_id, owner_agency) ON finding_actions TO reg_facts;
GRANT UPDATE (resolved_usd, sealed, withdrawn) ON assessment_findings TO reg_facts;
GRANT UPDATE (sealed) ON finding_resolutions, finding_actions TO reg_facts;
CREATE POLICY assessment_findings_facts ON assessment_findings FOR SELECT TO reg_facts
  USING (true);
CREATE POLICY finding_resolutions_facts ON finding_resolutions FOR SELECT TO reg_facts
  USING (owner_agency = (SELECT app_agency()));
CREATE POLICY finding_actions_facts ON finding_actions FOR SELECT TO reg_facts
  USING (owner_agency = (SELECT app_agency()));
{_each(FACTS)}

-- The update locks the finding: of two at once the second adds to what the first left, and the
-- check of the table refuses what goes beyond the finding.
CREATE FUNCTION settle_finding() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.reverses IS NOT NULL AND NOT EXISTS (SELECT FROM finding_resolutions r
      WHERE r.id = NEW.reverses AND r.finding_id = NEW.finding_id AND r.kind = NEW.kind
        AND r.amount_usd = -NEW.amount_usd AND r.reverses IS NULL) THEN
    RAISE EXCEPTION 'this is not what that resolution was' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'finding_reversal';
  END IF;
  UPDATE assessment_findings SET resolved_usd = resolved_usd + NEW.amount_usd
    WHERE id = NEW.finding_id AND state = 'open';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the finding is not open' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'finding_not_open';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER finding_resolutions_settle AFTER INSERT ON finding_resolutions
  FOR EACH ROW EXECUTE FUNCTION settle_finding();

-- As app/assessments/types/unsupported_bands.yaml says; a test compares.
CREATE FUNCTION unsupported_band(amount numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN amount <= 0 THEN 'NONE' WHEN amount <= 10000 THEN 'UP_TO_10K'
    WHEN amount <= 50000 THEN 'UP_TO_50K' WHEN amount <= 100000 THEN 'UP_TO_100K'
    WHEN amount <= 500000 THEN 'UP_TO_500K' ELSE 'OVER_500K' END $$;

-- What every agency may know: counts, a date and a band for each owner, never an amount.
CREATE FUNCTION partner_findings(partner uuid, deep boolean)
  RETURNS TABLE (owner_agency uuid, open_findings bigint, open_high bigint, oldest_open_high date,
    overdue bigint, pending_unsupported_band text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT f.owner_agency, count(*) FILTER (WHERE f.state <> 'closed'),
    count(*) FILTER (WHERE f.state <> 'closed' AND f.priority = 'HIGH'),
    min(f.found_on) FILTER (WHERE f.state <> 'closed' AND f.priority = 'HIGH'),
    count(*) FILTER (WHERE f.state = 'open' AND f.due_on < current_date),
    unsupported_band(sum(f.amount_usd - f.resolved_usd))
  FROM assessment_findings f
  WHERE f.partner_id IN (SELECT partner_lineage(partner)) AND NOT f.withdrawn
    AND (SELECT app_agency()) IS NOT NULL
    AND (f.level <> 'AGENCY_ONLY' OR (deep AND f.owner_agency = (SELECT app_agency())))
  GROUP BY f.owner_agency $$;

-- ---------------------------------------------------------------- what stays as it was written
-- Texts change only by another key, or are emptied with the content they follow.
CREATE FUNCTION finding_texts_kept() RETURNS trigger
  LANGUAGE plpgsql SET bytea_output = 'hex' AS $$ BEGIN
  IF current_user = 'reg_facts' AND length(NEW.sealed) = 0
    AND to_jsonb(NEW) - 'sealed' = to_jsonb(OLD) - 'sealed' THEN RETURN NEW; END IF;
  IF pg_has_role(current_user, 'reg_owner', 'MEMBER') AND OLD IS DISTINCT FROM NEW
    AND public.without_key_headers(to_jsonb(OLD)) = public.without_key_headers(to_jsonb(NEW))
  THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER finding_resolutions_append_only BEFORE UPDATE ON finding_resolutions
  FOR EACH ROW EXECUTE FUNCTION finding_texts_kept();
CREATE TRIGGER finding_actions_append_only BEFORE UPDATE ON finding_actions
  FOR EACH ROW EXECUTE FUNCTION finding_texts_kept();
-- What is destroyed in a detail is destroyed in its findings and in what was written of them.
CREATE FUNCTION findings_emptied() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE assessment_findings SET sealed = '' WHERE assessment_id = NEW.assessment_id;
  UPDATE finding_resolutions SET sealed = '' WHERE assessment_id = NEW.assessment_id;
  UPDATE finding_actions SET sealed = '' WHERE assessment_id = NEW.assessment_id;
  RETURN NULL;
END $$;
CREATE TRIGGER assessment_details_findings AFTER UPDATE OF sealed ON assessment_details
  FOR EACH ROW WHEN (length(NEW.sealed) = 0 AND length(OLD.sealed) > 0)
  EXECUTE FUNCTION findings_emptied();
-- A withdrawn report states nothing any more, also one whose content was redacted.
CREATE FUNCTION findings_withdrawn() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  UPDATE assessment_findings SET withdrawn = NEW.status IN ('withdrawn', 'cancelled')
    WHERE assessment_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER assessments_findings AFTER UPDATE OF status ON assessments FOR EACH ROW
  WHEN ((OLD.status IN ('withdrawn', 'cancelled')) <> (NEW.status IN ('withdrawn', 'cancelled')))
  EXECUTE FUNCTION findings_withdrawn();
-- Who closes and who verifies are persons of the owner.
CREATE FUNCTION finding_by_own_person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM unnest(ARRAY[NEW.closed_by, NEW.verified_by]) AS who (id)
      WHERE who.id IS NOT NULL AND who.id IS DISTINCT FROM OLD.closed_by
        AND who.id IS DISTINCT FROM OLD.verified_by
        AND NOT EXISTS (SELECT FROM persons p WHERE p.id = who.id
          AND p.agency_id = NEW.owner_agency AND p.status = 'active')) THEN
    RAISE EXCEPTION 'a person of the owner decides this' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'finding_person';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER assessment_findings_by_person AFTER UPDATE OF closed_by, verified_by
  ON assessment_findings FOR EACH ROW EXECUTE FUNCTION finding_by_own_person();

-- ---------------------------------------------------------------- retention: with the assessment
GRANT SELECT (assessment_id, reverses) ON finding_resolutions TO reg_worker;
GRANT SELECT (assessment_id) ON finding_actions TO reg_worker;
{_each(RETENTION)}
CREATE POLICY finding_resolutions_retention_select ON finding_resolutions FOR SELECT TO reg_worker
  USING (true);
CREATE POLICY finding_actions_retention_select ON finding_actions FOR SELECT TO reg_worker
  USING (true);

REVOKE EXECUTE ON FUNCTION settle_finding(), findings_withdrawn(),
  partner_findings(uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION partner_findings(uuid, boolean) TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION settle_finding() OWNER TO reg_facts;
ALTER FUNCTION findings_withdrawn() OWNER TO reg_facts;
ALTER FUNCTION partner_findings(uuid, boolean) OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - names of tables of ours

UNDO = """
DROP TRIGGER assessments_findings ON assessments;
DROP TRIGGER assessment_details_findings ON assessment_details;
DROP TABLE finding_actions, finding_resolutions, assessment_findings;
DROP FUNCTION partner_findings(uuid, boolean), unsupported_band(numeric), settle_finding(),
  finding_texts_kept(), findings_emptied(), findings_withdrawn(), finding_by_own_person();
"""


def upgrade() -> None:
    # References to agencies are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "assessment_findings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("amount_usd", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column(
            "resolved_usd", sa.Numeric(precision=20, scale=2), server_default="0", nullable=False
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by", sa.Uuid(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "code ~ '^[A-Z][A-Z0-9_]{0,59}$'", name=op.f("ck_assessment_findings_code")
        ),
        sa.CheckConstraint(
            "num_nulls(closed_by, closed_at) = CASE state WHEN 'open' THEN 2 ELSE 0 END",
            name=op.f("ck_assessment_findings_closed"),
        ),
        sa.CheckConstraint(
            "num_nulls(verified_by, verified_at) = CASE WHEN state = 'closed' AND priority = 'HIGH' THEN 0 ELSE 2 END",
            name=op.f("ck_assessment_findings_verified"),
        ),
        sa.CheckConstraint("part ~ '^[a-z_]{1,40}$'", name=op.f("ck_assessment_findings_part")),
        sa.CheckConstraint(
            "priority IN ('HIGH', 'MEDIUM', 'LOW')", name=op.f("ck_assessment_findings_priority")
        ),
        sa.CheckConstraint(
            "state <> 'to_verify' OR priority = 'HIGH'",
            name=op.f("ck_assessment_findings_to_verify"),
        ),
        sa.CheckConstraint(
            "state = 'open' OR resolved_usd = amount_usd",
            name=op.f("ck_assessment_findings_closed_settled"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'to_verify', 'closed')", name=op.f("ck_assessment_findings_state")
        ),
        sa.CheckConstraint("position >= 0", name=op.f("ck_assessment_findings_position")),
        sa.CheckConstraint(
            "resolved_usd >= 0 AND resolved_usd <= amount_usd",
            name=op.f("ck_assessment_findings_settled"),
        ),
        sa.CheckConstraint(
            "verified_by <> closed_by", name=op.f("ck_assessment_findings_two_persons")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_assessment_findings_version")),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency", "level"],
            ["assessments.id", "assessments.owner_agency", "assessments.level"],
            name="fk_assessment_findings_assessments",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["persons.id"], name=op.f("fk_assessment_findings_closed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_assessment_findings_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["verified_by"], ["persons.id"], name=op.f("fk_assessment_findings_verified_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_findings")),
        sa.UniqueConstraint(
            "assessment_id",
            "part",
            "position",
            name=op.f("uq_assessment_findings_assessment_id_part_position"),
        ),
        sa.UniqueConstraint(
            "id",
            "assessment_id",
            "owner_agency",
            name=op.f("uq_assessment_findings_id_assessment_id_owner_agency"),
        ),
    )
    op.create_index(
        "ix_assessment_findings_due_on",
        "assessment_findings",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND overdue_at IS NULL AND NOT withdrawn"),
    )
    op.create_index(
        "ix_assessment_findings_owner_agency_created_at_id",
        "assessment_findings",
        ["owner_agency", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_assessment_findings_partner_id", "assessment_findings", ["partner_id"], unique=False
    )
    op.create_table(
        "finding_actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("finding_id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by_partner", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("made_client", sa.Text(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "by_partner = (kind = 'response')", name=op.f("ck_finding_actions_by_partner")
        ),
        sa.CheckConstraint(
            "kind IN ('agreed', 'response', 'closed', 'confirmed', 'not_confirmed', 'reopened')",
            name=op.f("ck_finding_actions_kind"),
        ),
        sa.CheckConstraint(
            "NOT by_partner OR made_by IS NULL", name=op.f("ck_finding_actions_made_by")
        ),
        sa.ForeignKeyConstraint(
            ["finding_id", "assessment_id", "owner_agency"],
            [
                "assessment_findings.id",
                "assessment_findings.assessment_id",
                "assessment_findings.owner_agency",
            ],
            name="fk_finding_actions_findings",
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["persons.id"], name=op.f("fk_finding_actions_made_by_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_actions")),
    )
    op.create_index(
        "ix_finding_actions_finding_id", "finding_actions", ["finding_id", "made_at"], unique=False
    )
    op.create_table(
        "finding_resolutions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("finding_id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_usd", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.Column("reverses", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_client", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('amount_refunded', 'additional_documentation_provided', 'justification_accepted', 'write_off')",
            name=op.f("ck_finding_resolutions_kind"),
        ),
        sa.CheckConstraint(
            "(reverses IS NULL) = (amount_usd > 0)", name=op.f("ck_finding_resolutions_reverses")
        ),
        sa.CheckConstraint("amount_usd <> 0", name=op.f("ck_finding_resolutions_amount_usd")),
        sa.ForeignKeyConstraint(
            ["finding_id", "assessment_id", "owner_agency"],
            [
                "assessment_findings.id",
                "assessment_findings.assessment_id",
                "assessment_findings.owner_agency",
            ],
            name="fk_finding_resolutions_findings",
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["persons.id"], name=op.f("fk_finding_resolutions_recorded_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["reverses"],
            ["finding_resolutions.id"],
            name=op.f("fk_finding_resolutions_reverses_finding_resolutions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_resolutions")),
        sa.UniqueConstraint("reverses", name=op.f("uq_finding_resolutions_reverses")),
    )
    op.create_index(
        "ix_finding_resolutions_finding_id",
        "finding_resolutions",
        ["finding_id", "recorded_at"],
        unique=False,
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
