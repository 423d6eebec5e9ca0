"""Looking into a record as `as_json` gives it, whatever a broken file may have put there."""

from typing import Any

from app.sanctions.sources.draft import one_line

Record = dict[str, Any]


def text_of(value: Any) -> str:
    """The text of a leaf on one line, with or without attributes; "" for anything else."""
    if isinstance(value, dict):
        value = value.get("#text")
    return one_line(value) if isinstance(value, str) else ""


def text(record: Any, tag: str) -> str:
    """The text of a child or attribute, "" if there is none."""
    return text_of(record.get(tag)) if isinstance(record, dict) else ""


def _all(record: Any, tag: str) -> list[Any]:
    found = record.get(tag) if isinstance(record, dict) else None
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def many(record: Any, tag: str, container: str = "") -> list[Record]:
    """The children of this name that have parts or attributes, below ``container`` if given."""
    outer = _all(record, container) if container else [record]
    return [one for part in outer for one in _all(part, tag) if isinstance(one, dict)]


def texts(record: Any, tag: str, container: str = "") -> list[str]:
    """The texts of the children of this name, below ``container`` if given; none of them empty."""
    outer = _all(record, container) if container else [record]
    return [found for part in outer for one in _all(part, tag) if (found := text_of(one))]


def one(record: Any, tag: str) -> Record:
    """The child of this name, empty if there is none."""
    return next(iter(many(record, tag)), {})


def is_true(record: Any, tag: str) -> bool:
    """Whether a child or attribute says true."""
    return text(record, tag).lower() == "true"
