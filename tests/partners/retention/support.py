"""Records that come of age: made through the API, moved in time as only an operator could."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from app.core.db import Database, bind_now
from app.core.ids import new_id, new_secret_id
from app.partners.bulk import extras
from app.partners.bulk.files.unpp import Report, Statement
from app.sanctions.matches.items import found_for_entry
from tests.assessments.factories import make_assessment, make_share, request_body
from tests.assessments.plans.support import agreed_plan
from tests.conftest import ApiFor
from tests.partners.bulk.test_bulk import line, send
from tests.partners.claims.support import DECISION, V1, claim_body
from tests.partners.documents.factories import announce, upload
from tests.partners.factories import make_partner
from tests.partners.flags.support import make_flag
from tests.partners.identifiers.test_disputes import disputed
from tests.partners.identifiers.test_service import unpp
from tests.partners.objections.test_objections import objection_body
from tests.partners.people.factories import add_person, file_request
from tests.partners.verifications.factories import complete_partner, verify
from tests.sanctions.cases.support import Case as SanctionCase
from tests.sanctions.factories import decided_upon, ended
from tests.sanctions.fraud_cases.support import Fraud
from tests.sanctions.matches.support import URL as MATCHES
from tests.sanctions.matches.support import a_find, match_of, say
from tests.support import Api


@dataclass
class Hands:
    """Who makes records, and who moves them in time."""

    api_for: ApiFor
    operator: Database

    async def unicef(self) -> Api:
        return await self.api_for("UNICEF")

    async def shift(self, statement: str, **values: Any) -> None:
        """Past every trigger, as only time could."""
        async with self.operator.session() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(
                text(statement.replace(":back", "CAST(:back AS interval)")), values
            )


Make = Callable[[Hands, str], Awaitable[str]]


@dataclass(frozen=True)
class Case:
    """A rule: how its record comes to be, how it ages (``:back`` ago), where it must be gone."""

    rule: str
    make: Make
    age: str
    gone: tuple[str, ...]
    holdable: bool = True


async def _person(hands: Hands, partner: str) -> str:
    return str((await add_person(await hands.unicef(), partner))["id"])


async def _match(hands: Hands, partner: str) -> str:
    """A potential match that was found to be none, about which the partner had been asked."""
    unicef, found = await hands.unicef(), a_find(partner)
    async with hands.operator.session() as session:
        await found_for_entry(session, unicef.ring, found.entry_id, [found])
    match = await match_of(unicef, partner)
    asked = {"kinds": ["founders"], "reason": "Canary: no case is open."}
    await unicef.made(f"{MATCHES}/{match['id']}/facts-request", asked)
    return str((await say(unicef, match))["id"])


async def _request(hands: Hands, partner: str) -> str:
    person = await _person(hands, partner)
    return str((await file_request(await hands.unicef(), partner, person))["id"])


async def _document(hands: Hands, partner: str) -> str:
    return str((await upload(await hands.unicef(), partner))["id"])


async def _superseded(hands: Hands, partner: str) -> str:
    old = await _document(hands, partner)
    await upload(await hands.unicef(), partner, supersedes=old)
    return old


async def _draft(hands: Hands, partner: str) -> str:
    return str((await announce(await hands.unicef(), partner))["id"])


async def _self_assessment(hands: Hands, partner: str) -> str:
    one = str(uuid4())
    await hands.shift(
        "INSERT INTO psea_self_assessments (id, partner_id, agency_id, methodology, sealed, "
        "made_by_client) SELECT :id, :partner, g.id, 'UN-PSEA-2020', 'x', 'PARTNER' "
        "FROM agencies g WHERE g.code = 'UNICEF'",
        id=UUID(one),
        partner=UUID(partner),
    )
    return one


async def _flag(hands: Hands, partner: str) -> str:
    return str((await make_flag(await hands.unicef(), partner))["id"])


async def _objection(hands: Hands, partner: str) -> str:
    flag, url = await _flag(hands, partner), f"/v1/partners/{partner}/objections"
    return str(
        (await (await hands.unicef()).made(url, objection_body(flag, evidence=[str(uuid4())])))[
            "id"
        ]
    )


async def _pair(hands: Hands, partner: str) -> str:
    other, pair = (await make_partner(await hands.unicef()))["id"], new_id()
    await hands.shift(
        "DELETE FROM possible_duplicates WHERE :a IN (partner_a, partner_b)", a=UUID(partner)
    )
    await hands.shift(
        """INSERT INTO possible_duplicates (id, partner_a, partner_b, version_a, version_b, score,
          matched_on, rules, state, decided_by, decided_at, reason)
        SELECT :id, least(CAST(:a AS uuid), :b), greatest(CAST(:a AS uuid), :b),
          1, 1, 0.9, '{name}', '2026.1', 'dismissed',
          id, now(), 'Two offices.' FROM agencies WHERE code = 'UNICEF'""",
        id=pair,
        a=UUID(partner),
        b=UUID(other),
    )
    return str(pair)


async def _comments(hands: Hands, partner: str) -> str:
    unicef = await hands.unicef()
    other = await complete_partner(unicef, hands.operator)
    made = str((await verify(unicef, other, comments={"mandate": "Canary: seen."}))["id"])
    await hands.shift(
        "UPDATE partner_verifications SET partner_id = :partner WHERE id = :id",
        id=UUID(made),
        partner=UUID(partner),
    )
    return made


async def _assessment(hands: Hands, partner: str) -> str:
    made = await make_assessment(await hands.unicef(), partner)
    await make_share(await hands.unicef(), made["id"])
    undp = await hands.api_for("UNDP")
    request = await undp.made("/v1/access-requests", request_body(made["id"]))
    await hands.shift(
        "UPDATE access_requests SET status = 'withdrawn' WHERE id = :id", id=UUID(request["id"])
    )
    return str(made["id"])


async def _screening(hands: Hands, partner: str) -> str:
    body = {"subject": {"kind": "person", "names": ["Canary Screened"]}}
    return str((await (await hands.unicef()).made("/v1/screenings", body))["screening_id"])


async def _entry(hands: Hands, partner: str) -> str:
    return str((await decided_upon(hands.api_for, partner))["entry_id"])


async def _annulled_entry(hands: Hands, partner: str) -> str:
    entry = await decided_upon(hands.api_for, partner)
    await ended(hands.api_for, entry, "annul")
    return str(entry["entry_id"])


async def _case_of(hands: Hands, entry: str, statement: str) -> str:
    async with hands.operator.session() as session:
        case = await session.scalar(
            text("SELECT case_id FROM sanction_entries WHERE id = :id"), {"id": UUID(entry)}
        )
    await hands.shift(statement, id=UUID(entry))
    return str(case)


async def _case(hands: Hands, partner: str) -> str:
    entry = await _entry(hands, partner)
    await hands.shift("DELETE FROM restraints WHERE source_id = :id", id=UUID(entry))
    return await _case_of(hands, entry, "DELETE FROM sanction_entries WHERE id = :id")


async def _dismissed(hands: Hands, partner: str) -> str:
    case = await SanctionCase.open(hands.api_for, partner=partner)
    await case.told()
    await (await case.decider()).made(f"{case.url}/dismissal", {"reason": "Canary"})
    return str(case.opened["id"])


async def _annulled(hands: Hands, partner: str) -> str:
    return await _case_of(
        hands,
        await _entry(hands, partner),
        "UPDATE sanction_entries SET voided_at = now(), end_reason = 'annulled', "
        "ended_on = current_date WHERE id = :id",
    )


async def _claim(hands: Hands, partner: str) -> str:
    url = f"/v1/partners/{partner}/claims"
    made = str((await (await hands.unicef()).made(url, claim_body()))["id"])
    done = await (await hands.api_for("UNHCR")).post(
        f"{url}/{made}/decision", json=DECISION | {"decision": "reject"}, headers=V1
    )
    assert done.status_code == 200, done.text
    return made


async def _control_dispute(hands: Hands, partner: str) -> str:
    made, claim = new_id(), await _claim(hands, partner)
    await hands.shift(
        """INSERT INTO partner_control_disputes (id, partner_id, claim_id, state, outcome, checked,
          sealed_reason, decided_by, decided_person, decided_at)
        SELECT :id, partner_id, id, 'decided', 'refuse', checked, sealed_reason, decided_by,
          decided_person, decided_at FROM partner_claims WHERE id = :claim""",
        id=made,
        claim=UUID(claim),
    )
    return str(made)


async def _invitation(hands: Hands, partner: str) -> str:
    url = f"/v1/partners/{partner}/invitations"
    return str((await (await hands.unicef()).made(url, {"email": "a@amani.example"}))["id"])


async def _correction(hands: Hands, partner: str) -> str:
    await hands.shift("UPDATE partners SET control = 'partner' WHERE id = :id", id=UUID(partner))
    body = {"pointer": "/profile/acronym", "proposed": "CAN", "reason": "Canary: their letter."}
    url = f"/v1/partners/{partner}/corrections"
    return str((await (await hands.unicef()).made(url, body))["id"])


async def _identifier_dispute(hands: Hands, partner: str) -> str:
    made = str((await disputed(hands.api_for, unpp())).dispute["id"])
    await hands.shift(
        "UPDATE identifier_disputes SET partner_id = :partner WHERE id = :id",
        id=UUID(made),
        partner=UUID(partner),
    )
    return made


async def _load(hands: Hands, partner: str) -> str:
    answer = await send(await hands.unicef(), line())
    made = str(answer.headers["location"].rsplit("/", 1)[1])
    await hands.shift("DELETE FROM partner_keys WHERE load_id = :id", id=UUID(made))
    return made


async def _loaded(hands: Hands, partner: str, what: str) -> str:
    """What comes with a load beside its partners: a report, or a statement."""
    unicef = await hands.unicef()
    load = UUID(await _load(hands, partner))
    async with hands.operator.session() as session:
        agency = await session.scalar(text("SELECT id FROM agencies WHERE code = 'UNICEF'"))
        await bind_now(session, agency)
        if what == "partner_load_reports":
            said = Report("verification", "verified", "UNHCR", None)
            await extras.keep_reports(session, agency, load, [(UUID(partner), said)])
        else:
            word = Statement(uuid4().hex, "YELLOW", "FINANCIAL", "", "Canary: receipts.", None)
            await extras.keep_statement(session, unicef.ring, load, UUID(partner), agency, word)
        return str(
            await session.scalar(
                text(f"SELECT id FROM {what} WHERE load_id = :load"), {"load": load}
            )
        )


async def _report(hands: Hands, partner: str) -> str:
    return await _loaded(hands, partner, "partner_load_reports")


async def _statement(hands: Hands, partner: str) -> str:
    return await _loaded(hands, partner, "pending_statements")


async def _deactivation(hands: Hands, partner: str) -> str:
    body = {"reason_code": "PARTNER_REQUEST", "reason": "Canary: the board asked for it."}
    url = f"/v1/partners/{partner}/deactivation"
    return str((await (await hands.unicef()).made(url, body))["id"])


async def _comment(hands: Hands, partner: str) -> str:
    made, about = new_id(), await _comments(hands, partner)
    await hands.shift(
        """INSERT INTO statement_comments (id, partner_id, subject_kind, subject_id, owner_agency,
          sealed, made_by_client, made_at)
        SELECT :id, partner_id, 'verification', id, agency_id, 'x', 'a-client',
          now() - interval '9 days' FROM partner_verifications WHERE id = :about""",
        id=made,
        about=UUID(about),
    )
    return str(made)


async def _plan(hands: Hands, partner: str) -> str:
    return str((await agreed_plan(await hands.unicef(), partner))["id"])


async def _restriction(hands: Hands, partner: str) -> str:
    made = new_id()
    await hands.shift(
        """INSERT INTO sea_restrictions (id, partner_id, owner_agency, contact_office,
          contact_email, review_by, set_by, lifted_by, lifted_at)
        SELECT :id, :partner, p.agency_id, 'Audit', 'audit@unicef.example', current_date + 90,
          p.id, p.id, now() FROM persons p LIMIT 1""",
        id=made,
        partner=UUID(partner),
    )
    return str(made)


async def _transfer_restriction(hands: Hands, partner: str) -> str:
    made = new_secret_id()
    await hands.shift(
        """INSERT INTO transfer_restrictions (id, partner_id, owner_agency, country, suspended,
          reason, starts_on, ends_on, review_by, state, sealed, set_by)
        SELECT :id, :partner, p.agency_id, 'KEN', '{direct_payment}', 'OTHER', current_date - 9,
          current_date - 1, current_date, 'set', 'x', p.id FROM persons p LIMIT 1""",
        id=made,
        partner=UUID(partner),
    )
    return str(made)


async def _fraud(hands: Hands, partner: str) -> str:
    case = await Fraud.open(hands.api_for, partner=partner)
    await case.substantiated()
    for amount in ("60.00", "40.00"):
        assert (await case.recovered(amount)).status_code == 201
    assert (await case.stage("closed")).status_code == 200
    return str(case.opened["id"])


async def _unfounded(hands: Hands, partner: str) -> str:
    case = await Fraud.open(hands.api_for, partner=partner)
    assert (await case.stage("unsubstantiated")).status_code == 200
    return str(case.opened["id"])


_FRAUD = (
    "SELECT 1 FROM fraud_cases WHERE id = :id",
    "SELECT 1 FROM fraud_case_history WHERE fraud_case_id = :id",
    "SELECT 1 FROM fraud_case_acts WHERE fraud_case_id = :id",
    "SELECT 1 FROM fraud_case_amounts WHERE fraud_case_id = :id",
    "SELECT 1 FROM fraud_cases_acl WHERE record_id = :id",
)
_PERSON = (
    "SELECT 1 FROM partner_people WHERE id = :id AND sealed IS NOT NULL",
    "SELECT 1 FROM partner_people_versions WHERE person_id = :id AND sealed IS NOT NULL",
)
_DOCUMENT = ("SELECT 1 FROM partner_documents WHERE id = :id",)


async def _clearance(hands: Hands, partner: str) -> str:
    body = {"partner": {"id": partner}, "country": "KEN", "purpose": "RENEWAL"}
    return str((await (await hands.unicef()).made("/v1/clearances", body))["clearance_id"])


async def _decision(hands: Hands, partner: str) -> str:
    """With a requirement that was waived, and met since."""
    one = await _clearance(hands, partner)
    about = {"decision": "not_signed", "reason": "NOT_SELECTED", "level": "officer"}
    url = f"/v1/clearances/{one}/decision"
    await (await hands.unicef()).made(url, about, headers={"If-Match": '"v1"'})
    await hands.shift(
        """INSERT INTO clearance_waivers (id, clearance_id, agency_id, requirement, reason, office,
          complete_by, completed_on, completed_by, completed_with)
        SELECT uuidv7(), c.id, c.agency_id, 'PSEA', 'LIFE_SAVING', 'HQ', current_date, current_date,
          (SELECT id FROM persons LIMIT 1), c.id FROM clearances c WHERE c.id = :id""",
        id=UUID(one),
    )
    return one


async def _question(hands: Hands, partner: str) -> str:
    made = new_id()
    await hands.shift(
        """INSERT INTO clearance_questions (id, clearance_id, agency_id, owner_agency, subject_kind,
          subject_id, question, asked_by)
        SELECT :id, c.id, c.agency_id, o.id, 'assessment', c.id, 'STILL_VALID', p.id
        FROM clearances c, agencies o, persons p
        WHERE c.id = :about AND o.code = 'WFP' AND p.agency_id = c.agency_id LIMIT 1""",
        id=made,
        about=UUID(await _clearance(hands, partner)),
    )
    return str(made)


CASES = (
    Case(
        "clearance_decisions",
        _decision,
        "UPDATE clearance_decisions SET decided_at = now() - :back WHERE clearance_id = :id",
        (
            "SELECT 1 FROM clearance_decisions WHERE clearance_id = :id",
            "SELECT 1 FROM clearance_waivers WHERE clearance_id = :id",
        ),
    ),
    Case(
        "clearance_recognitions",
        _clearance,
        "UPDATE clearance_recognitions SET at = now() - :back WHERE clearance_id = :id",
        ("SELECT 1 FROM clearance_recognitions WHERE clearance_id = :id",),
    ),
    Case(
        "clearance_questions",
        _question,
        "UPDATE clearance_questions SET asked_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM clearance_questions WHERE id = :id",),
    ),
    Case(
        "clearance_contents",
        _clearance,
        "UPDATE clearances SET evaluated_at = now() - :back WHERE id = :id",
        (
            "SELECT 1 FROM clearances WHERE id = :id AND num_nonnulls(sealed_request, "
            "sealed_answer, sealed_inputs) > 0",
            # What was answered, and by which versions, stays.
            "SELECT 1 FROM (SELECT 1) one WHERE NOT EXISTS (SELECT FROM clearances "
            "WHERE id = :id AND length(receipt_payload) > 0)",
        ),
    ),
    Case(
        "people_replaced",
        _person,
        "UPDATE partner_people SET valid_from = NULL, valid_to = (now() - :back)::date, "
        "updated_at = now() - :back WHERE id = :id",
        _PERSON,
    ),
    Case(
        "capacity_plans",
        _plan,
        """UPDATE capacity_plans SET status = 'completed', closed_at = now() - :back,
          closed_by = (SELECT id FROM persons LIMIT 1), agreed_on = (now() - :back)::date - 100,
          window_ends_on = (now() - :back)::date, window_limit_on = (now() - :back)::date,
          updated_at = now() - :back WHERE id = :id""",
        (
            "SELECT 1 FROM capacity_plans WHERE id = :id",
            "SELECT 1 FROM capacity_plan_actions WHERE plan_id = :id",
            "SELECT 1 FROM capacity_plan_steps WHERE plan_id = :id",
        ),
    ),
    Case(
        "sea_restrictions",
        _restriction,
        "UPDATE sea_restrictions SET lifted_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM sea_restrictions WHERE id = :id",),
    ),
    Case(
        "people_inactive",
        _person,
        """WITH one AS (UPDATE partner_people SET updated_at = now() - :back WHERE id = :id
            RETURNING partner_id),
          keys AS (UPDATE partner_identifiers SET created_at = now() - :back
            WHERE partner_id IN (SELECT partner_id FROM one)),
          parts AS (UPDATE partner_sections SET updated_at = now() - :back
            WHERE partner_id IN (SELECT partner_id FROM one))
        UPDATE partners SET updated_at = now() - :back
          WHERE id IN (SELECT partner_id FROM one)""",
        _PERSON,
    ),
    Case(
        "person_requests",
        _request,
        """UPDATE partner_people_requests SET state = 'decided', decision = 'refused',
          sealed_reason = sealed_text, decided_at = now() - :back,
          decided_by = (SELECT id FROM persons LIMIT 1) WHERE id = :id""",
        ("SELECT 1 FROM partner_people_requests WHERE id = :id",),
    ),
    Case(
        "documents_deleted",
        _document,
        "UPDATE partner_documents SET deleted_at = now() - :back, deleted_reason = 'wrong_file' "
        "WHERE id = :id",
        _DOCUMENT,
    ),
    Case(
        "documents_superseded",
        _superseded,
        "UPDATE partner_documents SET uploaded_at = now() - :back WHERE supersedes = :id",
        _DOCUMENT,
    ),
    Case(
        "documents_unfinished",
        _draft,
        "UPDATE partner_documents SET created_at = now() - :back WHERE id = :id",
        _DOCUMENT,
    ),
    Case(
        "duplicates_dismissed",
        _pair,
        "UPDATE possible_duplicates SET decided_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM possible_duplicates WHERE id = :id",),
    ),
    Case(
        "verification_comments",
        _comments,
        "UPDATE partner_verifications SET verified_on = (now() - :back)::date, "
        "valid_until = (now() - :back)::date WHERE id = :id",
        ("SELECT 1 FROM partner_verification_notes WHERE verification_id = :id",),
    ),
    Case(
        "psea_self_assessments",
        _self_assessment,
        "UPDATE psea_self_assessments SET updated_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM psea_self_assessments WHERE id = :id",),
    ),
    Case(
        "assessments",
        _assessment,
        "UPDATE assessments SET conducted_on = (now() - :back)::date, "
        "valid_until = (now() - :back)::date, updated_at = now() - :back WHERE id = :id",
        (
            "SELECT 1 FROM assessments WHERE id = :id",
            "SELECT 1 FROM assessment_details WHERE assessment_id = :id",
            "SELECT 1 FROM assessment_shares WHERE assessment_id = :id",
            "SELECT 1 FROM assessments_acl WHERE record_id = :id",
            "SELECT 1 FROM access_requests WHERE assessment_id = :id",
        ),
    ),
    Case(
        "screening_subjects",
        _screening,
        "UPDATE screenings SET at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM screenings WHERE id = :id AND sealed IS NOT NULL",),
        holdable=False,
    ),
    Case(
        "screenings",
        _screening,
        "UPDATE screenings SET at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM screenings WHERE id = :id",),
        holdable=False,
    ),
    Case(
        "potential_matches",
        _match,
        "UPDATE screening_matches SET settled_at = now() - :back WHERE id = :id",
        (
            "SELECT 1 FROM screening_matches WHERE id = :id",
            "SELECT 1 FROM match_decisions WHERE match_id = :id",
            "SELECT 1 FROM match_questions WHERE match_id = :id",
        ),
    ),
    Case(
        "sanctions_ended",
        _entry,
        "UPDATE sanction_entries SET effective_from = (now() - :back)::date - 30, "
        "effective_to = (now() - :back)::date - 1 WHERE id = :id",
        (
            "SELECT 1 FROM sanction_entries WHERE id = :id",
            "SELECT 1 FROM sanction_entry_history WHERE id = :id",
            "SELECT 1 FROM sanction_conditions WHERE entry_id = :id",
            "SELECT 1 FROM sanction_entry_acts WHERE entry_id = :id",
            "SELECT 1 FROM sanction_recognitions WHERE entry_id = :id",
        ),
    ),
    Case(
        "entries_annulled",
        _annulled_entry,
        "UPDATE sanction_entries SET voided_at = now() - :back WHERE id = :id",
        (
            "SELECT 1 FROM sanction_entry_history WHERE id = :id",
            "SELECT 1 FROM sanction_conditions WHERE entry_id = :id",
            "SELECT 1 FROM sanction_entry_acts WHERE entry_id = :id",
            "SELECT 1 FROM sanction_recognitions WHERE entry_id = :id",
        ),
    ),
    Case(
        "sanction_cases",
        _case,
        "UPDATE sanction_cases SET decided_on = (now() - :back)::date WHERE id = :id",
        (
            "SELECT 1 FROM sanction_cases WHERE id = :id",
            "SELECT 1 FROM sanction_case_steps WHERE case_id = :id",
        ),
    ),
    Case(
        "sanction_cases_closed",
        _dismissed,
        "UPDATE sanction_cases SET decided_on = (now() - :back)::date WHERE id = :id",
        (
            "SELECT 1 FROM sanction_cases WHERE id = :id",
            "SELECT 1 FROM sanction_respondents WHERE case_id = :id",
            "SELECT 1 FROM sanction_case_steps WHERE case_id = :id",
        ),
    ),
    Case(
        "transfer_restrictions",
        _transfer_restriction,
        """UPDATE transfer_restrictions SET starts_on = (now() - :back)::date - 9,
          ends_on = (now() - :back)::date - 1 WHERE id = :id""",
        ("SELECT 1 FROM transfer_restrictions WHERE id = :id",),
    ),
    Case(
        "fraud_cases_closed",
        _fraud,
        "UPDATE fraud_cases SET closed_on = (now() - :back)::date WHERE id = :id",
        _FRAUD,
    ),
    Case(
        "fraud_cases_unsubstantiated",
        _unfounded,
        "UPDATE fraud_cases SET outcome_on = (now() - :back)::date WHERE id = :id",
        _FRAUD,
    ),
    Case(
        "cases_annulled",
        _annulled,
        "UPDATE sanction_entries SET ended_on = (now() - :back)::date WHERE case_id = :id",
        ("SELECT 1 FROM sanction_case_steps WHERE case_id = :id",),
    ),
    Case(
        "flags_unsubstantiated",
        _flag,
        "UPDATE partner_flags SET state = 'invalid', closed_by = author, "
        "closed_at = now() - :back WHERE id = :id",
        (
            "SELECT 1 FROM partner_flags WHERE id = :id",
            "SELECT 1 FROM partner_flag_texts WHERE flag_id = :id",
            "SELECT 1 FROM partner_flag_steps WHERE flag_id = :id",
        ),
    ),
    Case(
        "objections",
        _objection,
        "UPDATE objections SET state = 'withdrawn', raised_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM objections WHERE id = :id",),
    ),
    Case(
        "control_disputes",
        _control_dispute,
        "UPDATE partner_control_disputes SET decided_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM partner_control_disputes WHERE id = :id",),
    ),
    Case(
        "claims",
        _claim,
        "UPDATE partner_claims SET decided_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM partner_claims WHERE id = :id",),
    ),
    Case(
        "invitations",
        _invitation,
        "UPDATE partner_invitations SET created_at = now() - :back - interval '30 days', "
        "expires_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM partner_invitations WHERE id = :id",),
    ),
    Case(
        "corrections",
        _correction,
        "UPDATE partner_corrections SET state = 'accepted', sealed_reason = sealed, "
        "decided_client = 'a-client', decided_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM partner_corrections WHERE id = :id",),
    ),
    Case(
        "identifier_disputes",
        _identifier_dispute,
        """UPDATE identifier_disputes SET status = 'decided', decided_for = holder_id,
          sealed_reason = sealed_grounds, decided_by = raised_by, decided_at = now() - :back,
          decided_person = (SELECT id FROM persons WHERE id <> raised_person LIMIT 1)
        WHERE id = :id""",
        ("SELECT 1 FROM identifier_disputes WHERE id = :id",),
    ),
    Case(
        "loaded_statements_decided",
        _statement,
        "UPDATE pending_statements SET state = 'rejected', decided_at = now() - :back, "
        "decided_by = (SELECT id FROM persons LIMIT 1) WHERE id = :id",
        ("SELECT 1 FROM pending_statements WHERE id = :id AND length(sealed) > 0",),
    ),
    Case(
        "loaded_statements_waiting",
        _statement,
        "UPDATE pending_statements SET loaded_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM pending_statements WHERE id = :id AND length(sealed) > 0",),
    ),
    Case(
        "load_reports",
        _report,
        "UPDATE partner_load_reports SET recorded_at = now() - :back WHERE id = :id",
        ("SELECT 1 FROM partner_load_reports WHERE id = :id",),
    ),
    Case(
        "loads",
        _load,
        "UPDATE partner_loads SET finished_at = now() - :back, moved_at = now() - :back "
        "WHERE id = :id",
        ("SELECT 1 FROM partner_loads WHERE id = :id",),
        holdable=False,
    ),
    Case(
        "deactivations",
        _deactivation,
        "UPDATE partner_deactivations SET state = 'refused', decided_at = now() - :back, "
        "sealed_decision = sealed_reason, "
        "decided_by = (SELECT id FROM persons WHERE id <> proposed_by LIMIT 1) WHERE id = :id",
        ("SELECT 1 FROM partner_deactivations WHERE id = :id",),
    ),
    Case(
        "statement_comments",
        _comment,
        """UPDATE partner_verifications SET verified_on = (now() - :back)::date,
          valid_until = (now() - :back)::date
        WHERE id = (SELECT subject_id FROM statement_comments WHERE id = :id)""",
        ("SELECT 1 FROM statement_comments WHERE id = :id",),
    ),
)
