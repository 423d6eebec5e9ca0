"""Imports of lists: versions, what is held back, checks, and who uses which list.

Revision: 0040, after 0039
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

SECURITY = """
-- A function's text is checked under the policies of who makes it, which migrations refuse.
SET LOCAL check_function_bodies = off;

-- What was in force stays so: its parties are in the streams of a list that is for all.
UPDATE list_sources SET streams = ARRAY['public', 'inter_agency', 'source.' || code];
-- The next import reads its file whole, and fills what the older one did not keep.
UPDATE list_sources SET digest = NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON list_candidates, list_candidate_parties TO reg_worker;
GRANT SELECT, INSERT, UPDATE ON list_fetches TO reg_worker;

-- ---------------------------------------------------------------- who uses which list
-- An opt-in list is its agency's own affair; a joint one is proposed to all agencies.
ALTER TABLE list_uses ENABLE ROW LEVEL SECURITY;
ALTER TABLE list_uses FORCE ROW LEVEL SECURITY;
GRANT SELECT ON list_uses TO reg_app;
GRANT INSERT (id, source, audience, agency_id, legal_basis, proposed_by) ON list_uses TO reg_app;
GRANT UPDATE (state, approved_by, approving_agency, approved_at, ended_by, ended_at, version)
  ON list_uses TO reg_app;
CREATE POLICY list_uses_select ON list_uses FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency())
    OR (audience = 'joint' AND (SELECT app_agency()) IS NOT NULL));
CREATE POLICY list_uses_insert ON list_uses FOR INSERT TO reg_app
  WITH CHECK (agency_id = (SELECT app_agency()));
-- The other agency of a joint list approves it, and may end it afterwards.
CREATE POLICY list_uses_update ON list_uses FOR UPDATE TO reg_app
  USING (agency_id = (SELECT app_agency()) OR (audience = 'joint'
    AND (state = 'proposed' OR approving_agency = (SELECT app_agency()))
    AND (SELECT app_agency()) IS NOT NULL))
  WITH CHECK (agency_id = (SELECT app_agency())
    OR (audience = 'joint' AND approving_agency = (SELECT app_agency())));
CREATE POLICY list_uses_export ON list_uses FOR SELECT TO reg_owner
  USING (agency_id = (SELECT app_agency()));
-- The worker puts a joint list into the shared streams; of the others it needs nothing.
GRANT SELECT (source, audience, state) ON list_uses TO reg_worker;
CREATE POLICY list_uses_worker ON list_uses FOR SELECT TO reg_worker USING (audience = 'joint');

CREATE FUNCTION list_use_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  actor uuid := CASE WHEN TG_OP = 'INSERT' THEN NEW.proposed_by
    WHEN NEW.state = 'ended' THEN NEW.ended_by ELSE NEW.approved_by END;
BEGIN
  IF TG_OP = 'INSERT' AND NEW.state <> 'proposed' THEN
    RAISE EXCEPTION 'a use begins as a proposal' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'list_use_step';
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.state = NEW.state THEN
    IF (NEW.approved_by, NEW.approving_agency, NEW.approved_at, NEW.ended_by, NEW.ended_at)
        IS DISTINCT FROM
        (OLD.approved_by, OLD.approving_agency, OLD.approved_at, OLD.ended_by, OLD.ended_at) THEN
      RAISE EXCEPTION 'no step of a use' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'list_use_step';
    END IF;
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' AND (OLD.state, NEW.state) NOT IN
      (('proposed', 'active'), ('proposed', 'ended'), ('active', 'ended')) THEN
    RAISE EXCEPTION 'not a step of a use' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'list_use_step';
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.approved_by IS NOT NULL
      AND (NEW.approved_by, NEW.approving_agency, NEW.approved_at)
        IS DISTINCT FROM (OLD.approved_by, OLD.approving_agency, OLD.approved_at) THEN
    RAISE EXCEPTION 'who approved it does not change' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'list_use_step';
  END IF;
  IF NOT EXISTS (SELECT FROM persons p WHERE p.id = actor AND p.agency_id = app_agency()
      AND p.status = 'active')
    OR (NEW.state = 'active' AND NEW.approving_agency IS DISTINCT FROM app_agency()) THEN
    RAISE EXCEPTION 'a person of the agency does this' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'list_use_person';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER list_uses_steps AFTER INSERT OR UPDATE ON list_uses FOR EACH ROW
  EXECUTE FUNCTION list_use_steps();

-- The fast path reads the feed without a binding: whether a stream is open to an agency is
-- answered for the agency of the client's own token, and says nothing of others.
GRANT SELECT (source, agency_id, state, audience) ON list_uses TO reg_facts;
GRANT SELECT (code, streams) ON list_sources TO reg_facts;
CREATE POLICY list_uses_facts ON list_uses FOR SELECT TO reg_facts USING (true);
CREATE FUNCTION list_stream_open(agency uuid, stream text) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE WHEN stream NOT LIKE 'source.%' THEN true ELSE
    EXISTS (SELECT FROM list_sources s WHERE s.code = substr(stream, 8)
      AND 'inter_agency' = ANY (s.streams))
    OR EXISTS (SELECT FROM list_uses u WHERE u.source = substr(stream, 8)
      AND u.agency_id = agency AND u.state = 'active' AND u.audience = 'opt_in') END
$$;
-- Which lists a process that starts gets ready for; it says nothing of whose they are.
CREATE FUNCTION list_streams_in_use() RETURNS SETOF text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT 'source.' || u.source FROM list_uses u
    WHERE u.state = 'active' AND u.audience = 'opt_in'
$$;
REVOKE EXECUTE ON FUNCTION list_stream_open(uuid, text), list_streams_in_use() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION list_stream_open(uuid, text), list_streams_in_use() TO reg_app;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION list_stream_open(uuid, text) OWNER TO reg_facts;
ALTER FUNCTION list_streams_in_use() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""

UNDO = """
DROP FUNCTION list_stream_open(uuid, text), list_streams_in_use();
REVOKE SELECT (code, streams) ON list_sources FROM reg_facts;
DROP TABLE list_uses, list_fetches, list_candidate_parties, list_candidates;
DROP FUNCTION list_use_steps();
DELETE FROM feed_pending WHERE streams <@ (SELECT coalesce(array_agg('source.' || code), '{}')
  FROM list_sources WHERE audience <> 'shared');
"""


def upgrade() -> None:
    # References to agencies and persons are looked up under row security.
    op.execute("SET LOCAL row_security = on")
    op.add_column(
        "list_sources", sa.Column("audience", sa.Text(), server_default="shared", nullable=False)
    )
    op.add_column(
        "list_sources",
        sa.Column("streams", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("list_sources", sa.Column("title", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "list_sources", sa.Column("publisher", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "list_sources", sa.Column("licence", sa.Text(), server_default="", nullable=False)
    )
    op.create_unique_constraint(
        op.f("uq_list_sources_code_audience"), "list_sources", ["code", "audience"]
    )
    op.create_check_constraint(
        op.f("ck_list_sources_audience"),
        "list_sources",
        "audience IN ('shared', 'opt_in', 'joint')",
    )
    op.create_check_constraint(
        op.f("ck_list_sources_max_staleness_s"), "list_sources", "max_staleness_s > 0"
    )
    op.create_check_constraint(
        op.f("ck_list_sources_streams"),
        "list_sources",
        "audience <> 'opt_in' OR streams <@ ARRAY['source.' || code]",
    )
    op.create_table(
        "list_fetches",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "tags", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(failures > 0) = (failure IS NOT NULL)", name=op.f("ck_list_fetches_failure")
        ),
        sa.ForeignKeyConstraint(
            ["source"], ["list_sources.code"], name=op.f("fk_list_fetches_source_list_sources")
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_list_fetches")),
    )
    op.create_table(
        "list_candidates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("base_version", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("header", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column(
            "found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(decided_at, decided_by, reason) = CASE state WHEN 'approved' THEN 0 WHEN 'refused' THEN 0 ELSE 3 END",
            name=op.f("ck_list_candidates_decided"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'approved', 'refused', 'outdated')",
            name=op.f("ck_list_candidates_state"),
        ),
        sa.ForeignKeyConstraint(
            ["base_version"],
            ["list_versions.version"],
            name=op.f("fk_list_candidates_base_version_list_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["source"], ["list_sources.code"], name=op.f("fk_list_candidates_source_list_sources")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_candidates")),
    )
    op.create_index(
        "ix_list_candidates_source_digest", "list_candidates", ["source", "digest"], unique=False
    )
    op.create_index(
        "uq_list_candidates_source_waiting",
        "list_candidates",
        ["source"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "list_candidate_parties",
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("entry", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("feed", sa.LargeBinary(), nullable=False),
        sa.Column("party", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["list_candidates.id"],
            name=op.f("fk_list_candidate_parties_candidate_id_list_candidates"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("candidate_id", "entry_id", name=op.f("pk_list_candidate_parties")),
    )
    op.create_table(
        "list_uses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column(
            "proposed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approving_agency", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(approving_agency = agency_id) = (audience = 'opt_in')",
            name=op.f("ck_list_uses_approving_agency"),
        ),
        sa.CheckConstraint("audience IN ('opt_in', 'joint')", name=op.f("ck_list_uses_audience")),
        sa.CheckConstraint(
            "num_nulls(approved_by, approving_agency, approved_at) = 0 OR (state <> 'active' AND num_nonnulls(approved_by, approving_agency, approved_at) = 0)",
            name=op.f("ck_list_uses_approved"),
        ),
        sa.CheckConstraint(
            "num_nulls(ended_by, ended_at) = CASE state WHEN 'ended' THEN 0 ELSE 2 END",
            name=op.f("ck_list_uses_ended"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'active', 'ended')", name=op.f("ck_list_uses_state")
        ),
        sa.CheckConstraint("approved_by <> proposed_by", name=op.f("ck_list_uses_two_persons")),
        sa.CheckConstraint(
            "length(legal_basis) BETWEEN 1 AND 1000", name=op.f("ck_list_uses_legal_basis")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_list_uses_version")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_list_uses_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["persons.id"], name=op.f("fk_list_uses_approved_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["approving_agency"],
            ["agencies.id"],
            name=op.f("fk_list_uses_approving_agency_agencies"),
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["persons.id"], name=op.f("fk_list_uses_ended_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["persons.id"], name=op.f("fk_list_uses_proposed_by_persons")
        ),
        sa.ForeignKeyConstraint(
            ["source", "audience"],
            ["list_sources.code", "list_sources.audience"],
            name="fk_list_uses_list_sources",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_uses")),
    )
    op.create_index("ix_list_uses_agency_id_id", "list_uses", ["agency_id", "id"], unique=False)
    op.create_index(
        "uq_list_uses_source_agency_id",
        "list_uses",
        ["source", "agency_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended' AND audience = 'opt_in'"),
    )
    op.create_index(
        "uq_list_uses_source_joint",
        "list_uses",
        ["source"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended' AND audience = 'joint'"),
    )
    op.add_column(
        "list_versions", sa.Column("layout", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "listed_parties", sa.Column("kind", sa.Text(), server_default="unknown", nullable=False)
    )
    op.add_column(
        "listed_parties", sa.Column("search", sa.Text(), server_default="", nullable=False)
    )
    op.add_column("listed_parties", sa.Column("ends_on", sa.Date(), nullable=True))
    op.add_column(
        "listed_parties", sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "listed_parties",
        sa.Column(
            "party", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
    )
    op.create_index(
        "ix_listed_parties_ends_on",
        "listed_parties",
        ["ends_on"],
        unique=False,
        postgresql_where=sa.text("to_version IS NULL AND expired_at IS NULL"),
    )
    op.create_index(
        "ix_listed_parties_source_versions",
        "listed_parties",
        ["source", "entry_id", "from_version"],
        unique=False,
    )
    op.add_column(
        "screenings",
        sa.Column(
            "own_lists",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="[]",
            nullable=False,
        ),
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    op.drop_column("screenings", "own_lists")
    op.drop_index("ix_listed_parties_source_versions", table_name="listed_parties")
    op.drop_index(
        "ix_listed_parties_ends_on",
        table_name="listed_parties",
        postgresql_where=sa.text("to_version IS NULL AND expired_at IS NULL"),
    )
    op.drop_column("listed_parties", "party")
    op.drop_column("listed_parties", "expired_at")
    op.drop_column("listed_parties", "ends_on")
    op.drop_column("listed_parties", "search")
    op.drop_column("listed_parties", "kind")
    op.drop_column("list_versions", "layout")
    op.drop_constraint(op.f("uq_list_sources_code_audience"), "list_sources", type_="unique")
    op.drop_column("list_sources", "licence")
    op.drop_column("list_sources", "publisher")
    op.drop_column("list_sources", "title")
    op.drop_constraint(op.f("ck_list_sources_streams"), "list_sources", type_="check")
    op.drop_constraint(op.f("ck_list_sources_max_staleness_s"), "list_sources", type_="check")
    op.drop_constraint(op.f("ck_list_sources_audience"), "list_sources", type_="check")
    op.drop_column("list_sources", "streams")
    op.drop_column("list_sources", "audience")
