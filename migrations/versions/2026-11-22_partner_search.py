"""partner search

Revision: 0023, after 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import run_script

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


# What a profile is found by, as one array: a combination of filters is one look into one index.
# An expression, not a column: kept versions of a profile must not carry it.
SEARCH = """
GRANT INSERT (specialisations), UPDATE (specialisations) ON partners TO reg_app;

CREATE FUNCTION partner_terms(country text, partner_type text, status text, created_by uuid,
    public boolean, tags text[], sectors text[], specialisations text[], populations text[])
  RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 50 AS $$
BEGIN
  RETURN ARRAY['c:' || country, 'y:' || partner_type, 's:' || status, 'a:' || created_by]
    || CASE WHEN public THEN '{public}'::text[] ELSE '{}' END
    || tags || sectors || specialisations || populations;
END $$;

CREATE INDEX ix_partners_terms ON partners USING gin (partner_terms(country, partner_type, status,
  created_by, publication_consent AND NOT protected, tags, sectors, specialisations, populations))
  WITH (fastupdate = off);
"""

# Sections that were saved before name their specialisations, too. This is no change of a profile.
BACKFILL = """
ALTER TABLE partners DISABLE TRIGGER USER;
UPDATE partners p SET specialisations = ARRAY(
    SELECT DISTINCT item ->> 'code' FROM jsonb_array_elements(s.body -> 'specialisations') item
    ORDER BY 1)
  FROM partner_sections s
  WHERE s.partner_id = p.id AND s.section = 'mandate'
    AND jsonb_typeof(s.body -> 'specialisations') = 'array';
ALTER TABLE partners ENABLE TRIGGER USER;
"""


def upgrade() -> None:
    op.add_column(
        "partners",
        sa.Column(
            "specialisations", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
    )
    run_script(BACKFILL)
    op.create_index("ix_partners_status_id", "partners", ["status", "id"])
    op.create_index("ix_partners_updated_at_id", "partners", ["updated_at", "id"])
    run_script(SEARCH)


def downgrade() -> None:
    op.drop_index("ix_partners_terms", table_name="partners")
    op.execute(
        "DROP FUNCTION partner_terms(text, text, text, uuid, boolean, text[], text[], "
        "text[], text[])"
    )
    op.drop_index("ix_partners_updated_at_id", table_name="partners")
    op.drop_index("ix_partners_status_id", table_name="partners")
    op.drop_column("partners", "specialisations")
