"""documents of assessments, PSEA self-assessments, and what the partner sees of assessments

Revision: 0036, after 0035
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import rekey_security, run_script
from app.partners.retention.guard import Guard, Rules, add_rules, drop_rules

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

OWN = "owner_agency = (SELECT app_agency())"
_PARTNER = "(SELECT app_partner())"
_THEIRS = f"partner_id IN (SELECT partner_lineage({_PARTNER}))"
# What a partner sees of an assessment of itself beside its summary; looked up under the row
# security of the summaries, which shows those of other partners too.
_ABOUT_IT = f"""{_PARTNER} IS NOT NULL AND EXISTS (SELECT 1 FROM assessments a
    WHERE a.id = assessment_id AND a.confidentiality <> 'AGENCY_ONLY'
      AND a.status IN ('final', 'superseded', 'withdrawn') AND a.{_THEIRS})"""  # noqa: S608 - constants

PARTNER_SIDE = f"""
GRANT UPDATE (shown_to_partner_at) ON assessments TO reg_app;
-- What is held for the partner's word, and a submitted one that it is asked to comment on. The
-- policy looks at its own row only, or policies would recurse.
CREATE POLICY assessments_partner ON assessments FOR SELECT TO reg_app
  USING ({_PARTNER} IS NOT NULL AND confidentiality <> 'AGENCY_ONLY'
    AND (held_until IS NOT NULL OR (status = 'submitted' AND shown_to_partner_at IS NOT NULL))
    AND {_THEIRS});
CREATE POLICY assessment_details_partner ON assessment_details FOR SELECT TO reg_app
  USING ({_ABOUT_IT} AND NOT redacted AND NOT withheld(assessment_id));
CREATE POLICY assessment_participants_partner ON assessment_participants FOR SELECT TO reg_app
  USING ({_ABOUT_IT});
CREATE POLICY assessment_milestones_partner ON assessment_milestones FOR SELECT TO reg_app
  USING ({_ABOUT_IT});
-- What is sent back is shown no more, until it is asked for again.
CREATE FUNCTION assessments_sent_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.shown_to_partner_at := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER assessments_sent_back BEFORE UPDATE OF status ON assessments FOR EACH ROW
  WHEN (NEW.status = 'draft' AND OLD.status <> 'draft') EXECUTE FUNCTION assessments_sent_back();
-- The worker notes that the partner has commented.
GRANT SELECT (code, position, reached_on), INSERT (assessment_id, code, owner_agency, position,
  reached_on) ON assessment_milestones TO reg_worker;
CREATE POLICY assessment_milestones_heard ON assessment_milestones FOR INSERT TO reg_worker
  WITH CHECK (code = 'partner_comments');
"""

DOCUMENTS = f"""
ALTER TABLE assessment_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE assessment_documents FORCE ROW LEVEL SECURITY;
GRANT SELECT, DELETE ON assessment_documents TO reg_app;
GRANT INSERT (id, assessment_id, owner_agency, kind, standard, language, media_type,
  partner_visible, sealed) ON assessment_documents TO reg_app;
GRANT UPDATE (version, partner_visible, sealed, sealed_version, blob_id, uploaded_at)
  ON assessment_documents TO reg_app;
-- For whoever may read the detail, under its own row security: a redacted one hides them, too.
CREATE POLICY assessment_documents_select ON assessment_documents FOR SELECT TO reg_app
  USING (({OWN} OR (blob_id IS NOT NULL AND ((SELECT app_agency()) IS NOT NULL
      OR partner_visible)))
    AND EXISTS (SELECT 1 FROM assessment_details d
      WHERE d.assessment_id = assessment_documents.assessment_id));
CREATE POLICY assessment_documents_insert ON assessment_documents FOR INSERT TO reg_app
  WITH CHECK ({OWN});
CREATE POLICY assessment_documents_update ON assessment_documents FOR UPDATE TO reg_app
  USING ({OWN}) WITH CHECK ({OWN});
CREATE POLICY assessment_documents_delete ON assessment_documents FOR DELETE TO reg_app
  USING ({OWN});
CREATE POLICY assessment_documents_export ON assessment_documents FOR SELECT TO reg_owner
  USING ({OWN});
{rekey_security("assessment_documents")}
-- Papers come and go with the draft; later only who may see them changes. The lock makes a change
-- of the record's status wait.
CREATE FUNCTION assessment_documents_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE about uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.assessment_id ELSE NEW.assessment_id END;
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.blob_id IS NOT NULL
     AND (NEW.blob_id, NEW.sealed, NEW.uploaded_at)
       IS DISTINCT FROM (OLD.blob_id, OLD.sealed, OLD.uploaded_at) THEN
    RAISE EXCEPTION 'what was uploaded stays as it is'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_assessment_documents_kept';
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.blob_id IS NOT DISTINCT FROM OLD.blob_id
     OR TG_OP = 'DELETE' AND OLD.blob_id IS NULL THEN
    NULL;  -- nothing of the record changes by it
  ELSE
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
CREATE TRIGGER assessment_documents_kept BEFORE UPDATE OR DELETE ON assessment_documents
  FOR EACH ROW WHEN (current_user = 'reg_app') EXECUTE FUNCTION assessment_documents_kept();
CREATE TRIGGER assessment_documents_begun AFTER INSERT ON assessment_documents
  FOR EACH ROW WHEN (current_user = 'reg_app') EXECUTE FUNCTION assessment_documents_kept();

-- A detail that is destroyed takes its documents with it, in the rights of what destroys it.
GRANT SELECT (id, assessment_id, owner_agency, blob_id), DELETE ON assessment_documents
  TO reg_facts;
CREATE POLICY assessment_documents_facts ON assessment_documents FOR SELECT TO reg_facts
  USING ({OWN});
CREATE POLICY assessment_documents_destroyed ON assessment_documents FOR DELETE TO reg_facts
  USING ({OWN});
GRANT SELECT (id, partner_id, state), UPDATE (state) ON blobs TO reg_facts;
CREATE POLICY blobs_facts ON blobs FOR SELECT TO reg_facts
  USING (EXISTS (SELECT 1 FROM assessment_documents d WHERE d.blob_id = blobs.id));
CREATE POLICY blobs_destroyed ON blobs FOR UPDATE TO reg_facts
  USING (EXISTS (SELECT 1 FROM assessment_documents d WHERE d.blob_id = blobs.id))
  WITH CHECK (state = 'deleting');
CREATE FUNCTION assessment_documents_go() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE blobs SET state = 'deleting' WHERE id IN (SELECT d.blob_id FROM assessment_documents d
    WHERE d.assessment_id = NEW.assessment_id);
  DELETE FROM assessment_documents WHERE assessment_id = NEW.assessment_id;
  RETURN NULL;
END $$;
CREATE TRIGGER assessment_documents_go AFTER UPDATE OF sealed ON assessment_details FOR EACH ROW
  WHEN (length(NEW.sealed) = 0 AND length(OLD.sealed) > 0 AND current_user = 'reg_facts')
  EXECUTE FUNCTION assessment_documents_go();

GRANT SELECT (id, assessment_id, owner_agency, blob_id), DELETE ON assessment_documents
  TO reg_worker;
CREATE POLICY assessment_documents_retention_select ON assessment_documents FOR SELECT
  TO reg_worker USING (true);
CREATE POLICY assessment_documents_retention_delete ON assessment_documents FOR DELETE
  TO reg_worker USING (true);
CREATE TRIGGER assessment_documents_due BEFORE DELETE ON assessment_documents FOR EACH ROW
  WHEN (current_user NOT IN ('reg_app', 'reg_facts'))
  EXECUTE FUNCTION only_when_due('assessment_id', 'assessments');
"""  # noqa: S608 - constants

_SEEN = f"""({_PARTNER} IS NOT NULL AND {_THEIRS}
    OR (agency_id = (SELECT app_agency()) AND submitted_at IS NOT NULL))"""
SELF_ASSESSMENTS = f"""
ALTER TABLE psea_self_assessments ENABLE ROW LEVEL SECURITY;
ALTER TABLE psea_self_assessments FORCE ROW LEVEL SECURITY;
GRANT SELECT ON psea_self_assessments TO reg_app;
GRANT INSERT (id, partner_id, agency_id, methodology, sealed, made_by_client)
  ON psea_self_assessments TO reg_app;
GRANT UPDATE (state, version, sealed, sealed_version, sealed_reason, submitted_at, decided_by,
  decided_at, assessment_id, updated_at) ON psea_self_assessments TO reg_app;
-- The partner's, and once it was handed in also the agency's that it is addressed to.
CREATE POLICY psea_self_assessments_select ON psea_self_assessments FOR SELECT TO reg_app
  USING ({_SEEN});
CREATE POLICY psea_self_assessments_insert ON psea_self_assessments FOR INSERT TO reg_app
  WITH CHECK (partner_id = {_PARTNER} AND state = 'draft');
CREATE POLICY psea_self_assessments_update ON psea_self_assessments FOR UPDATE TO reg_app
  USING ({_SEEN}) WITH CHECK ({_SEEN});
CREATE POLICY psea_self_assessments_export ON psea_self_assessments FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()) AND submitted_at IS NOT NULL);
{rekey_security("psea_self_assessments")}
-- Who does what next. The answers are the partner's, and change only while it has them in hand.
CREATE FUNCTION psea_self_assessments_forward() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE step text := OLD.state || ' ' || NEW.state; partner boolean := app_partner() IS NOT NULL;
BEGIN
  IF NEW.version <> OLD.version + 1
     OR partner AND NOT step = ANY (ARRAY['draft draft', 'returned returned', 'draft submitted',
       'returned submitted', 'draft withdrawn', 'returned withdrawn', 'submitted withdrawn'])
     OR NOT partner AND NOT step = ANY (ARRAY['submitted returned', 'submitted taken_up'])
     OR NEW.sealed <> OLD.sealed AND (NOT partner OR OLD.state = 'submitted')
     OR partner AND (NEW.sealed_reason, NEW.decided_by, NEW.assessment_id)
       IS DISTINCT FROM (OLD.sealed_reason, OLD.decided_by, OLD.assessment_id) THEN
    RAISE EXCEPTION 'a self-assessment that is % does not go on so', OLD.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'psea_self_assessments_forward';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER psea_self_assessments_forward BEFORE UPDATE ON psea_self_assessments
  FOR EACH ROW WHEN (current_user = 'reg_app')
  EXECUTE FUNCTION psea_self_assessments_forward();
"""  # noqa: S608 - constants

VERSION, BEFORE = "2026.3", "2026.3"
RULES = Rules(
    version=VERSION,
    months={"psea_self_assessments": 84},
    views={
        "psea_self_assessments": """SELECT s.id, s.partner_id, s.agency_id AS owner_agency,
    s.updated_at AS since, ARRAY[s.id, s.partner_id] AS records,
    CASE WHEN s.state = 'submitted' THEN 'REVIEW_OPEN'
      WHEN EXISTS (SELECT FROM assessments a WHERE a.id = s.assessment_id) THEN 'ASSESSMENT_KEPT'
    END AS kept_by
  FROM psea_self_assessments s
  WHERE s.updated_at <= (SELECT retention_before('psea_self_assessments'))""",
    },
    guards=(
        Guard(
            "psea_self_assessments",
            ("psea_self_assessments",),
            ("id", "partner_id", "agency_id", "state", "assessment_id", "updated_at"),
        ),
    ),
)

UNDO = """
DROP TRIGGER assessment_documents_go ON assessment_details;
DROP POLICY blobs_destroyed ON blobs;
DROP POLICY blobs_facts ON blobs;
REVOKE SELECT (id, partner_id, state), UPDATE (state) ON blobs FROM reg_facts;
DROP POLICY assessment_milestones_heard ON assessment_milestones;
REVOKE SELECT (code, position, reached_on), INSERT (assessment_id, code, owner_agency, position,
  reached_on) ON assessment_milestones FROM reg_worker;
DROP TRIGGER assessments_sent_back ON assessments;
DROP FUNCTION assessments_sent_back();
DROP POLICY assessment_milestones_partner ON assessment_milestones;
DROP POLICY assessment_participants_partner ON assessment_participants;
DROP POLICY assessment_details_partner ON assessment_details;
DROP POLICY assessments_partner ON assessments;
"""
GONE = """
DROP FUNCTION psea_self_assessments_forward();
DROP FUNCTION assessment_documents_kept();
DROP FUNCTION assessment_documents_go();
"""


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "assessment_documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("standard", sa.SmallInteger(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("partner_visible", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind ~ '^[a-z_]{1,40}$'", name=op.f("ck_assessment_documents_kind")),
        sa.CheckConstraint(
            "(blob_id IS NULL) = (uploaded_at IS NULL)",
            name=op.f("ck_assessment_documents_uploaded_at"),
        ),
        sa.CheckConstraint(
            "length(sealed) > 0 AND sealed_version >= 1",
            name=op.f("ck_assessment_documents_sealed"),
        ),
        sa.CheckConstraint(
            "standard BETWEEN 1 AND 99", name=op.f("ck_assessment_documents_standard")
        ),
        sa.CheckConstraint(
            "version >= sealed_version", name=op.f("ck_assessment_documents_version")
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id", "owner_agency"],
            ["assessments.id", "assessments.owner_agency"],
            name=op.f("fk_assessment_documents_assessment_id_owner_agency_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["blob_id"], ["blobs.id"], name=op.f("fk_assessment_documents_blob_id_blobs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_documents")),
    )
    op.create_index(
        "ix_assessment_documents_assessment_id_id",
        "assessment_documents",
        ["assessment_id", "id"],
        unique=False,
    )
    op.create_index(
        "uq_assessment_documents_blob_id", "assessment_documents", ["blob_id"], unique=True
    )
    op.create_table(
        "psea_self_assessments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("methodology", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("made_by_client", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assessment_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(state = 'taken_up') = (assessment_id IS NOT NULL)",
            name=op.f("ck_psea_self_assessments_taken_up"),
        ),
        sa.CheckConstraint(
            "state <> 'returned' OR sealed_reason IS NOT NULL",
            name=op.f("ck_psea_self_assessments_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'returned', 'taken_up', 'withdrawn')",
            name=op.f("ck_psea_self_assessments_state"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'withdrawn') OR submitted_at IS NOT NULL",
            name=op.f("ck_psea_self_assessments_submitted_at"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('returned', 'taken_up') OR decided_by IS NOT NULL",
            name=op.f("ck_psea_self_assessments_decided_by"),
        ),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_psea_self_assessments_decided"),
        ),
        sa.CheckConstraint(
            "version >= sealed_version AND sealed_version >= 1",
            name=op.f("ck_psea_self_assessments_version"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_psea_self_assessments_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["persons.id"], name=op.f("fk_psea_self_assessments_decided_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.id"],
            name=op.f("fk_psea_self_assessments_partner_id_partners"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psea_self_assessments")),
    )
    op.create_index(
        "ix_psea_self_assessments_agency_id_created_at_id",
        "psea_self_assessments",
        ["agency_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_psea_self_assessments_partner_id_created_at_id",
        "psea_self_assessments",
        ["partner_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_psea_self_assessments_assessment_id",
        "psea_self_assessments",
        ["assessment_id"],
        unique=True,
    )
    op.create_index(
        "uq_psea_self_assessments_open",
        "psea_self_assessments",
        ["partner_id", "agency_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('draft', 'submitted', 'returned')"),
    )
    op.add_column(
        "assessments", sa.Column("shown_to_partner_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_assessments_shown"),
        "assessments",
        "shown_to_partner_at IS NULL OR status <> 'draft'",
    )
    run_script(PARTNER_SIDE + DOCUMENTS + SELF_ASSESSMENTS + add_rules(RULES))


def downgrade() -> None:
    run_script(drop_rules(RULES, BEFORE) + UNDO)
    # Their files belong to nothing any more: the sweeper takes them.
    op.execute("ALTER TABLE blobs NO FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE assessment_documents NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE blobs SET state = 'deleting' WHERE id IN (SELECT blob_id FROM assessment_documents)"
    )
    op.execute("ALTER TABLE blobs FORCE ROW LEVEL SECURITY")
    op.drop_constraint(op.f("ck_assessments_shown"), "assessments", type_="check")
    op.drop_column("assessments", "shown_to_partner_at")
    op.drop_index(
        "uq_psea_self_assessments_open",
        table_name="psea_self_assessments",
        postgresql_where=sa.text("state IN ('draft', 'submitted', 'returned')"),
    )
    op.drop_index("uq_psea_self_assessments_assessment_id", table_name="psea_self_assessments")
    op.drop_index(
        "ix_psea_self_assessments_partner_id_created_at_id", table_name="psea_self_assessments"
    )
    op.drop_index(
        "ix_psea_self_assessments_agency_id_created_at_id", table_name="psea_self_assessments"
    )
    op.drop_table("psea_self_assessments")
    op.drop_index("uq_assessment_documents_blob_id", table_name="assessment_documents")
    op.drop_index("ix_assessment_documents_assessment_id_id", table_name="assessment_documents")
    op.drop_table("assessment_documents")
    run_script(GONE)
