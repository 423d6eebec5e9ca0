"""disputes and requests of the partner itself

Revision: 0027, after 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import rekey_security, run_script

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

SECURITY = f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- ---------------------------------------------------------------- disputes about identifiers
DROP POLICY identifier_disputes_select ON identifier_disputes;
CREATE POLICY identifier_disputes_select ON identifier_disputes FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL
    OR partner_id IN (SELECT partner_lineage((SELECT app_partner())))
    OR holder_id IN (SELECT partner_lineage((SELECT app_partner()))));
DROP POLICY identifier_disputes_insert ON identifier_disputes;
CREATE POLICY identifier_disputes_insert ON identifier_disputes FOR INSERT TO reg_app
  WITH CHECK (status = 'open' AND (raised_by = (SELECT app_agency())
    OR (raised_by IS NULL AND partner_id = (SELECT app_partner()))));

-- What a partner disputes is in another profile, which it may not write: the dispute itself marks
-- that row, and only one of the same identifier as the row that came with it.
GRANT SELECT (id, agency_id, area, authority_key, claimed), UPDATE (disputed)
  ON partner_identifiers TO reg_facts;
CREATE FUNCTION partner_dispute_raised() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE partner_identifiers h SET disputed = true FROM partner_identifiers c
  WHERE h.id = NEW.held_id AND h.partner_id = NEW.holder_id AND h.active AND NOT h.claimed
    AND h.agency_id IS NULL AND h.scheme = NEW.scheme AND NOT NEW.restricted
    AND c.id = NEW.claim_id AND c.partner_id = NEW.partner_id AND c.active AND c.claimed
    AND (c.scheme, c.value) = (h.scheme, h.value) AND c.country IS NOT DISTINCT FROM h.country
    AND c.area IS NOT DISTINCT FROM h.area AND c.authority_key IS NOT DISTINCT FROM h.authority_key;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the other profile does not hold this identifier'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'dispute_identifier';
  END IF;
  UPDATE partners SET version = version + 1, updated_by = NULL WHERE id = NEW.holder_id;
  RETURN NULL;
END $$;
CREATE TRIGGER identifier_disputes_by_partner AFTER INSERT ON identifier_disputes
  FOR EACH ROW WHEN (NEW.raised_by IS NULL) EXECUTE FUNCTION partner_dispute_raised();

CREATE FUNCTION keep_others_identifier() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_user = 'reg_app' AND app_agency() IS NULL
      AND app_partner() IS DISTINCT FROM OLD.partner_id THEN
    RAISE EXCEPTION 'a partner changes its own identifiers only' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER partner_identifiers_of_others BEFORE UPDATE ON partner_identifiers
  FOR EACH ROW EXECUTE FUNCTION keep_others_identifier();

-- ---------------------------------------------------------------- who decides them
-- Where no person of an agency raised the question, two answer it.
ALTER TABLE identifier_dispute_voices ENABLE ROW LEVEL SECURITY;
ALTER TABLE identifier_dispute_voices FORCE ROW LEVEL SECURITY;
GRANT SELECT ON identifier_dispute_voices TO reg_app;
GRANT INSERT (id, dispute_id, for_id, agency_id, person_id, sealed)
  ON identifier_dispute_voices TO reg_app;
CREATE POLICY identifier_dispute_voices_select ON identifier_dispute_voices FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL);
CREATE POLICY identifier_dispute_voices_insert ON identifier_dispute_voices FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
{rekey_security("identifier_dispute_voices")}
CREATE FUNCTION keep_dispute_voice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'reg_owner'
      AND to_jsonb(NEW) - 'sealed' = to_jsonb(OLD) - 'sealed' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'what was said stays as it was said' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER identifier_dispute_voices_kept BEFORE UPDATE OR DELETE ON identifier_dispute_voices
  FOR EACH ROW EXECUTE FUNCTION keep_dispute_voice();
CREATE FUNCTION new_dispute_voice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM identifier_disputes d JOIN persons p ON p.id = NEW.person_id
      WHERE d.id = NEW.dispute_id AND d.status = 'open' AND d.raised_by IS NULL
        AND NEW.for_id IN (d.partner_id, d.holder_id)
        AND p.agency_id = NEW.agency_id AND p.status = 'active') THEN
    RAISE EXCEPTION 'this is not said of this dispute'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'dispute_voice';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER identifier_dispute_voices_new AFTER INSERT ON identifier_dispute_voices
  FOR EACH ROW EXECUTE FUNCTION new_dispute_voice();
CREATE FUNCTION dispute_by_two_persons() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM identifier_dispute_voices v WHERE v.dispute_id = NEW.id
        AND v.for_id = NEW.decided_for AND v.person_id <> NEW.decided_person)
      OR NOT EXISTS (SELECT FROM persons p WHERE p.id = NEW.decided_person
        AND p.agency_id = NEW.decided_by AND p.status = 'active') THEN
    RAISE EXCEPTION 'two persons of agencies decide what a partner disputes'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'dispute_two_persons';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER identifier_disputes_two_persons AFTER UPDATE OF status ON identifier_disputes
  FOR EACH ROW WHEN (NEW.raised_by IS NULL AND OLD.status = 'open' AND NEW.status = 'decided')
  EXECUTE FUNCTION dispute_by_two_persons();

-- ---------------------------------------------------------------- requests to be deactivated
ALTER TABLE deactivation_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE deactivation_requests FORCE ROW LEVEL SECURITY;
GRANT SELECT ON deactivation_requests TO reg_app;
GRANT INSERT (id, partner_id, reason_code, asked_by_client) ON deactivation_requests TO reg_app;
CREATE POLICY deactivation_requests_select ON deactivation_requests FOR SELECT TO reg_app
  USING (partner_id IN (SELECT partner_lineage((SELECT app_partner()))));
CREATE POLICY deactivation_requests_insert ON deactivation_requests FOR INSERT TO reg_app
  WITH CHECK (partner_id = (SELECT app_partner()));
GRANT SELECT, UPDATE (state, decided_by, decided_at) ON deactivation_requests TO reg_facts;
CREATE POLICY deactivation_requests_facts_select ON deactivation_requests FOR SELECT TO reg_facts
  USING (state = 'open' OR decided_by = (SELECT app_agency()));
CREATE POLICY deactivation_requests_facts_answer ON deactivation_requests FOR UPDATE TO reg_facts
  USING (state = 'open') WITH CHECK (decided_by = (SELECT app_agency()));
-- The two persons who decide about the profile answer the partner with it. A refusal answers only
-- what was asked before it was proposed.
CREATE FUNCTION deactivation_answered() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  UPDATE deactivation_requests r
  SET state = NEW.state, decided_by = NEW.agency_id, decided_at = NEW.decided_at
  WHERE r.partner_id IN (SELECT partner_lineage(NEW.partner_id)) AND r.state = 'open'
    AND (NEW.state = 'approved' OR r.asked_at <= NEW.proposed_at);
  RETURN NULL;
END $$;
CREATE TRIGGER partner_deactivations_answer AFTER UPDATE OF state ON partner_deactivations
  FOR EACH ROW WHEN (NEW.kind = 'deactivate' AND NEW.state <> 'proposed')
  EXECUTE FUNCTION deactivation_answered();

-- A partner is told of verifications of what was merged into it, too, as of flags and measures.
ALTER POLICY partner_verifications_select ON partner_verifications
  USING ((SELECT app_agency()) IS NOT NULL
    OR partner_id IN (SELECT partner_lineage((SELECT app_partner()))));

REVOKE EXECUTE ON FUNCTION partner_dispute_raised(), deactivation_answered() FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION partner_dispute_raised() OWNER TO reg_facts;
ALTER FUNCTION deactivation_answered() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - names of tables of ours

# A dispute that no agency raised has no place in the earlier form. Both profiles keep their rows,
# and whoever holds it without a claim is disputed no longer.
UNDO = """
SET LOCAL row_security = on;
SET LOCAL app.rekey = 'on';
ALTER POLICY partner_verifications_select ON partner_verifications
  USING ((SELECT app_agency()) IS NOT NULL OR partner_id = (SELECT app_partner()));
DROP TRIGGER partner_deactivations_answer ON partner_deactivations;
DROP FUNCTION deactivation_answered();
DROP TABLE deactivation_requests;
DROP TRIGGER identifier_disputes_two_persons ON identifier_disputes;
DROP TABLE identifier_dispute_voices;
DROP FUNCTION dispute_by_two_persons(), new_dispute_voice(), keep_dispute_voice();
DROP TRIGGER partner_identifiers_of_others ON partner_identifiers;
DROP FUNCTION keep_others_identifier();
DROP TRIGGER identifier_disputes_by_partner ON identifier_disputes;
DROP FUNCTION partner_dispute_raised();
REVOKE SELECT (id, agency_id, area, authority_key, claimed), UPDATE (disputed)
  ON partner_identifiers FROM reg_facts;
CREATE POLICY identifier_disputes_undo ON identifier_disputes FOR DELETE TO reg_owner USING (true);
UPDATE partner_identifiers i SET active = false, ended_at = now(), end_reason = 'dispute'
  FROM identifier_disputes d
  WHERE d.raised_by IS NULL AND d.status = 'open' AND i.id = d.claim_id AND i.active;
UPDATE partner_identifiers i SET disputed = false FROM identifier_disputes d
  WHERE d.raised_by IS NULL AND d.status = 'open' AND i.id = d.held_id;
DELETE FROM identifier_disputes WHERE raised_by IS NULL;
DROP POLICY identifier_disputes_undo ON identifier_disputes;
ALTER TABLE identifier_disputes
  DROP CONSTRAINT ck_identifier_disputes_raised_by, DROP COLUMN raised_client,
  ALTER COLUMN raised_by SET NOT NULL, ALTER COLUMN raised_person SET NOT NULL;
DROP POLICY identifier_disputes_select ON identifier_disputes;
CREATE POLICY identifier_disputes_select ON identifier_disputes FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL OR (SELECT app_partner()) IN (partner_id, holder_id));
DROP POLICY identifier_disputes_insert ON identifier_disputes;
CREATE POLICY identifier_disputes_insert ON identifier_disputes FOR INSERT TO reg_app
  WITH CHECK (raised_by = (SELECT app_agency()) AND status = 'open');
"""


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.add_column("identifier_disputes", sa.Column("raised_client", sa.Text(), nullable=True))
    op.alter_column("identifier_disputes", "raised_by", nullable=True)
    op.alter_column("identifier_disputes", "raised_person", nullable=True)
    op.create_check_constraint(
        op.f("ck_identifier_disputes_raised_by"),
        "identifier_disputes",
        "num_nulls(raised_by, raised_client) = 1 AND (raised_by IS NULL) = (raised_person IS NULL)",
    )
    op.create_table(
        "identifier_dispute_voices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("for_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "said_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"],
            ["agencies.id"],
            name=op.f("fk_identifier_dispute_voices_agency_id_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["dispute_id"],
            ["identifier_disputes.id"],
            name=op.f("fk_identifier_dispute_voices_dispute_id_identifier_disputes"),
        ),
        sa.ForeignKeyConstraint(
            ["for_id"], ["partners.id"], name=op.f("fk_identifier_dispute_voices_for_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["persons.id"],
            name=op.f("fk_identifier_dispute_voices_person_id_persons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifier_dispute_voices")),
        sa.UniqueConstraint(
            "dispute_id", "person_id", "for_id", name="uq_identifier_dispute_voices_said"
        ),
    )
    op.create_table(
        "deactivation_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("asked_by_client", sa.Text(), nullable=False),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'refused')", name=op.f("ck_deactivation_requests_state")
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE state WHEN 'open' THEN 2 ELSE 0 END",
            name=op.f("ck_deactivation_requests_decided"),
        ),
        sa.CheckConstraint(
            "reason_code ~ '^[a-z_]{1,40}$'", name=op.f("ck_deactivation_requests_reason_code")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"],
            ["agencies.id"],
            name=op.f("fk_deactivation_requests_decided_by_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_deactivation_requests_partner_id_partners"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deactivation_requests")),
    )
    op.create_index(
        "ix_deactivation_requests_partner_id", "deactivation_requests", ["partner_id"], unique=False
    )
    op.create_index(
        "uq_deactivation_requests_open",
        "deactivation_requests",
        ["partner_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
