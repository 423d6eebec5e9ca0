"""The commands beside the daily ones: several streams, bundles, watching, clearances, doctor."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from partner_registry_client.conformance.double import Answer, Registry, entry
from partner_registry_client.doctor import examine

Run = Callable[..., int]
Said = pytest.CaptureFixture[str]
OWN = "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90"


def _init(run: Run, registry: Registry, *more: str) -> int:
    who = ("--client-id", "unicef", "--client-secret-file", "secret")
    return run("init", "--url", registry.url, "--anchor", "anchor.json", *who, *more)


# ---------------------------------------------------------------- streams


class TwoStreams(Registry):
    """The second stream is the agency's own; both are served by the same keys."""

    own: Registry

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        if "stream=agency" in target or self._of_own(target):
            return self.own.answer(method, target, headers, body)
        return super().answer(method, target, headers, body)

    def _of_own(self, target: str) -> bool:
        return target.rsplit("/", 1)[-1] in self.own.chunks()


@pytest.fixture
def both(registry: Registry) -> TwoStreams:
    own = Registry()
    own.roots, own.signers, own.list_key = registry.roots, registry.signers, registry.list_key
    own.listed_keys, own.stream = registry.listed_keys, "agency"
    own.claims = {"agency": OWN}
    own.put(entry("own", "Nyota Quiet Foundation"))
    registry.__class__ = TwoStreams
    assert isinstance(registry, TwoStreams)
    registry.own = own
    return registry


def test_an_agency_follows_its_own_stream_beside_that_of_all(
    run: Run, both: TwoStreams, capsys: Said
) -> None:
    assert _init(run, both, "--stream", "inter_agency", "--stream", "agency") == 0
    assert run("pull", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(line["stream"], line["count"]) for line in lines] == [
        ("inter_agency", 3),
        ("agency", 1),
    ]
    assert run("screen", "Nyota Quiet Foundation", "--json") == 10
    answer = json.loads(capsys.readouterr().out)
    assert [hit["entry_id"] for hit in answer["hits"]] == ["own"]
    assert (answer["list"]["stream"], answer["also"][0]["stream"]) == ("inter_agency", "agency")
    assert run("screen", "Amani Relief Trust") == 10
    assert "agency version" in capsys.readouterr().out
    assert run("status") == 0
    both.own.tamper["manifest"] = both.own.tamper["changes"] = lambda answer: Answer(403)
    both.own.now += 1
    both.put(entry("d4", "Baraka Clinic"))
    assert run("pull") == 40
    assert run("screen", "Baraka Clinic") == 10  # the other one was brought up to date


def test_a_name_is_not_cleared_while_one_of_the_streams_is_stale(
    run: Run, both: TwoStreams
) -> None:
    _init(run, both)
    run("pull")
    assert run("screen", "Quixotic Zebra Holdings") == 0
    assert _init(run, both, "--stream", "inter_agency", "--stream", "agency") == 0
    assert run("screen", "Quixotic Zebra Holdings") == 20
    assert run("status") == 20
    run("pull")
    assert run("screen", "Quixotic Zebra Holdings") == 0


@pytest.mark.parametrize("streams", [("a", "a"), ("../x",), ("A",), ("",)])
def test_a_stream_has_a_name_of_its_own(
    run: Run, registry: Registry, streams: tuple[str, ...]
) -> None:
    named = [part for stream in streams for part in ("--stream", stream)]
    assert _init(run, registry, *named) == 2
    assert not Path("copy").exists()


# ---------------------------------------------------------------- bundles and watching


def test_a_host_without_a_network_pulls_from_a_file(run: Run, registry: Registry) -> None:
    _init(run, registry)
    bundle = registry.bundle(Path())
    assert run("pull", "--from-bundle", bundle) == 0
    assert registry.requests == []
    assert run("screen", "Amani Relief Trust") == 10
    registry.stream = "public"
    assert run("pull", "--from-bundle", registry.bundle(Path())) == 2
    assert run("pull", "--from-bundle", "anchor.json") == 2
    assert run("pull", "--from-bundle", "missing") == 2


def test_the_public_list_is_taken_from_where_it_is_published(
    run: Run, registry: Registry, capsys: Said
) -> None:
    registry.stream = "public"
    where = ("init", "--url", registry.url, "--anchor", "anchor.json", "--published")
    assert run(*where, "--stream", "inter_agency") == 2
    assert run(*where) == 0
    assert run("pull") == 0
    registry.now += 30
    assert run("pull", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["mode"] == "unchanged"
    registry.put(entry("d4", "Baraka Clinic"))
    registry.now = int(time.time())
    assert run("pull") == 0
    assert run("screen", "Baraka Clinic") == 10
    assert registry.tokens == []
    assert run("clearance", "--partner", OWN, "--country", "KEN") == 2
    registry.signers = registry.roots[:1]
    with closing(sqlite3.connect("copy/store.sqlite3")) as db, db:
        db.execute("UPDATE state SET value = '0' WHERE key = 'keys_fetched_at'")
    assert run("pull") == 30


def test_watching_tells_what_came_and_goes_on_after_a_failure(
    run: Run, registry: Registry, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    _init(run, registry)
    capsys.readouterr()
    moment = [0.0]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        moment[0] += max(seconds, 1.0)
        if len(pauses) == 3:
            registry.tamper["changes"] = lambda answer: Answer(500)
        if len(pauses) == 5:
            registry.tamper.clear()
            registry.put(entry("d4", "Baraka Clinic"))

    monkeypatch.setattr("partner_registry_client.commands.time.sleep", sleep)
    monkeypatch.setattr("partner_registry_client.commands.time.monotonic", lambda: moment[0])
    assert run("watch", "--for", "40", "--json") == 0
    said = capsys.readouterr()
    modes = [json.loads(line)["mode"] for line in said.out.splitlines()]
    assert modes == ["full", "delta"]
    assert said.err.count("500") == 2
    assert 5 in pauses  # min_wait_s of the manifest

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("partner_registry_client.commands.time.sleep", stop)
    assert run("watch") == 0


# ---------------------------------------------------------------- clearances


class Clearing(Registry):
    """Gives clearances, too."""

    outcome = "REFER"
    asked: dict[str, object]

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        given = {"Content-Type": "application/json"}
        document = json.dumps({"clearance_id": OWN, "outcome": self.outcome}).encode()
        if target == "/v1/clearances":
            assert len(headers["idempotency-key"]) >= 16
            self.asked = json.loads(body)
            return Answer(201, document, given)
        if target == f"/v1/clearances/{OWN}/receipt":
            receipt = self.receipt(document, outcome=self.outcome, **self.bent)
            return Answer(body=receipt.encode(), headers={"Content-Type": "application/jose"})
        return super().answer(method, target, headers, body)

    bent: dict[str, object]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("CLEAR", 0), ("CLEAR_WITH_CONDITIONS", 11), ("REFER", 12), ("BLOCKED", 13), ("NEW", 12)],
)
def test_a_clearance_comes_with_a_receipt_that_is_checked(
    run: Run, registry: Registry, capsys: Said, outcome: str, code: int
) -> None:
    registry.__class__ = Clearing
    assert isinstance(registry, Clearing)
    registry.outcome, registry.bent = outcome, {}
    _init(run, registry)
    asked = ("clearance", "--vendor", "0100173", "--country", "KEN", "--amount", "250000.00")
    assert run(*asked, "--out", "kept") == code
    assert "genuine" in capsys.readouterr().out
    assert registry.asked["partner"] == {
        "identifier": {"scheme": "AGENCY_VENDOR", "value": "0100173", "country": "KEN"}
    }
    assert registry.asked["amount_usd"] == "250000.00"
    kept = sorted(path.name for path in Path("kept").iterdir())
    assert kept == [f"{OWN}.json", f"{OWN}.jws"]
    assert run("verify-receipt", f"kept/{OWN}.jws", "--answer", f"kept/{OWN}.json") == 0


def test_a_clearance_without_a_genuine_receipt_is_none(
    run: Run, registry: Registry, capsys: Said
) -> None:
    registry.__class__ = Clearing
    assert isinstance(registry, Clearing)
    registry.outcome, registry.bent = "CLEAR", {"answer_sha256": "0" * 64}
    _init(run, registry)
    assert run("clearance", "--partner", OWN, "--country", "KEN") == 30
    assert registry.asked["partner"] == {"id": OWN}
    registry.bent = {"iss": "https://other.test"}
    assert run("clearance", "--number", "IPR-0000001-F", "--country", "KEN") == 30
    registry.bent = {}
    assert run("clearance", "--name", "Amani", "--country", "KEN", "--json", "--emergency") == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["clearance"]["outcome"] == "CLEAR"
    assert registry.asked["context"] == "emergency"


# ---------------------------------------------------------------- doctor


def _wrong(capsys: Said) -> list[str]:
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    return [check["name"] for check in found if check["code"]]


def test_the_doctor_finds_what_is_wrong(
    run: Run, registry: Registry, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("doctor", "--json") == 2
    assert _wrong(capsys) == ["folder"]
    _init(run, registry)
    assert run("doctor", "--json") == 20
    assert "copy of inter_agency" in _wrong(capsys)
    run("pull")
    assert run("doctor") == 0
    assert "WRONG" not in capsys.readouterr().out
    Path("copy/credential").chmod(0o644)
    assert run("doctor", "--json", "--offline") == 2
    assert _wrong(capsys) == ["folder"]
    Path("copy/credential").chmod(0o600)
    with closing(sqlite3.connect("copy/store.sqlite3")) as db, db:
        db.execute("DELETE FROM entries WHERE entry_id = 'a1'")
    assert run("doctor", "--json", "--offline") == 30
    assert _wrong(capsys) == ["copy of inter_agency"]
    registry.now += 1
    run("pull")
    capsys.readouterr()
    found = list(examine(Path("copy"), time.time() + 300))
    assert [(check.name, check.code) for check in found if check.code] == [("registry", 20)]
    registry.tamper["manifest"] = lambda answer: Answer(403)
    assert run("doctor", "--json") == 40
    late = registry.now + 400 * 86400
    monkeypatch.setattr("partner_registry_client.commands.time.time", lambda: late)
    capsys.readouterr()
    assert run("doctor", "--json", "--offline") == 20
    assert _wrong(capsys) == ["age of inter_agency", "keys"]
