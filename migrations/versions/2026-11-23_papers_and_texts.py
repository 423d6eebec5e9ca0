"""documents of findings, files of merged profiles, redaction of texts of shares and requests

Revision: 0039, after 0038
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

# What belongs to a partner's documents belongs to it after a merge, too; which documents it may
# read, their own policies say.
_AGENCY = "(SELECT app_agency()) IS NOT NULL"
FILES = f"""
ALTER POLICY blobs_select ON blobs
  USING ({_AGENCY} OR partner_id IN (SELECT partner_lineage((SELECT app_partner()))));
"""
FILES_BEFORE = f"""
ALTER POLICY blobs_select ON blobs USING ({_AGENCY} OR partner_id = (SELECT app_partner()));
"""

_KEPT = """
CREATE OR REPLACE FUNCTION assessment_documents_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE about uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.assessment_id ELSE NEW.assessment_id END;
{declared}BEGIN
  IF TG_OP = 'UPDATE' AND OLD.blob_id IS NOT NULL
     AND (NEW.blob_id, NEW.sealed, NEW.uploaded_at)
       IS DISTINCT FROM (OLD.blob_id, OLD.sealed, OLD.uploaded_at) THEN
    RAISE EXCEPTION 'what was uploaded stays as it is'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_assessment_documents_kept';
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.blob_id IS NOT DISTINCT FROM OLD.blob_id
     OR TG_OP = 'DELETE' AND OLD.blob_id IS NULL THEN
    NULL;  -- nothing of the record changes by it
{of_finding}  ELSE
    PERFORM 1 FROM assessments a WHERE a.id = about AND a.status = 'draft' FOR SHARE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'papers are added and taken away while the assessment is a draft'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_assessment_documents_draft';
    END IF;
  END IF;
  IF TG_OP = 'DELETE' THEN
    PERFORM refuse_held(about, (SELECT a.partner_id FROM assessments a WHERE a.id = about));
    RETURN OLD;
  END IF;
  RETURN NEW;
END $$;
"""
DOCUMENTS = "GRANT INSERT (finding_id) ON assessment_documents TO reg_app;" + _KEPT.format(
    declared="""  of_finding uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.finding_id
    ELSE NEW.finding_id END;
""",
    of_finding="""  ELSIF of_finding IS NOT NULL THEN
    -- Of a finding while that is open; what it was closed with stays.
    PERFORM 1 FROM assessment_findings f WHERE f.id = of_finding AND f.state = 'open' FOR SHARE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'papers are added to a finding and taken away while it is open'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_assessment_documents_open';
    END IF;
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM finding_actions c WHERE c.finding_id = of_finding
        AND c.kind = 'closed' AND c.made_at >= OLD.uploaded_at) THEN
      RAISE EXCEPTION 'the finding was closed with this document'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_assessment_documents_evidence';
    END IF;
""",
)
DOCUMENTS_BEFORE = _KEPT.format(declared="", of_finding="")

_OWN_RECORD = """
CREATE OR REPLACE FUNCTION own_record(kind text, record uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE kind
    WHEN 'assessment' THEN EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = record AND a.owner_agency = app_agency())
    WHEN 'statement' THEN EXISTS (SELECT 1 FROM assessments a
      WHERE a.id = record AND a.owner_agency = app_agency())
{more}    WHEN 'plan_action' THEN EXISTS (SELECT 1 FROM capacity_plan_actions c
      WHERE c.id = record AND c.owner_agency = app_agency())
    WHEN 'plan_step' THEN EXISTS (SELECT 1 FROM capacity_plan_steps c
      WHERE c.id = record AND c.owner_agency = app_agency())
    WHEN 'flag' THEN EXISTS (SELECT 1 FROM partner_flags f
      WHERE f.id = record AND f.owner_agency = app_agency())
    WHEN 'sanction_case' THEN EXISTS (SELECT 1 FROM sanction_cases c
      WHERE c.id = record AND c.agency_id = app_agency())
    WHEN 'case_step' THEN EXISTS (SELECT 1 FROM sanction_case_steps s
      WHERE s.id = record AND s.agency_id = app_agency())
    WHEN 'partner' THEN EXISTS (SELECT 1 FROM partners p WHERE p.id = record)
    ELSE false END $$;
"""
_OWN_TEXTS = """    WHEN 'share' THEN EXISTS (SELECT 1 FROM assessment_shares s
      WHERE s.id = record AND s.owner_agency = app_agency())
    WHEN 'access_request' THEN EXISTS (SELECT 1 FROM access_requests r
      WHERE r.id = record AND app_agency() IN (r.owner_agency, r.requested_by))
"""
_OWNER = "owner_agency = (SELECT app_agency())"
_ASKER = "requested_by = (SELECT app_agency())"
TEXTS = f"""
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;
GRANT SELECT (id, assessment_id, owner_agency, sealed_note), UPDATE (redacted, sealed_note)
  ON assessment_shares TO reg_facts;
CREATE POLICY assessment_shares_own_fact ON assessment_shares FOR SELECT TO reg_facts
  USING ({_OWNER});
CREATE POLICY assessment_shares_redact ON assessment_shares FOR UPDATE TO reg_facts
  USING ({_OWNER}) WITH CHECK ({_OWNER});
GRANT SELECT (justification_redacted, reason_redacted),
  UPDATE (justification_redacted, reason_redacted) ON access_requests TO reg_facts;
CREATE POLICY access_requests_asker_fact ON access_requests FOR SELECT TO reg_facts
  USING ({_ASKER});
CREATE POLICY access_requests_asker_redact ON access_requests FOR UPDATE TO reg_facts
  USING ({_ASKER}) WITH CHECK ({_ASKER});
-- About which partner a record is that was asked for: a legal hold on it keeps the request.
CREATE POLICY assessments_asker_fact ON assessments FOR SELECT TO reg_facts
  USING (EXISTS (SELECT 1 FROM access_requests r WHERE r.assessment_id = assessments.id
    AND r.{_ASKER}));
GRANT SELECT (subject_kind, subject_id, state) ON redactions TO reg_facts;
CREATE POLICY redactions_facts ON redactions FOR SELECT TO reg_facts
  USING (subject_kind = 'access_request');
-- A stored answer repeats the note of the share.
CREATE POLICY idempotency_keys_share_seek ON idempotency_keys FOR SELECT TO reg_facts
  USING (route LIKE '/v1/assessments/%/shares');
CREATE POLICY idempotency_keys_share_redact ON idempotency_keys FOR DELETE TO reg_facts
  USING (route LIKE '/v1/assessments/%/shares');
{_OWN_RECORD.format(more=_OWN_TEXTS)}
CREATE FUNCTION assessment_shares_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM refuse_held(OLD.assessment_id,
    (SELECT a.partner_id FROM assessments a WHERE a.id = OLD.assessment_id));
  RETURN NEW;
END $$;
CREATE TRIGGER assessment_shares_kept BEFORE UPDATE OF sealed_note ON assessment_shares
  FOR EACH ROW WHEN (length(NEW.sealed_note) = 0 AND length(OLD.sealed_note) > 0)
  EXECUTE FUNCTION assessment_shares_kept();

-- Of a request its owner hides both texts, whoever asked its own; each brings back or destroys
-- only what it hid.
CREATE FUNCTION apply_text_redaction() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE about uuid := NEW.subject_id; gone boolean := NEW.state = 'confirmed';
BEGIN
  IF NEW.subject_kind = 'access_request' THEN
    IF NEW.state = 'hidden' THEN
      UPDATE access_requests r SET justification_redacted = true, reason_redacted =
          reason_redacted OR (r.sealed_reason IS NOT NULL AND r.owner_agency = NEW.agency_id)
        WHERE r.id = about;
    ELSIF gone THEN
      UPDATE access_requests r SET sealed_justification = '', sealed_reason =
          CASE WHEN reason_redacted AND r.owner_agency = NEW.agency_id THEN ''::bytea
          ELSE r.sealed_reason END
        WHERE r.id = about;
      DELETE FROM idempotency_keys k USING access_requests r
        WHERE r.id = about AND k.agency_id IN (r.requested_by, r.owner_agency)
        AND ((k.route = '/v1/access-requests'
              AND k.headers ->> 'location' = '/v1/access-requests/' || r.id)
          OR k.route LIKE '/v1/access-requests/' || r.id || '/%');
    ELSE
      UPDATE access_requests r SET
          justification_redacted = EXISTS (SELECT FROM redactions x
            WHERE x.subject_kind = 'access_request' AND x.subject_id = about
              AND x.state <> 'undone'),
          reason_redacted = reason_redacted AND r.owner_agency <> NEW.agency_id
        WHERE r.id = about;
    END IF;
  ELSIF NEW.subject_kind = 'share' THEN
    UPDATE assessment_shares s SET redacted = NEW.state <> 'undone',
        sealed_note = CASE WHEN gone AND s.sealed_note IS NOT NULL THEN ''::bytea
          ELSE s.sealed_note END
      WHERE s.id = about;
    IF gone THEN
      DELETE FROM idempotency_keys k USING assessment_shares s
        WHERE s.id = about AND k.agency_id = s.owner_agency
        AND k.route = '/v1/assessments/' || s.assessment_id || '/shares'
        AND k.headers ->> 'location' = k.route || '/' || s.id;
    END IF;
  ELSIF gone THEN
    UPDATE assessment_shares s SET sealed_note = ''
      WHERE s.assessment_id = about AND s.sealed_note IS NOT NULL;
    DELETE FROM idempotency_keys k WHERE k.agency_id = NEW.agency_id
      AND k.route = '/v1/assessments/' || about || '/shares';
  END IF;
  IF NOT FOUND AND NEW.state = 'hidden' THEN
    RAISE EXCEPTION 'no such record' USING ERRCODE = '42501';
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER redactions_apply ON redactions;
CREATE TRIGGER redactions_apply AFTER INSERT OR UPDATE OF state ON redactions FOR EACH ROW
  WHEN (NEW.subject_kind NOT IN ('share', 'access_request')) EXECUTE FUNCTION apply_redaction();
CREATE TRIGGER redactions_apply_to_texts AFTER INSERT OR UPDATE OF state ON redactions FOR EACH ROW
  WHEN (NEW.subject_kind IN ('share', 'access_request')
    OR (NEW.subject_kind = 'assessment' AND NEW.state = 'confirmed'))
  EXECUTE FUNCTION apply_text_redaction();
REVOKE ALL ON FUNCTION apply_text_redaction() FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION apply_text_redaction() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - constants
TEXTS_BEFORE = f"""
SET LOCAL check_function_bodies = off;
DROP TRIGGER redactions_apply_to_texts ON redactions;
DROP TRIGGER redactions_apply ON redactions;
CREATE TRIGGER redactions_apply AFTER INSERT OR UPDATE OF state ON redactions
  FOR EACH ROW EXECUTE FUNCTION apply_redaction();
DROP FUNCTION apply_text_redaction();
DROP TRIGGER assessment_shares_kept ON assessment_shares;
DROP FUNCTION assessment_shares_kept();
{_OWN_RECORD.format(more="")}
DROP POLICY idempotency_keys_share_redact ON idempotency_keys;
DROP POLICY idempotency_keys_share_seek ON idempotency_keys;
DROP POLICY redactions_facts ON redactions;
REVOKE SELECT (subject_kind, subject_id, state) ON redactions FROM reg_facts;
DROP POLICY assessments_asker_fact ON assessments;
DROP POLICY access_requests_asker_redact ON access_requests;
DROP POLICY access_requests_asker_fact ON access_requests;
DROP POLICY assessment_shares_redact ON assessment_shares;
DROP POLICY assessment_shares_own_fact ON assessment_shares;
REVOKE SELECT (id, assessment_id, owner_agency, sealed_note), UPDATE (redacted, sealed_note)
  ON assessment_shares FROM reg_facts;
ALTER TABLE redactions NO FORCE ROW LEVEL SECURITY;
DELETE FROM redactions WHERE subject_kind IN ('share', 'access_request');
ALTER TABLE redactions FORCE ROW LEVEL SECURITY;
"""  # noqa: S608 - constants
PAPERS_GONE = """
ALTER TABLE blobs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE assessment_documents NO FORCE ROW LEVEL SECURITY;
UPDATE blobs SET state = 'deleting' WHERE id IN (SELECT blob_id FROM assessment_documents
  WHERE finding_id IS NOT NULL);
ALTER TABLE assessment_documents DISABLE TRIGGER assessment_documents_due;
DELETE FROM assessment_documents WHERE finding_id IS NOT NULL;
ALTER TABLE assessment_documents ENABLE TRIGGER assessment_documents_due;
ALTER TABLE assessment_documents FORCE ROW LEVEL SECURITY;
ALTER TABLE blobs FORCE ROW LEVEL SECURITY;
"""

_KINDS = "subject_kind IN ('assessment', 'case_step', 'plan_action', 'plan_step'{more})"


def _subjects(columns: list[str], more: str) -> None:
    op.drop_constraint(op.f("ck_redactions_subject_kind"), "redactions", type_="check")
    op.create_check_constraint(
        op.f("ck_redactions_subject_kind"), "redactions", _KINDS.format(more=more)
    )
    op.drop_index("uq_redactions_subject_id", table_name="redactions")
    op.create_index(
        "uq_redactions_subject_id",
        "redactions",
        columns,
        unique=True,
        postgresql_where=sa.text("state <> 'undone'"),
    )


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.add_column("assessment_documents", sa.Column("finding_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "fk_assessment_documents_findings",
        "assessment_documents",
        "assessment_findings",
        ["finding_id", "assessment_id", "owner_agency"],
        ["id", "assessment_id", "owner_agency"],
    )
    op.create_index(
        "ix_assessment_documents_finding_id",
        "assessment_documents",
        ["finding_id"],
        unique=False,
        postgresql_where=sa.text("finding_id IS NOT NULL"),
    )
    op.create_index(
        "ix_blobs_scanned_at",
        "blobs",
        ["scanned_at"],
        unique=False,
        postgresql_where=sa.text("scan = 'clean'"),
    )
    op.drop_index("ix_blobs_id_pending", table_name="blobs")
    op.create_index(
        "ix_blobs_id_pending",
        "blobs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("scan IN ('pending', 'unscanned')"),
    )
    for table, column in (
        ("assessment_shares", "redacted"),
        ("access_requests", "justification_redacted"),
        ("access_requests", "reason_redacted"),
    ):
        op.add_column(
            table, sa.Column(column, sa.Boolean(), server_default="false", nullable=False)
        )
    _subjects(["subject_id", "agency_id"], ", 'share', 'access_request'")
    run_script(FILES + DOCUMENTS + TEXTS)


def downgrade() -> None:
    run_script(TEXTS_BEFORE + DOCUMENTS_BEFORE + PAPERS_GONE + FILES_BEFORE)
    _subjects(["subject_id"], "")
    op.drop_column("access_requests", "reason_redacted")
    op.drop_column("access_requests", "justification_redacted")
    op.drop_column("assessment_shares", "redacted")
    op.drop_index("ix_blobs_id_pending", table_name="blobs")
    op.create_index(
        "ix_blobs_id_pending",
        "blobs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("scan = 'pending'"),
    )
    op.drop_index("ix_blobs_scanned_at", table_name="blobs")
    op.drop_index("ix_assessment_documents_finding_id", table_name="assessment_documents")
    op.drop_constraint(
        "fk_assessment_documents_findings", "assessment_documents", type_="foreignkey"
    )
    op.drop_column("assessment_documents", "finding_id")
