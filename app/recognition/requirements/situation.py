"""For which work a rule is made. Pure.

What is not said about the work is taken to be what asks for more: a rule that begins above an
amount holds for an unknown one, and a rule up to an amount does not.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.core.codelists import Coded
from app.core.schemas import Money
from app.partners.types import PartnerType
from app.recognition.facts import Facts
from app.recognition.rules import Context, Data, modality

Modality = Annotated[str, Coded("cash_transfer_modalities")]


class AppliesWhen(Data):
    """Every condition given must hold. Amounts: beyond ``above_usd``, and not beyond ``up_to_usd``,
    of the amount asked about and of what the caller says it, or all agencies, gave already.
    """

    partner_types: tuple[PartnerType, ...] | None = Field(None, min_length=1)
    above_usd: Money | None = None
    up_to_usd: Money | None = None
    basis: Literal["per_year", "per_cycle"] = "per_year"
    cash_of: Literal["own", "all_agencies"] = "own"
    contact_with_beneficiaries: bool | None = None
    modalities: tuple[Modality, ...] | None = Field(None, min_length=1)
    contexts: tuple[Context, ...] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if (
            self.above_usd is not None
            and self.up_to_usd is not None
            and self.up_to_usd <= self.above_usd
        ):
            raise ValueError("up_to_usd must be more than above_usd")
        return self

    def holds(self, facts: Facts) -> bool:
        """Whether the rule is for this partner and this work."""
        return (
            self._of_type(facts)
            and self._of_amount(facts)
            and self._of_contact(facts.contact_with_beneficiaries)
            and (self.modalities is None or modality(facts.modality) in (None, *self.modalities))
            and (self.contexts is None or facts.context in self.contexts)
        )

    def _of_type(self, facts: Facts) -> bool:
        if self.partner_types is None or facts.partner is None:
            return True
        return facts.partner["partner_type"] in self.partner_types

    def _of_contact(self, known: bool | None) -> bool:
        if self.contact_with_beneficiaries is None:
            return True
        asks = True if known is None else known
        return asks == self.contact_with_beneficiaries

    def _of_amount(self, facts: Facts) -> bool:
        if self.above_usd is None and self.up_to_usd is None:
            return True
        least, whole = cash(facts, self.basis, self.cash_of)
        if self.up_to_usd is not None and (not whole or least > self.up_to_usd):
            return False
        return self.above_usd is None or not whole or least > self.above_usd


def cash(
    facts: Facts,
    basis: Literal["per_year", "per_cycle"],
    cash_of: Literal["own", "all_agencies"],
) -> tuple[Decimal, bool]:
    """How much cash there will be at least, and whether that is known to be all."""
    given = facts.cash
    yearly = basis == "per_year"
    own = given.own_year if yearly else given.own_cycle
    before = (given.all_year if yearly else given.all_cycle) if cash_of == "all_agencies" else own
    if cash_of == "all_agencies" and before is None:
        return own or Decimal(0), False
    if facts.amount is None:
        return before or Decimal(0), False
    asked = facts.amount * 12 / facts.months if yearly and facts.months > 12 else facts.amount
    return asked + (before or Decimal(0)), True
