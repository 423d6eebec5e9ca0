"""Table of shares with a group."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class SharingPolicyGroup(Base):
    """That a policy was given together with those for other agencies of a group.

    For its owner alone: a recipient does not learn who else was given the same.
    """

    __tablename__ = "sharing_policy_groups"

    policy_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID]
    group_id: Mapped[UUID]
    code: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        ForeignKeyConstraint(
            ["policy_id", "owner_agency"], ["sharing_policies.id", "sharing_policies.owner_agency"]
        ),
        Index("ix_sharing_policy_groups_owner_agency_group_id", "owner_agency", "group_id"),
        CheckConstraint("code ~ '^[A-Z_]{1,40}$'", name="code"),
    )
