"""Rules of the migrated database, read from its own catalogue; a new table is covered at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from app.core.db import Database
from app.core.settings import Settings

_DEFINERS: frozenset[str] = frozenset(
    {
        "partner_audit(uuid,timestamp with time zone,timestamp with time zone,integer)",
        "apply_deactivation()",
        # Whoever erases a person, its tokens go; whom the worker finds matches for.
        "person_tokens_erased()",
        "list_holders()",
        "deactivation_answered()",
        "partner_dispute_raised()",
        "apply_redaction()",
        "apply_text_redaction()",
        "apply_verification()",
        "fill_verification()",
        "findings_withdrawn()",
        "is_held(uuid)",
        "apply_merge()",
        "keep_partner_version()",
        "keep_section_version()",
        "keep_person_version()",
        "lapse_verifications(integer)",
        "legal_basis_changed()",
        "merge_settles_verification()",
        "partner_legal_fields(uuid)",
        "own_record(text,uuid)",
        "partner_findings(uuid,boolean)",
        "claim_by_invitation(bytea,uuid,bytea,jsonb)",
        "partner_claims_decided()",
        "partner_claims_filed()",
        "partner_control_disputes_decided()",
        "partner_control_disputes_fill()",
        "partner_control_disputes_open()",
        "read_withheld(uuid,uuid,uuid)",
        "counted_facts(uuid[],date)",
        "partner_disclosures(date,text,text,integer)",
        "list_stream_open(uuid,text)",
        # Numbers of streams, no row: for those who wait for a change.
        "feed_tops(text[])",
        "list_streams_in_use()",
        "redacted_steps(uuid)",
        # The former row is kept whoever changes a measure; RESTRICTED ones of other agencies are
        # read by whose office it is, and counted in clearances as their owners allow.
        "keep_sanction_entry()",
        "restricted_measures(uuid,date)",
        "suspended_elsewhere(uuid[],text,date)",
        "clearance_facts(uuid[],jsonb,boolean,date)",
        # Whether the lists wait to be compared with people: a word, no row.
        "parties_wait()",
        "sanction_case_follows()",
        "sanction_entry_decided()",
        # A partner that appeals may change no measure; where its agency's procedure says that an
        # appeal suspends, its own does.
        "sanction_appeal_suspends()",
        # What is in force, for offices of resident coordinators; what every agency may know of a
        # published fraud case; its sums and its history, whoever writes; hidden statements.
        "restrictions_for_coordinators(text[])",
        "published_fraud_cases(uuid)",
        "keep_fraud_case()",
        "sum_fraud_case()",
        "apply_restriction_redaction()",
        # Words of measures, cases and matches: hidden where nobody reads, and gone with their row.
        "apply_words_redaction()",
        "hidden_words_erased()",
        "settle_finding()",
        # A pair, what agencies say of it and what holds its partner back move together, whoever
        # writes: an agency may write none of the three itself, and the worker no word.
        "apply_match_redaction()",
        "lock_match(uuid)",
        "match_decision_follows()",
        "match_decision_made()",
        "match_decision_seconded()",
        "match_effects()",
        "match_state()",
        "unmerged_policies()",
        "withheld(uuid)",
    }
)
"""Functions that may run with their owner's rights. A new one needs a reason in docs/decisions."""
_APP_ROLES = ("reg_app", "reg_worker")


async def _column(database: Database, sql: str, *values: object) -> list[str]:
    async with database.connection() as connection:
        return [str(row[0]) for row in await connection.fetch(sql, *values)]


async def test_every_table_with_row_security_forces_it(operator_database: Database) -> None:
    protected = await _column(
        operator_database,
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relkind IN ('r', 'p')",
    )
    assert "audit_events" in protected
    loose = await _column(
        operator_database,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') "
        "AND relrowsecurity IS DISTINCT FROM relforcerowsecurity",
    )
    assert loose == []


async def test_a_table_with_an_access_list_or_an_owner_agency_has_row_security(
    operator_database: Database,
) -> None:
    open_tables = await _column(
        operator_database,
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
        "AND a.attname IN ('owner_agency', 'sealed_body', 'sealed') AND NOT c.relrowsecurity",
    )
    assert open_tables == []


async def test_every_privilege_on_a_protected_table_has_a_policy(
    operator_database: Database,
) -> None:
    without = await _column(
        operator_database,
        """SELECT format('%s may %s %s without a policy', r.role, p.privilege, c.relname)
        FROM pg_class c CROSS JOIN unnest($1::text[]) AS r (role)
        CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'))
          AS p (privilege, letter)
        WHERE c.relrowsecurity AND has_table_privilege(r.role, c.oid, p.privilege)
        AND NOT EXISTS (SELECT FROM pg_policy y WHERE y.polrelid = c.oid
          AND y.polcmd IN ('*', p.letter)
          AND (y.polroles = '{0}' OR r.role::regrole = ANY (y.polroles)))""",
        list(_APP_ROLES),
    )
    assert without == []


async def test_a_policy_that_lets_rows_in_also_checks_them(operator_database: Database) -> None:
    unchecked = await _column(
        operator_database,
        "SELECT format('%s on %s', polname, polrelid::regclass) FROM pg_policy "
        "WHERE polcmd IN ('a', 'w') AND polwithcheck IS NULL AND polqual IS NULL",
    )
    assert unchecked == []


@pytest.mark.parametrize("role", _APP_ROLES)
async def test_the_working_roles_own_nothing_and_pass_by_nothing(
    role: str, operator_database: Database
) -> None:
    async with operator_database.connection() as connection:
        facts = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication "
            "FROM pg_roles WHERE rolname = $1",
            role,
        )
        owned = await connection.fetchval(
            "SELECT count(*) FROM pg_class WHERE relowner = $1::regrole", role
        )
        member_of = await connection.fetch(
            "SELECT roleid::regrole::text AS role, inherit_option, set_option, admin_option "
            "FROM pg_auth_members WHERE member = $1::regrole",
            role,
        )
        creates = await connection.fetchval(
            "SELECT has_schema_privilege($1, 'public', 'CREATE')", role
        )
    assert not any(facts)
    assert (owned, creates) == (0, False)
    # docs/decisions/0029: the worker asks as an agency would, when it says so; it inherits nothing.
    asks = [("reg_app", False, True, False)] if role == "reg_worker" else []
    assert [tuple(row) for row in member_of] == asks


async def test_nobody_has_a_right_by_default(operator_database: Database) -> None:
    granted = await _column(
        operator_database,
        "SELECT format('%s: %s', c.relname, a.privilege_type) FROM pg_class c, "
        "aclexplode(c.relacl) a WHERE a.grantee = 0 AND c.relnamespace = 'public'::regnamespace "
        "AND c.relkind IN ('r', 'p', 'v', 'S')",
    )
    assert granted == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET event = 'x'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "TRUNCATE audit_events CASCADE",
    ],
)
@pytest.mark.parametrize("role", ["reg_owner", "reg_app", "reg_worker", None])
async def test_the_log_refuses_change_by_everyone(
    statement: str, role: str | None, empty_database: Settings
) -> None:
    connection = await asyncpg.connect(empty_database.require("database_migration_url"))
    await connection.execute(
        "INSERT INTO audit_events (id, event) VALUES (gen_random_uuid(), 'kept')"
    )
    if role is not None:
        await connection.execute(f"SET ROLE {role}")
    # Row security may hide every row from a role, and then there is nothing to refuse.
    hidden = role in ("reg_owner",) and not statement.startswith("TRUNCATE")
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        pass
    else:
        assert hidden, "the statement was carried out"
    await connection.execute("RESET ROLE")
    assert await connection.fetchval("SELECT count(*) FROM audit_events WHERE event = 'kept'") == 1
    await connection.close()


async def test_every_view_asks_with_the_rights_of_its_reader(operator_database: Database) -> None:
    loose = await _column(
        operator_database,
        "SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') "
        "AND relnamespace = 'public'::regnamespace "
        "AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)",
    )
    assert loose == []


async def test_no_function_runs_with_the_rights_of_its_owner(operator_database: Database) -> None:
    definers = await _column(
        operator_database,
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.prosecdef "
        "AND p.pronamespace = 'public'::regnamespace",
    )
    assert set(definers) == _DEFINERS


async def test_every_foreign_key_that_is_followed_has_an_index(
    operator_database: Database,
) -> None:
    """A cascading delete without an index on the referring column scans the whole table."""
    missing = await _column(
        operator_database,
        """SELECT format('%s (%s)', c.conrelid::regclass, c.conname) FROM pg_constraint c
        WHERE c.contype = 'f' AND c.confdeltype = 'c' AND NOT EXISTS (
          SELECT FROM pg_index i WHERE i.indrelid = c.conrelid
          AND i.indkey[0] = c.conkey[1])""",
    )
    assert missing == []


_LINT_OFF = {
    "SEC001": "tables that every agency reads are shared on purpose; see the test of owner_agency",
    "SEC007": "one policy a command and role: there is no OR branch that a floor would close",
    "SEC013": "trigger functions work with the rights of who writes, and look at rows it may see",
    "PERF003": "reads are driven from each feature's access list, writes by primary key",
}
_ACCEPTED = {
    "public.partner_audit": "agency and time of acts on the asking partner's records: decision 10",
    **{
        f"public.{signature.partition('(')[0]}": "one of the few that work as reg_facts"
        for signature in _DEFINERS
    },
    "public.blind_keys.blind_keys_select": "one sealed key for all",
    "public.blind_keys.blind_keys_insert": "one sealed key for all",
    **{
        f"public.partner_person_tokens.partner_person_tokens_facts_{verb}": (
            "one trigger takes away what another row replaces, or what is erased"
        )
        for verb in ("select", "delete")
    },
    "public.audit_events.audit_events_select": "the function is asked of held events only",
    "public.audit_events.audit_events_facts": "the functions are asked of one page of one partner",
    **{
        f"public.{table}.{table}_insert": "one own record is looked up for the row that is written"
        for table in ("legal_holds", "redactions", "withholdings")
    },
    **{
        f"public.identifier_digest_keys.identifier_digest_keys_{verb}": "one sealed key for all"
        for verb in ("select", "insert")
    },
    "public.restricted_identifiers.restricted_identifiers_update": "kept by all, as profiles are",
    **{
        f"public.{table}_{verb}": "merges are inter-agency: every agency's, no partner's"
        for table, verb in (
            ("partner_merges.partner_merges", "select"),
            ("partner_merges.partner_merges", "insert"),
            ("partner_merges.partner_merges", "update"),
            ("partner_merge_steps.partner_merge_steps", "select"),
        )
    },
    "public.feed_heads.feed_heads_facts": "one function tells numbers to this process alone",
    "public.list_uses.list_uses_facts": "one function answers for the agency of the token alone",
    "public.identifier_dispute_voices.identifier_dispute_voices_select": "who decides needs all",
    **{
        f"public.{table}.{table}_{name}": "a trigger moves one case by its id, whoever moved it"
        for table, name in (
            ("sanction_cases", "follow"),
            ("sanction_cases", "follow_select"),
            ("sanction_respondents", "fact"),
            ("sanction_interims", "fact"),
        )
    },
    "public.sanction_case_steps.sanction_case_steps_select": "asked of one partner's steps",
    **{
        f"public.{table}.{table}_{name}": "triggers move one pair by its id, whoever moved it"
        for table in ("screening_matches", "match_decisions", "match_questions")
        for name in ("facts", "facts_update")
    },
    **{
        f"public.match_questions.match_questions_{verb}": "asked of one partner's questions"
        for verb in ("select", "update")
    },
    "public.partner_verifications.partner_verifications_facts": "triggers find the newest of all",
    "public.assessment_details.assessment_details_partner": "asked of one partner's details",
    "public.partner_verification_notes.partner_verification_notes_select": "every agency's roles",
    "public.partner_flags.partner_flags_facts": "triggers ask what a verifier must be shown",
    "public.partner_documents.partner_documents_facts": "one hash of what was verified, for all",
    "public.partner_flags.partner_flags_select": "the function is asked of one partner's flags",
    "public.capacity_plans.capacity_plans_select": "the function is asked of one partner's plans",
    **{
        f"public.partner_people_versions.partner_people_versions_facts_{verb}": (
            "one trigger alone works here, for whoever changes an entry"
        )
        for verb in ("select", "insert", "update")
    },
    **{
        f"public.{name}": "the triggers ask for one partner, the use of a code for one code"
        for name in (
            "partner_invitations.partner_invitations_facts_select",
            "partner_invitations.partner_invitations_facts_use",
            "partner_claims.partner_claims_facts_select",
            "partner_control_disputes.partner_control_disputes_facts_select",
        )
    },
    "public.hidden_words.hidden_words_facts": "two triggers move or erase the words of one record",
    "public.assessment_findings.assessment_findings_facts": "counts and bands for every agency",
    "public.assessment_findings.assessment_findings_select": "asked of one partner's findings",
    "public.sanction_entries.sanction_entries_select": "entries are inter-agency: every reader's",
    **{
        f"public.{name}": "one trigger, and the two functions for RESTRICTED measures"
        for name in (
            "sanction_entries.sanction_entries_facts",
            "sanction_entry_history.sanction_entry_history_facts_select",
            "sanction_entry_history.sanction_entry_history_facts_insert",
        )
    },
    **{
        f"public.{table}.{table}_select": "read before it is known whose request it is"
        for table in (
            "clients",
            "client_secrets",
            "feed_tokens",
            "persons",
            "offices",
            "trusted_issuers",
        )
    },
    "public.possible_duplicates.possible_duplicates_select": "pairs of profiles that are shared",
    **{
        f"public.{table}.{table}_select": "who takes part, and whom to write to, is for all"
        for table in ("agencies", "focal_points", "agency_signatories")
    },
}


async def test_the_row_security_linter_finds_nothing(
    settings: Settings, operator_database: Database
) -> None:
    """Policies of the worker and of the operator are left out: they work for all agencies."""
    program = Path(sys.executable).with_name("pgrls")
    url = settings.require("database_migration_url")
    done = subprocess.run(  # noqa: ASYNC221 - one second, and nothing else runs
        [str(program), "lint", "--database-url", url, "--schemas", "public", "--format", "json"],
        capture_output=True,
        check=False,
    )
    worker_only = await _column(
        operator_database,
        "SELECT format('public.%s.%s', c.relname, y.polname) FROM pg_policy y "
        "JOIN pg_class c ON c.oid = y.polrelid "
        "WHERE y.polroles <@ ARRAY['reg_worker'::regrole::oid, 'reg_owner'::regrole::oid]",
    )
    found = [
        f"{item['rule_id']} {item['location']}: {item['title']}"
        for item in json.loads(done.stdout)["violations"]
        if item["rule_id"] not in _LINT_OFF
        and item["location"] not in worker_only
        and item["location"] not in _ACCEPTED
    ]
    assert found == []
