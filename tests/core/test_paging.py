"""Cursors say nothing, fit one list of one caller, and end after a week."""

from __future__ import annotations

import base64
import random
import time

import pytest
import time_machine

from app.core.paging import CursorInvalid, Cursors
from tests.conftest import ApiFor
from tests.partners.factories import make_partner

CURSORS = Cursors(b"k" * 32)


def test_a_cursor_gives_its_values_back_to_its_own_list() -> None:
    values = ["2026-03-01T00:00:00Z", 7, None, "é"]
    assert CURSORS.open(b"list", CURSORS.seal(b"list", values)) == values


def test_a_cursor_shows_nothing_and_differs_each_time() -> None:
    first, second = (CURSORS.seal(b"list", ["canary"]) for _ in range(2))
    assert first != second
    assert b"canary" not in base64.urlsafe_b64decode(first + "==")


def test_a_cursor_fits_no_other_list_and_no_other_key() -> None:
    cursor = CURSORS.seal(b"list", [1])
    for cursors, binding in ((CURSORS, b"other"), (Cursors(b"x" * 32), b"list")):
        with pytest.raises(CursorInvalid):
            cursors.open(binding, cursor)


def test_a_changed_cursor_does_not_open() -> None:
    cursor = CURSORS.seal(b"list", [1])
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=="))
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1 << random.randrange(8)
        with pytest.raises(CursorInvalid):
            CURSORS.open(b"list", base64.urlsafe_b64encode(changed).decode().rstrip("="))


@pytest.mark.parametrize("cursor", ["", "A", "AAAA", "A" * 16, "A" * 1_000, "=", "é", "a b"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(b"list", cursor)


def test_a_cursor_ends_after_seven_days() -> None:
    cursor = CURSORS.seal(b"list", [1])
    with time_machine.travel(time.time() + 7 * 86_400 - 60, tick=False):
        assert CURSORS.open(b"list", cursor) == [1]
    with (
        time_machine.travel(time.time() + 7 * 86_400 + 60, tick=False),
        pytest.raises(CursorInvalid),
    ):
        CURSORS.open(b"list", cursor)


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1e2", "1_0", " 7", "7.0", "", "x", "9" * 40])
async def test_a_limit_outside_its_bounds_is_refused(limit: str, api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for path in ("/v1/partners", "/v1/agencies"):
        answer = await unicef.get(path, params={"limit": limit})
        assert answer.status_code == 422, (path, limit)


async def test_the_next_page_is_linked_with_the_same_filters(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for _ in range(3):
        await make_partner(unicef, country="MLI")
    page = await unicef.get("/v1/partners", params={"country": "ML", "limit": "2"})
    link = page.headers["link"]
    assert link.endswith('; rel="next"')
    url = link.split(">")[0].removeprefix("<")
    assert "country=ML" in url
    following = await unicef.get(url)
    assert following.json()["next_cursor"] is None
    assert 'rel="next"' not in following.headers["link"]
    seen = [item["id"] for item in page.json()["items"] + following.json()["items"]]
    assert len(seen) == len(set(seen)) == 3


async def test_a_cursor_of_one_caller_is_nothing_to_another(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    for _ in range(2):
        await make_partner(unicef, country="BFA")
    url = "/v1/partners?country=BFA&limit=1"
    cursor = (await unicef.read(url))["next_cursor"]
    assert (await unicef.get(f"{url}&cursor={cursor}")).status_code == 200
    assert (await wfp.get(f"{url}&cursor={cursor}")).json()["code"] == "cursor_invalid"
