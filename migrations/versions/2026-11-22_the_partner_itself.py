"""the partner itself

Revision: 0025, after 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

SEALED = (
    "partner_invitations",
    "partner_claims",
    "partner_control_disputes",
    "partner_corrections",
    "statement_comments",
)
SECURITY = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- ---------------------------------------------------------------- who sees what
ALTER TABLE partner_invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_invitations FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_invitations TO reg_app;
GRANT INSERT (id, partner_id, invited_by, inviter, digest, sealed_email, expires_at)
  ON partner_invitations TO reg_app;
GRANT UPDATE (revoked_at) ON partner_invitations TO reg_app;
CREATE POLICY partner_invitations_select ON partner_invitations FOR SELECT TO reg_app
  USING (invited_by = (SELECT app_agency()));
CREATE POLICY partner_invitations_insert ON partner_invitations FOR INSERT TO reg_app
  WITH CHECK (invited_by = (SELECT app_agency()));
CREATE POLICY partner_invitations_update ON partner_invitations FOR UPDATE TO reg_app
  USING (invited_by = (SELECT app_agency())) WITH CHECK (invited_by = (SELECT app_agency()));
GRANT SELECT, UPDATE (used_at) ON partner_invitations TO reg_facts;
CREATE POLICY partner_invitations_facts_select ON partner_invitations FOR SELECT TO reg_facts
  USING (true);
CREATE POLICY partner_invitations_facts_use ON partner_invitations FOR UPDATE TO reg_facts
  USING (true) WITH CHECK (true);

-- Agencies see each other's claims: whoever checks one needs all. The partner sees who asked to
-- act for it.
ALTER TABLE partner_claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_claims FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_claims TO reg_app, reg_facts;
GRANT INSERT (id, partner_id, filed_by, filed_person, sealed_claimant, jwks, document_ids)
  ON partner_claims TO reg_app;
GRANT UPDATE (state, checked, sealed_reason, decided_by, decided_person, decided_at, client_id,
  version) ON partner_claims TO reg_app;
GRANT INSERT ON partner_claims TO reg_facts;
CREATE POLICY partner_claims_select ON partner_claims FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL
    OR partner_id IN (SELECT partner_lineage((SELECT app_partner()))));
CREATE POLICY partner_claims_insert ON partner_claims FOR INSERT TO reg_app
  WITH CHECK (filed_by = (SELECT app_agency()));
CREATE POLICY partner_claims_update ON partner_claims FOR UPDATE TO reg_app
  USING (state IN ('open', 'approved') AND (SELECT app_agency()) IS NOT NULL)
  WITH CHECK (state = 'removed' OR decided_by = (SELECT app_agency()));
CREATE POLICY partner_claims_facts_select ON partner_claims FOR SELECT TO reg_facts USING (true);
CREATE POLICY partner_claims_facts_insert ON partner_claims FOR INSERT TO reg_facts
  WITH CHECK (invitation_id IS NOT NULL);

ALTER TABLE partner_control_disputes ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_control_disputes FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_control_disputes TO reg_app, reg_facts;
GRANT INSERT (id, partner_id, claim_id, raised_by_client, sealed_grounds)
  ON partner_control_disputes TO reg_app;
GRANT UPDATE (state, outcome, checked, sealed_reason, decided_by, decided_person, decided_at,
  version) ON partner_control_disputes TO reg_app;
GRANT INSERT ON partner_control_disputes TO reg_facts;
CREATE POLICY partner_control_disputes_select ON partner_control_disputes FOR SELECT TO reg_app
  USING ((SELECT app_agency()) IS NOT NULL
    OR partner_id IN (SELECT partner_lineage((SELECT app_partner()))));
CREATE POLICY partner_control_disputes_insert ON partner_control_disputes FOR INSERT TO reg_app
  WITH CHECK (partner_id = (SELECT app_partner()) AND raised_by_client IS NOT NULL);
CREATE POLICY partner_control_disputes_update ON partner_control_disputes FOR UPDATE TO reg_app
  USING (state = 'open' AND (SELECT app_agency()) IS NOT NULL)
  WITH CHECK (decided_by = (SELECT app_agency()));
CREATE POLICY partner_control_disputes_facts_select ON partner_control_disputes FOR SELECT
  TO reg_facts USING (true);
CREATE POLICY partner_control_disputes_facts_insert ON partner_control_disputes FOR INSERT
  TO reg_facts WITH CHECK (raised_by_client IS NULL);

-- A correction is between the agency that asks and the partner that answers.
ALTER TABLE partner_corrections ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_corrections FORCE ROW LEVEL SECURITY;
GRANT SELECT ON partner_corrections TO reg_app;
GRANT INSERT (id, partner_id, filed_by, pointer, sealed, document_ids, due_on)
  ON partner_corrections TO reg_app;
GRANT UPDATE (state, sealed_reason, decided_client, decided_at, version)
  ON partner_corrections TO reg_app;
GRANT SELECT (id, partner_id, filed_by, due_on, state, overdue_at), UPDATE (overdue_at)
  ON partner_corrections TO reg_worker;
CREATE POLICY partner_corrections_select ON partner_corrections FOR SELECT TO reg_app
  USING (filed_by = (SELECT app_agency()) OR partner_id = (SELECT app_partner()));
CREATE POLICY partner_corrections_insert ON partner_corrections FOR INSERT TO reg_app
  WITH CHECK (filed_by = (SELECT app_agency()));
CREATE POLICY partner_corrections_update ON partner_corrections FOR UPDATE TO reg_app
  USING (state = 'open' AND partner_id = (SELECT app_partner()))
  WITH CHECK (partner_id = (SELECT app_partner()));
CREATE POLICY partner_corrections_seek ON partner_corrections FOR SELECT TO reg_worker
  USING (true);
CREATE POLICY partner_corrections_remind ON partner_corrections FOR UPDATE TO reg_worker
  USING (state = 'open') WITH CHECK (state = 'open');

-- The statement is looked up under its own policy: who does not see it sees no comment on it.
ALTER TABLE statement_comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE statement_comments FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON statement_comments TO reg_app;
CREATE POLICY statement_comments_select ON statement_comments FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR partner_id = (SELECT app_partner())
    OR ((SELECT app_agency()) IS NOT NULL AND CASE subject_kind
      WHEN 'flag' THEN EXISTS (SELECT 1 FROM partner_flags f WHERE f.id = subject_id)
      WHEN 'assessment' THEN EXISTS (SELECT 1 FROM assessments a WHERE a.id = subject_id)
      ELSE true END));
CREATE POLICY statement_comments_insert ON statement_comments FOR INSERT TO reg_app
  WITH CHECK (partner_id = (SELECT app_partner()));
CREATE TRIGGER statement_comments_append_only BEFORE UPDATE OR DELETE ON statement_comments
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- ---------------------------------------------------------------- control
-- Only what is decided about claims changes who keeps a profile.
REVOKE INSERT (control), UPDATE (control) ON partners FROM reg_app;
GRANT SELECT (control), UPDATE (control) ON partners TO reg_facts;
GRANT INSERT, UPDATE (lifted_at) ON restraints TO reg_facts;

CREATE FUNCTION control_refused(rule text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'a claim is not decided so' USING ERRCODE = '23514', CONSTRAINT = rule; END $$;

-- A claim on a partner that keeps itself already contests who acts for it. While that is open, or
-- the profile stands for nothing, no other claim is taken.
CREATE FUNCTION partner_claims_filed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE profile record;
BEGIN
  SELECT p.control, p.merged_into INTO profile FROM partners p WHERE p.id = NEW.partner_id
    FOR NO KEY UPDATE;
  IF profile.merged_into IS NOT NULL THEN PERFORM control_refused('claim_partner_merged'); END IF;
  IF profile.control = 'disputed' THEN PERFORM control_refused('claim_control_disputed'); END IF;
  IF profile.control = 'partner' THEN
    INSERT INTO partner_control_disputes (id, partner_id, claim_id)
      VALUES (gen_random_uuid(), NEW.partner_id, NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_claims_filed AFTER INSERT ON partner_claims
  FOR EACH ROW EXECUTE FUNCTION partner_claims_filed();

CREATE FUNCTION partner_control_disputes_fill() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  NEW.not_by := coalesce((SELECT c.decided_by FROM partner_claims c WHERE c.id = NEW.claim_id),
    (SELECT c.decided_by FROM partner_claims c WHERE c.partner_id = NEW.partner_id
      AND c.state = 'approved' ORDER BY c.decided_at DESC, c.id DESC LIMIT 1));
  RETURN NEW;
END $$;
CREATE TRIGGER partner_control_disputes_fill BEFORE INSERT ON partner_control_disputes
  FOR EACH ROW EXECUTE FUNCTION partner_control_disputes_fill();
-- AFTER the row's policies have spoken: a refusal here is never about a row of somebody else.
CREATE FUNCTION partner_control_disputes_open() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM partner_claims c WHERE c.id = NEW.claim_id
      AND c.partner_id = NEW.partner_id AND (NEW.raised_by_client IS NULL AND c.state = 'open'
        OR c.state = 'approved' AND c.client_id <> NEW.raised_by_client)) THEN
    PERFORM control_refused('dispute_claim');
  END IF;
  UPDATE partners SET control = 'disputed', version = version + 1, updated_by = app_agency()
    WHERE id = NEW.partner_id AND control = 'partner' AND merged_into IS NULL;
  IF NOT FOUND THEN PERFORM control_refused('dispute_control'); END IF;
  INSERT INTO restraints (id, partner_id, reason, source_kind, source_id, put_by)
    VALUES (gen_random_uuid(), NEW.partner_id, 'CONTROL_DISPUTED', 'control_dispute', NEW.id,
      app_agency());
  RETURN NULL;
END $$;
CREATE TRIGGER partner_control_disputes_open AFTER INSERT ON partner_control_disputes
  FOR EACH ROW EXECUTE FUNCTION partner_control_disputes_open();

CREATE FUNCTION decided_by_own_person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.version <> OLD.version + 1 THEN PERFORM control_refused('decision_version'); END IF;
  IF NEW.decided_at IS DISTINCT FROM OLD.decided_at AND (NEW.decided_at <> now()
      OR NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = NEW.decided_person
        AND p.agency_id = NEW.decided_by AND p.status = 'active')) THEN
    PERFORM control_refused('decision_person');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_claims_by_person AFTER UPDATE OF state, checked, decided_by, decided_person, decided_at, client_id, version
  ON partner_claims
  FOR EACH ROW EXECUTE FUNCTION decided_by_own_person();
CREATE TRIGGER partner_control_disputes_by_person AFTER UPDATE OF state, outcome, checked, decided_by, decided_person, decided_at, version
  ON partner_control_disputes
  FOR EACH ROW EXECUTE FUNCTION decided_by_own_person();

-- One claim makes the partner keep itself; after that each takes a decision on control, and so
-- does the end of an administrator. `now()`: decided in this very transaction.
CREATE FUNCTION partner_claims_decided() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE held text;
BEGIN
  SELECT p.control INTO held FROM partners p WHERE p.id = NEW.partner_id FOR NO KEY UPDATE;
  IF OLD.state = 'approved' AND NEW.state = 'removed' THEN
    IF (NEW.checked, NEW.decided_by, NEW.decided_person, NEW.decided_at, NEW.client_id)
        IS DISTINCT FROM
        (OLD.checked, OLD.decided_by, OLD.decided_person, OLD.decided_at, OLD.client_id)
      OR NOT EXISTS (SELECT 1 FROM partner_control_disputes d
        WHERE d.partner_id = NEW.partner_id AND d.decided_at = now()
        AND d.decided_by = app_agency()
        AND (d.outcome = 'refuse' AND d.claim_id = NEW.id
          OR d.outcome = 'replace' AND d.claim_id <> NEW.id)) THEN
      PERFORM control_refused('claim_removed');
    END IF;
    RETURN NULL;
  END IF;
  IF OLD.state <> 'open' OR NEW.state NOT IN ('approved', 'rejected') THEN
    PERFORM control_refused('claim_state');
  END IF;
  IF EXISTS (SELECT 1 FROM partner_control_disputes d WHERE d.claim_id = NEW.id
      AND d.state = 'open') THEN
    PERFORM control_refused('claim_control_disputed');
  END IF;
  IF NEW.state = 'rejected' THEN RETURN NULL; END IF;
  IF held = 'agency' THEN
    IF EXISTS (SELECT 1 FROM partner_claims c WHERE c.partner_id = NEW.partner_id
        AND c.state = 'open') THEN
      PERFORM control_refused('claim_competes');
    END IF;
    UPDATE partners SET control = 'partner', version = version + 1, updated_by = NEW.decided_by
      WHERE id = NEW.partner_id AND merged_into IS NULL;
    IF NOT FOUND THEN PERFORM control_refused('claim_partner_merged'); END IF;
  ELSIF NOT EXISTS (SELECT 1 FROM partner_control_disputes d WHERE d.claim_id = NEW.id
      AND d.decided_at = now() AND d.outcome IN ('accept', 'replace')) THEN
    PERFORM control_refused('claim_control_disputed');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_claims_decided AFTER UPDATE OF state, checked, decided_by, decided_person, decided_at, client_id, version
  ON partner_claims
  FOR EACH ROW EXECUTE FUNCTION partner_claims_decided();

CREATE FUNCTION partner_control_disputes_decided() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM partner_claims c WHERE c.id = NEW.claim_id
      AND c.filed_person = NEW.decided_person) THEN
    PERFORM control_refused('dispute_decider');
  END IF;
  UPDATE partners SET control = 'partner', version = version + 1, updated_by = NEW.decided_by
    WHERE id = NEW.partner_id AND control = 'disputed';
  UPDATE restraints SET lifted_at = now() WHERE source_kind = 'control_dispute'
    AND source_id = NEW.id AND lifted_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER partner_control_disputes_decided AFTER UPDATE OF state, outcome, checked, decided_by, decided_person, decided_at, version
  ON partner_control_disputes
  FOR EACH ROW EXECUTE FUNCTION partner_control_disputes_decided();

-- Whoever has the code files the claim, bound to nobody yet. The same code with the same keys
-- again is the same claim; for everything else there is no row, whatever is wrong with the code.
CREATE FUNCTION claim_by_invitation(code bytea, new_claim uuid, claimant bytea, keys jsonb)
  RETURNS TABLE (claim uuid, partner uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE found_one record;
BEGIN
  SELECT i.id, i.partner_id, i.used_at INTO found_one FROM partner_invitations i
    WHERE i.digest = code AND i.revoked_at IS NULL AND i.expires_at > now() FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  IF found_one.used_at IS NOT NULL THEN
    RETURN QUERY SELECT c.id, c.partner_id FROM partner_claims c
      WHERE c.invitation_id = found_one.id AND c.state = 'open' AND c.jwks = keys;
    RETURN;
  END IF;
  UPDATE partner_invitations i SET used_at = now() WHERE i.id = found_one.id;
  INSERT INTO partner_claims (id, partner_id, invitation_id, sealed_claimant, jwks)
    VALUES (new_claim, found_one.partner_id, found_one.id, claimant, keys);
  RETURN QUERY SELECT new_claim, found_one.partner_id;
END $$;
REVOKE EXECUTE ON FUNCTION claim_by_invitation(bytea, uuid, bytea, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_by_invitation(bytea, uuid, bytea, jsonb) TO reg_app;
REVOKE EXECUTE ON FUNCTION partner_claims_filed(), partner_control_disputes_fill(),
  partner_control_disputes_open(), partner_claims_decided(), partner_control_disputes_decided()
  FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION claim_by_invitation(bytea, uuid, bytea, jsonb) OWNER TO reg_facts;
ALTER FUNCTION partner_claims_filed() OWNER TO reg_facts;
ALTER FUNCTION partner_control_disputes_fill() OWNER TO reg_facts;
ALTER FUNCTION partner_control_disputes_open() OWNER TO reg_facts;
ALTER FUNCTION partner_claims_decided() OWNER TO reg_facts;
ALTER FUNCTION partner_control_disputes_decided() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;

-- ---------------------------------------------------------------- clients of partners
-- An agency makes a partner's client only in the transaction that approves its claim, and ends
-- one only in the transaction that decides so.
CREATE POLICY clients_of_claim ON clients FOR INSERT TO reg_app
  WITH CHECK (agency_id IS NULL AND scopes <@ '{self:read,self:write,self:contest}'
    AND EXISTS (SELECT 1 FROM partner_claims c
      WHERE c.client_id = clients.id AND c.partner_id = clients.partner_id
      AND c.state = 'approved' AND c.decided_at = now() AND c.decided_by = (SELECT app_agency())));
CREATE POLICY client_secrets_of_claim ON client_secrets FOR INSERT TO reg_app
  WITH CHECK (EXISTS (SELECT 1 FROM partner_claims c
    WHERE c.client_id = client_secrets.client_id AND c.state = 'approved'
    AND c.decided_at = now() AND c.decided_by = (SELECT app_agency())));
CREATE POLICY clients_by_control ON clients FOR UPDATE TO reg_app
  USING (agency_id IS NULL AND EXISTS (SELECT 1 FROM partner_control_disputes d
    WHERE d.partner_id = clients.partner_id AND d.decided_at = now()
    AND d.decided_by = (SELECT app_agency())))
  WITH CHECK (agency_id IS NULL AND status = 'revoked');
CREATE POLICY client_secrets_by_control ON client_secrets FOR DELETE TO reg_app
  USING (EXISTS (SELECT 1 FROM clients k JOIN partner_control_disputes d
      ON d.partner_id = k.partner_id
    WHERE k.id = client_secrets.client_id AND d.decided_at = now()
    AND d.decided_by = (SELECT app_agency())));

-- ---------------------------------------------------------------- whose fields they are
-- None: the partner itself.
ALTER TABLE partner_identifiers ALTER COLUMN created_by DROP NOT NULL;
ALTER TABLE restricted_identifiers ALTER COLUMN created_by DROP NOT NULL;

-- What the partner says of itself is the partner's once it has claimed its profile, and nobody's
-- to change while that is disputed. Anybody may protect it. A partner writes its own profile only.
CREATE FUNCTION keep_self_declared() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE moving text[] := ARRAY['version', 'updated_by', 'updated_at', 'status', 'complete',
  'sectors', 'populations', 'sources', 'valid_from', 'verification', 'verified_by', 'verified_on',
  'verified_until', 'deactivated_at', 'merged_into', 'control'];
BEGIN
  IF current_user <> 'reg_app' THEN RETURN NEW; END IF;
  IF app_agency() IS NULL AND app_partner() IS DISTINCT FROM OLD.id THEN
    IF NOT EXISTS (SELECT 1 FROM partners o WHERE o.id = OLD.id AND o.hq_id = app_partner()) THEN
      PERFORM control_refused('ck_partners_owned_by_partner');
    END IF;
    -- What the headquarters signs, and whether it is protected, reaches its country profiles.
    moving := moving || '{protected}';
  END IF;
  IF NEW.protected AND NOT OLD.protected THEN moving := moving || '{protected}'; END IF;
  IF to_jsonb(NEW) - moving IS NOT DISTINCT FROM to_jsonb(OLD) - moving THEN RETURN NEW; END IF;
  IF OLD.control = 'disputed' THEN PERFORM control_refused('ck_partners_control_disputed'); END IF;
  IF (OLD.control = 'partner' AND app_agency() IS NOT NULL)
      OR (app_agency() IS NULL AND app_partner() IS DISTINCT FROM OLD.id) THEN
    PERFORM control_refused('ck_partners_owned_by_partner');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER partners_self_declared BEFORE UPDATE ON partners FOR EACH ROW
  WHEN (OLD.control <> 'agency' OR app_partner() IS NOT NULL)
  EXECUTE FUNCTION keep_self_declared();

CREATE FUNCTION keep_self_declared_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE held text;
BEGIN
  IF current_user <> 'reg_app' THEN RETURN NEW; END IF;
  IF app_agency() IS NULL AND app_partner() IS DISTINCT FROM NEW.partner_id THEN
    PERFORM control_refused('ck_partners_owned_by_partner');
  END IF;
  SELECT p.control INTO held FROM partners p WHERE p.id = NEW.partner_id FOR SHARE;
  IF held = 'disputed' THEN PERFORM control_refused('ck_partners_control_disputed'); END IF;
  IF held = 'partner' AND app_agency() IS NOT NULL THEN
    PERFORM control_refused('ck_partners_owned_by_partner');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER partner_sections_self_declared AFTER INSERT OR UPDATE ON partner_sections
  FOR EACH ROW EXECUTE FUNCTION keep_self_declared_part();
CREATE TRIGGER partner_declarations_self_declared AFTER INSERT ON partner_declarations
  FOR EACH ROW EXECUTE FUNCTION keep_self_declared_part();
CREATE TRIGGER partner_people_self_declared AFTER INSERT OR UPDATE ON partner_people
  FOR EACH ROW WHEN (NEW.sealed IS NOT NULL) EXECUTE FUNCTION keep_self_declared_part();
CREATE TRIGGER partner_identifiers_self_declared AFTER INSERT ON partner_identifiers
  FOR EACH ROW WHEN (NEW.agency_id IS NULL AND NOT NEW.claimed)
  EXECUTE FUNCTION keep_self_declared_part();
"""

UNDO = """
DROP TRIGGER partner_identifiers_self_declared ON partner_identifiers;
DROP TRIGGER partner_people_self_declared ON partner_people;
DROP TRIGGER partner_declarations_self_declared ON partner_declarations;
DROP TRIGGER partner_sections_self_declared ON partner_sections;
DROP TRIGGER partners_self_declared ON partners;
UPDATE partner_identifiers i SET created_by = p.created_by FROM partners p
  WHERE p.id = i.partner_id AND i.created_by IS NULL;
ALTER TABLE partner_identifiers ALTER COLUMN created_by SET NOT NULL;
-- The operator sees sealed numbers in a transaction that changes keys, or puts them back, only.
SET LOCAL row_security = on;
SET LOCAL app.rekey = 'on';
UPDATE restricted_identifiers i SET created_by = p.created_by FROM partners p
  WHERE p.id = i.partner_id AND i.created_by IS NULL;
ALTER TABLE restricted_identifiers ALTER COLUMN created_by SET NOT NULL;
DROP FUNCTION keep_self_declared_part();
DROP FUNCTION keep_self_declared();
DROP POLICY client_secrets_by_control ON client_secrets;
DROP POLICY clients_by_control ON clients;
DROP POLICY client_secrets_of_claim ON client_secrets;
DROP POLICY clients_of_claim ON clients;
DROP FUNCTION claim_by_invitation(bytea, uuid, bytea, jsonb);
DROP TABLE statement_comments, partner_corrections, partner_control_disputes, partner_claims,
  partner_invitations;
DROP FUNCTION partner_control_disputes_decided();
DROP FUNCTION partner_claims_decided();
DROP FUNCTION decided_by_own_person();
DROP FUNCTION partner_control_disputes_open();
DROP FUNCTION partner_control_disputes_fill();
DROP FUNCTION partner_claims_filed();
DROP FUNCTION control_refused(text);
REVOKE INSERT, UPDATE (lifted_at) ON restraints FROM reg_facts;
REVOKE SELECT (control), UPDATE (control) ON partners FROM reg_facts;
GRANT INSERT (control), UPDATE (control) ON partners TO reg_app;
"""


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "partner_corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("filed_by", sa.Uuid(), nullable=False),
        sa.Column("pointer", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("document_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column(
            "filed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("decided_client", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "num_nulls(sealed_reason, decided_client, decided_at) = CASE state WHEN 'open' THEN 3 ELSE 0 END",
            name=op.f("ck_partner_corrections_decided"),
        ),
        sa.CheckConstraint(
            "pointer ~ '^/[a-z_]+(/[a-z_0-9]+){1,2}$'", name=op.f("ck_partner_corrections_pointer")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'rejected')", name=op.f("ck_partner_corrections_state")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_partner_corrections_version")),
        sa.ForeignKeyConstraint(
            ["filed_by"], ["agencies.id"], name=op.f("fk_partner_corrections_filed_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_corrections_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_corrections")),
    )
    op.create_index(
        "ix_partner_corrections_due_on",
        "partner_corrections",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND overdue_at IS NULL"),
    )
    op.create_index(
        "ix_partner_corrections_partner_id_filed_at_id",
        "partner_corrections",
        ["partner_id", "filed_at", "id"],
        unique=False,
    )
    op.create_table(
        "statement_comments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_by_client", sa.Text(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "subject_kind IN ('flag', 'verification', 'assessment', 'sanction_entry')",
            name=op.f("ck_statement_comments_subject_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_statement_comments_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_statement_comments_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_comments")),
    )
    op.create_index(
        "ix_statement_comments_partner_id", "statement_comments", ["partner_id"], unique=False
    )
    op.create_index(
        "ix_statement_comments_subject_id_made_at",
        "statement_comments",
        ["subject_id", "made_at"],
        unique=False,
    )
    op.create_table(
        "partner_invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("inviter", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_email", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "expires_at > created_at", name=op.f("ck_partner_invitations_expires_at")
        ),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_partner_invitations_digest")),
        sa.CheckConstraint(
            "num_nonnulls(used_at, revoked_at) < 2", name=op.f("ck_partner_invitations_used_at")
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["agencies.id"], name=op.f("fk_partner_invitations_invited_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["inviter"], ["persons.id"], name=op.f("fk_partner_invitations_inviter_persons")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_invitations_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_partner_invitations_digest")),
    )
    op.create_index(
        "ix_partner_invitations_partner_id_created_at_id",
        "partner_invitations",
        ["partner_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "partner_claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("filed_by", sa.Uuid(), nullable=True),
        sa.Column("filed_person", sa.Uuid(), nullable=True),
        sa.Column("sealed_claimant", sa.LargeBinary(), nullable=False),
        sa.Column("jwks", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("document_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column(
            "filed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("checked", sa.Text(), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_person", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(state IN ('approved', 'removed')) = (client_id IS NOT NULL)",
            name=op.f("ck_partner_claims_client_id"),
        ),
        sa.CheckConstraint(
            "num_nulls(checked, sealed_reason, decided_by, decided_person, decided_at) = CASE state WHEN 'open' THEN 5 ELSE 0 END",
            name=op.f("ck_partner_claims_decided"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'rejected', 'removed')",
            name=op.f("ck_partner_claims_state"),
        ),
        sa.CheckConstraint(
            "(filed_by IS NULL) = (filed_person IS NULL)",
            name=op.f("ck_partner_claims_filed_person"),
        ),
        sa.CheckConstraint(
            "decided_person <> filed_person", name=op.f("ck_partner_claims_decided_person")
        ),
        sa.CheckConstraint(
            "filed_by IS NULL OR cardinality(document_ids) > 0",
            name=op.f("ck_partner_claims_document_ids"),
        ),
        sa.CheckConstraint(
            "jwks IS NOT NULL OR filed_by IS NOT NULL", name=op.f("ck_partner_claims_jwks")
        ),
        sa.CheckConstraint(
            "num_nonnulls(invitation_id, filed_by) = 1", name=op.f("ck_partner_claims_filed_by")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_partner_claims_version")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["agencies.id"], name=op.f("fk_partner_claims_decided_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["decided_person"],
            ["persons.id"],
            name=op.f("fk_partner_claims_decided_person_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["filed_by"], ["agencies.id"], name=op.f("fk_partner_claims_filed_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["filed_person"], ["persons.id"], name=op.f("fk_partner_claims_filed_person_persons")
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["partner_invitations.id"],
            name=op.f("fk_partner_claims_invitation_id_partner_invitations"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_claims_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_claims")),
        sa.UniqueConstraint("client_id", name=op.f("uq_partner_claims_client_id")),
    )
    op.create_index(
        "ix_partner_claims_invitation_id", "partner_claims", ["invitation_id"], unique=False
    )
    op.create_index(
        "ix_partner_claims_partner_id_filed_at_id",
        "partner_claims",
        ["partner_id", "filed_at", "id"],
        unique=False,
    )
    op.create_table(
        "partner_control_disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("raised_by_client", sa.Text(), nullable=True),
        sa.Column("sealed_grounds", sa.LargeBinary(), nullable=True),
        sa.Column(
            "raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("not_by", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("checked", sa.Text(), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_person", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "num_nulls(outcome, checked, sealed_reason, decided_by, decided_person, decided_at) = CASE state WHEN 'open' THEN 6 ELSE 0 END",
            name=op.f("ck_partner_control_disputes_decided"),
        ),
        sa.CheckConstraint(
            "outcome IN ('accept', 'replace', 'refuse')",
            name=op.f("ck_partner_control_disputes_outcome"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'decided')", name=op.f("ck_partner_control_disputes_state")
        ),
        sa.CheckConstraint(
            "(raised_by_client IS NULL) = (sealed_grounds IS NULL)",
            name=op.f("ck_partner_control_disputes_raised_by_client"),
        ),
        sa.CheckConstraint(
            "decided_by <> not_by", name=op.f("ck_partner_control_disputes_decided_by")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_partner_control_disputes_version")),
        sa.ForeignKeyConstraint(
            ["claim_id"],
            ["partner_claims.id"],
            name=op.f("fk_partner_control_disputes_claim_id_partner_claims"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"],
            ["agencies.id"],
            name=op.f("fk_partner_control_disputes_decided_by_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_person"],
            ["persons.id"],
            name=op.f("fk_partner_control_disputes_decided_person_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["not_by"], ["agencies.id"], name=op.f("fk_partner_control_disputes_not_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_partner_control_disputes_partner_id_partners"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_control_disputes")),
    )
    op.create_index(
        "ix_partner_control_disputes_claim_id",
        "partner_control_disputes",
        ["claim_id"],
        unique=False,
    )
    op.create_index(
        "uq_partner_control_disputes_open",
        "partner_control_disputes",
        ["partner_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    run_script(SECURITY)
    for table in SEALED:
        run_script(rekey_security(table))


def downgrade() -> None:
    run_script(UNDO)
