"""Hostile values by kind of field: what security.md 7.3 measured as harmful, and its neighbours.

A JSON value is given as text, because most of these cannot be written by a JSON library.
"""

from __future__ import annotations

import json

CANARY = "zqCANARYx7qv"
"""A word that no text of ours contains; where an error repeats it, the error repeats the input."""


def _text(value: str) -> str:
    return json.dumps(value + CANARY)


def _deep(opening: str, closing: str, depth: int) -> str:
    return opening * depth + "1" + closing * depth


# Written with a quoted escape, so that the lone half of a pair reaches the parser as it is.
_SURROGATE = f'"\\ud800{CANARY}"'

ANY: dict[str, str] = {
    "null": "null",
    "empty text": '""',
    "empty list": "[]",
    "empty object": "{}",
    "prototype": f'{{"__proto__": {{"admin": true}}, "{CANARY}": 1}}',
    "true": "true",
    "number": "7",
    "not a number": "NaN",
    "infinity": "-Infinity",
    "1e999": "1e999",
    "5,000 digits": "9" * 5_000,
}
STRINGS: dict[str, str] = {
    "NUL": f'"a\\u0000{CANARY}"',
    "lone surrogate": _SURROGATE,
    "bidirectional control": _text("a\u202e"),
    "escape sequence": _text("\x1b[31m"),
    "zalgo": _text("a" + "\u0301\u0321" * 200),
    "10 kB": _text("x" * 10_000),
    "SQL": _text("'; DROP TABLE partners; --%_\\"),
    "formula": _text("=cmd|' /C calc'!A0"),
    "format": _text("{0.__class__} %s %n ${jndi:ldap://x} {{7*7}}"),
    "astral": _text("\U0001f4a9\U0010ffff\ufffe"),
    "blank": '" \\t \\n "',
    "header break": _text("a\r\nSet-Cookie: x=y"),
}
NUMBERS: dict[str, str] = {
    "30 digits": "9" * 30,
    "minus 30 digits": "-" + "9" * 30,
    "int4 + 1": "2147483648",
    "int8 + 1": "9223372036854775808",
    "minus one": "-1",
    "half": "0.5",
    "tiny": "1e-999",
    "as text": '"12"',
    "underscored text": '"1_000"',
    "negative zero": "-0.0",
}
DATES: dict[str, str] = {
    "zero": "0",
    "naive": '"2026-03-01T00:00:00"',
    "date for time": '"2026-03-01"',
    "time for date": '"2026-03-01T00:00:00Z"',
    "past the end": '"9999-12-31T23:59:59-14:00"',
    "before the start": '"0001-01-01T00:00:00+14:00"',
    "last day": '"9999-12-31"',
    "first day": '"0001-01-01"',
    "year 10000": '"10000-01-01T00:00:00Z"',
    "no such day": '"2026-02-30"',
    "leap second": '"2026-06-30T23:59:60Z"',
    "wild offset": '"2026-03-01T00:00:00+99:99"',
    "wide digits": '"２０２６-03-01"',
    "infinity": '"infinity"',
    "epoch text": '"1772323200"',
    "twelve digits of second": '"2026-03-01T00:00:00.123456789012Z"',
}
LISTS: dict[str, str] = {
    "10,000 items": "[" + ",".join(["null"] * 10_000) + "]",
    "10,000 texts": "[" + ",".join(['"x"'] * 10_000) + "]",
    "list of lists": "[[[[]]]]",
    "2,000 deep": _deep("[", "]", 2_000),
    "text for list": _text("a"),
}
OBJECTS: dict[str, str] = {
    "2,000 deep": _deep('{"a":', "}", 2_000),
    "unknown field": f'{{"{CANARY}": 1}}',
    "unknown surrogate field": '{"\\ud800": 1}',
    "unknown NUL field": '{"\\u0000": 1}',
    "30 deep": _deep('{"a":', "}", 28),
}
ENUMS: dict[str, str] = {
    "unknown code": _text("X"),
    "lone surrogate": _SURROGATE,
    "NUL": STRINGS["NUL"],
    "list": f'["{CANARY}"]',
}
BY_KIND: dict[str, dict[str, str]] = {
    "string": STRINGS,
    "date": STRINGS | DATES,
    "number": NUMBERS | {"text": _text("x"), "list": "[1]"},
    "boolean": {"one": "1", "text": '"true"', "list": "[true]"},
    "enum": ENUMS,
    "list": LISTS,
    "object": OBJECTS | {"list": "[1]", "text": _text("x")},
    "open object": OBJECTS | {"list": "[1]", "text": _text("x")},
}

URL: dict[str, str] = {
    "empty": "",
    "NUL": f"%00{CANARY}",
    "half of a pair": f"%ed%a0%80{CANARY}",
    "not UTF-8": f"%ff%fe{CANARY}",
    "broken escape": f"%zz%{CANARY}",
    "bidirectional control": f"%e2%80%ae{CANARY}",
    "line break": f"a%0d%0aSet-Cookie:%20x=y{CANARY}",
    "SQL": f"%27%3B%20DROP%20TABLE%20partners%3B--{CANARY}",
    "overlong": "x" * 5_000 + CANARY,
    "underscored": "1_000",
    "spaced": "%207",
    "wide digits": "%EF%BC%97",
    "30 digits": "9" * 30,
    "5,000 digits": "9" * 5_000,
    "negative": "-1",
    "zero": "0",
    "exponent": "1e3",
    "not a number": "NaN",
    "true": "true",
    "past the end": "9999-12-31T23:59:59-14:00",
    "before the start": "0001-01-01T00:00:00%2B14:00",
    "naive": "2026-03-01T00:00:00",
    "JSON": "%7B%22a%22%3A1%7D",
    "prototype": "__proto__",
    "dots": "..%2f..%2f..%2fetc%2fpasswd",
}
"""Values of a query or path parameter, percent-encoded as they go over the wire."""

HEADER: dict[str, bytes] = {
    "empty": b"",
    "NUL": b"\x00" + CANARY.encode(),
    "not UTF-8": b"\xff\xfe" + CANARY.encode(),
    "UTF-8": "é\u202e".encode() + CANARY.encode(),
    "line break": b"a\r\nX-Injected: 1" + CANARY.encode(),
    "8 kB": b"x" * 8_192 + CANARY.encode(),
    "quotes": b'"\\"; ref=",,,"' + CANARY.encode(),
    "number": b"99999999999999999999999",
    "tag": b'"v99999999999999"',
    "star": b"*",
    "list": b'"v1", W/"v2", ' * 200,
}
