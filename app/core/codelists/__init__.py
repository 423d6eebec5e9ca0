"""Code lists: versioned data that fields are checked against, served with labels.

One YAML file a list in ``lists/``; an edition that a newer one follows stays beside it as
``<code>.<version>.yaml``. A published edition never changes. A code is only ever added or marked
``deprecated``: then it is read, and refused when written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.core import datafiles
from app.core.clock import utc_now
from app.core.codelists import standards

Language = Literal["en", "fr", "es", "ar", "ru", "zh"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Data):
    """A code. ``facts`` are codes of the same thing elsewhere."""

    code: str
    labels: dict[Language, str]
    parent: str | None = None
    deprecated: bool = False
    facts: dict[str, str] = {}


class CodeList(_Data):
    """One edition of a list. ``confirmed``: somebody has compared it with its source."""

    code: str
    title: str
    version: str
    effective_from: date
    source: str
    confirmed: bool
    items: tuple[Item, ...]

    @cached_property
    def by_code(self) -> dict[str, Item]:
        """Items by their code."""
        return {item.code: item for item in self.items}

    def accepts(self, code: str) -> bool:
        """Whether a new record may use the code."""
        item = self.by_code.get(code)
        return item is not None and not item.deprecated


def _read(text: str) -> CodeList:
    data = datafiles.parse(text)
    for item in data["items"]:
        if language := item.get("facts", {}).get("iso639_3"):
            item["labels"] |= standards.language_labels(language)
    return CodeList.model_validate(data)


def load(folder: Traversable) -> dict[str, tuple[CodeList, ...]]:
    """Every list of a folder, its editions from the oldest to the newest."""
    found: dict[str, list[CodeList]] = {}
    for file in folder.iterdir():
        if file.name.endswith(".yaml"):
            edition = _read(file.read_text("utf-8"))
            found.setdefault(edition.code, []).append(edition)
    return {
        code: tuple(sorted(editions, key=lambda edition: edition.effective_from))
        for code, editions in sorted(found.items())
    }


@lru_cache(maxsize=1)
def everything() -> dict[str, tuple[CodeList, ...]]:
    """Every list that the registry has, by code."""
    lists = load(files("app.core.codelists").joinpath("lists"))
    countries = CodeList.model_validate(standards.countries())
    return dict(sorted((lists | {countries.code: (countries,)}).items()))


def in_force(editions: Iterable[CodeList], on: date) -> CodeList:
    """The newest edition that has begun by that day; before all of them, the first."""
    editions = tuple(editions)
    begun = [edition for edition in editions if edition.effective_from <= on]
    return begun[-1] if begun else editions[0]


def current(code: str) -> CodeList:
    """The edition in force today. KeyError for a list that is not there."""
    return in_force(everything()[code], utc_now().date())


@dataclass(frozen=True, slots=True)
class Coded:
    """Annotation of a field that holds a code of a list: ``Annotated[str, Coded("sectors")]``."""

    code_list: str

    def _check(self, value: str) -> str:
        if not current(self.code_list).accepts(value):
            message = "is no code of the list {list} that may be used now"
            raise PydanticCustomError("code_unknown", message, {"list": self.code_list})
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = core_schema.str_schema(strict=True, max_length=64)
        return core_schema.no_info_after_validator_function(self._check, text)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        first = current(self.code_list).items[0].code
        where = f"a code of `GET /v1/codelists/{self.code_list}`"
        return {"type": "string", "maxLength": 64, "description": where, "examples": [first]}
