"""Retention: what is due goes, wholly; what is not due or is kept stays, whoever tries."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.audit import service as audit
from app.core.db import Database
from app.core.idempotency import KEEP_DAYS
from app.core.settings import Settings
from app.partners.retention import run as job
from app.partners.retention.rules import PERIODS
from app.worker import RETENTION
from tests.audit.support import add_officer
from tests.audit.test_holds import set_hold
from tests.cli.commands import environment_of, registry
from tests.conftest import ApiFor
from tests.partners.claims.support import claim_body, claimed
from tests.partners.factories import make_partner
from tests.partners.objections.test_objections import objection_body
from tests.partners.people.factories import PURPOSE, add_person
from tests.partners.retention.support import CASES, Case, Hands
from tests.support import Api, World


@pytest.fixture
def hands(api_for: ApiFor, operator_database: Database) -> Hands:
    return Hands(api_for, operator_database)


@pytest.fixture
async def legal(api_for: ApiFor, operator_database: Database, world: World) -> Api:
    return await api_for(await add_officer(operator_database, world, "UNICEF", "LEGAL", "LEGAL"))


def case_of(rule: str) -> Case:
    return next(case for case in CASES if case.rule == rule)


async def aged(hands: Hands, case: Case, days: int, partner: str | None = None) -> tuple[str, str]:
    """A record of a partner, so many days past its day (or before it); both ids."""
    if partner is None:
        partner = (await make_partner(await hands.unicef()))["id"]
    made = await case.make(hands, partner)
    period = PERIODS.rules[case.rule]
    back = timedelta(days=period.months * 30.44 + period.days + days)
    await hands.shift(case.age, id=UUID(made), back=back)
    return made, partner


async def there(database: Database, case: Case, record: str) -> list[bool]:
    """For each place, whether anything of the record is in it; past all row security."""
    async with database.session() as session:
        return [
            await session.scalar(text(query), {"id": UUID(record)}) is not None
            for query in case.gone
        ]


def silent(step: str, done: int, total: int) -> None:
    return


async def apply(database: Database, rule: str | None, limit: int | None = None) -> Any:
    rules = job.chosen(RETENTION, rule)
    whole = rule is None and limit is None
    return await job.apply(database, rules, audit.OPERATOR, limit, silent, whole=whole)


async def forced(database: Database, rule: str, record: str) -> None:
    """The rule's own statements, without asking whether they are due."""
    async with database.session() as session:
        for statement in job.chosen(RETENTION, rule)[0].statements:
            await session.execute(statement, {"ids": [UUID(record)]})


async def preview(database: Database, rule: str) -> job.Outcome:
    return (await job.preview(database, job.chosen(RETENTION, rule), None, silent))[0]


async def test_the_database_has_the_periods_of_the_data(operator_database: Database) -> None:
    async with operator_database.session() as session:
        rows = (
            await session.execute(text("SELECT name, months, days, version FROM retention_rules"))
        ).all()
        settled = await session.scalar(
            text("SELECT retention_settled() < now() - make_interval(days => :days)"),
            {"days": KEEP_DAYS},
        )
    assert {row.name: (row.months, row.days) for row in rows} == {
        name: (period.months, period.days) for name, period in PERIODS.rules.items()
    }
    assert {row.version for row in rows} == {PERIODS.version}
    assert settled, "a stored answer outlives what it answered"
    assert {rule.name for rule in RETENTION} == set(PERIODS.rules) == {case.rule for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
async def test_what_is_due_goes_and_nothing_else(
    case: Case,
    hands: Hands,
    legal: Api,
    worker_database: Database,
    operator_database: Database,
) -> None:
    due, _ = await aged(hands, case, 20)
    fresh, _ = await aged(hands, case, -20)
    kept = {fresh}
    whole = await there(operator_database, case, due)
    assert any(whole)
    holds: dict[str, str] = {}
    if case.holdable:
        held, partner = await aged(hands, case, 20)
        holds[held] = (await set_hold(legal, partner, "partner"))["id"]
        kept.add(held)

    found = await preview(worker_database, case.rule)
    named = {str(item.id): [str(hold) for hold in item.holds] for item in found.kept}
    assert {record: named[record] for record in holds} == {r: [h] for r, h in holds.items()}
    assert fresh not in named
    assert due not in named

    # Whoever skips the job is refused by the database itself.
    for record in kept:
        with pytest.raises(DBAPIError):
            await forced(worker_database, case.rule, record)

    outcome = (await apply(worker_database, case.rule))[0]
    assert outcome.erased >= 1
    assert [item.reason for item in outcome.kept if str(item.id) in holds] == (
        ["LEGAL_HOLD"] * len(holds)
    )
    assert not any(await there(operator_database, case, due))
    for record in kept:
        assert await there(operator_database, case, record) == whole
    async with operator_database.session() as session:
        logged = await session.scalar(
            text(
                "SELECT count(*) FROM audit_events WHERE event = 'retention:batch:erase' "
                "AND detail ->> 'rule' = :rule AND detail -> 'ids' @> to_jsonb(CAST(:id AS text))"
            ),
            {"rule": case.rule, "id": due},
        )
        told = await session.scalar(
            text(
                "SELECT count(*) FROM outbox WHERE type = 'records.erased' "
                "AND data -> 'ids' @> to_jsonb(CAST(:id AS text))"
            ),
            {"id": due},
        )
    assert (logged, told) == (1, 1)


async def _digest(database: Database) -> dict[str, str]:
    async with database.connection() as connection:
        tables = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = 'public'::regnamespace"
        )
        return {
            row[0]: await connection.fetchval(
                "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) "
                f"FROM {row[0]} t"
            )
            for row in tables
        }


async def test_a_dry_run_changes_nothing_and_names_what_is_kept(
    hands: Hands, legal: Api, settings: Settings, operator_database: Database, tmp_path: Path
) -> None:
    case = case_of("flags_unsubstantiated")
    due, _ = await aged(hands, case, 20)
    held, partner = await aged(hands, case, 20)
    hold = (await set_hold(legal, partner, "partner"))["id"]
    before = await _digest(operator_database)
    file = tmp_path / "report.json"
    done = await registry(
        "retention", "run", "--dry-run", "--report", file, env=environment_of(settings)
    )
    assert done.exit_code == 0, done.output
    assert await _digest(operator_database) == before
    assert f"KEPT flags_unsubstantiated {held} LEGAL_HOLD hold {hold}" in done.output
    body = json.loads(file.read_text("utf-8"))
    assert body["applied"] is False
    assert [rule["rule"] for rule in body["rules"]] == [rule.name for rule in RETENTION]
    assert any(await there(operator_database, case, due))


async def test_an_open_objection_keeps_its_statement_and_goes_with_it(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    case, objections = case_of("flags_unsubstantiated"), case_of("objections")
    partner = (await make_partner(await hands.unicef()))["id"]
    flag = await case.make(hands, partner)
    url = f"/v1/partners/{partner}/objections"
    made = (await (await hands.unicef()).made(url, objection_body(flag, evidence=[str(uuid4())])))[
        "id"
    ]
    await hands.shift(case.age, id=UUID(flag), back=timedelta(days=760))
    outcome = (await apply(worker_database, case.rule))[0]
    assert {str(item.id): item.reason for item in outcome.kept}[flag] == "OBJECTION_OPEN"
    assert all(await there(operator_database, case, flag))
    await hands.shift(objections.age, id=UUID(made), back=timedelta(days=30))
    await apply(worker_database, case.rule)
    await apply(worker_database, objections.rule)
    assert not any(await there(operator_database, case, flag))
    assert not any(await there(operator_database, objections, made))


@pytest.mark.parametrize("rule", ["control_disputes", "claims"])
async def test_an_open_claim_keeps_what_was_decided_about_control(
    rule: str, hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    case = case_of(rule)
    record, partner = await aged(hands, case, 20)
    url = f"/v1/partners/{partner}/claims"
    claim = (await (await hands.unicef()).made(url, claim_body()))["id"]
    outcome = (await apply(worker_database, rule))[0]
    assert {str(item.id): item.reason for item in outcome.kept}[record] == "CLAIM_OPEN"
    with pytest.raises(DBAPIError):
        await forced(worker_database, rule, record)
    await hands.shift(
        "UPDATE partner_claims SET state = 'rejected', checked = 'KNOWN_CONTACT', "
        "sealed_reason = sealed_claimant, decided_by = filed_by, decided_at = now(), "
        "decided_person = (SELECT id FROM persons WHERE id <> filed_person LIMIT 1) "
        "WHERE id = :id",
        id=UUID(claim),
    )
    await apply(worker_database, rule)
    assert not any(await there(operator_database, case, record))


async def test_a_claim_that_stands_and_one_with_a_dispute_left_stay(
    hands: Hands, worker_database: Database, operator_database: Database, world: World
) -> None:
    case, disputes = case_of("claims"), case_of("control_disputes")
    partner = (await make_partner(await hands.unicef()))["id"]
    _, standing = await claimed(hands.api_for, world, partner)
    await hands.shift(case.age, id=UUID(standing["id"]), back=timedelta(days=4_000))
    dispute, _ = await aged(hands, disputes, -20)
    async with operator_database.session() as session:
        about = str(
            await session.scalar(
                text("SELECT claim_id FROM partner_control_disputes WHERE id = :id"),
                {"id": UUID(dispute)},
            )
        )
    await hands.shift(case.age, id=UUID(about), back=timedelta(days=4_000))
    await apply(worker_database, None)
    for claim in (standing["id"], about):
        assert all(await there(operator_database, case, claim))
    await hands.shift(disputes.age, id=UUID(dispute), back=timedelta(days=4_000))
    await apply(worker_database, None)
    assert all(await there(operator_database, case, standing["id"]))
    assert not any(await there(operator_database, case, about))


async def test_open_matters_of_whatever_age_stay(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    """What nobody has decided on is not over, however old it is."""
    partner = (await make_partner(await hands.unicef()))["id"]
    made = {
        rule: await case_of(rule).make(hands, partner)
        for rule in ("corrections", "identifier_disputes", "deactivations")
    }
    back = timedelta(days=9_000)
    for rule, moved in (
        ("corrections", "partner_corrections SET filed_at"),
        ("identifier_disputes", "identifier_disputes SET raised_at"),
        ("deactivations", "partner_deactivations SET proposed_at"),
    ):
        await hands.shift(
            f"UPDATE {moved} = now() - :back WHERE id = :id", id=UUID(made[rule]), back=back
        )
    await apply(worker_database, None)
    for rule, record in made.items():
        with pytest.raises(DBAPIError):
            await forced(worker_database, rule, record)
        assert all(await there(operator_database, case_of(rule), record)), rule


async def test_the_deactivation_in_force_stays_and_goes_once_it_was_taken_back(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    case, back = case_of("deactivations"), timedelta(days=4_000)
    partner = (await make_partner(await hands.unicef()))["id"]
    made = await case.make(hands, partner)
    carried_out = case.age.replace("'refused'", "'approved'")
    await hands.shift(carried_out, id=UUID(made), back=back)
    await apply(worker_database, case.rule)
    assert all(await there(operator_database, case, made))
    later = await case.make(hands, partner)
    await hands.shift(carried_out, id=UUID(later), back=timedelta(days=3_900))
    await hands.shift(
        "UPDATE partner_deactivations SET kind = 'reactivate' WHERE id = :id", id=UUID(later)
    )
    await apply(worker_database, case.rule)
    assert not any(await there(operator_database, case, made))
    assert all(await there(operator_database, case, later))


async def test_a_comment_stays_as_long_as_its_statement_and_goes_with_it(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    flags, case = case_of("flags_unsubstantiated"), case_of("statement_comments")
    partner = (await make_partner(await hands.unicef()))["id"]
    flag, comment = await flags.make(hands, partner), await case.make(hands, partner)
    await hands.shift(
        "UPDATE statement_comments SET subject_kind = 'flag', subject_id = :flag, "
        "made_at = now() - interval '20 years' WHERE id = :id",
        flag=UUID(flag),
        id=UUID(comment),
    )
    await apply(worker_database, case.rule)
    assert all(await there(operator_database, case, comment))
    await hands.shift(flags.age, id=UUID(flag), back=timedelta(days=760))
    await apply(worker_database, None)
    assert not any(await there(operator_database, flags, flag))
    assert not any(await there(operator_database, case, comment))


async def test_an_erased_statement_is_read_without_its_text_and_does_not_come_back(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    case, unicef = case_of("loaded_statements_decided"), await hands.unicef()
    record, _ = await aged(hands, case, 20)
    url = f"/v1/pending-statements/{record}"
    assert (await unicef.read(url))["text"]
    await apply(worker_database, case.rule)
    shown = await unicef.read(url)
    assert (shown["text"], shown["state"]) == (None, "rejected")
    async with operator_database.session() as session:
        again = await session.execute(
            text(
                "INSERT INTO pending_statements (id, partner_id, owner_agency, load_id, source, "
                "source_key, kind, sealed) SELECT gen_random_uuid(), partner_id, owner_agency, "
                "load_id, source, source_key, kind, 'x' FROM pending_statements WHERE id = :id "
                "ON CONFLICT DO NOTHING RETURNING id"
            ),
            {"id": UUID(record)},
        )
        assert again.all() == []


async def test_the_worker_empties_a_statement_and_writes_nothing_else_into_it(
    hands: Hands, worker_database: Database
) -> None:
    record, _ = await aged(hands, case_of("loaded_statements_decided"), 20)
    for change in ("sealed = 'x'", "sealed = '', erased_at = NULL", "state = 'pending'"):
        with pytest.raises(DBAPIError):
            async with worker_database.session() as session:
                await session.execute(
                    text(f"UPDATE pending_statements SET {change} WHERE id = :id"),
                    {"id": UUID(record)},
                )


async def test_a_second_run_finds_nothing_more_and_changes_nothing(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    for rule in ("invitations", "corrections", "loaded_statements_waiting"):
        await aged(hands, case_of(rule), 20)
    await apply(worker_database, None)
    before = await _digest(operator_database)
    outcomes = await apply(worker_database, None)
    after = await _digest(operator_database)
    assert sum(outcome.erased for outcome in outcomes) == 0
    changed = {table for table in before if before[table] != after[table]}
    assert changed <= {"retention_runs", "retention_counts"}


async def test_a_sanction_keeps_the_persons_of_its_partner(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    case = case_of("people_replaced")
    person, partner = await aged(hands, case, 20)
    await case_of("sanctions_ended").make(hands, partner)
    outcome = (await apply(worker_database, case.rule))[0]
    assert {str(item.id): item.reason for item in outcome.kept}[person] == "SANCTION"
    assert (await there(operator_database, case, person))[0]


async def test_an_act_about_a_country_profile_keeps_its_headquarters_active(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    case, unicef = case_of("people_inactive"), await hands.unicef()
    person, partner = await aged(hands, case, 20)
    office = (await make_partner(unicef))["id"]
    await hands.shift(
        "UPDATE partners SET hq_id = :hq WHERE id = :id", hq=UUID(partner), id=UUID(office)
    )
    await apply(worker_database, case.rule)
    assert (await there(operator_database, case, person))[0]


async def test_an_erased_person_is_gone_from_versions_and_reading_still_works(
    hands: Hands, worker_database: Database, operator_database: Database
) -> None:
    case, unicef = case_of("people_replaced"), await hands.unicef()
    partner = (await make_partner(unicef))["id"]
    made = await add_person(unicef, partner)
    url = f"/v1/partners/{partner}/people"
    changed = await unicef.patch(
        f"{url}/{made['id']}", json={"job_title": "Chair"}, headers={"If-Match": '"v1"'}
    )
    assert changed.status_code == 200, changed.text
    await hands.shift(case.age, id=UUID(made["id"]), back=timedelta(days=760))
    await apply(worker_database, case.rule)
    assert await there(operator_database, case, made["id"]) == [False, False]
    listed = await unicef.read(f"{url}?ended=true", headers=PURPOSE)
    (shown,) = [item for item in listed["items"] if item["id"] == made["id"]]
    assert shown["person"] is None
    assert shown["erased_at"] is not None
    assert (await unicef.read(f"/v1/partners/{partner}"))["legal_name"]
    assert (await unicef.get(f"/v1/partners/{partner}/history")).status_code == 200


async def test_reading_around_erased_records_answers_sensibly(
    hands: Hands, worker_database: Database
) -> None:
    unicef, partner = await hands.unicef(), (await make_partner(await hands.unicef()))["id"]
    undp = await hands.api_for("UNDP")
    made = {
        rule: (await aged(hands, case_of(rule), 20, partner))[0]
        for rule in (
            "assessments",
            "flags_unsubstantiated",
            "documents_deleted",
            "documents_superseded",
            "sanctions_ended",
            "cases_annulled",
        )
    }
    for rule in made:
        await apply(worker_database, rule)
    for path in (
        f"/v1/assessments/{made['assessments']}",
        f"/v1/partners/{partner}/flags/{made['flags_unsubstantiated']}",
        f"/v1/partners/{partner}/documents/{made['documents_deleted']}",
        f"/v1/sanctions/entries/{made['sanctions_ended']}",
    ):
        assert (await unicef.get(path)).status_code == 404, path
    for path in ("flags", "documents", "standing", "verifications", "objections"):
        assert (await unicef.get(f"/v1/partners/{partner}/{path}")).status_code == 200, path
    case = await undp.read(f"/v1/sanctions/cases/{made['cases_annulled']}")
    assert case["steps"] == []
    entries = await unicef.read(f"/v1/sanctions/entries?partner_id={partner}&status=ANNULLED")
    assert len(entries["items"]) == 1


async def test_a_run_that_breaks_off_loses_nothing_and_the_next_does_the_rest(
    hands: Hands,
    worker_database: Database,
    operator_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = case_of("duplicates_dismissed")
    await apply(worker_database, case.rule)
    made = sorted([(await aged(hands, case, 20))[0] for _ in range(3)])
    monkeypatch.setattr(job, "BATCH", 1)
    async with operator_database.session() as session:
        await session.execute(
            text("SELECT 1 FROM possible_duplicates WHERE id = :id FOR UPDATE"),
            {"id": UUID(made[1])},
        )
        running = asyncio.create_task(apply(worker_database, case.rule))
        for _ in range(200):
            await asyncio.sleep(0.02)
            if not any(await there(operator_database, case, made[0])):
                break
        with pytest.raises(job.RetentionProblem):
            await apply(worker_database, case.rule)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    left = [any(await there(operator_database, case, record)) for record in made]
    assert left == [False, True, True]
    outcome = (await apply(worker_database, case.rule))[0]
    assert outcome.erased == 2
    async with operator_database.session() as session:
        rows = (
            await session.execute(
                text(
                    "SELECT r.finished_at IS NULL AS broken, c.erased FROM retention_runs r "
                    "JOIN retention_counts c ON c.run_id = r.id "
                    "WHERE c.rule = :rule ORDER BY r.id DESC LIMIT 2"
                ),
                {"rule": case.rule},
            )
        ).all()
    assert [tuple(row) for row in rows] == [(False, 2), (True, 1)]


async def test_the_worker_runs_once_a_day_and_agencies_see_their_own_counts(
    empty_database: Settings,
) -> None:
    database = Database(empty_database.require("database_worker_url"), empty_database)
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    assert await job.daily(database, RETENTION) == 0
    assert await job.daily(database, RETENTION) == 0
    async with operator.session() as session:
        runs = await session.scalar(text("SELECT count(*) FROM retention_runs WHERE whole"))
        await session.execute(
            text("UPDATE retention_runs SET started_at = started_at - interval '25 hours'")
        )
    assert runs == 1
    await job.daily(database, RETENTION)
    async with operator.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM retention_runs")) == 2
    await database.close()
    await operator.close()


async def test_an_agency_reads_the_counts_of_its_own_and_of_shared_records(
    hands: Hands, worker_database: Database, settings: Settings
) -> None:
    await aged(hands, case_of("screenings"), 20)
    await apply(worker_database, "screenings", 1)
    own = await (await hands.unicef()).read("/v1/retention-runs?limit=1")
    (run,) = own["items"]
    assert run["counts"] == [{"rule": "screenings", "records": "own", "erased": 1, "kept": 0}]
    assert (run["started_by"], run["whole"]) == ("operator", False)
    other = await (await hands.api_for("WFP")).read("/v1/retention-runs?limit=1")
    assert (other["items"][0]["id"], other["items"][0]["counts"]) == (run["id"], [])
    scoped = await hands.api_for("WFP", "partners:read")
    assert (await scoped.get("/v1/retention-runs")).status_code == 403
    shown = await registry("retention", "report", env=environment_of(settings))
    assert run["id"] in shown.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Say either --dry-run or --apply."),
        (("--dry-run", "--apply"), "Say either --dry-run or --apply."),
        (("--dry-run", "--rule", "nothing"), "There is no rule nothing"),
    ],
)
async def test_a_command_that_says_too_little_is_refused(
    arguments: tuple[str, ...], words: str, settings: Settings
) -> None:
    done = await registry("retention", "run", *arguments, env=environment_of(settings))
    assert (done.exit_code, words in done.output) == (1, True)
