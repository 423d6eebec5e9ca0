"""events of agencies and webhooks

Revision: 0050, after 0049
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import rekey_security, run_script

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_OWN = "agency_id = (SELECT app_agency())"
_TABLES = (
    "event_tops",
    "agency_events",
    "webhooks",
    "webhook_secrets",
    "webhook_deliveries",
    "webhook_attempts",
)


def _worker(table: str, *commands: str) -> str:
    """Policies that show the worker every row, for these commands."""
    made = []
    for command in commands:
        check = "" if command in ("SELECT", "DELETE") else " WITH CHECK (true)"
        using = "" if command == "INSERT" else " USING (true)"
        made.append(
            f"CREATE POLICY {table}_worker_{command.lower()} ON {table} FOR {command} "
            f"TO reg_worker{using}{check};"
        )
    return "\n".join(made)


def _own(table: str, *commands: str) -> str:
    """Policies that let the bound agency at its own rows, for these commands."""
    made = []
    for command in commands:
        check = "" if command in ("SELECT", "DELETE") else f" WITH CHECK ({_OWN})"
        using = "" if command == "INSERT" else f" USING ({_OWN})"
        made.append(
            f"CREATE POLICY {table}_{command.lower()} ON {table} FOR {command} "
            f"TO reg_app{using}{check};"
        )
    return "\n".join(made)


SECURITY = f"""
SET LOCAL check_function_bodies = off;
{"".join(f"ALTER TABLE {t} ENABLE ROW LEVEL SECURITY; ALTER TABLE {t} FORCE ROW LEVEL SECURITY;" for t in _TABLES)}

-- ---------------------------------------------------------------- what agencies are told
GRANT SELECT ON event_tops, agency_events TO reg_app;
GRANT SELECT, INSERT, UPDATE ON event_tops TO reg_worker;
GRANT SELECT, INSERT, DELETE ON agency_events TO reg_worker;
{_own("event_tops", "SELECT")}
{_own("agency_events", "SELECT")}
{_worker("event_tops", "SELECT", "INSERT", "UPDATE")}
{_worker("agency_events", "SELECT", "INSERT", "DELETE")}

-- ---------------------------------------------------------------- webhooks
GRANT SELECT, DELETE ON webhooks TO reg_app;
GRANT INSERT (id, agency_id, url, description, types, max_in_flight) ON webhooks TO reg_app;
GRANT UPDATE (url, description, types, max_in_flight, enabled, disabled_reason, verified_at,
  failures, failing_since, failing_told, paused_until, next_at, version, updated_at) ON webhooks TO reg_app;
GRANT SELECT ON webhooks TO reg_worker;
GRANT UPDATE (enabled, disabled_reason, verified_at, failures, failing_since, failing_told, paused_until,
  next_at, version, updated_at) ON webhooks TO reg_worker;
{_own("webhooks", "SELECT", "INSERT", "UPDATE", "DELETE")}
{_worker("webhooks", "SELECT", "UPDATE")}
CREATE POLICY webhooks_export ON webhooks FOR SELECT TO reg_owner USING ({_OWN});

-- The API writes secrets and never reads one: only the worker signs.
GRANT SELECT (id, webhook_id, agency_id, public_key, created_at, ends_at) ON webhook_secrets
  TO reg_app;
GRANT INSERT (id, webhook_id, agency_id, public_key, sealed) ON webhook_secrets TO reg_app;
GRANT UPDATE (ends_at) ON webhook_secrets TO reg_app;
GRANT SELECT, DELETE ON webhook_secrets TO reg_worker;
{_own("webhook_secrets", "SELECT", "INSERT", "UPDATE")}
{_worker("webhook_secrets", "SELECT", "DELETE")}
{rekey_security("webhook_secrets")}

GRANT SELECT ON webhook_deliveries, webhook_attempts TO reg_app;
GRANT INSERT (id, webhook_id, agency_id, kind, seq, type) ON webhook_deliveries TO reg_app;
GRANT UPDATE (state, attempts, next_at, finished_at) ON webhook_deliveries TO reg_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO reg_worker;
GRANT SELECT, INSERT, DELETE ON webhook_attempts TO reg_worker;
{_own("webhook_deliveries", "SELECT", "INSERT", "UPDATE")}
{_own("webhook_attempts", "SELECT")}
{_worker("webhook_deliveries", "SELECT", "INSERT", "UPDATE", "DELETE")}
{_worker("webhook_attempts", "SELECT", "INSERT", "DELETE")}

-- ---------------------------------------------------------------- who is told
GRANT SELECT (agency_id, partner_id, expires_at) ON clearances TO reg_worker;
CREATE POLICY clearances_worker ON clearances FOR SELECT TO reg_worker USING (true);

-- Agencies with a current relation to a partner, each with its own vendor numbers: it keeps a
-- number of it, of its headquarters or of a country profile, or made one of them; has a current
-- assessment of it; or was given a clearance that has not expired. Of a protected profile only
-- those that may know of it (app/partners/visibility.py).
CREATE FUNCTION partner_relations(partner uuid)
  RETURNS TABLE (agency_id uuid, vendor_numbers jsonb) LANGUAGE sql STABLE AS $$
  WITH own AS MATERIALIZED (SELECT partner_lineage(partner) AS id),
  profiles AS MATERIALIZED (
    SELECT p.id, p.created_by, p.id IN (SELECT own.id FROM own) AS itself, p.protected
      FROM partners p WHERE p.id IN (SELECT partner_bearing(partner))
    UNION
    SELECT p.id, p.created_by, false, p.protected FROM partners p
      WHERE p.hq_id IN (SELECT own.id FROM own)),
  numbers AS MATERIALIZED (
    SELECT v.agency_id, v.value, v.country, v.area, f.id AS profile, f.itself
    FROM profiles f JOIN partner_identifiers v ON v.partner_id = f.id
    WHERE v.scheme = 'AGENCY_VENDOR' AND v.active),
  knowing AS (SELECT f.created_by AS agency FROM profiles f WHERE f.itself
    UNION SELECT n.agency_id FROM numbers n WHERE n.itself),
  related AS (SELECT f.created_by AS agency FROM profiles f
    UNION SELECT n.agency_id FROM numbers n
    UNION SELECT s.owner_agency FROM assessments s
      WHERE s.partner_id IN (SELECT own.id FROM own) AND s.status = 'final'
        AND coalesce(s.valid_until >= current_date, true)
    UNION SELECT c.agency_id FROM clearances c
      WHERE c.partner_id IN (SELECT own.id FROM own) AND c.expires_at > now())
  SELECT r.agency, coalesce((SELECT jsonb_agg(jsonb_build_object('partner_id', n.profile,
      'value', n.value, 'country', n.country, 'area', n.area) ORDER BY n.profile, n.value)
      FROM numbers n WHERE n.agency_id = r.agency), '[]')
  FROM related r WHERE r.agency IS NOT NULL AND (
    NOT coalesce((SELECT bool_or(f.protected) FROM profiles f WHERE f.itself), false)
    OR r.agency IN (SELECT k.agency FROM knowing k)) $$;
REVOKE EXECUTE ON FUNCTION partner_relations(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION partner_relations(uuid) TO reg_worker;

-- What happened before there were webhooks is nobody's news.
INSERT INTO consumer_cursors (name, seq)
  SELECT 'agency_events', coalesce(max(seq), 0) FROM streams WHERE name = 'events';
"""  # noqa: S608 - names of ours
UNDO = """
DELETE FROM consumer_cursors WHERE name = 'agency_events';
DROP FUNCTION partner_relations(uuid);
DROP POLICY clearances_worker ON clearances;
REVOKE SELECT (agency_id, partner_id, expires_at) ON clearances FROM reg_worker;
"""


def _at(name: str, *, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=default, nullable=default is None
    )


def upgrade() -> None:
    # References to agencies are looked up under row security, which lets the owner see all.
    op.execute("SET LOCAL row_security = on")
    _events()
    _webhooks()
    _deliveries()
    run_script(SECURITY)


def _events() -> None:
    op.create_table(
        "event_tops",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pruned", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_event_tops_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("agency_id", name=op.f("pk_event_tops")),
    )
    op.create_table(
        "agency_events",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _at("told_at", now=True),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_agency_events_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("agency_id", "seq", name=op.f("pk_agency_events")),
        sa.UniqueConstraint(
            "agency_id", "event_id", name=op.f("uq_agency_events_agency_id_event_id")
        ),
    )
    op.create_index("ix_agency_events_agency_id_at", "agency_events", ["agency_id", "at"])
    op.create_index("ix_agency_events_told_at", "agency_events", ["told_at"])


def _webhooks() -> None:
    status = (
        "CASE WHEN NOT enabled THEN 'disabled' WHEN verified_at IS NULL THEN 'unverified' "
        "ELSE 'active' END"
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("types", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("max_in_flight", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        _at("verified_at"),
        sa.Column("status", sa.Text(), sa.Computed(status, persisted=True), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        _at("failing_since"),
        sa.Column("failing_told", sa.Boolean(), server_default="false", nullable=False),
        _at("paused_until"),
        _at("next_at"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        _at("created_at", now=True),
        _at("updated_at", now=True),
        sa.CheckConstraint("length(url) BETWEEN 1 AND 2048", name=op.f("ck_webhooks_url")),
        sa.CheckConstraint(
            "max_in_flight BETWEEN 1 AND 10", name=op.f("ck_webhooks_max_in_flight")
        ),
        sa.CheckConstraint("cardinality(types) <= 200", name=op.f("ck_webhooks_types")),
        sa.CheckConstraint(
            "disabled_reason IN ('agency', 'gone', 'failing') AND NOT enabled "
            "OR disabled_reason IS NULL AND enabled",
            name=op.f("ck_webhooks_disabled_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_webhooks_agency_id_agencies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("id", "agency_id", name=op.f("uq_webhooks_id_agency_id")),
    )
    op.create_index("ix_webhooks_agency_id", "webhooks", ["agency_id", "id"])
    op.create_index(
        "ix_webhooks_next_at",
        "webhooks",
        ["next_at"],
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _at("created_at", now=True),
        _at("ends_at"),
        sa.ForeignKeyConstraint(
            ["webhook_id", "agency_id"],
            ["webhooks.id", "webhooks.agency_id"],
            name=op.f("fk_webhook_secrets_webhook_id_agency_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secrets")),
    )
    op.create_index(
        "uq_webhook_secrets_current",
        "webhook_secrets",
        ["webhook_id"],
        unique=True,
        postgresql_where=sa.text("ends_at IS NULL"),
    )
    op.create_index("ix_webhook_secrets_webhook_id", "webhook_secrets", ["webhook_id", "agency_id"])


def _deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        _at("next_at", now=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("last_status", sa.SmallInteger(), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        _at("created_at", now=True),
        _at("finished_at"),
        sa.CheckConstraint(
            "kind IN ('event', 'ping', 'challenge')", name=op.f("ck_webhook_deliveries_kind")
        ),
        sa.CheckConstraint(
            "(kind = 'event') = (seq IS NOT NULL)", name=op.f("ck_webhook_deliveries_seq")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'retrying', 'delivered', 'dead')",
            name=op.f("ck_webhook_deliveries_state"),
        ),
        sa.CheckConstraint(
            "(state IN ('delivered', 'dead')) = (finished_at IS NOT NULL)",
            name=op.f("ck_webhook_deliveries_finished_at"),
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id", "agency_id"],
            ["webhooks.id", "webhooks.agency_id"],
            name=op.f("fk_webhook_deliveries_webhook_id_agency_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("id", "agency_id", name=op.f("uq_webhook_deliveries_id_agency_id")),
        sa.UniqueConstraint("webhook_id", "seq", name=op.f("uq_webhook_deliveries_webhook_id_seq")),
    )
    for name, columns, where in (
        ("queued", ["webhook_id", "seq"], "state = 'queued'"),
        ("next_at", ["webhook_id", "state", "next_at"], "state IN ('queued', 'retrying')"),
        ("lease", ["webhook_id"], "lease IS NOT NULL"),
        ("asked", ["webhook_id", "created_at"], "seq IS NULL"),
        ("dead", ["webhook_id", "id"], "state = 'dead'"),
        ("webhook_id_id", ["webhook_id", "id"], None),
        ("created_at", ["created_at"], None),
    ):
        op.create_index(
            f"ix_webhook_deliveries_{name}",
            "webhook_deliveries",
            columns,
            postgresql_where=sa.text(where) if where else None,
        )
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id", "agency_id"],
            ["webhook_deliveries.id", "webhook_deliveries.agency_id"],
            name=op.f("fk_webhook_attempts_delivery_id_agency_id_webhook_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    op.create_index(
        "ix_webhook_attempts_delivery_id", "webhook_attempts", ["delivery_id", "agency_id"]
    )


def downgrade() -> None:
    run_script(UNDO)
    for table in reversed(_TABLES):
        op.drop_table(table)
