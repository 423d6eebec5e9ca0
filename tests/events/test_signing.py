"""Signatures as the standard has them, and what an answer means."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from app.events.webhooks import outcomes, signing
from app.events.webhooks.outcomes import Reply
from app.events.webhooks.signing import Secret
from tests.events.receiver import Received

AT = datetime(2021, 2, 25, 14, 2, 10, tzinfo=UTC)


def test_a_published_example_is_signed_as_published() -> None:
    """Of the standard's own libraries."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    content = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body
    # The key of the example is of 24 bytes: what is signed with comes first in ours.
    made = next(iter(_Short(key, Secret.generate().raw).signatures(content)))
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


class _Short(Secret):
    """A secret whose symmetric half is shorter than ours."""

    def __new__(cls, key: bytes, raw: bytes) -> _Short:
        one = object.__new__(cls)
        # HMAC fills a short key with zeros, so this is the same key.
        object.__setattr__(one, "raw", key.ljust(32, b"\0") + raw[32:])
        return one

    def __init__(self, key: bytes, raw: bytes) -> None:
        """All is done above."""


def test_both_schemes_and_every_generation_sign() -> None:
    old, new = Secret.generate(), Secret.generate()
    sent = Received(signing.headers("m1", AT, b"{}", [new, old]), b"{}")
    assert [scheme for scheme, _ in sent.signatures] == ["v1", "v1a", "v1", "v1a"]
    for secret in (old, new):
        assert sent.signed_with(secret.symmetric)
        assert sent.signed_by(secret.public_key)
    other = Secret.generate()
    assert not sent.signed_with(other.symmetric)
    assert not sent.signed_by(other.public_key)
    for name in ("webhook-id", "webhook-timestamp"):
        altered = Received(sent.headers | {name: "1"}, sent.body)
        assert not altered.signed_with(new.symmetric)
        assert not altered.signed_by(new.public_key)
    assert not Received(sent.headers, b"{ }").signed_by(new.public_key)
    assert 24 <= len(base64.b64decode(new.symmetric.removeprefix("whsec_"))) <= 64


def test_the_schedule_ends_after_three_days() -> None:
    waits = [outcomes.next_attempt(number, lambda: 0.5) for number in range(11)]
    assert waits[1:4] == [5, 300, 1_800]
    assert waits[10] is None
    total = sum(one for one in waits if one is not None)
    assert 75 <= total / 3_600 <= 77
    assert outcomes.next_attempt(4, lambda: 0.0) == 7_200 * 0.8
    assert outcomes.next_attempt(4, lambda: 1.0) == pytest.approx(7_200 * 1.2)


@pytest.mark.parametrize(
    ("status", "failure", "kind"),
    [
        (200, None, "delivered"),
        (299, None, "delivered"),
        (302, None, "failed"),
        (404, None, "failed"),
        (410, None, "gone"),
        (500, None, "failed"),
        (None, "late", "failed"),
        (200, "challenge", "failed"),
    ],
)
def test_what_an_answer_means(status: int | None, failure: str | None, kind: str) -> None:
    assert Reply(status, failure, 1).kind == kind


def test_the_circuit_opens_and_stays_open_longer() -> None:
    def wait(failures: int, status: int = 500, after: float | None = None) -> float:
        return outcomes.pause(Reply(status, None, 1, after), failures, lambda: 0.5)

    assert [wait(number) for number in (1, 4, 5, 6, 7)] == [0, 0, 60, 120, 240]
    assert wait(100) == 3_600
    assert wait(1, 429) == 60
    assert wait(1, 503, 900) == 900
    assert wait(100, 503, 900) == 3_600


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("\N{ARABIC-INDIC DIGIT FIVE}", None),
        ("120", 120),
        ("999999999", 86_400),
        ("9" * 400, None),
        ("Thu, 25 Feb 2021 14:03:10 GMT", 60),
        ("Thu, 25 Feb 2021 14:00:10 GMT", 0),
        ("Thu, 25 Feb 2099 14:00:10 GMT", 86_400),
        ("Thu, 25 Feb 2021 14:03:10 -0000", 60),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert outcomes.retry_after(value, AT) == seconds
    assert AT + timedelta(0) == AT
