"""clients

Revision: 0011, after 0010
"""

from __future__ import annotations

from alembic import op

from app.core.migrate import run_script

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UNIQUE = ("persons", "trusted_issuers")
SAME_AGENCY = (
    ("persons", "office_id", "offices"),
    ("persons", "issuer_id", "trusted_issuers"),
    ("clients", "person_id", "persons"),
    ("clients", "office_id", "offices"),
    ("clients", "issuer_id", "trusted_issuers"),
)
CHECKS = (
    (
        "clients",
        "partner_office",
        "partner_id IS NULL OR num_nonnulls(office_id, issuer_id) = 0",
    ),
    (
        "clients",
        "scopes",
        "CASE WHEN partner_id IS NULL THEN array_to_string(scopes, ' ', '') !~ '(^| )self:' "
        "ELSE array_to_string(scopes, ' ', '') ~ '^(self:[a-z_]+( |$))*$' END",
    ),
    ("client_secrets", "expires_at", "expires_at <= created_at + interval '181 days'"),
)

SECURITY = """
-- The worker counts secrets that end soon; it never reads a digest.
-- A feed token that was revoked stays so.
ALTER POLICY feed_tokens_update ON feed_tokens USING (revoked_at IS NULL
  AND EXISTS (SELECT 1 FROM clients c
    WHERE c.id = client_id AND c.agency_id = (SELECT app_agency())));
GRANT SELECT (id, client_id, created_at, expires_at) ON client_secrets TO reg_worker;
CREATE POLICY client_secrets_worker ON client_secrets FOR SELECT TO reg_worker USING (true);
"""
OPEN = """
ALTER POLICY feed_tokens_update ON feed_tokens USING (EXISTS (SELECT 1 FROM clients c
    WHERE c.id = client_id AND c.agency_id = (SELECT app_agency())));
DROP POLICY client_secrets_worker ON client_secrets;
REVOKE SELECT (id, client_id, created_at, expires_at) ON client_secrets FROM reg_worker;
"""


SEE_ALL = "SET LOCAL row_security = on"
"""The owner's own policies show it every row of these tables, so a new key checks them all."""


def upgrade() -> None:
    op.execute(SEE_ALL)
    for table in UNIQUE:
        op.create_unique_constraint(op.f(f"uq_{table}_id_agency_id"), table, ["id", "agency_id"])
    # What a client or a person refers to belongs to its own agency.
    for table, column, target in SAME_AGENCY:
        op.drop_constraint(op.f(f"fk_{table}_{column}_{target}"), table, type_="foreignkey")
        op.create_foreign_key(
            f"fk_{table}_{column}_agency",
            table,
            target,
            [column, "agency_id"],
            ["id", "agency_id"],
        )
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.create_index("ix_clients_person_id", "clients", ["person_id"])
    run_script(SECURITY)


def downgrade() -> None:
    op.execute(SEE_ALL)
    run_script(OPEN)
    op.drop_index("ix_clients_person_id", table_name="clients")
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for table, column, target in SAME_AGENCY:
        op.drop_constraint(f"fk_{table}_{column}_agency", table, type_="foreignkey")
        op.create_foreign_key(
            op.f(f"fk_{table}_{column}_{target}"), table, target, [column], ["id"]
        )
    for table in UNIQUE:
        op.drop_constraint(op.f(f"uq_{table}_id_agency_id"), table, type_="unique")
