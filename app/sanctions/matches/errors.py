"""Errors of potential matches."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class MatchNotFound(NotFound):
    code = "match_not_found"
    title = "There is no such potential match."
    refusal = True


class MatchGone(ServiceError):
    status = 409
    code = "match_obsolete"
    title = "The two are no longer near each other; there is nothing to decide."


class MatchDecided(ServiceError):
    status = 409
    code = "match_already_decided"
    title = "The agency has said so already."


class MatchPending(ServiceError):
    status = 409
    code = "match_decision_pending"
    title = "A decision of the agency waits for its second person."


class MatchProposalNotFound(NotFound):
    code = "match_proposal_not_found"
    title = "There is no such decision that waits for a second person."


class MatchProposalSettled(ServiceError):
    status = 409
    code = "match_proposal_settled"
    title = "The decision was confirmed, refused, or has lapsed: one of the two sides changed."


class MatchSecondPerson(ServiceError):
    status = 409
    code = "match_second_person"
    title = "Another person than the one who proposed it has to confirm."


class OfferNotFound(NotFound):
    code = "match_offer_not_found"
    title = "No other agency's decision with this id can be accepted for this match."


class FactKindUnknown(ServiceError):
    status = 422
    code = "match_fact_kind"
    title = "This kind of fact is not asked about such a subject."


class FactsAsked(ServiceError):
    status = 409
    code = "match_facts_asked"
    title = "The partner has been asked and has not answered yet."


class FactsRequestNotFound(NotFound):
    code = "match_facts_not_found"
    title = "There is no such request for facts."


class FactsAnswered(ServiceError):
    status = 409
    code = "match_facts_answered"
    title = "The request was answered, or is no longer open."
