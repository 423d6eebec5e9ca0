"""Tables of assessments: summaries, sealed details, who may read them, and who asked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.acl import AclColumns
from app.core.db import Base

_PURPOSE = "purpose ~ '^[A-Z_]{1,40}$'"
_STATUSES = "('draft', 'submitted', 'final', 'superseded', 'withdrawn', 'cancelled')"
_LEVELS = "('LOW', 'MODERATE', 'SIGNIFICANT', 'HIGH')"
_SHARE_LEVEL = "level IN ('summary', 'detail')"
_BASIS = "legal_basis ~ '^[a-z_]{1,40}$'"
_CONSENT = "legal_basis <> 'partner_consent' OR partner_consent_reference IS NOT NULL"


class Assessment(Base):
    """The summary of an assessment: what every agency may know, unless it is AGENCY_ONLY.

    ``level`` is the effective confidentiality: AGENCY_ONLY until it is final, and while the partner
    has the first word (``held_until``); then the chosen one. ``current_key`` names of what the
    owner has one current result for a partner. That a result has expired is a matter of its date.
    """

    __tablename__ = "assessments"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    type: Mapped[str] = mapped_column(Text)
    methodology: Mapped[str] = mapped_column(Text)
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    status: Mapped[str] = mapped_column(Text)
    conducted_on: Mapped[date | None]
    valid_until: Mapped[date | None]
    confidentiality: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    rating_scheme: Mapped[str | None] = mapped_column(Text)
    rating_value: Mapped[str | None] = mapped_column(Text)
    rating_dimension: Mapped[str | None] = mapped_column(Text)
    rating_level: Mapped[str | None] = mapped_column(Text)
    rating_source: Mapped[str | None] = mapped_column(Text)
    adjusted_value: Mapped[str | None] = mapped_column(Text)
    adjusted_level: Mapped[str | None] = mapped_column(Text)
    adjusted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    summary: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    assessor_kind: Mapped[str | None] = mapped_column(Text)
    assessor_name: Mapped[str | None] = mapped_column(Text)
    current_key: Mapped[str | None] = mapped_column(Text)
    # No foreign key: retention may erase the later result before the earlier one.
    superseded_by: Mapped[UUID | None]
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finalised_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    held_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # A submitted one of which the partner may see the summary, to comment on it.
    shown_to_partner_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawal_reason: Mapped[str | None] = mapped_column(Text)
    reminded_days: Mapped[int | None] = mapped_column(SmallInteger)
    redacted: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("id", "owner_agency"),
        UniqueConstraint("id", "owner_agency", "level"),
        Index("ix_assessments_created_at_id", "created_at", "id"),
        Index("ix_assessments_partner_id_created_at_id", "partner_id", "created_at", "id"),
        Index("ix_assessments_owner_agency_created_at_id", "owner_agency", "created_at", "id"),
        CheckConstraint("type ~ '^[a-z_]{1,40}$'", name="type"),
        # Whoever files twice at once waits here; see `life_cycle/superseding.py`.
        Index(
            "uq_assessments_current",
            *("owner_agency", "partner_id", "current_key"),
            unique=True,
            postgresql_where=text("status = 'final' AND current_key IS NOT NULL"),
        ),
        Index(
            "ix_assessments_valid_until",
            "valid_until",
            postgresql_where=text("status = 'final' AND reminded_days IS DISTINCT FROM 0"),
        ),
        Index(
            "ix_assessments_held_until",
            "held_until",
            postgresql_where=text("held_until IS NOT NULL"),
        ),
        CheckConstraint(f"status IN {_STATUSES}", name="status"),
        CheckConstraint(
            "confidentiality IN ('INTER_AGENCY', 'RESTRICTED', 'AGENCY_ONLY')",
            name="confidentiality",
        ),
        CheckConstraint(
            "level = CASE WHEN status IN ('draft', 'submitted', 'cancelled') OR held_until "
            "IS NOT NULL THEN 'AGENCY_ONLY' ELSE confidentiality END",
            name="level",
        ),
        CheckConstraint(
            "held_until IS NULL OR status IN ('final', 'superseded')", name="held_until"
        ),
        CheckConstraint("shown_to_partner_at IS NULL OR status <> 'draft'", name="shown"),
        CheckConstraint("(status = 'superseded') = (superseded_by IS NOT NULL)", name="superseded"),
        CheckConstraint("superseded_by <> id", name="superseded_by"),
        CheckConstraint(
            "(status = 'withdrawn') = (withdrawn_at IS NOT NULL) "
            "AND (withdrawn_at IS NULL) = (withdrawal_reason IS NULL)",
            name="withdrawn",
        ),
        CheckConstraint("withdrawal_reason ~ '^[A-Z_]{1,40}$'", name="withdrawal_reason"),
        CheckConstraint("status <> 'submitted' OR submitted_at IS NOT NULL", name="submitted"),
        CheckConstraint(
            "status IN ('draft', 'submitted', 'cancelled') OR finalised_at IS NOT NULL",
            name="finalised",
        ),
        CheckConstraint("(adjusted_value IS NULL) = (adjusted_at IS NULL)", name="adjusted"),
        CheckConstraint("adjusted_value IS NOT NULL OR adjusted_level IS NULL", name="adjusted_of"),
        CheckConstraint(f"adjusted_level IN {_LEVELS}", name="adjusted_level"),
        CheckConstraint("assessor_kind IS NOT NULL OR assessor_name IS NULL", name="assessor"),
        CheckConstraint(f"rating_level IN {_LEVELS}", name="rating_level"),
        CheckConstraint("rating_source IN ('computed', 'reported')", name="rating_source"),
        CheckConstraint(
            "status IN ('draft', 'cancelled') OR (conducted_on IS NOT NULL "
            "AND valid_until IS NOT NULL "
            "AND num_nulls(rating_scheme, rating_value, rating_dimension, rating_source) = 0)",
            name="complete",
        ),
        CheckConstraint("valid_until >= conducted_on", name="valid_until"),
        CheckConstraint("version >= 1", name="version"),
    )


class AssessmentDetail(Base):
    """The sealed body of an assessment, as of one version of it.

    Row security shows a redacted one to nobody; it is empty once the redaction is confirmed.
    """

    __tablename__ = "assessment_details"

    assessment_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID]
    level: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    redacted: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        CheckConstraint("redacted OR length(sealed) > 0", name="emptied"),
        # The level is in the key: a body can never be less confidential than its summary says.
        ForeignKeyConstraint(
            ["assessment_id", "owner_agency", "level"],
            ["assessments.id", "assessments.owner_agency", "assessments.level"],
            name="fk_assessment_details_assessments",
            onupdate="CASCADE",
        ),
    )


class AssessmentAcl(AclColumns, Base):
    """Who may read which assessment of another agency, at which level, for what, and when."""

    __tablename__ = "assessments_acl"
    __record_table__ = "assessments"


class AssessmentShare(Base):
    """The owner's decision to let another agency read; stays as history when it has ended."""

    __tablename__ = "assessment_shares"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    shared_with: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    level: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    active: Mapped[bool] = mapped_column(server_default="true")
    created_by_person: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    created_by_client: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None] = mapped_column(Text)
    access_request_id: Mapped[UUID | None] = mapped_column(ForeignKey("access_requests.id"))
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    legal_basis: Mapped[str] = mapped_column(Text, server_default="agreement")
    legal_reference: Mapped[str | None] = mapped_column(Text)
    partner_consent_reference: Mapped[str | None] = mapped_column(Text)
    sealed_note: Mapped[bytes | None] = mapped_column(LargeBinary)
    redacted: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        CheckConstraint(_BASIS, name="legal_basis"),
        CheckConstraint(_CONSENT, name="partner_consent"),
        ForeignKeyConstraint(
            ["assessment_id", "owner_agency"], ["assessments.id", "assessments.owner_agency"]
        ),
        # Not by time: an index cannot know the clock. An expired share is put out of use when
        # the next one is given.
        Index(
            "uq_assessment_shares_active",
            "assessment_id",
            "shared_with",
            "purpose",
            unique=True,
            postgresql_where=text("active"),
        ),
        Index("ix_assessment_shares_assessment_id_id", "assessment_id", "id"),
        # A request is answered by one share.
        Index("uq_assessment_shares_access_request_id", "access_request_id", unique=True),
        CheckConstraint(_SHARE_LEVEL, name="level"),
        CheckConstraint(_PURPOSE, name="purpose"),
        CheckConstraint("shared_with <> owner_agency", name="shared_with"),
        CheckConstraint("valid_until > valid_from", name="valid_until"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by"),
        CheckConstraint("revoked_at IS NULL OR NOT active", name="active"),
        CheckConstraint("ended_at IS NULL OR NOT active", name="ended"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_reason"),
        Index(
            "ix_assessment_shares_shared_with",
            "shared_with",
            postgresql_where=text("active"),
        ),
    )


class SharingPolicy(Base):
    """A standing share: the owner lets another agency read every record that fits, old and new.

    A column left empty fits every record; ``everything`` says that all three are meant to be. The
    policy's id is the share's id in the access list.
    """

    __tablename__ = "sharing_policies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    shared_with: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    level: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    type: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    everything: Mapped[bool] = mapped_column(server_default="false")
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    valid_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    active: Mapped[bool] = mapped_column(server_default="true")
    created_by_person: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    created_by_client: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    legal_basis: Mapped[str] = mapped_column(Text, server_default="agreement")
    legal_reference: Mapped[str | None] = mapped_column(Text)
    partner_consent_reference: Mapped[str | None] = mapped_column(Text)
    sealed_note: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        CheckConstraint(_BASIS, name="legal_basis"),
        CheckConstraint(_CONSENT, name="partner_consent"),
        UniqueConstraint("id", "owner_agency"),
        Index(
            "uq_sharing_policies_active",
            *("owner_agency", "shared_with", "level", "purpose"),
            *("type", "country", "partner_id", "roles"),
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("active"),
        ),
        Index("ix_sharing_policies_owner_agency_id", "owner_agency", "id"),
        Index("ix_sharing_policies_shared_with_id", "shared_with", "id"),
        CheckConstraint(_SHARE_LEVEL, name="level"),
        CheckConstraint(_PURPOSE, name="purpose"),
        CheckConstraint("type ~ '^[a-z_]{1,40}$'", name="type"),
        CheckConstraint("country ~ '^[A-Z]{3}$'", name="country"),
        CheckConstraint(
            "everything = (num_nonnulls(type, country, partner_id) = 0)", name="everything"
        ),
        CheckConstraint("shared_with <> owner_agency", name="shared_with"),
        CheckConstraint("valid_until > valid_from", name="valid_until"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by"),
        CheckConstraint("ended_at IS NULL OR NOT active", name="active"),
    )


class AccessRequest(Base):
    """One agency asks another for an assessment; both see it, nobody else does.

    ``reminded`` is how many days before ``answer_by`` the owner was last told of it.
    """

    __tablename__ = "access_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    level: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    sealed_justification: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(Text, server_default="open")
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    close_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    legal_basis: Mapped[str] = mapped_column(Text, server_default="agreement")
    legal_reference: Mapped[str | None] = mapped_column(Text)
    partner_consent_reference: Mapped[str | None] = mapped_column(Text)
    valid_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    answer_by: Mapped[date] = mapped_column(server_default=text("(CURRENT_DATE + 15)"))
    reminded: Mapped[int | None] = mapped_column(SmallInteger)
    justification_redacted: Mapped[bool] = mapped_column(server_default="false")
    reason_redacted: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        CheckConstraint(_BASIS, name="legal_basis"),
        CheckConstraint(_CONSENT, name="partner_consent"),
        Index(
            "ix_access_requests_answer_by", "answer_by", postgresql_where=text("status = 'open'")
        ),
        ForeignKeyConstraint(
            ["assessment_id", "owner_agency"], ["assessments.id", "assessments.owner_agency"]
        ),
        Index(
            "uq_access_requests_open",
            "assessment_id",
            "requested_by",
            "purpose",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_access_requests_owner_agency_id", "owner_agency", "id"),
        Index("ix_access_requests_requested_by_id", "requested_by", "id"),
        CheckConstraint(_SHARE_LEVEL, name="level"),
        CheckConstraint(_PURPOSE, name="purpose"),
        CheckConstraint("requested_by <> owner_agency", name="requested_by"),
        CheckConstraint(
            "status IN ('open', 'approved', 'denied', 'withdrawn', 'closed')", name="status"
        ),
        CheckConstraint("(status = 'closed') = (close_reason IS NOT NULL)", name="close_reason"),
        CheckConstraint(
            "(status IN ('approved', 'denied')) = (decided_by IS NOT NULL)", name="decided_by"
        ),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_at"),
        CheckConstraint("version >= 1", name="version"),
    )
