"""section history: since when what a section says is so in the world

Revision: 0031, after 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# As it was, and one column more.
KEEP = """
CREATE OR REPLACE FUNCTION keep_section_version() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'a changed section has the next version'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_partner_sections_next_version';
  END IF;
  NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at);
  INSERT INTO partner_section_versions (partner_id, section, version, body, sources, updated_by,
      recorded_from, recorded_to{column})
    VALUES (OLD.partner_id, OLD.section, OLD.version, OLD.body, OLD.sources, OLD.updated_by,
      OLD.updated_at, NEW.updated_at{value});
  RETURN NEW;
END $$;
"""

# What was recorded before is taken to hold since the day it was recorded, as if nobody had said.
FILL = """
ALTER TABLE partner_sections DISABLE TRIGGER USER;
ALTER TABLE partner_section_versions DISABLE TRIGGER USER;
UPDATE partner_sections SET valid_from = (updated_at AT TIME ZONE 'UTC')::date;
UPDATE partner_section_versions SET valid_from = (recorded_from AT TIME ZONE 'UTC')::date;
ALTER TABLE partner_sections ENABLE TRIGGER USER;
ALTER TABLE partner_section_versions ENABLE TRIGGER USER;
ALTER TABLE partner_section_versions ALTER COLUMN valid_from SET NOT NULL;
GRANT INSERT (valid_from), UPDATE (valid_from) ON partner_sections TO reg_app;
"""


def upgrade() -> None:
    op.add_column(
        "partner_sections",
        sa.Column("valid_from", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
    )
    op.add_column("partner_section_versions", sa.Column("valid_from", sa.Date(), nullable=True))
    run_script(FILL + KEEP.format(column=", valid_from", value=", OLD.valid_from"))


def downgrade() -> None:
    run_script(KEEP.format(column="", value=""))
    op.drop_column("partner_section_versions", "valid_from")
    op.drop_column("partner_sections", "valid_from")
