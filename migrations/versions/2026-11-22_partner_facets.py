"""partner facets

Revision: 0030, after 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_partners_sampled",
        "partners",
        ["number"],
        postgresql_where=sa.text("number % 101 = 0"),
        postgresql_include=[
            *("id", "country", "country_of_origin", "partner_type", "status", "verification"),
            *("verified_until", "tags", "sectors", "populations", "protected", "created_by"),
            *("publication_consent", "merged_into", "hq_id", "updated_at"),
        ],
    )


def downgrade() -> None:
    op.drop_index("ix_partners_sampled", table_name="partners")
