"""Sharing policies hold for merged partners; objections are seen with their statement

Revision: 0028, after 0026
"""

from __future__ import annotations

from alembic import op

from app.core.migrate import run_script

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# A policy and a record that fit: {about} says when a policy about one profile is about another's.
FITS = """a.owner_agency = s.owner_agency AND s.active AND a.status = 'final'
    AND a.level <> 'AGENCY_ONLY' AND (s.type IS NULL OR a.type = s.type)
    AND (s.country IS NULL OR p.country = s.country)
    AND (s.partner_id IS NULL OR a.partner_id = s.partner_id{about})
    AND (s.valid_until IS NULL OR s.valid_until > now())
    AND EXISTS (SELECT 1 FROM agencies g WHERE g.id = s.shared_with AND g.status <> 'withdrawn')"""
# Whoever came second, the policy or the record, was made by an owner for whom the two profiles were
# one. A merge by itself shows nobody anything.
ABOUT = """ OR (s.partner_id = ANY (profiles)
      AND a.partner_id = ANY (profiles)
      AND one_partner_since(s.partner_id, a.partner_id) <= greatest(s.created_at, a.created_at))"""
ENTRIES = """INSERT INTO assessments_acl (agency_id, record_id, share_id, owner_agency, level, purpose,
      valid_from, valid_to)
    SELECT s.shared_with, a.id, s.id, s.owner_agency, s.level, s.purpose, s.valid_from,
      s.valid_until"""


def _functions(profiles_of_policy: str, profiles_of_record: str, about: str) -> str:
    fits = FITS.format(about=about)
    return f"""
CREATE OR REPLACE FUNCTION start_sharing_policy(policy uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE entries bigint;{profiles_of_policy}
  {ENTRIES}
  FROM sharing_policies s JOIN assessments a ON a.owner_agency = s.owner_agency
  JOIN partners p ON p.id = a.partner_id
  WHERE s.id = policy AND {fits}
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS entries = ROW_COUNT;
  RETURN entries;
END $$;

CREATE OR REPLACE FUNCTION apply_sharing_policies(record uuid, agency uuid, fresh boolean)
RETURNS void LANGUAGE plpgsql AS $${profiles_of_record}
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
"""  # noqa: S608 - constants


MERGES = """
-- The worker applies policies anew when a partner moves to another country.
GRANT SELECT (loser_id, survivor_id, state, decided_at) ON partner_merges TO reg_worker;
CREATE POLICY partner_merges_worker ON partner_merges FOR SELECT TO reg_worker
  USING (state = 'merged');
-- Since when two profiles are one partner, by merges that stand: up from each to where they meet.
-- No row of a merge, no time: null for profiles of two partners.
CREATE FUNCTION one_partner_since(one uuid, other uuid) RETURNS timestamptz
  LANGUAGE sql STABLE AS $$
  WITH RECURSIVE up (origin, id, since) AS (
    SELECT x.id, x.id, '-infinity'::timestamptz FROM (VALUES (one), (other)) AS x (id)
    UNION ALL SELECT u.origin, m.survivor_id, greatest(u.since, m.decided_at)
      FROM up u JOIN partner_merges m ON m.loser_id = u.id AND m.state = 'merged')
  SELECT min(greatest(x.since, y.since)) FROM up x JOIN up y ON y.id = x.id
  WHERE x.origin = one AND y.origin = other $$;
"""
APPLIED = _functions(
    """ profiles uuid[];
BEGIN
  profiles := ARRAY(SELECT partner_lineage(s.partner_id) FROM sharing_policies s
    WHERE s.id = policy AND s.partner_id IS NOT NULL);""",
    """
DECLARE profiles uuid[];
BEGIN
  profiles := ARRAY(SELECT partner_lineage(a.partner_id) FROM assessments a WHERE a.id = record);""",
    ABOUT,
)
UNMERGED = """
-- An undone merge takes back what it let policies share, in its own transaction: no read after it.
GRANT SELECT (id, partner_id) ON sharing_policies TO reg_facts;
GRANT SELECT (record_id, share_id), DELETE ON assessments_acl TO reg_facts;
CREATE POLICY sharing_policies_about ON sharing_policies FOR SELECT TO reg_facts
  USING (partner_id IS NOT NULL);
CREATE POLICY assessments_acl_about ON assessments_acl FOR SELECT TO reg_facts
  USING (EXISTS (SELECT 1 FROM sharing_policies s WHERE s.id = share_id));
CREATE POLICY assessments_acl_parted ON assessments_acl FOR DELETE TO reg_facts
  USING (EXISTS (SELECT 1 FROM sharing_policies s WHERE s.id = share_id));
CREATE POLICY assessments_about ON assessments FOR SELECT TO reg_facts
  USING (EXISTS (SELECT 1 FROM assessments_acl x JOIN sharing_policies s ON s.id = x.share_id
    WHERE x.record_id = assessments.id AND s.partner_id <> assessments.partner_id));
CREATE FUNCTION unmerged_policies() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM assessments_acl x USING sharing_policies s, assessments a
  WHERE a.partner_id IN (SELECT partner_lineage(NEW.loser_id)
      UNION ALL SELECT partner_lineage(NEW.survivor_id))
    AND x.record_id = a.id AND s.id = x.share_id AND s.partner_id <> a.partner_id
    AND partner_root(s.partner_id) <> partner_root(a.partner_id);
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION unmerged_policies() FROM PUBLIC;
CREATE TRIGGER partner_merges_policies AFTER UPDATE ON partner_merges
  FOR EACH ROW WHEN (OLD.state = 'merged' AND NEW.state = 'undone')
  EXECUTE FUNCTION unmerged_policies();
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION unmerged_policies() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;

-- ---------------------------------------------------------------- objections
-- An objection tells that there is a statement: who does not see the one does not see the other.
DROP POLICY objections_select ON objections;
CREATE POLICY objections_select ON objections FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR raised_by_agency = (SELECT app_agency())
    OR ((SELECT app_agency()) IS NOT NULL AND CASE subject_kind
      WHEN 'flag' THEN EXISTS (SELECT 1 FROM partner_flags f WHERE f.id = subject_id)
      WHEN 'assessment' THEN EXISTS (SELECT 1 FROM assessments a WHERE a.id = subject_id)
      WHEN 'sanction_entry' THEN EXISTS (SELECT 1 FROM sanction_entries e WHERE e.id = subject_id)
      ELSE true END)
    OR partner_id IN (SELECT partner_lineage((SELECT app_partner()))));
"""

UNDO = """
DROP POLICY objections_select ON objections;
CREATE POLICY objections_select ON objections FOR SELECT TO reg_app
  USING (owner_agency = (SELECT app_agency()) OR raised_by_agency = (SELECT app_agency())
    OR ((SELECT app_agency()) IS NOT NULL AND (subject_kind <> 'flag'
      OR EXISTS (SELECT 1 FROM partner_flags f WHERE f.id = subject_id)))
    OR partner_id IN (SELECT partner_lineage((SELECT app_partner()))));
DROP TRIGGER partner_merges_policies ON partner_merges;
DROP FUNCTION unmerged_policies();
DROP POLICY assessments_about ON assessments;
DROP POLICY assessments_acl_parted ON assessments_acl;
DROP POLICY assessments_acl_about ON assessments_acl;
DROP POLICY sharing_policies_about ON sharing_policies;
REVOKE SELECT (record_id, share_id), DELETE ON assessments_acl FROM reg_facts;
REVOKE SELECT (id, partner_id) ON sharing_policies FROM reg_facts;
-- What only the newer release shares is not shared any more.
ALTER TABLE assessments NO FORCE ROW LEVEL SECURITY;
ALTER TABLE assessments_acl NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sharing_policies NO FORCE ROW LEVEL SECURITY;
DELETE FROM assessments_acl x USING sharing_policies s, assessments a
  WHERE s.id = x.share_id AND a.id = x.record_id AND s.partner_id <> a.partner_id;
ALTER TABLE sharing_policies FORCE ROW LEVEL SECURITY;
ALTER TABLE assessments_acl FORCE ROW LEVEL SECURITY;
ALTER TABLE assessments FORCE ROW LEVEL SECURITY;
"""
APPLIED_BEFORE = _functions("\nBEGIN", "\nBEGIN", "")
UNDO_MERGES = """
DROP FUNCTION one_partner_since(uuid, uuid);
DROP POLICY partner_merges_worker ON partner_merges;
REVOKE SELECT (loser_id, survivor_id, state, decided_at) ON partner_merges FROM reg_worker;
"""


def upgrade() -> None:
    # The bodies of functions are checked as their owner, under the row security of what they read.
    op.execute("SET LOCAL row_security = on")
    run_script(MERGES + APPLIED + UNMERGED)


def downgrade() -> None:
    run_script(UNDO + APPLIED_BEFORE + UNDO_MERGES)
