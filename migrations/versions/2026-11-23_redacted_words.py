"""Redaction of reasons, notes and facts of measures, cases and potential matches

Revision: 0047, after 0046
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import rekey_security, run_script

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

# Which words there are: what a redaction names them by, their table, their columns.
WORDS = {
    "case_individual": ("sanction_respondents", ("sealed",)),
    "entry_act": ("sanction_entry_acts", ("sealed", "sealed_decision")),
    "entry_condition": ("sanction_conditions", ("sealed",)),
    "entry_lift": ("sanction_entries", ("sealed_end_reason",)),
    "match_question": ("match_questions", ("sealed", "sealed_answer")),
}
# Its reason is not sealed, as every agency reads it.
RECOGNITION = "entry_recognition"
OTHERS = (
    *("assessment", "case_step", "plan_action", "plan_step", "share", "access_request"),
    *("transfer_restriction", "match_decision"),
)
# What `apply_redaction` itself hides; whatever else there is has a trigger of its own.
FIRST = ("assessment", "case_step", "plan_action", "plan_step")
# As before: named one by one what it does not hide.
BEFORE = ("match_decision", "share", "access_request", "transfer_restriction")
AGAIN = (*sorted(WORDS), RECOGNITION)
_OWN = "owner_agency = (SELECT app_agency())"
_RESPONSIBLE = "coalesce({0}custodian_agency, {0}imposing_agency) = app_agency()"


def _list(codes: tuple[str, ...]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


# The one place that says whose a record is: from here on a new kind is a line of it.
_OWNERS = {
    "assessment": "assessments o WHERE o.owner_agency = app_agency()",
    "statement": "assessments o WHERE o.owner_agency = app_agency()",
    "share": "assessment_shares o WHERE o.owner_agency = app_agency()",
    "access_request": "access_requests o WHERE app_agency() IN (o.owner_agency, o.requested_by)",
    "transfer_restriction": "transfer_restrictions o WHERE o.owner_agency = app_agency()",
    "plan_action": "capacity_plan_actions o WHERE o.owner_agency = app_agency()",
    "plan_step": "capacity_plan_steps o WHERE o.owner_agency = app_agency()",
    "flag": "partner_flags o WHERE o.owner_agency = app_agency()",
    "sanction_case": "sanction_cases o WHERE o.agency_id = app_agency()",
    "case_step": "sanction_case_steps o WHERE o.agency_id = app_agency()",
    "partner": "partners o WHERE true",
    "match_decision": "match_decisions o WHERE o.owner_agency = app_agency()",
    "match_facts": "match_questions o WHERE o.owner_agency = app_agency()",
}
# A note is that of the agency whose person wrote it, which after a hand-over is another one.
_OWNERS_OF_WORDS = {
    "case_individual": "sanction_respondents o WHERE o.agency_id = app_agency()",
    "entry_act": "sanction_entry_acts o WHERE o.owner_agency = app_agency()",
    "entry_condition": "sanction_conditions o JOIN persons p ON p.id = o.verified_by "
    "WHERE p.agency_id = app_agency()",
    "entry_lift": f"sanction_entries o WHERE {_RESPONSIBLE.format('o.')}",
    "entry_recognition": "sanction_recognitions o WHERE o.owner_agency = app_agency()",
    "match_question": "match_questions o WHERE o.owner_agency = app_agency()",
}


def own_record(owners: dict[str, str]) -> str:
    """The function that says whether the bound agency owns a record."""
    cases = "\n".join(
        f"    WHEN '{kind}' THEN EXISTS (SELECT 1 FROM {found} AND o.id = record)"  # noqa: S608 - constants
        for kind, found in owners.items()
    )
    return f"""CREATE OR REPLACE FUNCTION own_record(kind text, record uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE kind
{cases}
    ELSE false END $$;
"""


def _apply(which: str) -> str:
    return f"""DROP TRIGGER redactions_apply ON redactions;
CREATE TRIGGER redactions_apply AFTER INSERT OR UPDATE OF state ON redactions FOR EACH ROW
  WHEN (NEW.subject_kind {which}) EXECUTE FUNCTION apply_redaction();
"""


def _places(kind: str) -> str:
    table, columns = WORDS[kind]
    return ", ".join(f"('{kind}', '{table}', '{column}')" for column in columns)


# Tables whose rows `reg_facts` sees already, and those that it may change.
_SEEN = ("sanction_entries", "sanction_respondents", "match_questions")
_MOVED = ("match_questions",)


def _facts(table: str, columns: str, words: str, own: str) -> str:
    """What the function that hides may see and change."""
    found = f"GRANT SELECT ({columns}), UPDATE ({words}) ON {table} TO reg_facts;\n"
    if table not in _SEEN:
        found += f"CREATE POLICY {table}_words ON {table} FOR SELECT TO reg_facts USING ({own});\n"
    if table not in _MOVED:
        found += f"""CREATE POLICY {table}_redact ON {table} FOR UPDATE TO reg_facts
  USING ({own}) WITH CHECK ({own});
"""
    return found


def _facts_gone(table: str, words: str) -> str:
    gone = f"REVOKE UPDATE ({words}) ON {table} FROM reg_facts;\n"
    if table not in _SEEN:
        gone += f"DROP POLICY {table}_words ON {table};\n"
        gone += f"REVOKE SELECT ON {table} FROM reg_facts;\n"  # noqa: S608 - constants
    if table not in _MOVED:
        gone += f"DROP POLICY {table}_redact ON {table};\n"
    return gone


_WROTE = """EXISTS (SELECT 1 FROM persons p
  WHERE p.id = verified_by AND p.agency_id = (SELECT app_agency()))"""
TABLES = {
    "sanction_respondents": ("id, sealed", "sealed", "agency_id = (SELECT app_agency())"),
    "sanction_entry_acts": (
        "id, owner_agency, sealed, sealed_decision",
        "sealed, sealed_decision",
        _OWN,
    ),
    "sanction_conditions": ("id, verified_by, sealed", "sealed", _WROTE),
    "sanction_entries": (
        "id, sealed_end_reason",
        "sealed_end_reason",
        _RESPONSIBLE.format("").replace("app_agency()", "(SELECT app_agency())"),
    ),
    "match_questions": (
        "id, owner_agency, sealed, sealed_answer",
        "sealed, sealed_answer",
        _OWN,
    ),
    "sanction_recognitions": (
        "id, entry_id, owner_agency, reason, redacted",
        "reason, redacted",
        _OWN,
    ),
}
ERASED = (
    *("sanction_respondents", "sanction_entry_acts", "sanction_conditions", "match_questions"),
    "sanction_recognitions",
)
REPLAY = "route LIKE '/v1/sanctions/entries/%/recognitions'"

HIDE = f"""
SET LOCAL check_function_bodies = off;
{own_record(_OWNERS | _OWNERS_OF_WORDS)}
{_apply(f"IN ({_list(FIRST)})")}
{"".join(_facts(table, *found) for table, found in TABLES.items())}
GRANT SELECT (id, agency_id) ON persons TO reg_facts;
CREATE POLICY persons_own_fact ON persons FOR SELECT TO reg_facts
  USING (agency_id = (SELECT app_agency()));
CREATE POLICY idempotency_keys_recognition_seek ON idempotency_keys FOR SELECT TO reg_facts
  USING ({REPLAY});
CREATE POLICY idempotency_keys_recognition_redact ON idempotency_keys FOR DELETE TO reg_facts
  USING ({REPLAY});

-- Words that are hidden lie here until a second person has decided, and nobody reads them here.
ALTER TABLE hidden_words ENABLE ROW LEVEL SECURITY;
ALTER TABLE hidden_words FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, DELETE ON hidden_words TO reg_facts;
CREATE POLICY hidden_words_facts ON hidden_words TO reg_facts USING (true) WITH CHECK (true);
{rekey_security("hidden_words")}
-- They are taken from their place, come back to it unless something else was written there
-- meanwhile, or are gone: these under no legal hold.
CREATE FUNCTION apply_words_redaction() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE w record; moved integer; taken integer := 0;
BEGIN
  IF NEW.state = 'confirmed' THEN
    PERFORM refuse_held(VARIADIC array_remove(ARRAY[NEW.subject_id, NEW.record_id, NEW.partner_id,
      (SELECT e.case_id FROM sanction_entries e WHERE e.id = NEW.record_id)], NULL));
  END IF;
  FOR w IN SELECT v.kind, v.of_table, v.place FROM (VALUES {
    ", ".join(_places(kind) for kind in sorted(WORDS))
})
      AS v (kind, of_table, place) WHERE v.kind = NEW.subject_kind LOOP
    IF NEW.state = 'hidden' THEN
      EXECUTE format('WITH gone AS (UPDATE %1$I n SET %2$I = '''' FROM (SELECT id, %2$I AS words '
        'FROM %1$I WHERE id = $2 FOR UPDATE) o WHERE n.id = o.id AND length(o.words) > 0 '
        'RETURNING o.words) INSERT INTO hidden_words (redaction_id, place, subject_id, sealed) '
        'SELECT $1, %2$L, $2, words FROM gone', w.of_table, w.place)
        USING NEW.id, NEW.subject_id;
      GET DIAGNOSTICS moved = ROW_COUNT;
      taken := taken + moved;
    ELSIF NEW.state = 'undone' THEN
      EXECUTE format('UPDATE %1$I n SET %2$I = h.sealed FROM hidden_words h WHERE n.id = $2 '
        'AND h.redaction_id = $1 AND h.place = %2$L AND length(n.%2$I) = 0', w.of_table, w.place)
        USING NEW.id, NEW.subject_id;
    END IF;
  END LOOP;
  IF NEW.subject_kind = '{RECOGNITION}' AND NEW.state = 'hidden' THEN
    INSERT INTO hidden_words (redaction_id, place, subject_id, words)
      SELECT NEW.id, 'reason', r.id, r.reason FROM sanction_recognitions r
      WHERE r.id = NEW.subject_id AND NOT r.redacted FOR UPDATE;
    GET DIAGNOSTICS taken = ROW_COUNT;
    UPDATE sanction_recognitions SET redacted = true, reason = '' WHERE id = NEW.subject_id;
    -- The stored answer repeats it.
    DELETE FROM idempotency_keys k WHERE k.agency_id = NEW.agency_id
      AND k.route = '/v1/sanctions/entries/' || NEW.record_id || '/recognitions';
  ELSIF NEW.subject_kind = '{RECOGNITION}' AND NEW.state = 'undone' THEN
    UPDATE sanction_recognitions r SET redacted = false, reason = h.words FROM hidden_words h
      WHERE r.id = NEW.subject_id AND h.redaction_id = NEW.id;
  END IF;
  IF NEW.state <> 'hidden' THEN
    DELETE FROM hidden_words WHERE redaction_id = NEW.id;
  ELSIF taken = 0 THEN
    RAISE EXCEPTION 'no such record' USING ERRCODE = '42501';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER redactions_apply_to_words AFTER INSERT OR UPDATE OF state ON redactions
  FOR EACH ROW WHEN (NEW.subject_kind IN ({_list(AGAIN)}))
  EXECUTE FUNCTION apply_words_redaction();
-- Whose period is over goes with what was hidden of it.
CREATE FUNCTION hidden_words_erased() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  DELETE FROM hidden_words WHERE subject_id = OLD.id;
  RETURN NULL;
END $$;
{
    "".join(
        f"CREATE TRIGGER {table}_hidden_words AFTER DELETE ON {table} FOR EACH ROW "
        f"EXECUTE FUNCTION hidden_words_erased();{chr(10)}"
        for table in ERASED
    )
}CREATE TRIGGER sanction_entries_hidden_words AFTER UPDATE OF sealed_end_reason ON sanction_entries
  FOR EACH ROW WHEN (OLD.sealed_end_reason IS NOT NULL AND NEW.sealed_end_reason IS NULL)
  EXECUTE FUNCTION hidden_words_erased();
-- Recognitions stay append-only, but for what a redaction does.
CREATE FUNCTION sanction_recognitions_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_user = 'reg_facts' THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'this table is append-only' USING ERRCODE = '42501';
END $$;
DROP TRIGGER sanction_recognitions_append_only ON sanction_recognitions;
CREATE TRIGGER sanction_recognitions_append_only BEFORE UPDATE ON sanction_recognitions
  FOR EACH ROW EXECUTE FUNCTION sanction_recognitions_kept();
REVOKE ALL ON FUNCTION apply_words_redaction(), hidden_words_erased() FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO reg_facts;
ALTER FUNCTION apply_words_redaction() OWNER TO reg_facts;
ALTER FUNCTION hidden_words_erased() OWNER TO reg_facts;
REVOKE CREATE ON SCHEMA public FROM reg_facts;
"""  # noqa: S608 - constants


def _restored(table: str, columns: tuple[str, ...]) -> str:
    moves = "".join(
        f"UPDATE {table} n SET {column} = h.sealed FROM hidden_words h "  # noqa: S608 - constants
        f"WHERE h.subject_id = n.id AND h.place = '{column}';\n"
        for column in columns
    )
    return f"""ALTER TABLE {table} DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY;
{moves}ALTER TABLE {table} ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY;
"""


SHOW = f"""
SET LOCAL check_function_bodies = off;
DROP TRIGGER redactions_apply_to_words ON redactions;
{"".join(f"DROP TRIGGER {table}_hidden_words ON {table};{chr(10)}" for table in ERASED)}
DROP TRIGGER sanction_entries_hidden_words ON sanction_entries;
DROP FUNCTION apply_words_redaction();
DROP FUNCTION hidden_words_erased();
DROP TRIGGER sanction_recognitions_append_only ON sanction_recognitions;
DROP FUNCTION sanction_recognitions_kept();
-- What is hidden shows again: there is nothing left that would decide about it.
ALTER TABLE hidden_words NO FORCE ROW LEVEL SECURITY;
{"".join(_restored(*found) for found in WORDS.values())}
ALTER TABLE sanction_recognitions NO FORCE ROW LEVEL SECURITY;
UPDATE sanction_recognitions r SET reason = coalesce((SELECT h.words FROM hidden_words h
  WHERE h.subject_id = r.id), '-') WHERE r.redacted;
ALTER TABLE sanction_recognitions FORCE ROW LEVEL SECURITY;
CREATE TRIGGER sanction_recognitions_append_only BEFORE UPDATE ON sanction_recognitions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE redactions NO FORCE ROW LEVEL SECURITY;
DELETE FROM hidden_words;
DELETE FROM redactions WHERE subject_kind IN ({_list(AGAIN)});
ALTER TABLE redactions FORCE ROW LEVEL SECURITY;
{own_record(_OWNERS)}
{_apply(f"NOT IN ({_list(BEFORE)})")}
DROP POLICY persons_own_fact ON persons;
REVOKE SELECT (id, agency_id) ON persons FROM reg_facts;
DROP POLICY idempotency_keys_recognition_redact ON idempotency_keys;
DROP POLICY idempotency_keys_recognition_seek ON idempotency_keys;
{"".join(_facts_gone(table, words) for table, (_, words, _) in TABLES.items())}
"""  # noqa: S608 - constants


def _subjects(kinds: tuple[str, ...], live: str) -> None:
    op.drop_constraint(op.f("ck_redactions_subject_kind"), "redactions", type_="check")
    op.create_check_constraint(
        op.f("ck_redactions_subject_kind"), "redactions", f"subject_kind IN ({_list(kinds)})"
    )
    op.drop_index("uq_redactions_subject_id", table_name="redactions")
    op.create_index(
        "uq_redactions_subject_id",
        "redactions",
        ["subject_id", "agency_id"],
        unique=True,
        postgresql_where=sa.text(live),
    )


def _reason(check: str) -> None:
    op.drop_constraint(
        op.f("ck_sanction_recognitions_reason"), "sanction_recognitions", type_="check"
    )
    op.create_check_constraint(
        op.f("ck_sanction_recognitions_reason"), "sanction_recognitions", check
    )


def upgrade() -> None:
    op.execute("SET LOCAL row_security = on")
    op.create_table(
        "hidden_words",
        sa.Column("redaction_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.CheckConstraint("num_nonnulls(sealed, words) = 1", name=op.f("ck_hidden_words_words")),
        sa.ForeignKeyConstraint(
            ["redaction_id"],
            ["redactions.id"],
            name=op.f("fk_hidden_words_redaction_id_redactions"),
        ),
        sa.PrimaryKeyConstraint("redaction_id", "place", name=op.f("pk_hidden_words")),
    )
    op.create_index("ix_hidden_words_subject_id", "hidden_words", ["subject_id"])
    op.alter_column("redactions", "partner_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column(
        "sanction_recognitions",
        sa.Column("redacted", sa.Boolean(), server_default="false", nullable=False),
    )
    _reason("length(reason) BETWEEN 1 AND 1000 OR (redacted AND reason = '')")
    _subjects(
        (*OTHERS, *AGAIN),
        f"state = 'hidden' OR (state = 'confirmed' AND subject_kind NOT IN ({_list(AGAIN)}))",
    )
    run_script(HIDE)


def downgrade() -> None:
    run_script(SHOW)
    _subjects(OTHERS, "state <> 'undone'")
    _reason("length(reason) BETWEEN 1 AND 1000")
    op.drop_column("sanction_recognitions", "redacted")
    op.alter_column("redactions", "partner_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_table("hidden_words")
