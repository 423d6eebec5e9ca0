"""Tables of people and of what they ask for."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PartnerPerson(Base):
    """Somebody who stands for a partner. Names and how to reach them are sealed.

    ``added_by`` None: the partner itself. Once ``erased_at`` is set nothing of the body is left,
    here or among the kept versions. Each change raises ``version`` by one.
    """

    __tablename__ = "partner_people"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    version: Mapped[int] = mapped_column(server_default="1")
    role: Mapped[str] = mapped_column(Text)
    authorised: Mapped[bool]
    board_member: Mapped[bool]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_version: Mapped[int]
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    replaced_by: Mapped[UUID | None]
    notice_version: Mapped[str | None] = mapped_column(Text)
    notice_given_on: Mapped[date | None] = mapped_column(Date)
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    changed_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_partner_people_partner_id_id", "partner_id", "id"),
        UniqueConstraint("id", "partner_id"),
        ForeignKeyConstraint(
            ["replaced_by", "partner_id"], ["partner_people.id", "partner_people.partner_id"]
        ),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint(
            "role IN ('head', 'board_member', 'authorised_officer', 'other')", name="role"
        ),
        CheckConstraint("(sealed IS NULL) = (erased_at IS NOT NULL)", name="erased_at"),
        CheckConstraint("valid_to >= valid_from", name="valid_to"),
        CheckConstraint(
            "replaced_by IS NULL OR (replaced_by <> id AND valid_to IS NOT NULL)",
            name="replaced_by",
        ),
        CheckConstraint("num_nulls(notice_version, notice_given_on) IN (0, 2)", name="notice"),
    )


class PartnerPersonVersion(Base):
    """An entry as it was until ``recorded_to``. Written by a trigger; erased with the entry."""

    __tablename__ = "partner_people_versions"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("partner_people.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID]
    role: Mapped[str] = mapped_column(Text)
    authorised: Mapped[bool]
    board_member: Mapped[bool]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_version: Mapped[int]
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    changed_by: Mapped[UUID | None]
    recorded_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_to: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (CheckConstraint("recorded_from <= recorded_to", name="recorded"),)


class PersonRequest(Base):
    """What a named person asks for: access, correction or erasure. Answered by ``owner_agency``.

    ``filed_by`` None: through the partner itself.
    """

    __tablename__ = "partner_people_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    partner_id: Mapped[UUID]
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    filed_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    version: Mapped[int] = mapped_column(server_default="1")
    kind: Mapped[str] = mapped_column(Text)
    through: Mapped[str] = mapped_column(Text)
    received_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date] = mapped_column(Date)
    rules: Mapped[str] = mapped_column(Text)
    sealed_text: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="open")
    decision: Mapped[str | None] = mapped_column(Text)
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    announced_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        ForeignKeyConstraint(
            ["person_id", "partner_id"], ["partner_people.id", "partner_people.partner_id"]
        ),
        Index("ix_partner_people_requests_person_id", "person_id"),
        Index("ix_partner_people_requests_owner_agency_id", "owner_agency", "id"),
        Index(
            "ix_partner_people_requests_due_on",
            "due_on",
            postgresql_where=text("state = 'open' AND announced_at IS NULL"),
        ),
        CheckConstraint("kind IN ('access', 'correction', 'erasure')", name="kind"),
        CheckConstraint("through IN ('partner', 'agency', 'person')", name="through"),
        CheckConstraint("due_on > received_on", name="due_on"),
        CheckConstraint("state IN ('open', 'decided')", name="state"),
        CheckConstraint("decision IN ('granted', 'refused', 'partly')", name="decision"),
        CheckConstraint(
            "num_nulls(decision, sealed_reason, decided_by, decided_at) = "
            "CASE state WHEN 'open' THEN 4 ELSE 0 END",
            name="decided",
        ),
    )


class BlindKey(Base):
    """A key of the registry's own, sealed: people are found by what it makes of their names.

    Of ``tokens`` a new one may take its place; the retired one stays while tokens made by it are
    there. The one of ``subjects`` stays for ever: another would open every decided match again.
    """

    __tablename__ = "blind_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="current")
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("purpose IN ('tokens', 'subjects')", name="purpose"),
        CheckConstraint("state IN ('current', 'retired')", name="state"),
        CheckConstraint("(state = 'retired') = (retired_at IS NOT NULL)", name="retired_at"),
        CheckConstraint("purpose = 'tokens' OR state = 'current'", name="lasting"),
        Index(
            "uq_blind_keys_purpose_current",
            "purpose",
            unique=True,
            postgresql_where=text("state = 'current'"),
        ),
    )


class PersonTokens(Base):
    """What an entry's names are found by: keyed hashes of how their words are heard and written.

    ``sealed_version`` and ``made_by`` say of which names, and how, they were made. Empty once the
    person is no longer compared with the lists, gone when the body is erased. A new row takes the
    place of the one there was, by a trigger.
    """

    __tablename__ = "partner_person_tokens"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID]
    key_id: Mapped[UUID | None] = mapped_column(ForeignKey("blind_keys.id"))
    sealed_version: Mapped[int]
    made_by: Mapped[str] = mapped_column(Text)
    tokens: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))

    __table_args__ = (
        ForeignKeyConstraint(
            ["person_id", "partner_id"],
            ["partner_people.id", "partner_people.partner_id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("key_id IS NOT NULL OR tokens = '{}'", name="key_id"),
        Index("ix_partner_person_tokens_key_id", "key_id", "person_id"),
        Index(
            "ix_partner_person_tokens_tokens",
            "tokens",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
    )
