"""profiles

Revision: 0014, after 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


SECURITY = """
GRANT INSERT (same_country_reason), UPDATE (same_country_reason) ON partners TO reg_app;

-- A headquarters and its country profiles are one legal person: one level deep, of one type, in
-- different countries unless somebody says why, and protected together. The lock on the
-- headquarters makes a new country profile and a change of the headquarters take turns.
CREATE FUNCTION keep_headquarters() RETURNS trigger
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE above record;
BEGIN
  IF NEW.hq_id IS NOT NULL THEN
    SELECT h.hq_id, h.merged_into, h.country, h.partner_type, h.protected INTO above
      FROM partners h WHERE h.id = NEW.hq_id FOR SHARE;
    IF TG_OP = 'INSERT' OR NEW.hq_id IS DISTINCT FROM OLD.hq_id THEN
      IF NOT FOUND OR above.hq_id IS NOT NULL OR above.merged_into IS NOT NULL THEN
        RAISE EXCEPTION 'not a headquarters profile'
          USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_headquarters';
      END IF;
    END IF;
    IF NEW.partner_type <> above.partner_type THEN
      RAISE EXCEPTION 'a country profile has the type of its headquarters'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_type_of_headquarters';
    END IF;
    IF NEW.country = above.country AND NEW.same_country_reason IS NULL THEN
      RAISE EXCEPTION 'a country profile in the country of its headquarters needs a reason'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_same_country';
    END IF;
    IF above.protected AND NOT NEW.protected THEN
      RAISE EXCEPTION 'the headquarters is protected'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_protected_above';
    END IF;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF NEW.partner_type <> OLD.partner_type
        AND EXISTS (SELECT FROM partners c WHERE c.hq_id = NEW.id AND c.merged_into IS NULL) THEN
      RAISE EXCEPTION 'country profiles hang on this profile'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_type_with_offices';
    END IF;
    IF NEW.hq_id IS NOT NULL AND OLD.hq_id IS NULL
        AND EXISTS (SELECT FROM partners c WHERE c.hq_id = NEW.id) THEN
      RAISE EXCEPTION 'country profiles hang on this profile'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_headquarters';
    END IF;
    IF NEW.protected
        AND EXISTS (SELECT FROM partners c WHERE c.hq_id = NEW.id AND NOT c.protected) THEN
      RAISE EXCEPTION 'a country profile is not protected'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partners_protected_above';
    END IF;
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION keep_headquarters() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_headquarters() TO reg_app, reg_worker, reg_owner;
CREATE TRIGGER partners_headquarters_of_new BEFORE INSERT ON partners
  FOR EACH ROW WHEN (NEW.hq_id IS NOT NULL) EXECUTE FUNCTION keep_headquarters();
CREATE TRIGGER partners_headquarters
  BEFORE UPDATE OF hq_id, country, same_country_reason, partner_type, protected ON partners
  FOR EACH ROW EXECUTE FUNCTION keep_headquarters();
"""

UNDO = """
DROP TRIGGER partners_headquarters ON partners;
DROP TRIGGER partners_headquarters_of_new ON partners;
DROP FUNCTION keep_headquarters();
"""


def upgrade() -> None:
    op.add_column("partners", sa.Column("same_country_reason", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_partners_same_country_reason"),
        "partners",
        "same_country_reason IS NULL OR hq_id IS NOT NULL",
    )
    op.create_check_constraint(
        op.f("ck_partners_name_changed_on"),
        "partners",
        "name_changed_on IS NULL OR cardinality(former_names) > 0",
    )
    op.create_index(
        "uq_partners_hq_id_country",
        "partners",
        ["hq_id", "country"],
        unique=True,
        postgresql_where=sa.text("hq_id IS NOT NULL AND merged_into IS NULL"),
    )
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    op.drop_index(
        "uq_partners_hq_id_country",
        table_name="partners",
        postgresql_where=sa.text("hq_id IS NOT NULL AND merged_into IS NULL"),
    )
    op.drop_constraint(op.f("ck_partners_name_changed_on"), "partners", type_="check")
    op.drop_constraint(op.f("ck_partners_same_country_reason"), "partners", type_="check")
    op.drop_column("partners", "same_country_reason")
