"""What a ``*.mapping.yaml`` file says: how the columns of any table become listed parties.

docs/lists.md describes it for those who write one.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from app.core.datafiles import LOADER
from app.sanctions.sources.base import Kind, NameType, SourceUnreadable
from app.sanctions.sources.file_reader import FileFacts, check_text
from app.sanctions.sources.mapping_dates import DateRules
from app.sanctions.sources.table_reader import Shape

SUFFIX = ".mapping.yaml"
MAX_BYTES = 256 * 1024
_MAX_DEPTH = 12

Text = Annotated[str, Field(min_length=1, max_length=500)]
Column = Annotated[str, Field(min_length=1, max_length=200)]
# Only encodings in which the bytes of a line end, a delimiter and a quote stand for nothing else.
_ENCODINGS = frozenset(
    {
        *("utf-8", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
        *("iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9"),
        *("koi8-r", "koi8-u"),
    }
)


def _encoding(name: str) -> str:
    if name not in _ENCODINGS:
        raise ValueError(f"one of {', '.join(sorted(_ENCODINGS))}")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Cell(_Part):
    """What a cell says, or a text that is the same for every row."""

    column: Column | None = None
    text: Text | None = None
    separators: tuple[Annotated[str, Field(min_length=1, max_length=10)], ...] = ()

    @model_validator(mode="after")
    def _one(self) -> "Cell":
        if (self.column is None) == (self.text is None):
            raise ValueError("either column or text")
        return self


Value = Annotated[Cell, BeforeValidator(_column)]
"""In the file: the name of a column, or ``{column, separators}``, or ``{text}``."""


class NameRule(_Part):
    """Where names stand, and of what type they are."""

    columns: tuple[Column, ...] = Field(min_length=1, max_length=8)
    type: NameType
    separators: tuple[Annotated[str, Field(min_length=1, max_length=10)], ...] = ()
    quality: Value | None = None
    language: Value | None = None
    note: Value | None = None


class KindRule(_Part):
    """What is listed: the same in every row, or by a column."""

    always: Kind | None = None
    column: Column | None = None
    values: dict[str, Kind] = {}
    otherwise: Kind = "unknown"

    @model_validator(mode="after")
    def _one(self) -> "KindRule":
        if (self.column is None) == (self.always is None) or bool(self.column) != bool(self.values):
            raise ValueError("either always, or column with values")
        return self


class PlaceRule(_Part):
    """An address or a place of birth."""

    street: Value | None = None
    city: Value | None = None
    state_province: Value | None = None
    zip_code: Value | None = None
    country: Value | None = None
    note: Value | None = None


class NumberRule(_Part):
    """An identifier or a document."""

    type: Text
    value: Value
    country: Value | None = None
    issued_on: Value | None = None
    note: Value | None = None


class MeasureRule(_Part):
    """What was imposed, by whom, until when."""

    imposed_by: Value | None = None
    listed_by: Value | None = None
    measure: Value | None = None
    programme: Value | None = None
    grounds: Value | None = None
    legal_basis: Value | None = None
    since: Value | None = None
    until: Value | None = None
    reference: Value | None = None


class SameAs(_Part):
    """A reference of the same party on another list."""

    list: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_:]{1,60}$")]
    reference: Value


class FileRules(_Part):
    """How the table is written."""

    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    quote: Literal['"', "'"] | None = '"'
    rows_ahead: int = Field(0, ge=0, le=20)
    empty: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """For the reader of tables."""
        return Shape(self.delimiter, self.quote, encoding=self.encoding, ahead=self.rows_ahead)


class Mapping(_Part):
    """A whole mapping. Nothing that it does not name is understood; nothing is lost either."""

    version: Text
    title: Text
    publisher: Text
    licence: Text
    source: Text = Field(description="who made the mapping, from what")
    confirmed: bool
    file: FileRules = FileRules()
    key: tuple[Column, ...] = Field(min_length=1, max_length=6)
    rows: Literal["one", "many"] = "one"
    reference: Value | None = None
    kind: KindRule
    names: tuple[NameRule, ...] = Field(min_length=1, max_length=30)
    dates: DateRules = DateRules()
    birth_dates: tuple[Value, ...] = ()
    birth_places: tuple[PlaceRule, ...] = ()
    nationalities: tuple[Value, ...] = ()
    countries: tuple[Value, ...] = ()
    identifiers: tuple[NumberRule, ...] = ()
    documents: tuple[NumberRule, ...] = ()
    addresses: tuple[PlaceRule, ...] = ()
    measures: tuple[MeasureRule, ...] = ()
    same_as: tuple[SameAs, ...] = ()
    programme: Value | None = None
    listed_on: Value | None = None
    updated_on: Value | None = None
    gender: Value | None = None
    titles: tuple[Value, ...] = ()
    designations: tuple[Value, ...] = ()
    remarks: tuple[Value, ...] = ()
    urls: tuple[Value, ...] = ()
    kept: tuple[Column, ...] = Field((), description="columns that are kept, not understood")

    @model_validator(mode="after")
    def _has_primary(self) -> "Mapping":
        if not any(rule.type == "primary" for rule in self.names):
            raise ValueError("no rule for the primary name")
        return self

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every column it names: all must be there."""
        return frozenset(_columns_in(self.model_dump(exclude={"file", "dates"})))


def _columns_in(value: Any, name: str = "") -> set[str]:
    if isinstance(value, dict):
        return set().union(*(_columns_in(part, key) for key, part in value.items()), set())
    if isinstance(value, list | tuple):
        return set().union(*(_columns_in(part, name) for part in value), set())
    return (
        {value}
        if isinstance(value, str) and name in ("column", "columns", "key", "kept")
        else set()
    )


def load(path: Path) -> tuple[Mapping, FileFacts]:
    """The mapping of a file and the facts of the file.

    Raises SourceUnreadable with the place: no UTF-8, no YAML, aliases (they make a small file
    endless), a name twice, nesting past 12, and whatever a mapping may not say.
    """
    facts = check_text(path, lambda block, at: None, max_bytes=MAX_BYTES)
    text = path.read_text("utf-8-sig")
    try:
        _check_events(text)
        said = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader
        return Mapping.model_validate(said), facts
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "no YAML"
        place = _place(getattr(error, "problem_mark", None))
        raise SourceUnreadable(f"mapping: {problem}", place) from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the whole"
        raise SourceUnreadable(f"mapping: {fault['msg']}", where) from error
    except (ValueError, RecursionError) as error:
        raise SourceUnreadable(f"mapping: {error}", "a value") from error


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "a value"


def _check_events(text: str) -> None:
    """What is wrong with a mapping before any of it is built."""
    # For each open level: the names of a mapping so far and whether a name comes next, or None.
    levels: list[tuple[set[str], list[bool]] | None] = []
    for event in yaml.parse(text, Loader=LOADER):
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise SourceUnreadable("mapping: an alias", place)
        if isinstance(event, yaml.CollectionEndEvent):
            levels.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        level = levels[-1] if levels else None
        if level:
            names, comes = level
            if comes[0]:
                name = event.value if isinstance(event, yaml.ScalarEvent) else ""
                if name in names:
                    raise SourceUnreadable(f"mapping: {name[:60]} twice", place)
                names.add(name)
            comes[0] = not comes[0]
        if isinstance(event, yaml.CollectionStartEvent):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            levels.append((set(), [True]) if is_mapping else None)
            if len(levels) > _MAX_DEPTH:
                raise SourceUnreadable(f"mapping: nested past {_MAX_DEPTH}", place)
