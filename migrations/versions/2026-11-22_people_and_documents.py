"""people and documents

Revision: 0017, after 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import rekey_security, run_script

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


# Everybody's files, by whoever is bound; what is in them nobody reads without the sealed key.
_BOUND = "((SELECT app_agency()) IS NOT NULL OR partner_id = (SELECT app_partner()))"
_UPLOADER = """(uploaded_by = (SELECT app_agency())
    OR (uploaded_by IS NULL AND partner_id = (SELECT app_partner())))"""

SECURITY = f"""
ALTER TABLE blob_chunks ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE blobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE blobs FORCE ROW LEVEL SECURITY;
CREATE POLICY blobs_select ON blobs FOR SELECT TO reg_app USING {_BOUND};
CREATE POLICY blobs_insert ON blobs FOR INSERT TO reg_app WITH CHECK {_BOUND};
CREATE POLICY blobs_update ON blobs FOR UPDATE TO reg_app USING {_BOUND} WITH CHECK {_BOUND};
CREATE POLICY blobs_worker_select ON blobs FOR SELECT TO reg_worker USING (true);
CREATE POLICY blobs_worker_update ON blobs FOR UPDATE TO reg_worker
  USING (true) WITH CHECK (true);
CREATE POLICY blobs_worker_delete ON blobs FOR DELETE TO reg_worker USING (state <> 'stored');
GRANT SELECT, INSERT ON blobs TO reg_app;
GRANT UPDATE (state) ON blobs TO reg_app;
GRANT SELECT, DELETE ON blobs TO reg_worker;
GRANT UPDATE (state, scan, scanned_at) ON blobs TO reg_worker;
GRANT SELECT, INSERT ON blob_chunks TO reg_app;
GRANT SELECT, DELETE ON blob_chunks TO reg_worker;

-- A stored file leaves one way only, and none that is under legal hold leaves.
CREATE FUNCTION blobs_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.state <> OLD.state THEN
    IF OLD.state = 'deleting' OR NEW.state = 'storing' THEN
      RAISE EXCEPTION 'a file that goes does not come back'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_blobs_next_state';
    END IF;
    IF OLD.state = 'stored' THEN
      PERFORM refuse_held(OLD.id, coalesce(OLD.partner_id, OLD.id));
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER blobs_kept BEFORE UPDATE ON blobs FOR EACH ROW EXECUTE FUNCTION blobs_kept();

ALTER TABLE partner_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_documents FORCE ROW LEVEL SECURITY;
-- A draft is its uploader's; a RESTRICTED one of an agency is not for the partner's own client.
CREATE POLICY partner_documents_select ON partner_documents FOR SELECT TO reg_app
  USING (((SELECT app_agency()) IS NOT NULL
      AND (blob_id IS NOT NULL OR uploaded_by = (SELECT app_agency())))
    OR (partner_id = (SELECT app_partner())
      AND (uploaded_by IS NULL OR (blob_id IS NOT NULL AND level = 'INTER_AGENCY'))));
CREATE POLICY partner_documents_insert ON partner_documents FOR INSERT TO reg_app
  WITH CHECK {_UPLOADER};
CREATE POLICY partner_documents_update ON partner_documents FOR UPDATE TO reg_app
  USING {_UPLOADER} WITH CHECK {_UPLOADER};
CREATE POLICY partner_documents_worker ON partner_documents FOR SELECT TO reg_worker USING (true);
GRANT SELECT, INSERT ON partner_documents TO reg_app;
GRANT UPDATE (version, blob_id, uploaded_at, superseded_by, deleted_at, deleted_reason)
  ON partner_documents TO reg_app;
GRANT SELECT ON partner_documents TO reg_worker;

CREATE FUNCTION partner_documents_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF OLD.blob_id IS NOT NULL AND NEW.blob_id IS DISTINCT FROM OLD.blob_id
     OR OLD.deleted_at IS NOT NULL AND NEW.version <> OLD.version THEN
    RAISE EXCEPTION 'what was uploaded stays as it is; a new file is a new document'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partner_documents_kept';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER partner_documents_kept BEFORE UPDATE ON partner_documents
  FOR EACH ROW EXECUTE FUNCTION partner_documents_kept();

ALTER TABLE partner_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_people FORCE ROW LEVEL SECURITY;
CREATE POLICY partner_people_select ON partner_people FOR SELECT TO reg_app USING {_BOUND};
CREATE POLICY partner_people_insert ON partner_people FOR INSERT TO reg_app
  WITH CHECK (added_by = (SELECT app_agency())
    OR (added_by IS NULL AND partner_id = (SELECT app_partner())));
CREATE POLICY partner_people_update ON partner_people FOR UPDATE TO reg_app
  USING {_BOUND} WITH CHECK {_BOUND};
GRANT SELECT ON partner_people TO reg_app;
GRANT INSERT (id, partner_id, role, authorised, board_member, sealed, sealed_version, valid_from,
  valid_to, notice_version, notice_given_on, added_by) ON partner_people TO reg_app;
GRANT UPDATE (version, role, authorised, board_member, sealed, sealed_version, valid_from,
  valid_to, replaced_by, notice_version, notice_given_on) ON partner_people TO reg_app;

ALTER TABLE partner_people_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_people_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY partner_people_versions_facts_select ON partner_people_versions FOR SELECT
  TO reg_facts USING (true);
CREATE POLICY partner_people_versions_facts_insert ON partner_people_versions FOR INSERT
  TO reg_facts WITH CHECK (true);
CREATE POLICY partner_people_versions_facts_update ON partner_people_versions FOR UPDATE
  TO reg_facts USING (true) WITH CHECK (sealed IS NULL);
GRANT INSERT ON partner_people_versions TO reg_facts;
GRANT SELECT (person_id), UPDATE (sealed) ON partner_people_versions TO reg_facts;
GRANT SELECT (hq_id) ON partners TO reg_facts;
GRANT SELECT ON partner_aliases, restraints, restraint_reasons TO reg_facts;

-- What an entry was is kept. An erased body is gone from here and from what was kept, unless a
-- legal hold or a sanction, imposed or suspected, ties the partner.
CREATE FUNCTION keep_person_version() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET bytea_output = 'hex' AS $$
BEGIN
  -- A change of keys writes the same content under another header.
  IF without_key_headers(to_jsonb(OLD)) = without_key_headers(to_jsonb(NEW)) THEN
    RETURN NEW;
  END IF;
  IF NEW.version <> OLD.version + 1 OR OLD.erased_at IS NOT NULL THEN
    RAISE EXCEPTION 'a changed entry has the next version, an erased one none'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partner_people_next_version';
  END IF;
  NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at);
  NEW.changed_by := app_agency();
  IF NEW.sealed IS NULL THEN
    PERFORM refuse_held(VARIADIC OLD.id || ARRAY(SELECT partner_lineage(OLD.partner_id)));
    IF EXISTS (SELECT FROM restraints_in_force(OLD.partner_id) f
      WHERE f.reason IN ('SANCTION', 'CONFIRMED_MATCH', 'POTENTIAL_MATCH')) THEN
      RAISE EXCEPTION 'a sanction ties the entry'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partner_people_tied';
    END IF;
    UPDATE partner_people_versions SET sealed = NULL WHERE person_id = OLD.id;
    NEW.erased_at := NEW.updated_at;
  END IF;
  INSERT INTO partner_people_versions (person_id, version, partner_id, role, authorised,
      board_member, sealed, sealed_version, valid_from, valid_to, changed_by, recorded_from,
      recorded_to)
    VALUES (OLD.id, OLD.version, OLD.partner_id, OLD.role, OLD.authorised, OLD.board_member,
      CASE WHEN NEW.sealed IS NOT NULL THEN OLD.sealed END, OLD.sealed_version, OLD.valid_from,
      OLD.valid_to, OLD.changed_by, OLD.updated_at, NEW.updated_at);
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION keep_person_version() FROM PUBLIC;
CREATE TRIGGER partner_people_keep_version BEFORE UPDATE ON partner_people
  FOR EACH ROW EXECUTE FUNCTION keep_person_version();
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION keep_person_version() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;

ALTER TABLE partner_people_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_people_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY partner_people_requests_select ON partner_people_requests FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR filed_by = (SELECT app_agency())
    OR (filed_by IS NULL AND partner_id = (SELECT app_partner())));
CREATE POLICY partner_people_requests_insert ON partner_people_requests FOR INSERT TO reg_app
  WITH CHECK (state = 'open' AND (filed_by = (SELECT app_agency())
    OR (filed_by IS NULL AND partner_id = (SELECT app_partner()))));
-- A decided one stays as it was decided.
CREATE POLICY partner_people_requests_update ON partner_people_requests FOR UPDATE TO reg_app
  USING (state = 'open' AND owner_agency = (SELECT app_agency()))
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY partner_people_requests_worker ON partner_people_requests FOR SELECT TO reg_worker
  USING (true);
CREATE POLICY partner_people_requests_announce ON partner_people_requests FOR UPDATE TO reg_worker
  USING (state = 'open') WITH CHECK (state = 'open');
GRANT SELECT ON partner_people_requests TO reg_app;
GRANT INSERT (id, person_id, partner_id, owner_agency, filed_by, kind, through, received_on,
  due_on, rules, sealed_text, state) ON partner_people_requests TO reg_app;
GRANT UPDATE (version, state, decision, sealed_reason, decided_by, decided_at)
  ON partner_people_requests TO reg_app;
GRANT SELECT (id, person_id, partner_id, owner_agency, kind, state, due_on, announced_at)
  ON partner_people_requests TO reg_worker;
GRANT UPDATE (announced_at) ON partner_people_requests TO reg_worker;
"""  # noqa: S608 - policies of ours

SEALED = (
    "blobs",
    "partner_documents",
    "partner_people",
    "partner_people_versions",
    "partner_people_requests",
)

UNDO = """
DROP TABLE partner_people_requests;
DROP TABLE partner_people_versions;
DROP TABLE partner_people;
DROP FUNCTION keep_person_version();
DROP TABLE partner_documents;
DROP FUNCTION partner_documents_kept();
DROP TABLE blob_chunks;
DROP TABLE blobs;
DROP FUNCTION blobs_kept();
REVOKE SELECT (hq_id) ON partners FROM reg_facts;
REVOKE SELECT ON partner_aliases, restraints, restraint_reasons FROM reg_facts;
"""


def upgrade() -> None:
    # References to agencies are looked up under its row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "blobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="storing", nullable=False),
        sa.Column("scan", sa.Text(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "scan IN ('unscanned', 'pending', 'clean', 'infected')", name=op.f("ck_blobs_scan")
        ),
        sa.CheckConstraint(
            "state IN ('storing', 'stored', 'deleting')", name=op.f("ck_blobs_state")
        ),
        sa.CheckConstraint("store IN ('postgresql', 's3')", name=op.f("ck_blobs_store")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_blobs_sha256")),
        sa.CheckConstraint("size BETWEEN 1 AND 26214400", name=op.f("ck_blobs_size")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blobs")),
    )
    op.create_index(
        "ix_blobs_created_at",
        "blobs",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state <> 'stored'"),
    )
    op.create_index(
        "ix_blobs_id_pending",
        "blobs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("scan = 'pending'"),
    )
    op.create_table(
        "blob_chunks",
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["blob_id"], ["blobs.id"], name=op.f("fk_blob_chunks_blob_id_blobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("blob_id", "number", name=op.f("pk_blob_chunks")),
    )
    op.create_table(
        "partner_documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("sealed_title", sa.LargeBinary(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=True),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column("superseded_by", sa.Uuid(), nullable=True),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(title IS NULL) = (level = 'RESTRICTED') AND num_nulls(title, sealed_title) = 1",
            name=op.f("ck_partner_documents_title"),
        ),
        sa.CheckConstraint(
            "level IN ('INTER_AGENCY', 'RESTRICTED')", name=op.f("ck_partner_documents_level")
        ),
        sa.CheckConstraint(
            "(blob_id IS NULL) = (uploaded_at IS NULL)",
            name=op.f("ck_partner_documents_uploaded_at"),
        ),
        sa.CheckConstraint(
            "(deleted_at IS NULL) = (deleted_reason IS NULL)",
            name=op.f("ck_partner_documents_deleted_reason"),
        ),
        sa.CheckConstraint("expires_on >= issued_on", name=op.f("ck_partner_documents_expires_on")),
        sa.CheckConstraint(
            "supersedes <> id AND superseded_by <> id",
            name=op.f("ck_partner_documents_superseded_by"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_partner_documents_version")),
        sa.ForeignKeyConstraint(
            ["blob_id"], ["blobs.id"], name=op.f("fk_partner_documents_blob_id_blobs")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_documents_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["superseded_by"],
            ["partner_documents.id"],
            name=op.f("fk_partner_documents_superseded_by_partner_documents"),
        ),
        sa.ForeignKeyConstraint(
            ["supersedes"],
            ["partner_documents.id"],
            name=op.f("fk_partner_documents_supersedes_partner_documents"),
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["agencies.id"], name=op.f("fk_partner_documents_uploaded_by_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_documents")),
    )
    op.create_index(
        "ix_partner_documents_partner_id_id",
        "partner_documents",
        ["partner_id", "id"],
        unique=False,
    )
    op.create_index("uq_partner_documents_blob_id", "partner_documents", ["blob_id"], unique=True)
    op.create_table(
        "partner_people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("authorised", sa.Boolean(), nullable=False),
        sa.Column("board_member", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("notice_version", sa.Text(), nullable=True),
        sa.Column("notice_given_on", sa.Date(), nullable=True),
        sa.Column("added_by", sa.Uuid(), nullable=True),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
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
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('head', 'board_member', 'authorised_officer', 'other')",
            name=op.f("ck_partner_people_role"),
        ),
        sa.CheckConstraint(
            "(sealed IS NULL) = (erased_at IS NOT NULL)", name=op.f("ck_partner_people_erased_at")
        ),
        sa.CheckConstraint(
            "num_nulls(notice_version, notice_given_on) IN (0, 2)",
            name=op.f("ck_partner_people_notice"),
        ),
        sa.CheckConstraint(
            "replaced_by IS NULL OR (replaced_by <> id AND valid_to IS NOT NULL)",
            name=op.f("ck_partner_people_replaced_by"),
        ),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_partner_people_valid_to")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_partner_people_version")),
        sa.ForeignKeyConstraint(
            ["added_by"], ["agencies.id"], name=op.f("fk_partner_people_added_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["agencies.id"], name=op.f("fk_partner_people_changed_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_people_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by", "partner_id"],
            ["partner_people.id", "partner_people.partner_id"],
            name=op.f("fk_partner_people_replaced_by_partner_id_partner_people"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_people")),
        sa.UniqueConstraint("id", "partner_id", name=op.f("uq_partner_people_id_partner_id")),
    )
    op.create_index(
        "ix_partner_people_partner_id_id", "partner_people", ["partner_id", "id"], unique=False
    )
    op.create_table(
        "partner_people_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("owner_agency", sa.Uuid(), nullable=False),
        sa.Column("filed_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("through", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "decision IN ('granted', 'refused', 'partly')",
            name=op.f("ck_partner_people_requests_decision"),
        ),
        sa.CheckConstraint(
            "kind IN ('access', 'correction', 'erasure')",
            name=op.f("ck_partner_people_requests_kind"),
        ),
        sa.CheckConstraint(
            "num_nulls(decision, sealed_reason, decided_by, decided_at) = CASE state WHEN 'open' THEN 4 ELSE 0 END",
            name=op.f("ck_partner_people_requests_decided"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'decided')", name=op.f("ck_partner_people_requests_state")
        ),
        sa.CheckConstraint(
            "through IN ('partner', 'agency', 'person')",
            name=op.f("ck_partner_people_requests_through"),
        ),
        sa.CheckConstraint("due_on > received_on", name=op.f("ck_partner_people_requests_due_on")),
        sa.ForeignKeyConstraint(
            ["decided_by"],
            ["persons.id"],
            name=op.f("fk_partner_people_requests_decided_by_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["filed_by"], ["agencies.id"], name=op.f("fk_partner_people_requests_filed_by_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["owner_agency"],
            ["agencies.id"],
            name=op.f("fk_partner_people_requests_owner_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "partner_id"],
            ["partner_people.id", "partner_people.partner_id"],
            name=op.f("fk_partner_people_requests_person_id_partner_id_partner_people"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_people_requests")),
    )
    op.create_index(
        "ix_partner_people_requests_due_on",
        "partner_people_requests",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND announced_at IS NULL"),
    )
    op.create_index(
        "ix_partner_people_requests_owner_agency_id",
        "partner_people_requests",
        ["owner_agency", "id"],
        unique=False,
    )
    op.create_index(
        "ix_partner_people_requests_person_id",
        "partner_people_requests",
        ["person_id"],
        unique=False,
    )
    op.create_table(
        "partner_people_versions",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("authorised", sa.Boolean(), nullable=False),
        sa.Column("board_member", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_to", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "recorded_from <= recorded_to", name=op.f("ck_partner_people_versions_recorded")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["partner_people.id"],
            name=op.f("fk_partner_people_versions_person_id_partner_people"),
        ),
        sa.PrimaryKeyConstraint("person_id", "version", name=op.f("pk_partner_people_versions")),
    )
    run_script(SECURITY)
    for table in SEALED:
        run_script(rekey_security(table))


def downgrade() -> None:
    run_script(UNDO)
