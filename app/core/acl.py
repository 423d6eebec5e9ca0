"""Access lists of confidential records: one table a feature, one row a (agency, record, share).

The owner's own right needs no row; row level security names it beside the list. Lists are driven
from this table, because ``own OR shared`` as a filter would read the whole record table.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column


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
        # The composite key ties the claimed owner to the record: nobody can share what is not
        # theirs, and the failure is the same for a record that does not exist.
        return (
            ForeignKeyConstraint(
                ["record_id", "owner_agency"],
                [f"{cls.__record_table__}.id", f"{cls.__record_table__}.owner_agency"],
                ondelete="CASCADE",
            ),
            Index(f"ix_{cls.__tablename__}_record_id", "record_id"),  # type: ignore[attr-defined]
        )
