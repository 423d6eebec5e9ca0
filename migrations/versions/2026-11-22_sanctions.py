"""sanctions

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


SECURITY = """
-- Cases and what is written in them: the own agency alone.
ALTER TABLE sanction_cases ENABLE ROW LEVEL SECURITY;
ALTER TABLE sanction_cases FORCE ROW LEVEL SECURITY;
ALTER TABLE sanction_case_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE sanction_case_steps FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON sanction_cases TO reg_app;
GRANT SELECT, INSERT ON sanction_case_steps TO reg_app;
CREATE POLICY sanction_cases_select ON sanction_cases FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY sanction_cases_insert ON sanction_cases FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY sanction_cases_update ON sanction_cases FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency())) WITH CHECK (agency_id = (SELECT app_agency()));
CREATE POLICY sanction_case_steps_select ON sanction_case_steps FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY sanction_case_steps_insert ON sanction_case_steps FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
CREATE TRIGGER sanction_case_steps_append_only BEFORE UPDATE OR DELETE ON sanction_case_steps
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Measures: every agency reads them, the imposing one writes them, the worker ends them.
ALTER TABLE sanction_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE sanction_entries FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON sanction_entries TO reg_app;
GRANT SELECT, UPDATE ON sanction_entries TO reg_worker;
CREATE POLICY sanction_entries_select ON sanction_entries FOR SELECT TO reg_app USING (true);
CREATE POLICY sanction_entries_insert ON sanction_entries FOR INSERT TO reg_app
  WITH CHECK (imposing_agency = (SELECT app_agency()));
CREATE POLICY sanction_entries_update ON sanction_entries FOR UPDATE TO reg_app
  USING (imposing_agency = (SELECT app_agency()))
  WITH CHECK (imposing_agency = (SELECT app_agency()));
CREATE POLICY sanction_entries_worker ON sanction_entries TO reg_worker
  USING (true) WITH CHECK (true);

-- Screenings: the own agency alone.
ALTER TABLE screenings ENABLE ROW LEVEL SECURITY;
ALTER TABLE screenings FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON screenings TO reg_app;
CREATE POLICY screenings_select ON screenings FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY screenings_insert ON screenings FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));

GRANT SELECT ON list_sources, list_versions, listed_parties, feed_changes, feed_entries,
  feed_chunks, feed_blobs, feed_heads, keys_documents TO reg_app, reg_worker;
GRANT INSERT, UPDATE ON list_sources, listed_parties TO reg_worker;
GRANT INSERT ON list_versions TO reg_worker;
GRANT INSERT ON feed_pending TO reg_app, reg_worker;
GRANT SELECT, UPDATE, DELETE ON feed_pending TO reg_worker;
GRANT INSERT ON feed_changes TO reg_worker;
GRANT INSERT, UPDATE, DELETE ON feed_entries, feed_chunks, feed_blobs, feed_heads TO reg_worker;
"""


def upgrade() -> None:
    op.create_table(
        "feed_blobs",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column(
            "current_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("sha256", "stream", name=op.f("pk_feed_blobs")),
    )
    op.create_table(
        "feed_changes",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_feed_changes")),
    )
    op.create_table(
        "feed_chunks",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("raw_sha256", sa.Text(), nullable=False),
        sa.Column("raw_bytes", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "bucket", name=op.f("pk_feed_chunks")),
    )
    op.create_table(
        "feed_entries",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("prefix", sa.SmallInteger(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "entry_id", name=op.f("pk_feed_entries")),
    )
    op.create_index(
        "ix_feed_entries_stream_prefix", "feed_entries", ["stream", "prefix"], unique=False
    )
    op.create_table(
        "feed_heads",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("bucket_bits", sa.Integer(), nullable=False),
        sa.Column("set_sha256", sa.Text(), nullable=False),
        sa.Column("index_sha256", sa.Text(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_feed_heads")),
    )
    op.create_table(
        "feed_pending",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("streams", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(op = 'put') = (entry IS NOT NULL)", name=op.f("ck_feed_pending_entry")
        ),
        sa.CheckConstraint("op IN ('put', 'remove')", name=op.f("ck_feed_pending_op")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_pending")),
    )
    op.create_table(
        "keys_documents",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_keys_documents")),
    )
    op.create_table(
        "list_sources",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("max_staleness_s", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "counts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("last_success", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_list_sources")),
    )
    op.create_table(
        "list_versions",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "imported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("parties", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source"], ["list_sources.code"], name=op.f("fk_list_versions_source_list_sources")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_list_versions")),
    )
    op.create_index(
        "ix_list_versions_source_version", "list_versions", ["source", "version"], unique=False
    )
    op.create_table(
        "screenings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("list_version", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("entry_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('no_hit', 'potential_match', 'unknown_stale')",
            name=op.f("ck_screenings_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_screenings_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screenings")),
    )
    op.create_index("ix_screenings_agency_id_id", "screenings", ["agency_id", "id"], unique=False)
    op.create_table(
        "listed_parties",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("from_version", sa.BigInteger(), nullable=False),
        sa.Column("to_version", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("entry", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("to_version > from_version", name=op.f("ck_listed_parties_versions")),
        sa.ForeignKeyConstraint(
            ["from_version"],
            ["list_versions.version"],
            name=op.f("fk_listed_parties_from_version_list_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["source"], ["list_sources.code"], name=op.f("fk_listed_parties_source_list_sources")
        ),
        sa.ForeignKeyConstraint(
            ["to_version"],
            ["list_versions.version"],
            name=op.f("fk_listed_parties_to_version_list_versions"),
        ),
        sa.PrimaryKeyConstraint("entry_id", "from_version", name=op.f("pk_listed_parties")),
    )
    op.create_index(
        "ix_listed_parties_source_entry_id",
        "listed_parties",
        ["source", "entry_id"],
        unique=False,
        postgresql_where=sa.text("to_version IS NULL"),
    )
    op.create_index(
        "uq_listed_parties_source_key",
        "listed_parties",
        ["source", "key"],
        unique=True,
        postgresql_where=sa.text("to_version IS NULL"),
    )
    op.create_table(
        "sanction_cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="DRAFT", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("practices", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("finding_on", sa.Date(), nullable=False),
        sa.Column("investigator_id", sa.Uuid(), nullable=False),
        sa.Column("notice_sent_on", sa.Date(), nullable=True),
        sa.Column("reply_due_on", sa.Date(), nullable=True),
        sa.Column("reply_received_on", sa.Date(), nullable=True),
        sa.Column("reply_waived", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("recommendation", sa.Text(), nullable=True),
        sa.Column("decider_id", sa.Uuid(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "state <> 'IMPOSED' OR (notice_sent_on IS NOT NULL AND reviewer_id IS NOT NULL AND decider_id IS NOT NULL AND decided_on IS NOT NULL)",
            name=op.f("ck_sanction_cases_decided_in_order"),
        ),
        sa.CheckConstraint(
            "state = 'DRAFT' OR notice_sent_on IS NOT NULL",
            name=op.f("ck_sanction_cases_notice_first"),
        ),
        sa.CheckConstraint(
            "state IN ('DRAFT', 'NOTICE_ISSUED', 'REPLY_RECORDED', 'UNDER_REVIEW', 'IMPOSED')",
            name=op.f("ck_sanction_cases_state"),
        ),
        sa.CheckConstraint(
            "decider_id <> investigator_id AND decider_id <> reviewer_id",
            name=op.f("ck_sanction_cases_decider_apart"),
        ),
        sa.CheckConstraint(
            "notice_sent_on >= finding_on", name=op.f("ck_sanction_cases_notice_after_finding")
        ),
        sa.CheckConstraint(
            "reply_received_on >= notice_sent_on", name=op.f("ck_sanction_cases_reply_after_notice")
        ),
        sa.CheckConstraint(
            "reviewer_id <> investigator_id",
            name=op.f("ck_sanction_cases_reviewer_not_investigator"),
        ),
        sa.CheckConstraint(
            "reviewer_id IS NULL OR reply_received_on IS NOT NULL OR reviewed_on > reply_due_on",
            name=op.f("ck_sanction_cases_reply_period"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_sanction_cases_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["decider_id"], ["persons.id"], name=op.f("fk_sanction_cases_decider_id_persons")
        ),
        sa.ForeignKeyConstraint(
            ["investigator_id"],
            ["persons.id"],
            name=op.f("fk_sanction_cases_investigator_id_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_sanction_cases_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["persons.id"], name=op.f("fk_sanction_cases_reviewer_id_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_cases")),
        sa.UniqueConstraint("id", "agency_id", name=op.f("uq_sanction_cases_id_agency_id")),
    )
    op.create_index(
        "ix_sanction_cases_agency_id_id", "sanction_cases", ["agency_id", "id"], unique=False
    )
    op.create_table(
        "sanction_case_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('finding', 'notice', 'reply', 'review', 'decision', 'lift')",
            name=op.f("ck_sanction_case_steps_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id", "agency_id"],
            ["sanction_cases.id", "sanction_cases.agency_id"],
            name=op.f("fk_sanction_case_steps_case_id_agency_id_sanction_cases"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_sanction_case_steps_person_id_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_case_steps")),
    )
    op.create_index(
        "ix_sanction_case_steps_case_id_id", "sanction_case_steps", ["case_id", "id"], unique=False
    )
    op.create_table(
        "sanction_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("imposing_agency", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.Column("practices", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("procedure", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default="ACTIVE", nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("partner_id"), "="),
            (sa.column("imposing_agency"), "="),
            (sa.text("daterange(effective_from, effective_to, '[]')"), "&&"),
            where=sa.text("blocking AND status = 'ACTIVE'"),
            using="gist",
            name="ex_sanction_entries_no_overlap",
        ),
        sa.CheckConstraint(
            "(status = 'ACTIVE') = (ended_on IS NULL)", name=op.f("ck_sanction_entries_ended")
        ),
        sa.CheckConstraint(
            "procedure IN ('full', 'recorded')", name=op.f("ck_sanction_entries_procedure")
        ),
        sa.CheckConstraint(
            "status IN ('ACTIVE', 'EXPIRED', 'LIFTED')", name=op.f("ck_sanction_entries_status")
        ),
        sa.CheckConstraint(
            "effective_to >= effective_from", name=op.f("ck_sanction_entries_period")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["sanction_cases.id"],
            name=op.f("fk_sanction_entries_case_id_sanction_cases"),
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["persons.id"], name=op.f("fk_sanction_entries_ended_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["imposing_agency"],
            ["agencies.id"],
            name=op.f("fk_sanction_entries_imposing_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_sanction_entries_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_entries")),
    )
    op.create_index(
        "ix_sanction_entries_effective_to",
        "sanction_entries",
        ["effective_to"],
        unique=False,
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )
    op.create_index(
        "ix_sanction_entries_partner_id", "sanction_entries", ["partner_id"], unique=False
    )
    run_script(SECURITY)


def downgrade() -> None:
    op.drop_index("ix_sanction_entries_partner_id", table_name="sanction_entries")
    op.drop_index(
        "ix_sanction_entries_effective_to",
        table_name="sanction_entries",
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )
    op.drop_table("sanction_entries")
    op.drop_index("ix_sanction_case_steps_case_id_id", table_name="sanction_case_steps")
    op.drop_table("sanction_case_steps")
    op.drop_index("ix_sanction_cases_agency_id_id", table_name="sanction_cases")
    op.drop_table("sanction_cases")
    op.drop_index(
        "uq_listed_parties_source_key",
        table_name="listed_parties",
        postgresql_where=sa.text("to_version IS NULL"),
    )
    op.drop_index(
        "ix_listed_parties_source_entry_id",
        table_name="listed_parties",
        postgresql_where=sa.text("to_version IS NULL"),
    )
    op.drop_table("listed_parties")
    op.drop_index("ix_screenings_agency_id_id", table_name="screenings")
    op.drop_table("screenings")
    op.drop_index("ix_list_versions_source_version", table_name="list_versions")
    op.drop_table("list_versions")
    op.drop_table("list_sources")
    op.drop_table("keys_documents")
    op.drop_table("feed_pending")
    op.drop_table("feed_heads")
    op.drop_index("ix_feed_entries_stream_prefix", table_name="feed_entries")
    op.drop_table("feed_entries")
    op.drop_table("feed_chunks")
    op.drop_table("feed_changes")
    op.drop_table("feed_blobs")
