"""issuers

Revision: 0009, after 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import run_script

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SECURITY = """
GRANT UPDATE (decided_at, reason) ON trusted_issuers TO reg_app;

-- What was refused or revoked stays so: whoever wants it again proposes it again, to two persons.
CREATE FUNCTION keep_issuer_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an issuer goes from proposed to active to revoked'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'trusted_issuers_status_order';
END $$;
CREATE TRIGGER trusted_issuers_status_order BEFORE UPDATE OF status ON trusted_issuers
  FOR EACH ROW WHEN (OLD.status <> NEW.status AND NOT (
    OLD.status = 'proposed' OR (OLD.status = 'active' AND NEW.status = 'revoked')))
  EXECUTE FUNCTION keep_issuer_ended();
"""

OPEN = """
DROP TRIGGER trusted_issuers_status_order ON trusted_issuers;
DROP FUNCTION keep_issuer_ended();
"""

CHECKS = (
    ("trusted_issuers", "key_set", "status <> 'active' OR key_set IS NOT NULL"),
    ("clients", "issuer_agency", "agency_id IS NOT NULL OR issuer_id IS NULL"),
    ("clients", "acts_through_person", "acts_through IS NULL OR person_id IS NOT NULL"),
)
KEYS = (("clients", "fk_clients_acts_through_agency", "clients", "acts_through"),)


def upgrade() -> None:
    op.add_column(
        "trusted_issuers", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("trusted_issuers", sa.Column("reason", sa.Text(), nullable=True))
    op.create_unique_constraint(op.f("uq_clients_id_agency_id"), "clients", ["id", "agency_id"])
    # The check of present rows reads them under the owner's own policies, which show all.
    op.execute("SET LOCAL row_security = on")
    for table, name, target, column in KEYS:
        op.create_foreign_key(name, table, target, [column, "agency_id"], ["id", "agency_id"])
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.execute("SET LOCAL row_security = off")
    run_script(SECURITY)


def downgrade() -> None:
    run_script(OPEN)
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for table, name, _, _ in KEYS:
        op.drop_constraint(name, table, type_="foreignkey")
    op.drop_constraint(op.f("uq_clients_id_agency_id"), "clients", type_="unique")
    op.drop_column("trusted_issuers", "reason")
    op.drop_column("trusted_issuers", "decided_at")
