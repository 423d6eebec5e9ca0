"""Lines that mean harm: each fails alone, none is repeated, and what stands between is filed."""

from __future__ import annotations

import json

import pytest

from app.core.ndjson import MAX_LINE
from tests.assessments.bulk.support import NDJSON, URL, line
from tests.conftest import ApiFor
from tests.hostile.values import ANY, CANARY, STRINGS
from tests.partners.factories import make_partner

_DEEP = b"[" * 20_000 + b"]" * 20_000


def lines_of(partner: str) -> dict[str, bytes]:
    def good() -> bytes:
        return json.dumps(line(partner)).encode()

    def with_(field: str, value: bytes) -> bytes:
        return json.dumps(line(partner) | {field: "@"}).encode().replace(b'"@"', value)

    return {
        "not an object": b"[1]",
        "text": f'"{CANARY}"'.encode(),
        "null": b"null",
        "two documents": good() + b" " + good(),
        "a NUL byte": good().replace(b"psea", b"ps\x00ea"),
        "byte-order mark": b"\xef\xbb\xbf" + good(),
        "UTF-16": good().decode().encode("utf-16-le"),
        "invalid UTF-8": good().replace(b"Canary", b"\xff\xfe"),
        "overlong UTF-8": good().replace(b"Canary", b"\xc0\xaf"),
        "surrogate bytes": good().replace(b"Canary", b"\xed\xa0\x80"),
        "a lone surrogate": with_("methodology", b'"\\ud800"'),
        "duplicate key": good()[:-1] + b', "type": "performance"}',
        "duplicate key inside": with_("identifier", b'{"scheme": "UNPP", "scheme": "LEI"}'),
        "100,000 deep": b"[" * 30_000 + b"]" * 30_000,
        "deep in the detail": with_("detail", _DEEP),
        "33 deep": with_("detail", b"[" * 33 + b"]" * 33),
        "5,000 digits": with_("conducted_on", b"9" * 5_000),
        "NaN": with_("detail", b"NaN"),
        "1e999": with_("detail", b"1e999"),
        "cut short": good()[:-1],
        "a line one byte too long": b'"' + b"x" * (MAX_LINE - 1) + b'"',
        "many fields": json.dumps({f"{CANARY}{n}": 1 for n in range(2_000)}).encode(),
        "a thousand standards": with_(
            "detail", b'{"standards": [' + b'{"number":1,"result":"met"},' * 999 + b"1]}"
        ),
        "prototype": good()[:-1] + b', "__proto__": {"owner_agency": "UNICEF"}}',
        "an owner": good()[:-1] + b', "owner_agency": "UNICEF"}',
        "a rating": good()[:-1] + b', "rating": {"value": "FULL_CAPACITY"}}',
        "another status": with_("status", b'"withdrawn"'),
        "an id with a space": with_("id", b'"a b"'),
        "an id of NUL": with_("id", f'"a\\u0000{CANARY}"'.encode()),
        "an id that is too long": with_("id", b'"' + b"x" * 65 + b'"'),
        "an id that is a list": with_("id", b"[1]"),
        "an identifier that is text": with_("identifier", f'"{CANARY}"'.encode()),
    }


async def test_every_bad_line_is_reported_and_every_good_one_filed(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    bad = lines_of(partner)
    lines = [part for one in bad.values() for part in (one, json.dumps(line(partner)).encode())]
    answer = await wfp.post(URL, content=b"\r\n".join(lines), headers=NDJSON)
    assert answer.status_code == 200, answer.text
    found = [json.loads(one) for one in answer.content.splitlines()]
    assert [one["line"] for one in found] == list(range(1, len(lines) + 1))
    wrong = [
        (name, one)
        for name, one, good in zip(bad, found[::2], found[1::2], strict=True)
        if (one["status"], good["status"]) != ("invalid", "created") or not one["errors"]
    ]
    assert wrong == []
    assert CANARY not in answer.text, "what was sent is not repeated"


@pytest.mark.parametrize(
    "field", ["id", "partner_id", "type", "methodology", "detail", "identifier", "conducted_on"]
)
async def test_hostile_values_in_a_field_fail_their_line_alone(field: str, api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    lines = [
        json.dumps(line(partner) | {field: "@"})
        .encode()
        .replace(b'"@"', value.encode("utf-8", "surrogatepass"))
        for value in (ANY | STRINGS).values()
    ]
    body = b"\n".join([*lines, json.dumps(line(partner)).encode()])
    answer = await wfp.post(URL, content=body, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    found = [json.loads(one) for one in answer.content.splitlines()]
    assert len(found) == len(lines) + 1
    assert found[-1]["status"] == "created"
    assert CANARY not in answer.text or field == "id"
