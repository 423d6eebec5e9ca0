"""Access lists of confidential records: one table a feature, one row a (agency, record, share).

The owner's own right needs no row; row level security names it beside the list. Lists are driven
from this table, because ``own OR shared`` as a filter would read the whole record table.

A new feature declares ``class <Feature>Acl(AclColumns, Base)`` and runs `acl_security` in its
migration; the policy of its sealed table uses `shared_now`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

CHECKS = {
    "level": "level IN ('summary', 'detail')",
    "agency_id": "agency_id <> owner_agency",
    "purpose": "purpose ~ '^[A-Z_]{1,40}$'",
    "valid_to": "valid_to > valid_from",
}
"""Name and condition of each check of an access list."""


class AclColumns:
    """Columns of ``<feature>_acl``; the subclass names its table and the records' table."""

    __record_table__: str

    agency_id: Mapped[UUID] = mapped_column(primary_key=True)
    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    share_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID]
    level: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid_to: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[object, ...]:
        table: str = cls.__tablename__  # type: ignore[attr-defined]  # the subclass has it
        # The composite key ties the claimed owner to the record: nobody can share what is not
        # theirs, and the failure is the same for a record that does not exist.
        return (
            ForeignKeyConstraint(
                ["record_id", "owner_agency"],
                [f"{cls.__record_table__}.id", f"{cls.__record_table__}.owner_agency"],
                ondelete="CASCADE",
            ),
            Index(f"ix_{table}_record_id", "record_id"),
            # A standing share has a row for each record and ends with all of them at once.
            Index(f"ix_{table}_share_id", "share_id"),
            *(CheckConstraint(condition, name=name) for name, condition in CHECKS.items()),
        )


def acl_security(table: str) -> str:
    """SQL of row security and grants for an access list.

    Both sides see an entry, only the owner makes or removes one. Each policy looks at its own row
    only, or policies would recurse. The worker keeps the entries of standing shares.
    """
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, DELETE ON {table} TO reg_app;
CREATE POLICY {table}_select ON {table} FOR SELECT TO reg_app
  USING (agency_id = (SELECT app_agency()) OR owner_agency = (SELECT app_agency()));
CREATE POLICY {table}_insert ON {table} FOR INSERT TO reg_app
  WITH CHECK (owner_agency = (SELECT app_agency()));
CREATE POLICY {table}_delete ON {table} FOR DELETE TO reg_app
  USING (owner_agency = (SELECT app_agency()));
GRANT SELECT, INSERT, DELETE ON {table} TO reg_worker;
CREATE POLICY {table}_worker ON {table} TO reg_worker USING (true) WITH CHECK (true);
"""


def shared_now(acl: str, record: str) -> str:
    """SQL condition: the detail of this record is shared with the bound agency at this moment."""
    return f"""EXISTS (SELECT 1 FROM {acl} x
    WHERE x.agency_id = (SELECT app_agency()) AND x.record_id = {record}
      AND x.level = 'detail' AND x.valid_from <= now()
      AND (x.valid_to IS NULL OR x.valid_to > now()))"""  # noqa: S608 - names of tables of ours


def detail_security(table: str, record: str, acl: str) -> str:
    """SQL of row security and grants for the sealed table of a feature.

    It has ``owner_agency`` and ``level`` beside ``record``. A transaction bound to no agency sees
    no detail, INTER_AGENCY or not.
    """
    own = "owner_agency = (SELECT app_agency())"
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON {table} TO reg_app;
CREATE POLICY {table}_select ON {table} FOR SELECT TO reg_app
  USING ({own} OR (level = 'INTER_AGENCY' AND (SELECT app_agency()) IS NOT NULL)
    OR (level = 'RESTRICTED' AND {shared_now(acl, record)}));
CREATE POLICY {table}_insert ON {table} FOR INSERT TO reg_app WITH CHECK ({own});
CREATE POLICY {table}_update ON {table} FOR UPDATE TO reg_app USING ({own}) WITH CHECK ({own});
"""
