"""The blind index: written by whoever writes people, and read by the worker alone."""

from __future__ import annotations

from tests.confidentiality.model import Facts, Row, Table, Who


def _bound(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None or who.partner == row["partner_id"]


def _anyone(row: Row, who: Who, facts: Facts) -> bool:
    return row["state"] == "current" and (who.agency is not None or who.partner is not None)


TABLES: dict[str, Table] = {
    "partner_person_tokens": Table(("person_id",), insert=_bound),
    "blind_keys": Table(("id",), select=_anyone, insert=_anyone),
}
