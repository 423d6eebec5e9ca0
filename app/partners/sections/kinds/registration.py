"""Section registration: legal status, papers, or the reason why there are none."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from app.core.codelists import Coded
from app.core.schemas import Day, Flag, Schema
from app.partners.sections.kinds.since import Since
from app.partners.sections.texts import Prose, Words

REASON_TEXT = "missing_reason_text"
"""Field that is written only: its text is RESTRICTED and lies sealed elsewhere."""


class RegistrationCertificate(Schema):
    """A registration certificate."""

    number: Words = Field(examples=["OP.218/051/2004"])
    authority: Words = Field(examples=["Public Benefit Organizations Regulatory Authority"])
    issued_on: Day | None = None
    expires_on: Day | None = Field(None, examples=["2028-12-31"])

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.issued_on and self.expires_on and self.expires_on < self.issued_on:
            raise ValueError("a certificate cannot expire before it was issued")
        return self


class RegistrationSection(Schema):
    """Legal status."""

    has_governing_document: Flag | None = Field(None, description="statutes, charter or the like")
    governing_document_note: Prose | None = Field(None, description="why there is none")
    registered_to_operate: Flag | None = Field(None, description="in the country of the profile")
    certificates: list[RegistrationCertificate] | None = Field(None, max_length=10)
    missing_reason: Annotated[str, Coded("missing_registration_reasons")] | None = Field(
        None,
        description="why there is no valid certificate: an honest answer, that counts as complete; "
        "a code of `GET /v1/codelists/missing_registration_reasons`",
    )


class RegistrationPatch(Since, RegistrationSection):
    """JSON Merge Patch of the section: what is absent stays, null empties."""

    missing_reason_text: Prose | None = Field(
        None, description="explains the reason; RESTRICTED, so it is never in an answer to this"
    )


class RegistrationBody(RegistrationSection):
    """The section as it is read."""

    missing_reason_text_given: bool | None = Field(None, description="whether a text explains it")
