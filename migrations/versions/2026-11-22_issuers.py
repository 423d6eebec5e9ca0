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

# The present text of the view, to which one condition is added.
STATUS = """  SELECT c.id AS client_id,
         coalesce(c.agency_id, '00000000-0000-0000-0000-000000000000'::uuid) AS agency_id,
         coalesce(a.code, 'PARTNER') AS agency_code,
         CASE WHEN i.id IS NULL AND a.scope_ceiling IS NULL THEN c.scopes
              ELSE ARRAY(SELECT x FROM unnest(c.scopes) x
                         WHERE (i.id IS NULL OR x = ANY (i.scope_ceiling))
                           AND (a.scope_ceiling IS NULL OR x = ANY (a.scope_ceiling))) END
           AS scopes,
         c.person_id, p.name AS person_name, p.office, p.role, c.partner_id,
         CASE WHEN c.person_id IS NULL THEN c.roles ELSE p.roles END AS roles,
         c.countries, c.max_level
  FROM clients c
  LEFT JOIN agencies a ON a.id = c.agency_id
  LEFT JOIN persons p ON p.id = c.person_id
  LEFT JOIN trusted_issuers i ON i.id = c.issuer_id
  LEFT JOIN clients t ON t.id = c.acts_through
  WHERE c.status = 'active'
    AND (c.agency_id IS NULL OR a.status = 'active')
    AND (c.person_id IS NULL OR p.status = 'active')
    AND (c.issuer_id IS NULL OR (i.status = 'active' AND i.valid_from <= now()
         AND (i.valid_to IS NULL OR i.valid_to > now())))
    AND (c.acts_through IS NULL OR t.status = 'active')"""

SECURITY = f"""
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

-- A person who acts through a machine has its limits, and loses a scope with it, at once.
CREATE FUNCTION narrow_acting_clients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE clients c SET countries = NEW.countries, max_level = NEW.max_level,
    certificate_bound = NEW.certificate_bound,
    scopes = ARRAY(SELECT x FROM unnest(c.scopes) x
      WHERE x <> ALL (OLD.scopes) OR x = ANY (NEW.scopes) ORDER BY x)
  WHERE c.acts_through = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER clients_narrowed
  AFTER UPDATE OF scopes, countries, max_level, certificate_bound ON clients
  FOR EACH ROW WHEN (OLD.acts_through IS NULL) EXECUTE FUNCTION narrow_acting_clients();

-- As before, and: a person's client by an issuer ends when the issuer's subject is another's.
CREATE OR REPLACE VIEW client_status WITH (security_invoker = true, security_barrier = true) AS
{STATUS}
    AND (c.issuer_id IS NULL OR c.person_id IS NULL
         OR (p.issuer_id = c.issuer_id AND p.subject = c.subject));
"""  # noqa: S608 - constant

OPEN = f"""
CREATE OR REPLACE VIEW client_status WITH (security_invoker = true, security_barrier = true) AS
{STATUS};
DROP TRIGGER clients_narrowed ON clients;
DROP FUNCTION narrow_acting_clients();
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
