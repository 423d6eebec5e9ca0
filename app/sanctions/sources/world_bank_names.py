"""The several names that the World Bank writes into one field, and those it goes on with."""

import re

from app.core.countries import find_country
from app.sanctions.sources.base import ListedName, NameType
from partner_registry_matcher import scripts

_MARK = re.compile(r"\s?\*\s?\d{1,4}(?:(?:\s?,\s?|\s?and\s?|\s?&\s?)\d{1,4}){0,6}\b\.?|\s?\*+\s?$")
# DBA without strokes or points is taken only after a bracket: it also begins names.
_ALSO = re.compile(
    r"(?:^|[\s,;(])(?:(?:also|now|currently)\s)?(?:"
    r"(?P<former>formerly(?:\sknown\sas)?|previously(?:\sknown\sas)?|name\schange\sfrom"
    r"|f[./]k[./]a\b\.?|fka\b)"
    r"|(?P<alias>a[./]k[./]a\b\.?|aka\b|d[./]b[./]a\b\.?|(?<=\()dba\b|known\sas"
    r"|doing\sbusiness\s(?:as|under)|also\b)"
    r")[\s:]{1,3}",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"^(?P<outer>[^()]{2,200}?)\s?\((?P<inner>[^()]{2,200})\)[\s.,]{0,3}$")
_ACRONYM = re.compile(r"(?!(?:NGO|LTD|LLC|INC|PLC|JSC|PVT|PTY|PTE)\b)[A-Z][A-Z0-9&.-]{1,9}")
_NO_NAME = frozenset({"THE", "LES", "LA", "EL", "SUCURSAL", "BRANCH"})
_EMPTY = re.compile(r"\(\s?\)")
_GROUP = re.compile(r"\((?P<inner>[^()]{2,200})\)")
_EDGES = " ,;:"


def footnotes(text: str) -> list[str]:
    """The footnote marks of a text ("*150")."""
    return [match.group().strip() for match in _MARK.finditer(text)]


def without_marks(text: str) -> str:
    """The text without its footnote marks, on one line."""
    return " ".join(_MARK.sub(" ", text).split())


def _trim(text: str) -> str:
    """Without separators at its ends and without brackets that lack their other half."""
    text = text.strip(_EDGES)
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1].strip(_EDGES)
    while text.endswith("(") or (text.startswith("(") and text.count("(") > text.count(")")):
        text = (text[:-1] if text.endswith("(") else text[1:]).strip(_EDGES)
    return text


def _bracketed(text: str) -> list[ListedName]:
    """What stands in brackets at the end of a name: the name in another script, or an acronym."""
    match = _BRACKET.match(text)
    if match is None:
        return []
    outer, inner = match["outer"].strip(_EDGES), match["inner"].strip(_EDGES)
    written, other = scripts(outer), scripts(inner)
    if written and other and not written & other:
        type_: NameType = "alias" if "Latn" in other else "original_script"
        return [ListedName(outer, "alias", derived=True), ListedName(inner, type_, derived=True)]
    if _ACRONYM.fullmatch(inner) and inner not in _NO_NAME and not find_country(inner):
        return [
            ListedName(outer, "alias", derived=True),
            ListedName(inner, "weak_alias", note="acronym", derived=True),
        ]
    return []


def names_of(text: str, first: NameType) -> list[ListedName]:
    """The names in one text: the ``first`` is of this type, the others say what they are.

    Empty if the text begins with no name. What was split off or lost a mark is derived.
    """
    plain = without_marks(text)
    marks = list(_ALSO.finditer(plain))
    ends = [*(mark.start() for mark in marks), len(plain)]
    main = _trim(plain[: ends[0]])
    found = [ListedName(main, first, derived=main != text)] if main else []
    found += _bracketed(main)
    for mark, end in zip(marks, ends[1:], strict=True):
        name = _trim(plain[mark.end() : end])
        type_: NameType = "former" if mark["former"] else "alias"
        if name:
            found += [ListedName(name, type_, derived=True), *_bracketed(name)]
    return found


def continued(name: str, about: str) -> list[ListedName]:
    """The names in the additional information: those in another script in brackets, marked ones,
    and the rest of a name that was too long for its field."""
    plain = _EMPTY.sub(" ", without_marks(about)).strip(_EDGES)
    found = []
    for group in _GROUP.finditer(plain):
        inner = _trim(group["inner"])
        if scripts(inner) and "Latn" not in scripts(inner):
            found.append(ListedName(inner, "original_script", derived=True))
    start = _ALSO.search(plain)
    if start:
        return found + names_of(plain[start.start() :], "alias")
    if footnotes(about) and plain.isupper() and plain[0].isalpha():
        whole = f"{name} {plain}"
        halves = [half.strip(_EDGES) for half in whole.split("/")]
        split = halves if len(halves) > 1 and all(" " in half for half in halves) else []
        found += [ListedName(each, "alias", derived=True) for each in (whole, *split)]
    return found
