"""The files of the feed in the form of FollowTheMoney. Pure.

`entities.ftm.json` has two lines an entry, the party and its Sanction; `entities.delta.json` the
operations that lead from one version to the next; `targets.simple.csv` is for people.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json

from app.core import csv_cells
from app.core.clock import rfc3339
from app.sanctions.feed import ftm

ENTITIES, TABLE, DELTA = "entities.ftm.json", "targets.simple.csv", "entities.delta.json"
NDJSON = "application/x-ndjson"
# Readers of the form look for this name of it in the index.
MEDIA_TYPES = {ENTITIES: "application/json+ftm", TABLE: "text/csv; charset=utf-8"}
COLUMNS = (
    "id", "schema", "name", "aliases", "birth_date", "countries", "addresses", "identifiers",
    "sanctions", "phones", "emails", "program_ids", "dataset", "first_seen", "last_seen",
    "last_change",
)  # fmt: skip
"""Columns of the table of this name as its readers know it; what the feed has not is empty."""
Held = tuple[dict[str, Any], ftm.Seen]
"""An entry, and when it was seen."""
_NUMBERS = ("leiCode", "dunsCode", "registrationNumber", "imoNumber", "idNumber")


def entity_lines(entries: Iterable[Held], stream: str) -> bytes:
    """Entities as JSON lines: a party, then what is imposed on it."""
    return b"".join(
        to_json(one) + b"\n"
        for entry, seen in entries
        for one in (ftm.entity(entry, stream, seen), ftm.sanction(entry, stream, seen))
    )


def operation_lines(rows: Sequence[Any], stream: str, at: datetime) -> bytes:
    """Operations that lead to the version of this time, of rows of `queries.FTM_CHANGES`."""
    return b"".join(to_json(one) + b"\n" for row in rows for one in _operations(row, stream, at))


def _operations(row: Any, stream: str, at: datetime) -> Iterator[dict[str, Any]]:
    more = {"seq": row["seq"]} | ({"reason": row["reason"]} if row["reason"] else {})
    held = row["before"] == "put"
    if row["op"] == "put":
        entry, op = from_json(row["entry"]), "MOD" if held else "ADD"
        seen = ftm.Seen(row["first_at"], row["at"], at)
        yield {"op": op, "entity": ftm.entity(entry, stream, seen)} | more
        yield {"op": op, "entity": ftm.sanction(entry, stream, seen)} | more
        return
    for entity_id in (row["entry_id"], ftm.sanction_id(row["entry_id"])):
        if not held:
            # It came and went within this step, or what put it was purged. A copy may hold it or
            # not, and a search index refuses to delete what it has not: so it is put first.
            yield {"op": "MOD", "entity": ftm.stub(entity_id, stream)} | more
        yield {"op": "DEL", "entity": {"id": entity_id}} | more


def table_header() -> bytes:
    """The first line of the table."""
    return csv_cells.line(COLUMNS).encode()


def table_lines(entries: Iterable[Held], stream: str) -> bytes:
    """Entries as lines of the table."""
    return "".join(csv_cells.line(_cells(entry, stream, seen)) for entry, seen in entries).encode()


def _cells(entry: dict[str, Any], stream: str, seen: ftm.Seen) -> Iterator[str]:
    found = ftm.entity(entry, stream)
    properties: ftm.Properties = found["properties"]

    def joined(*names: str) -> str:
        return _joined({value for name in names for value in properties.get(name, ())})

    named = {
        value
        for name in ("name", "alias", "weakAlias", "previousName")
        for value in properties.get(name, ())
    }
    values = {
        "id": found["id"],
        "schema": found["schema"],
        "name": found["caption"],
        "aliases": _joined(named - {found["caption"]}),
        "birth_date": joined("birthDate"),
        "countries": joined("nationality", "country"),
        "identifiers": joined(*_NUMBERS),
        "sanctions": _joined({_in_short(entry, ftm.sanction(entry, stream)["properties"])}),
        "dataset": ftm.dataset(stream),
        **seen.texts(),
    }
    return (values.get(column, "") for column in COLUMNS)


def _joined(values: Iterable[str]) -> str:
    """Values sorted, with semicolons between them; one that has a semicolon is quoted."""
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="").writerow(sorted(values))
    return out.getvalue()


def _in_short(entry: dict[str, Any], of: ftm.Properties) -> str:
    """Programme - reason - status - from - until, as far as they are known."""
    measure = entry["measure"] if entry["imposing_agency"] else None
    programme = [*of.get("authority", ())[:1], *of.get("program", ())[:1]]
    parts = [*filter(None, [" ".join(programme) or entry["source"].upper(), measure])]
    parts += [", ".join(of[name]) for name in ("reason", "status") if name in of]
    return " - ".join([*parts, *(day for day in (_first(of), _last(of)) if day)])


def _first(of: ftm.Properties) -> str:
    return min(of.get("startDate", ()), default="")


def _last(of: ftm.Properties) -> str:
    return max(of.get("endDate", ()), default="")


def catalogue(
    stream: str,
    base_url: str,
    version: str,
    updated_at: str,
    count: int,
    files: dict[str, Any] | None,
) -> dict[str, Any]:
    """The index: the dataset, once as itself and once as the only one of a catalogue.

    Its entities are those of this version, also when there is a later one by then. ``files`` has
    their sizes and checksums (`checksums.py`), or not yet.
    """
    known = files if files and files["form"] == ftm.FORM else {}
    root = f"{base_url}/v1/feeds/sanctions/ftm"
    found = {
        "name": ftm.dataset(stream),
        "title": ftm.title(stream),
        "version": version,
        "updated_at": updated_at,
        "last_export": updated_at,
        "entity_count": 2 * count,
        "thing_count": count,
        "target_count": count,
        "delta_url": f"{root}/delta.json?stream={stream}",
        "resources": [
            {
                "name": name,
                "url": f"{root}/{name}?stream={stream}&version={version}",
                "mime_type": kind.partition(";")[0],
                "timestamp": updated_at,
                **known.get(name, {}),
            }
            for name, kind in MEDIA_TYPES.items()
        ],
    }
    return found | {"datasets": [found]}


def deltas(stream: str, base_url: str, rows: Sequence[Any]) -> dict[str, Any]:
    """The list of versions with the operations that lead to each; the oldest one's file is empty.

    A copy of the oldest version or a later one is brought up to date by all later files in order.
    """
    root = f"{base_url}/v1/feeds/sanctions/ftm"
    return {
        "versions": {
            row["version"]: f"{root}/{row['version']}/{DELTA}?stream={stream}" for row in rows
        },
        "updated_at": rfc3339(rows[-1]["at"]) if rows else None,
    }
