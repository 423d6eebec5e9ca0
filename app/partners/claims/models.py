"""Tables of invitations, claims, and disputes over who controls a profile."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_NOW = func.now()


class PartnerInvitation(Base):
    """A code, shown once, with which somebody may claim a profile; only its hash is kept."""

    __tablename__ = "partner_invitations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    inviter: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_email: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        UniqueConstraint("digest"),
        Index("ix_partner_invitations_partner_id_created_at_id", "partner_id", "created_at", "id"),
        CheckConstraint("length(digest) = 32", name="digest"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        CheckConstraint("num_nonnulls(used_at, revoked_at) < 2", name="used_at"),
    )


class PartnerClaim(Base):
    """Somebody says that they act for a partner: by invitation, or through an agency.

    ``client_id``: the client that an approved claim made. ``removed``: approved once, and ended
    by a later decision on control.
    """

    __tablename__ = "partner_claims"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    invitation_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_invitations.id"))
    filed_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    filed_person: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    sealed_claimant: Mapped[bytes] = mapped_column(LargeBinary)
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    document_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    state: Mapped[str] = mapped_column(Text, server_default="open")
    filed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    checked: Mapped[str | None] = mapped_column(Text)
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    decided_person: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    client_id: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        UniqueConstraint("client_id"),
        Index("ix_partner_claims_partner_id_filed_at_id", "partner_id", "filed_at", "id"),
        Index("ix_partner_claims_invitation_id", "invitation_id"),
        CheckConstraint("state IN ('open', 'approved', 'rejected', 'removed')", name="state"),
        CheckConstraint("num_nonnulls(invitation_id, filed_by) = 1", name="filed_by"),
        CheckConstraint("(filed_by IS NULL) = (filed_person IS NULL)", name="filed_person"),
        CheckConstraint("filed_by IS NULL OR cardinality(document_ids) > 0", name="document_ids"),
        CheckConstraint("jwks IS NOT NULL OR filed_by IS NOT NULL", name="jwks"),
        CheckConstraint(
            "num_nulls(checked, sealed_reason, decided_by, decided_person, decided_at) "
            "= CASE state WHEN 'open' THEN 5 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint("decided_person <> filed_person", name="decided_person"),
        CheckConstraint(
            "(state IN ('approved', 'removed')) = (client_id IS NOT NULL)", name="client_id"
        ),
        CheckConstraint("version >= 1", name="version"),
    )


class ControlDispute(Base):
    """Who acts for a claimed partner is in question: about one claim, until an agency decides.

    ``raised_by_client``: the administrator that objects; None where a new claim was filed.
    ``not_by``: the agency that approved what is contested, which does not decide.
    """

    __tablename__ = "partner_control_disputes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    claim_id: Mapped[UUID] = mapped_column(ForeignKey("partner_claims.id"))
    raised_by_client: Mapped[str | None] = mapped_column(Text)
    sealed_grounds: Mapped[bytes | None] = mapped_column(LargeBinary)
    raised_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    not_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    state: Mapped[str] = mapped_column(Text, server_default="open")
    outcome: Mapped[str | None] = mapped_column(Text)
    checked: Mapped[str | None] = mapped_column(Text)
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    decided_person: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        Index(
            "uq_partner_control_disputes_open",
            "partner_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_partner_control_disputes_claim_id", "claim_id"),
        CheckConstraint("state IN ('open', 'decided')", name="state"),
        CheckConstraint("outcome IN ('accept', 'replace', 'refuse')", name="outcome"),
        CheckConstraint(
            "(raised_by_client IS NULL) = (sealed_grounds IS NULL)", name="raised_by_client"
        ),
        CheckConstraint(
            "num_nulls(outcome, checked, sealed_reason, decided_by, decided_person, decided_at) "
            "= CASE state WHEN 'open' THEN 6 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint("decided_by <> not_by", name="decided_by"),
        CheckConstraint("version >= 1", name="version"),
    )
