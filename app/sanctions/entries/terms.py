"""From what a decision says to the columns of its measure. Pure, but for the codes it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.sanctions.codes import CODES, Measure
from app.sanctions.entries import errors
from app.sanctions.entries.schemas import EffectsIn, IndividualIn, MeasureTerms, ScopeIn
from app.sanctions.errors import DateNotPossible


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A measure that a case's decision, or a recorded one, puts on the list.

    Of a partner, or of an ``individual``. A ``recorded`` one was decided outside the registry:
    on ``decided_on``, with the reference of its certificate of due process.
    """

    partner_id: UUID | None
    case_id: UUID | None
    practices: Sequence[str]
    terms: MeasureTerms
    procedure: str = "full"
    individual: IndividualIn | None = None
    level: str | None = None
    respondent_id: UUID | None = None
    decided_on: date | None = None
    certificate: str | None = None


def columns(new: NewEntry, agency: UUID, today: date) -> dict[str, Any]:
    """Values of the new measure.

    Raises MeasureNeedsPeriod, MeasureTermsInvalid or DateNotPossible.
    """
    terms, measure = new.terms, CODES.measures.codes[new.terms.measure]
    _check_dates(new, measure, today)
    scope = terms.scope or ScopeIn()
    return {
        "partner_id": new.partner_id,
        "imposing_agency": agency,
        "case_id": new.case_id,
        "respondent_id": new.respondent_id,
        "individual": new.individual.model_dump(mode="json") if new.individual else None,
        "affiliate_of": terms.affiliate_of.entry_id if terms.affiliate_of else None,
        "affiliate_relation": terms.affiliate_of.relation if terms.affiliate_of else None,
        "supersedes": terms.supersedes.entry_id if terms.supersedes else None,
        "regime": terms.regime,
        "measure": terms.measure,
        "blocking": measure.blocking,
        "level": _level(new, measure),
        "practices": list(new.practices),
        "practice_ended_on": terms.practice_ended_on,
        "procedure": new.procedure,
        "certificate": new.certificate,
        "legal_reference": terms.legal_reference,
        "decided_on": new.decided_on or today,
        "effective_from": terms.effective_from,
        "effective_to": terms.effective_to,
        "release_not_before": terms.release_not_before,
        "scope_countries": scope.countries,
        "scope_modalities": scope.modalities,
        "contact_office": terms.contact_office,
        "announced": "PENDING" if terms.effective_from > today else "ACTIVE",
        "version": 1,
    } | _effects(terms.effects or EffectsIn(), measure)


def _check_dates(new: NewEntry, measure: Measure, today: date) -> None:
    terms = new.terms
    if (terms.effective_to is None and measure.end == "required") or (
        terms.effective_to is not None and measure.end == "none"
    ):
        raise errors.MeasureNeedsPeriod
    if terms.effective_to is not None and terms.effective_to < max(terms.effective_from, today):
        raise DateNotPossible
    if new.decided_on is not None and new.decided_on > today:
        raise DateNotPossible
    if terms.practice_ended_on is not None and terms.practice_ended_on > today:
        raise DateNotPossible
    if terms.release_not_before is not None:
        if terms.measure != "DEBARMENT_CONDITIONAL_RELEASE":
            raise errors.MeasureTermsInvalid("release_not_before goes with a conditional release.")
        if terms.release_not_before < terms.effective_from:
            raise DateNotPossible
    wind_down = terms.effects.wind_down_until if terms.effects else None
    if wind_down is not None and wind_down < terms.effective_from:
        raise DateNotPossible


def _level(new: NewEntry, measure: Measure) -> str:
    """Who may know of it. Raises MeasureTermsInvalid for more than the kind of measure allows."""
    wanted = new.level or new.terms.level
    if measure.level == "RESTRICTED":
        if wanted not in (None, "RESTRICTED"):
            raise errors.MeasureTermsInvalid("A measure of this kind is RESTRICTED.")
        wanted = "RESTRICTED"
    if new.individual is not None and wanted not in (None, "INTER_AGENCY"):
        raise errors.MeasureTermsInvalid("A measure that names a person is INTER_AGENCY.")
    return wanted or "INTER_AGENCY"


def _effects(effects: EffectsIn, measure: Measure) -> dict[str, Any]:
    """Effects apart. A measure that blocks stops new agreements and, unless it says otherwise,
    renewals; payments and running agreements only where the decision says so.
    """
    stops = effects.running_agreements != "continue" or "stop" in (
        effects.payments_due,
        effects.renewals,
    )
    if not measure.blocking and stops:
        raise errors.MeasureTermsInvalid("A measure that does not block stops nothing.")
    default = "stop" if measure.blocking else "allowed"
    return {
        "new_agreements": default,
        "renewals": effects.renewals or default,
        "payments_due": effects.payments_due,
        "running_agreements": effects.running_agreements,
        "wind_down_until": effects.wind_down_until,
        "continuity_contact": effects.continuity_contact,
    }
