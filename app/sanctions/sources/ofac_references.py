"""The reference sets of OFAC's Advanced XML."""

from collections.abc import Iterator
from typing import Any

from app.sanctions.sources.record import Record, text_of


class References:
    """The reference sets: what every number of the file stands for."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, Record]] = {}

    def add(self, tag: str, value: Any) -> None:
        """One value of a set. A value without a number can be meant by nobody."""
        if isinstance(value, dict) and "@ID" in value:
            self._values.setdefault(tag, {})[value["@ID"]] = value

    def value(self, tag: str, number: str) -> Record:
        """A value with its attributes, empty if there is none."""
        return self._values.get(tag, {}).get(number, {})

    def text(self, tag: str, number: str) -> str:
        """What a number of a set stands for, "" if nothing."""
        return text_of(self.value(tag, number))

    def used_in(self, record: Any) -> dict[str, dict[str, Any]]:
        """Every value that a record needs to be read without the file, by set and number."""
        used: dict[str, dict[str, Any]] = {}
        waiting = [record]
        while waiting:
            for tag, number in _numbers(waiting.pop()):
                value = self.value(tag, number)
                if value and number not in used.setdefault(tag, {}):
                    used[tag][number] = value
                    waiting.append(value)
        return {tag: values for tag, values in used.items() if values}


def _numbers(value: Any) -> Iterator[tuple[str, str]]:
    """Each attribute that is a number of a reference set, as (set, number)."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name.startswith("@") and name.endswith("ID"):
                # "@IssuedBy-CountryID" is a number of the set Country.
                yield name[1:-2].rpartition("-")[2], str(part)
            else:
                yield from _numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from _numbers(part)
