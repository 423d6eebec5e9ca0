"""Tables of sanction cases: the case, who answers in it, and what was written at its steps."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
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

NOW = func.now()
RELATIONS = ("CONTROLLING", "CONTROLLED", "COMMON_CONTROL", "SUCCESSOR", "ASSIGN", "PRINCIPAL")
STATES = (
    *("DRAFT", "NOTICE_ISSUED", "REPLY_RECORDED", "UNDER_REVIEW", "RECORDED"),
    *("IMPOSED", "DISMISSED", "WITHDRAWN"),
)
STEPS = (
    *("finding", "notice", "reply", "review", "decision", "dismissal", "withdrawal"),
    *("decision_notice", "appeal", "appeal_decision", "interim", "measure_review"),
    *("evidence", "verification", "release", "record", "certificate", "lift"),
)
TOLD = ("notice", "reply", "decision", "decision_notice", "appeal", "appeal_decision")
"""Steps that the respondent itself reads."""


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class SanctionCase(Base):
    """A case of one agency. AGENCY_ONLY; its texts are sealed in the steps.

    ``state``, ``decided_on`` and ``version`` follow its respondents by a trigger, which alone
    writes them; the state is that of the main respondent. ``procedure_id`` is the procedure in
    force when the partner was told. A RECORDED case is a decision taken elsewhere or earlier:
    ``legal_reference`` and ``document_sha256`` say where it is written.
    """

    __tablename__ = "sanction_cases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    track: Mapped[str] = mapped_column(Text, server_default="FULL")
    state: Mapped[str] = mapped_column(Text, server_default="DRAFT")
    version: Mapped[int] = mapped_column(server_default="1")
    practices: Mapped[list[str]] = mapped_column(ARRAY(Text))
    finding_on: Mapped[date | None]
    investigator_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    procedure_id: Mapped[UUID | None] = mapped_column(ForeignKey("sanction_procedures.id"))
    legal_reference: Mapped[str | None] = mapped_column(Text)
    document_sha256: Mapped[str | None] = mapped_column(Text)
    decided_on: Mapped[date | None]
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        UniqueConstraint("id", "agency_id"),
        UniqueConstraint("id", "agency_id", "investigator_id", "track"),
        Index("ix_sanction_cases_agency_id_id", "agency_id", "id"),
        Index("ix_sanction_cases_partner_id", "partner_id"),
        CheckConstraint(_one_of("state", STATES), name="state"),
        CheckConstraint("track IN ('FULL', 'RECORDED')", name="track"),
        CheckConstraint("cardinality(practices) > 0", name="practices"),
        CheckConstraint("track = 'RECORDED' OR finding_on IS NOT NULL", name="finding"),
        CheckConstraint(
            "num_nulls(legal_reference, document_sha256) = "
            "CASE track WHEN 'RECORDED' THEN 0 ELSE 2 END",
            name="recorded",
        ),
        CheckConstraint("document_sha256 ~ '^[0-9a-f]{64}$'", name="document_sha256"),
        CheckConstraint(
            "procedure_id IS NOT NULL OR track = 'RECORDED' OR state IN ('DRAFT', 'WITHDRAWN')",
            name="procedure_bound",
        ),
    )


class SanctionRespondent(Base):
    """A party to a case, with its own notice, reply, review and decision.

    The main one is the partner the case was opened on; affiliates and individuals follow, none of
    them listed without their own decision. The facts of an individual are sealed. The checks are
    the due process; what they cannot say (the order of states, periods of the procedure, whose
    persons act) the trigger ``sanction_respondent_moves`` says.
    """

    __tablename__ = "sanction_respondents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    investigator_id: Mapped[UUID]
    track: Mapped[str] = mapped_column(Text)
    main: Mapped[bool] = mapped_column(server_default="false")
    kind: Mapped[str] = mapped_column(Text)
    relation: Mapped[str] = mapped_column(Text)
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="DRAFT")
    notice_sent_on: Mapped[date | None]
    reply_due_on: Mapped[date | None]
    reply_received_on: Mapped[date | None]
    reply_waived: Mapped[bool] = mapped_column(server_default="false")
    reviewer_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    reviewed_on: Mapped[date | None]
    recommendation: Mapped[str | None] = mapped_column(Text)
    panel_members: Mapped[int | None]
    decider_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_on: Mapped[date | None]
    departed: Mapped[bool] = mapped_column(server_default="false")
    appeal_suspensive: Mapped[bool | None]
    entry_id: Mapped[UUID | None]
    decision_sent_on: Mapped[date | None]
    appeal_due_on: Mapped[date | None]
    review_due_on: Mapped[date | None]
    last_reviewed_on: Mapped[date | None]
    reminded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        ForeignKeyConstraint(
            ["case_id", "agency_id", "investigator_id", "track"],
            [
                "sanction_cases.id",
                "sanction_cases.agency_id",
                "sanction_cases.investigator_id",
                "sanction_cases.track",
            ],
            name="fk_sanction_respondents_case",
        ),
        UniqueConstraint("id", "case_id", "agency_id"),
        Index(
            "uq_sanction_respondents_main", "case_id", unique=True, postgresql_where=text("main")
        ),
        Index(
            "uq_sanction_respondents_partner",
            "case_id",
            "partner_id",
            unique=True,
            postgresql_where=text("partner_id IS NOT NULL"),
        ),
        Index("ix_sanction_respondents_partner_id", "partner_id"),
        Index(
            "ix_sanction_respondents_review_due_on",
            "review_due_on",
            postgresql_where=text("review_due_on IS NOT NULL"),
        ),
        CheckConstraint(_one_of("state", STATES), name="state"),
        CheckConstraint("kind IN ('PARTNER', 'INDIVIDUAL')", name="kind"),
        CheckConstraint(_one_of("relation", RELATIONS), name="relation"),
        CheckConstraint(
            "num_nulls(partner_id, sealed) = 1 AND (kind = 'PARTNER') = (partner_id IS NOT NULL)",
            name="who",
        ),
        CheckConstraint("NOT main OR (kind = 'PARTNER' AND relation = 'PRINCIPAL')", name="main"),
        CheckConstraint(
            "main OR track = 'FULL'",
            name="recorded_main",
        ),
        # ---- full track: notice, reply or the end of its period, review, decision
        CheckConstraint(
            "track = 'RECORDED' OR ((notice_sent_on IS NULL) = (state IN ('DRAFT', 'WITHDRAWN')) "
            "AND (reply_due_on IS NULL) = (notice_sent_on IS NULL))",
            name="notice_first",
        ),
        CheckConstraint("reply_received_on >= notice_sent_on", name="reply_after_notice"),
        CheckConstraint(
            "track = 'RECORDED' OR reply_received_on IS NULL OR notice_sent_on IS NOT NULL",
            name="reply_to_notice",
        ),
        CheckConstraint(
            "state <> 'REPLY_RECORDED' OR reply_received_on IS NOT NULL", name="reply_recorded"
        ),
        CheckConstraint(
            "num_nulls(reviewer_id, reviewed_on, recommendation, panel_members) IN (0, 4) "
            "AND (reviewer_id IS NULL OR state IN ('UNDER_REVIEW', 'IMPOSED', 'DISMISSED'))",
            name="reviewed",
        ),
        CheckConstraint("recommendation IN ('impose', 'do_not_impose')", name="recommendation"),
        CheckConstraint("panel_members >= 1", name="panel_members"),
        CheckConstraint("reviewer_id <> investigator_id", name="reviewer_not_investigator"),
        CheckConstraint(
            "decider_id <> investigator_id AND decider_id <> reviewer_id", name="decider_apart"
        ),
        CheckConstraint(
            "reviewer_id IS NULL OR reply_received_on IS NOT NULL OR reviewed_on > reply_due_on",
            name="reply_period",
        ),
        CheckConstraint("reviewed_on >= notice_sent_on", name="review_after_notice"),
        CheckConstraint(
            "state NOT IN ('UNDER_REVIEW', 'IMPOSED') OR track = 'RECORDED' "
            "OR reviewer_id IS NOT NULL",
            name="review_first",
        ),
        CheckConstraint(
            "(decider_id IS NOT NULL) = (state IN ('IMPOSED', 'DISMISSED')) "
            "AND (decided_on IS NOT NULL) = (decider_id IS NOT NULL OR track = 'RECORDED')",
            name="decided",
        ),
        CheckConstraint("decided_on >= reviewed_on", name="decided_after_review"),
        CheckConstraint("decided_on >= notice_sent_on", name="decided_after_notice"),
        CheckConstraint("decided_on >= reply_received_on", name="decided_after_reply"),
        # A review that advises against it stops the decision, unless it says why it departs.
        CheckConstraint(
            "state <> 'IMPOSED' OR recommendation IS DISTINCT FROM 'do_not_impose' OR departed",
            name="advised_against",
        ),
        CheckConstraint(
            "track = 'FULL' OR state IN ('RECORDED', 'IMPOSED', 'WITHDRAWN')", name="track_states"
        ),
        CheckConstraint("track = 'RECORDED' OR state <> 'RECORDED'", name="recorded_state"),
        # ---- after the decision
        CheckConstraint("entry_id IS NULL OR state = 'IMPOSED'", name="listed_by_decision"),
        CheckConstraint(
            "decision_sent_on >= decided_on AND appeal_due_on >= decision_sent_on",
            name="decision_notice",
        ),
        CheckConstraint(
            "track = 'RECORDED' OR ((decision_sent_on IS NULL) = (appeal_due_on IS NULL) "
            "AND (decision_sent_on IS NULL OR state = 'IMPOSED'))",
            name="appeal_route",
        ),
        CheckConstraint(
            "(review_due_on IS NULL AND last_reviewed_on IS NULL) OR state = 'IMPOSED'",
            name="measure_review",
        ),
    )


class SanctionCaseStep(Base):
    """What was written at one step of a case, sealed; insert-only.

    But for a redaction: row security shows a redacted step to nobody, and a confirmed one is
    empty. Only the database's own function writes these two columns. ``partner_id`` names the
    partner that reads the step itself; ``individual`` says that it speaks of one. ``office`` and
    ``function`` are those of the person then.
    """

    __tablename__ = "sanction_case_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    respondent_id: Mapped[UUID | None]
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    individual: Mapped[bool] = mapped_column(server_default="false")
    kind: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    office: Mapped[str | None] = mapped_column(Text)
    function: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    redacted: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        CheckConstraint("redacted OR length(sealed) > 0", name="emptied"),
        ForeignKeyConstraint(
            ["case_id", "agency_id"], ["sanction_cases.id", "sanction_cases.agency_id"]
        ),
        ForeignKeyConstraint(
            ["respondent_id", "case_id", "agency_id"],
            [
                "sanction_respondents.id",
                "sanction_respondents.case_id",
                "sanction_respondents.agency_id",
            ],
            name="fk_sanction_case_steps_respondent",
        ),
        Index("ix_sanction_case_steps_case_id_id", "case_id", "id"),
        Index(
            "ix_sanction_case_steps_partner_id",
            "partner_id",
            postgresql_where=text("partner_id IS NOT NULL"),
        ),
        CheckConstraint(_one_of("kind", STEPS), name="kind"),
        CheckConstraint(f"partner_id IS NULL OR {_one_of('kind', TOLD)}", name="told"),
        CheckConstraint(
            "person_id IS NOT NULL OR (kind IN ('reply', 'appeal') AND partner_id IS NOT NULL)",
            name="person",
        ),
    )
