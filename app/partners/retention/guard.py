"""SQL with which a migration adds retention rules: what is due, and that nothing else can go.

For a rule write its line in ``rules.yaml``, its statements in the feature's ``retention.py``, and
a migration that adds its months to ``retention_rules`` and runs `add_rules`. The triggers ask the
views for whoever deletes: a rule's statements need not ask again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Guard:
    """A table from which rules erase.

    ``key``: its column that has the id of the rule's record. ``seen``: columns that the worker must
    see of it and did not. ``sees``: a policy lets it see
    the rows already. ``emptied``: columns that a rule empties in a row that stays, with what the
    row must then be; without them rows are deleted.
    """

    table: str
    rules: tuple[str, ...]
    seen: tuple[str, ...]
    sees: bool = False
    emptied: tuple[str, ...] = ()
    becomes: str = "true"
    append_only: bool = False
    key: str = "id"


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of one migration: months and view by name, tables they erase from, tables they ask.

    A view is a query for id, partner_id, owner_agency, since, records (all that a hold may name)
    and kept_by (a code where an open matter keeps it).
    """

    version: str
    months: Mapping[str, int]
    views: Mapping[str, str]
    guards: Sequence[Guard]
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def add_rules(rules: Rules) -> str:
    """SQL that brings the rules into force. All names and texts are the migration's own."""
    lines = [f"UPDATE retention_rules SET version = '{rules.version}';"]  # noqa: S608 - ours
    for name, months in rules.months.items():
        values = f"('{name}', {months}, '{rules.version}')"
        lines.append(f"INSERT INTO retention_rules (name, months, version) VALUES {values};")  # noqa: S608 - ours
        lines.append(
            f"CREATE VIEW retention_{name} "
            f"WITH (security_invoker = true, security_barrier = true) AS {rules.views[name]};"
        )
        lines.append(f"GRANT SELECT ON retention_{name} TO reg_worker;")
    for table, columns in rules.asked.items():
        lines.extend(_seen(table, columns))
    for guard in rules.guards:
        lines.extend(_guard(guard))
    return "\n".join(lines)


def drop_rules(rules: Rules, before: str) -> str:
    """SQL that takes the rules away again; ``before`` is the version that holds then."""
    names = ", ".join(f"'{name}'" for name in rules.months)
    lines = []
    for guard in rules.guards:
        lines.extend(_unguard(guard))
    for table, columns in rules.asked.items():
        lines.extend(_unseen(table, columns))
    lines.extend(f"DROP VIEW retention_{name};" for name in rules.months)
    # What runs of these rules did is counted under their names.
    lines += [
        "ALTER TABLE retention_counts NO FORCE ROW LEVEL SECURITY;",
        f"DELETE FROM retention_counts WHERE rule IN ({names});",  # noqa: S608 - ours
        "ALTER TABLE retention_counts FORCE ROW LEVEL SECURITY;",
        f"DELETE FROM retention_rules WHERE name IN ({names});",  # noqa: S608 - ours
        f"UPDATE retention_rules SET version = '{before}';",  # noqa: S608 - ours
    ]
    return "\n".join(lines)


def _seen(table: str, columns: tuple[str, ...], sees: bool = False) -> list[str]:
    lines = [f"GRANT SELECT ({', '.join(columns)}) ON {table} TO reg_worker;"]
    if not sees:
        lines.append(
            f"CREATE POLICY {table}_retention_select ON {table} FOR SELECT TO reg_worker "
            "USING (true);"
        )
    return lines


def _unseen(table: str, columns: tuple[str, ...], sees: bool = False) -> list[str]:
    lines = [f"REVOKE SELECT ({', '.join(columns)}) ON {table} FROM reg_worker;"]  # noqa: S608 - ours
    if not sees:
        lines.append(f"DROP POLICY {table}_retention_select ON {table};")
    return lines


def _guard(guard: Guard) -> list[str]:
    table = guard.table
    arguments = ", ".join(f"'{word}'" for word in (guard.key, *guard.rules))
    lines = _seen(table, guard.seen, guard.sees)
    if guard.append_only:
        lines.append(f"DROP TRIGGER {table}_append_only ON {table};")
        lines.append(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change();"
        )
    if guard.emptied:
        return [
            *lines,
            f"GRANT UPDATE ({', '.join(guard.emptied)}) ON {table} TO reg_worker;",
            f"CREATE POLICY {table}_retention_update ON {table} FOR UPDATE TO reg_worker "
            f"USING (true) WITH CHECK ({guard.becomes});",
            f"CREATE TRIGGER {table}_due BEFORE UPDATE ON {table} FOR EACH ROW "
            "WHEN (current_user = 'reg_worker') "
            f"EXECUTE FUNCTION only_when_due({arguments});",
        ]
    return [
        *lines,
        f"GRANT DELETE ON {table} TO reg_worker;",
        f"CREATE POLICY {table}_retention_delete ON {table} FOR DELETE TO reg_worker USING (true);",
        f"CREATE TRIGGER {table}_due BEFORE DELETE ON {table} FOR EACH ROW "
        f"EXECUTE FUNCTION only_when_due({arguments});",
    ]


def _unguard(guard: Guard) -> list[str]:
    table = guard.table
    lines = [f"DROP TRIGGER {table}_due ON {table};"]
    if guard.emptied:
        lines.append(f"DROP POLICY {table}_retention_update ON {table};")
        lines.append(f"REVOKE UPDATE ({', '.join(guard.emptied)}) ON {table} FROM reg_worker;")
    else:
        lines.append(f"DROP POLICY {table}_retention_delete ON {table};")
        lines.append(f"REVOKE DELETE ON {table} FROM reg_worker;")
    if guard.append_only:
        lines.append(f"DROP TRIGGER {table}_append_only ON {table};")
        lines.append(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change();"
        )
    return [*lines, *_unseen(table, guard.seen, guard.sees)]
