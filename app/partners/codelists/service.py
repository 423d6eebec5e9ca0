"""Serving code lists."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import get_args

from pydantic_core import to_json

from app.core import codelists
from app.core.clock import utc_now
from app.core.codelists import CodeList, Language
from app.partners.codelists.errors import CodeListNotFound
from app.partners.codelists.schemas import CodeListOut, CodeListRow, ItemOut

LANGUAGES: tuple[Language, ...] = get_args(Language)
_WISH = re.compile(
    r"\A([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9]{1,8})*(?:;q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?\Z"
)


def list_all(after: str | None, limit: int) -> list[CodeListRow]:
    """The lists by code, those after ``after``, at most ``limit``."""
    rows = [codelists.current(code) for code in codelists.everything() if code > (after or "")]
    return [
        CodeListRow(
            code=row.code,
            title=row.title,
            version=row.version,
            effective_from=row.effective_from,
            count=len(row.items),
        )
        for row in rows[:limit]
    ]


def language_of(asked: Language | None, header: str) -> Language:
    """The language of labels: the one asked for, else the best of Accept-Language, else English."""
    if asked is not None:
        return asked
    wishes: list[tuple[float, int, Language]] = []
    for place, part in enumerate(header[:500].split(",")):
        found = _WISH.match(part.replace(" ", ""))
        language = found[1].lower() if found else ""
        quality = float(found[2] or "1") if found else 0.0
        wishes += [(-quality, place, known) for known in LANGUAGES if known == language and quality]
    return min(wishes)[2] if wishes else "en"


def body_of(code: str, version: str | None, language: Language) -> bytes:
    """One edition as it is served. Raises CodeListNotFound."""
    editions = codelists.everything().get(code)
    if editions is None:
        raise CodeListNotFound
    chosen = codelists.in_force(editions, utc_now().date())
    if version is not None:
        matching = [edition for edition in editions if edition.version == version]
        if not matching:
            raise CodeListNotFound
        chosen = matching[0]
    return _body(code, chosen.version, language)


@lru_cache(maxsize=256)
def _body(code: str, version: str, language: Language) -> bytes:
    editions = codelists.everything()[code]
    chosen: CodeList = next(edition for edition in editions if edition.version == version)
    return to_json(
        CodeListOut(
            **chosen.model_dump(exclude={"items"}),
            versions=[edition.version for edition in editions],
            language=language,
            items=[
                ItemOut(**item.model_dump(), label=item.labels.get(language) or item.labels["en"])
                for item in chosen.items
            ],
        )
    )
