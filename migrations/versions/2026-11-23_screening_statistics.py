"""screening statistics

Revision: 0051, after 0050
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

SECURITY = """
-- Every agency reads the list that these are counted in, so there is nothing to keep from any.
-- Whoever screens first stores the first ones; the worker alone says which count, and forgets.
GRANT SELECT ON screening_statistics TO reg_app, reg_worker;
GRANT INSERT (version, entries, seq, content) ON screening_statistics TO reg_app, reg_worker;
GRANT UPDATE (counted_at, entries, seq), DELETE ON screening_statistics TO reg_worker;
GRANT SELECT (statistics_version) ON screenings TO reg_worker;
"""
UNDO = "REVOKE SELECT (statistics_version) ON screenings FROM reg_worker;"


def upgrade() -> None:
    now = sa.text("now()")
    op.create_table(
        "screening_statistics",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "version ~ '^[0-9a-f]{16}$'", name=op.f("ck_screening_statistics_version")
        ),
        sa.CheckConstraint(
            "entries >= 0 AND seq >= 0", name=op.f("ck_screening_statistics_counted")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_screening_statistics")),
    )
    op.create_index("ix_screenings_statistics_version", "screenings", ["statistics_version"])
    run_script(SECURITY)


def downgrade() -> None:
    run_script(UNDO)
    op.drop_index("ix_screenings_statistics_version", table_name="screenings")
    op.drop_table("screening_statistics")
