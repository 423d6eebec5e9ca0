"""Why a measure is annulled: set aside, recorded by mistake, or recorded twice

Revision: 0066, after 0063
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0066"
down_revision = "0063"
branch_labels = None
depends_on = None

_TABLE = "sanction_entry_acts"
_CAUSE = "cause = 'void' OR kind = 'annul' AND cause IN ('error', 'duplicate')"
_DUPLICATE = "(cause = 'duplicate') = (duplicate_of IS NOT NULL) AND duplicate_of <> entry_id"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("cause", sa.Text(), server_default="void", nullable=False))
    op.add_column(_TABLE, sa.Column("duplicate_of", sa.Uuid(), nullable=True))
    op.create_check_constraint(op.f("ck_sanction_entry_acts_cause"), _TABLE, _CAUSE)
    op.create_check_constraint(op.f("ck_sanction_entry_acts_duplicate_of"), _TABLE, _DUPLICATE)
    run_script("GRANT INSERT (cause, duplicate_of) ON sanction_entry_acts TO reg_app;")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_sanction_entry_acts_duplicate_of"), _TABLE, type_="check")
    op.drop_constraint(op.f("ck_sanction_entry_acts_cause"), _TABLE, type_="check")
    op.drop_column(_TABLE, "duplicate_of")
    op.drop_column(_TABLE, "cause")
