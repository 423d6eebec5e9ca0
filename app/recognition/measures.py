"""What measures of agencies mean for a clearance. Pure: facts in, reasons out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.recognition.requirements.sanctions import SanctionsRule
from app.recognition.rules import Outcome, modality
from app.sanctions.entries.cross_debarment import Debarment, unmet


@dataclass(frozen=True, slots=True)
class Weighed:
    """A reason with what it means alone."""

    code: str
    source: str
    outcome: Outcome
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom and for what: the calling agency, where the work is, and how it is paid for."""

    agency: str
    country: str | None
    modality: str | None


def weigh(entry: Mapping[str, Any], asked: Asked, rule: SanctionsRule | None) -> Weighed:
    """What one measure in force means.

    One that does not reach the work that is asked about, or belongs to another regime that the
    policy does not count, is told and referred, never silently left out. Another agency's measure
    is the caller's own where it has recognised it, or where its policy recognises measures on
    conditions that this one meets.
    """
    source = entry["imposing_agency"]
    about = {"entry_id": entry["entry_id"], "measure": entry["measure"]}
    contact = {"contact_office": entry["contact_office"], "contact": entry["contact_email"]}
    mild: Outcome = rule.conditions if rule else "REFER"
    if not entry["blocking"]:
        return Weighed("SANCTION_CONDITIONS", source, mild, about | contact)
    if not _reaches(entry.get("scope") or {}, asked):
        return Weighed("SANCTIONED_OTHER_SCOPE", source, mild, about | contact)
    counts = rule is not None and rule.vendor_measures == "COUNT"
    if entry.get("regime") == "VENDOR" and not counts:
        return Weighed("SANCTIONED_OTHER_REGIME", source, "REFER", about | contact)
    if source == asked.agency:
        interim = entry.get("level") == "RESTRICTED"
        return Weighed(
            "INTERIM_SUSPENSION" if interim else "SANCTIONED_OWN", source, "BLOCKED", about
        )
    return _of_another(entry, rule, source, about, contact)


def _of_another(
    entry: Mapping[str, Any],
    rule: SanctionsRule | None,
    source: str,
    about: dict[str, Any],
    contact: dict[str, Any],
) -> Weighed:
    recognition = entry.get("recognition")
    if recognition == "recognise":
        return Weighed(
            "SANCTIONED_RECOGNISED", source, "BLOCKED", about | contact | {"by": "decision"}
        )
    if recognition == "not_recognise":
        return Weighed("SANCTION_NOT_RECOGNISED", source, "CLEAR_WITH_CONDITIONS", about | contact)
    if rule is not None and rule.auto_recognise is not None:
        failed = unmet(_debarment(entry), rule.auto_recognise)
        told = about | contact | {"conditions": rule.auto_recognise}
        if not failed:
            return Weighed("SANCTIONED_RECOGNISED", source, "BLOCKED", told | {"by": "policy"})
        told |= {"unmet": failed}
        return Weighed("SANCTIONED_OTHER_AGENCY", source, rule.other_agency_blocking, told)
    outcome: Outcome = rule.other_agency_blocking if rule else "REFER"
    return Weighed("SANCTIONED_OTHER_AGENCY", source, outcome, about | contact)


def _reaches(scope: Mapping[str, Any], asked: Asked) -> bool:
    """Whether it holds for this work. What is not said about the work is taken to be reached, and
    so is a word that is no code where codes are named.
    """
    countries, modalities = scope.get("countries") or [], scope.get("modalities") or []
    said = asked.modality
    if modality(said) is None and any(map(modality, modalities)):
        said = None
    return (not countries or asked.country is None or asked.country in countries) and (
        not modalities or said is None or said in modalities
    )


def _day(value: Any) -> date | None:
    return date.fromisoformat(str(value)) if value else None


def _debarment(entry: Mapping[str, Any]) -> Debarment:
    """A measure of an agency, as an agreement looks at it: always the agency's own decision."""
    return Debarment(
        measure=entry["measure"],
        practices=entry.get("practices") or (),
        effective_from=_day(entry.get("effective_from")),
        effective_to=_day(entry.get("effective_to")),
        public=entry.get("level") == "PUBLIC",
        decided_on=_day(entry.get("decided_on")),
        practice_ended_on=_day(entry.get("practice_ended_on")),
        original=True,
    )


def suspended(facts: Sequence[Mapping[str, Any]]) -> Iterator[Weighed]:
    """RESTRICTED measures of others: whom to ask, and as much more as each lets be known."""
    for item in facts:
        code = "INTERIM_SUSPENSION" if item["counted"] == "named" else "CONSULT_OWNER"
        detail = {"contact_office": item["contact_office"], "contact": item["contact_email"]}
        yield Weighed(code, item["agency"], "REFER", detail)


def held_back(facts: Sequence[Mapping[str, Any]], asked: Asked) -> Iterator[Weighed]:
    """Transfer restrictions on a public authority: a condition, or a question to the owner.

    To a caller who may not read one: whom to ask. It never blocks: it is no sanction.
    """
    for item in facts:
        contact = {"contact_office": item["contact_office"], "contact": item["contact_email"]}
        if not item["shown"]:
            yield Weighed("CONSULT_OWNER", item["agency"], "REFER", contact)
            continue
        names = ("country", "suspended", "allowed", "starts_on", "ends_on")
        about = {"transfer_restriction_id": item["id"]} | {name: item[name] for name in names}
        free = modality(asked.modality) not in (None, *item["suspended"])
        elsewhere = asked.country is not None and asked.country != item["country"]
        outcome: Outcome = "CLEAR_WITH_CONDITIONS" if free or elsewhere else "REFER"
        yield Weighed("TRANSFER_RESTRICTION", item["agency"], outcome, about | contact)
