"""The command line: what it prints, and above all which code it exits with."""

import base64
import json
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from partner_registry_client import SecretCredential
from partner_registry_client.conformance.double import ISSUER, Answer, Registry, entry
from partner_registry_client.conformance.signing import kid, new_key

Run = Callable[..., int]
ANSWER = b'{"clearance_id":"0195d3c0-0000-7000-8000-000000000001"}'


@pytest.fixture
def ready(run: Run, registry: Registry) -> Run:
    assert _init(run, registry) == 0
    assert run("pull") == 0
    return run


def _init(run: Run, registry: Registry, *more: str) -> int:
    how = more or ("--credentials", "credentials.json", "--client", "UNICEF")
    return run("init", "--url", registry.url, "--anchor", "anchor.json", *how)


def _later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    moment = time.time() + seconds
    monkeypatch.setattr("partner_registry_client.commands.time.time", lambda: moment)


# ---------------------------------------------------------------- init


def test_the_folder_and_its_files_are_private(run: Run, registry: Registry) -> None:
    _init(run, registry)
    run("pull")
    assert stat.S_IMODE(Path("copy").stat().st_mode) == 0o700
    for file in Path("copy").rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_a_store_never_changes_whom_it_trusts(ready: Run, registry: Registry) -> None:
    assert _init(ready, registry) == 0  # a new credential is fine, and nothing is forgotten
    assert ready("status") == 0
    assert _init(ready, registry, "--client-id", "x", "--private-key", "none.pem") == 2
    how = ("--credentials", "credentials.json", "--client", "UNICEF", "--stream", "public")
    assert _init(ready, registry, *how) == 2
    Path("anchor.json").write_bytes(Registry().anchor())
    assert _init(ready, registry) == 2
    assert ready("screen", "Amani Relief Trust") == 10


@pytest.mark.parametrize(
    "how",
    [
        ("--client-id", "x"),
        ("--credentials", "credentials.json"),
        ("--credentials", "credentials.json", "--client", "WFP"),
        ("--credentials", "anchor.json", "--client", "WFP"),
        ("--client-secret-file", "anchor.json"),
        ("--client-id", "x", "--private-key", "anchor.json"),
        ("--client-id", "x", "--client-secret-file", "missing"),
    ],
)
def test_half_a_credential_is_wrong_usage(
    run: Run, registry: Registry, how: tuple[str, ...]
) -> None:
    if how == ("--client-id", "x"):
        with pytest.raises(SystemExit):
            _init(run, registry, *how)
    else:
        assert _init(run, registry, *how) == 2
    assert not Path("copy").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(run: Run, registry: Registry) -> None:
    Path("copy").mkdir()
    Path("copy/thesis.txt").write_text("mine")
    assert _init(run, registry) == 2
    assert [file.name for file in Path("copy").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"issuer":"x"}', b'{"threshold":1}'])
def test_an_anchor_must_be_one(run: Run, registry: Registry, damage: bytes) -> None:
    Path("anchor.json").write_bytes(damage)
    assert _init(run, registry) == 30
    assert not Path("copy").exists()


def test_a_secret_is_sent_as_basic_authentication(run: Run, registry: Registry) -> None:
    _init(run, registry, "--client-id", "unicef", "--client-secret-file", "secret")
    assert run("pull") == 0
    headers, body = registry.tokens[0]
    basic = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert basic == "unicef:s3%2Fcr%3Aet"
    assert parse_qs(body) == {"grant_type": ["client_credentials"], "scope": ["feed:read"]}


def test_a_key_signs_an_assertion_for_the_issuer(run: Run, registry: Registry) -> None:
    key = new_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path("key.pem").write_bytes(pem)
    _init(run, registry, "--client-id", "unicef", "--private-key", "key.pem")
    assert run("pull") == 0
    headers, body = registry.tokens[0]
    form = {name: values[0] for name, values in parse_qs(body).items()}
    assert "authorization" not in headers
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert form["client_assertion_type"] == kind

    parts = form["client_assertion"].split(".")
    header, claims, signature = (base64.urlsafe_b64decode(part + "==") for part in parts)
    assert json.loads(header) == {
        "alg": "ES256",
        "kid": kid(key),
        "typ": "client-authentication+jwt",
    }
    said = json.loads(claims)
    assert (said["iss"], said["sub"], said["aud"]) == ("unicef", "unicef", ISSUER)
    assert said["exp"] - said["iat"] == 60
    assert len(said["jti"]) >= 22
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    signed = ".".join(parts[:2]).encode()
    key.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))


# ---------------------------------------------------------------- screen


def test_a_hit_is_provisional_and_says_who_imposed_what(
    ready: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert ready("screen", "Amani Releif Trust", "--country", "ken") == 10
    said = capsys.readouterr().out
    assert said.startswith("PROVISIONAL")
    assert "Amani Relief Trust" in said
    assert "UNDP, DEBARMENT_FIXED" in said

    assert ready("screen", "Amani Relief Trust", "--json") == 10
    answer = json.loads(capsys.readouterr().out)
    assert (answer["outcome"], answer["provisional"]) == ("potential_match", True)
    assert answer["hits"][0]["entry_id"] == "a1"
    assert answer["hits"][0]["score"] > 0.95
    assert answer["list"]["stale"] is False


def test_no_hit_is_provisional_too(ready: Run, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert ready("screen", "Quixotic Zebra Holdings") == 0
    said = capsys.readouterr().out
    assert said.startswith("PROVISIONAL")
    assert "CLEAR" not in said


def test_screening_needs_no_network(ready: Run, registry: Registry) -> None:
    registry.requests.clear()
    ready("screen", "Amani Relief Trust")
    ready("status")
    assert registry.requests == []


def test_never_pulled_is_unknown(
    run: Run, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    _init(run, registry)
    assert run("screen", "Quixotic Zebra Holdings", "--json") == 20
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["list"]["stale_reason"] == "never_pulled"
    assert run("status") == 20


@pytest.mark.parametrize(
    ("seconds", "reason"), [(8 * 86400, "past_max_staleness"), (-3600, "clock_set_back")]
)
def test_a_copy_that_may_be_old_never_says_no_hit(
    ready: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seconds: float,
    reason: str,
) -> None:
    _later(monkeypatch, seconds)
    capsys.readouterr()
    for name in ("Quixotic Zebra Holdings", "Amani Relief Trust"):
        assert ready("screen", name, "--json") == 20
        answer = json.loads(capsys.readouterr().out)
        assert (answer["outcome"], answer["list"]["stale_reason"]) == ("unknown_stale", reason)
    assert len(answer["hits"]) == 1  # worth seeing, even so
    assert ready("status", "--json") == 20
    assert json.loads(capsys.readouterr().out)["list"]["stale_reason"] == reason


def test_a_damaged_copy_gives_no_answer(ready: Run) -> None:
    with closing(sqlite3.connect("copy/store.sqlite3")) as db, db:
        db.execute("DELETE FROM entries WHERE entry_id = 'a1'")
    assert ready("screen", "Amani Relief Trust") == 30
    Path("copy/store.sqlite3").write_bytes(b"not a database" * 1000)
    assert ready("screen", "Amani Relief Trust") == 30


def test_what_could_hide_a_hit_by_mistake_is_wrong_usage(ready: Run) -> None:
    assert ready("screen", "???") == 2
    assert ready("screen", "Amani Relief Trust", "--country", "KE") == 2
    assert ready("screen", "Amani Relief Trust", "--birth-date", "01/02/1970") == 2
    with pytest.raises(SystemExit):
        ready("screen", "Amani Relief Trust", "--threshold", "2")
    with pytest.raises(SystemExit):
        ready("screen", "Amani Relief Trust", "--threshold", "nan")


def test_entries_of_a_later_version_are_still_searched(
    ready: Run, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = entry("odd", "Zephyr Maritime", kind="vessel", future={"field": 1})
    odd |= {"birth_dates": ["1960/1965", 7], "identifiers": [{"scheme": "IMO"}, "x"]}
    odd["names"] += [{"type": "alias"}, "x", {"name": "Zephyr M", "type": "weak_alias"}]
    registry.put(odd)
    registry.put(
        entry(
            "p1",
            "Joseph Mwangi Kamau",
            kind="person",
            birth_dates=["1960/1965"],
            registry_number="IPR-0000001-C",
        )
    )
    ready("pull")
    assert ready("screen", "Zephyr Maritime") == 10
    assert ready("screen", "Zephyr Maritime", "--kind", "person") == 10
    capsys.readouterr()
    assert ready("screen", "Joseph Mwangi Kamau", "--birth-date", "1990", "--json") in (0, 10)
    assert ready("screen", "Nobody At All", "--identifier", "ipr 0000001 c") == 10


def test_terminal_codes_in_a_name_stay_harmless(
    ready: Run, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.put(entry("evil", "Evil\x1b[2J Trading House"))
    ready("pull")
    capsys.readouterr()
    assert ready("screen", "Evil Trading House", "--threshold", "0.5") == 10
    assert "\x1b" not in capsys.readouterr().out


# ---------------------------------------------------------------- receipts


def _receipt(registry: Registry, **more: object) -> None:
    Path("receipt.jws").write_text(registry.receipt(ANSWER, **more) + "\n")
    Path("answer.json").write_bytes(ANSWER)


def test_a_receipt_is_verified_offline_even_when_it_has_expired(
    ready: Run, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    _receipt(registry, exp=registry.now - 5)
    registry.requests.clear()
    capsys.readouterr()
    assert ready("verify-receipt", "receipt.jws", "--answer", "answer.json") == 0
    said = capsys.readouterr().out
    assert "genuine  REFER for WFP" in said
    assert "(expired)" in said
    assert "matches the receipt" in said
    assert ready("verify-receipt", "receipt.jws", "--json") == 0
    assert json.loads(capsys.readouterr().out)["answer"] == "not_checked"
    assert registry.requests == []


@pytest.mark.parametrize(
    "more",
    [
        {"iss": "https://other.test"},
        {"iat": 4_000_000_000},
        {"iat": 1},
        {"reasons": "none"},
        {"answer_sha256": "0" * 64},
        {"answer_sha256": None},
        {"list": None},
        {"aud": None},
    ],
)
def test_a_wrong_receipt_is_refused(ready: Run, registry: Registry, more: dict) -> None:
    _receipt(registry, **more)
    assert ready("verify-receipt", "receipt.jws", "--answer", "answer.json") == 30


def test_an_outcome_this_client_does_not_know_means_consult(
    ready: Run, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    _receipt(registry, outcome="FINE")
    capsys.readouterr()
    assert ready("verify-receipt", "receipt.jws", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["outcome"], said["claims"]["outcome"]) == ("REFER", "FINE")


def test_a_receipt_of_another_key_or_for_another_answer_is_refused(
    ready: Run, registry: Registry
) -> None:
    _receipt(registry)
    Path("answer.json").write_bytes(ANSWER + b"\n")
    assert ready("verify-receipt", "receipt.jws", "--answer", "answer.json") == 30
    registry.receipt_key = registry.list_key
    _receipt(registry)
    assert ready("verify-receipt", "receipt.jws") == 30
    Path("receipt.jws").write_bytes(b"\xff\x00")
    assert ready("verify-receipt", "receipt.jws") == 30
    assert ready("verify-receipt", "missing.jws") == 2


def test_a_receipt_before_the_first_pull_is_unknown(run: Run, registry: Registry) -> None:
    _init(run, registry)
    _receipt(registry)
    assert run("verify-receipt", "receipt.jws") == 20


# ---------------------------------------------------------------- the rest


def test_exit_codes_of_a_pull(
    run: Run, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("pull") == 2
    assert run("status") == 2
    assert run("screen", "Amani") == 2
    _init(run, registry)
    refused = b'{"code":"insufficient_scope","detail":"Scope feed:read is missing."}'
    registry.tamper["keys"] = lambda answer: Answer(403, refused)
    assert run("pull") == 40
    assert "insufficient_scope" in capsys.readouterr().err
    registry.tamper = {"token": lambda answer: Answer(401, b'{"error":"invalid_client"}')}
    assert run("pull") == 40
    assert "invalid_client" in capsys.readouterr().err
    registry.tamper = {}
    registry.signers = registry.roots[:1]
    assert run("pull") == 30
    registry.signers = registry.roots
    assert run("pull", "--json") == 0
    assert json.loads(capsys.readouterr().out)["mode"] == "full"


def test_the_folder_may_be_named_before_or_after_the_command(run: Run, registry: Registry) -> None:
    credentials = ("--credentials", "credentials.json", "--client", "UNICEF")
    assert _init(run, registry, *credentials, "--store", "other") == 0
    assert run("--store", "other", "pull") == 0
    assert run("pull", "--store", "other") == 0
    assert not Path("copy").exists()


def test_help_names_every_exit_code(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--help")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for code in ("0", "2", "10", "20", "30", "40"):
        assert f"\n  {code:<3} " in said


def test_secrets_are_not_in_representations() -> None:
    assert "s3cret" not in repr(SecretCredential("client-1", "s3cret"))
