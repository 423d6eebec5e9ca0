"""The conformance suite is green for our client, and red for one that believes what it is told."""

import base64
import gzip
import json
import sys
import urllib.request
from pathlib import Path

import pytest

from partner_registry_client.conformance.__main__ import main
from partner_registry_client.conformance.cases import CASES
from partner_registry_client.conformance.double import Registry
from partner_registry_client.conformance.runner import CLIENT_ID, SECRET, run
from partner_registry_client.conformance.subject import OwnSubject
from partner_registry_client.conformance.subject import main as own_command

_MOST = 80 * 1024 * 1024


def told(folder: Path, registry: Registry) -> dict[str, str]:
    (folder / "anchor.json").write_bytes(registry.anchor())
    return {
        "CONFORMANCE_URL": registry.url,
        "CONFORMANCE_ANCHOR": str(folder / "anchor.json"),
        "CONFORMANCE_STREAM": registry.stream,
        "CONFORMANCE_STORE": str(folder / "store"),
        "CONFORMANCE_CLIENT_ID": CLIENT_ID,
        "CONFORMANCE_CLIENT_SECRET": SECRET,
    }


class Careless:
    """Reads manifest, index and chunks, and checks nothing at all."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self._url = f"{registry.url}/v1/feeds/sanctions"
        self._lines: set[bytes] = set()

    def pull(self, now: int) -> int:
        try:
            self._get("keys")
            payload = self._get("manifest").split(b".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + b"=="))
            index = json.loads(self._get(f"chunks/{claims['index']['sha256']}"))
            self._lines = set()
            for item in index["chunks"]:
                if item["sha256"]:
                    packed = self._get(f"chunks/{item['sha256']}")
                    self._lines |= set(gzip.decompress(packed).splitlines())
        except (OSError, ValueError, LookupError, EOFError):
            return 1
        return 0

    def dump(self, now: int) -> set[bytes]:
        return self._lines

    def screen(self, name: str, now: int) -> int:
        return 10 if any(name.encode() in line for line in self._lines) else 0

    def _get(self, path: str) -> bytes:
        headers = {"Authorization": "Bearer t0ken"}
        request = urllib.request.Request(f"{self._url}/{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: bytes = answer.read(_MOST)
        return found


def test_our_own_client_is_right_in_every_case() -> None:
    verdicts = list(run(CASES, lambda folder, registry: OwnSubject(told(folder, registry))))
    assert [verdict for verdict in verdicts if verdict.wrong] == []
    assert len(verdicts) == len(CASES) + 2


def test_a_careless_client_is_wrong_nearly_everywhere() -> None:
    verdicts = list(run(CASES, Careless))
    right = {verdict.name for verdict in verdicts if not verdict.wrong}
    # What it stumbles over by itself, and what it never asks for.
    assert right <= {
        "honest", "cut-manifest", "cut-chunk", "bent-chunk", "empty-chunk", "long-chunk",
        "gap", "altered", "ends-early", "redirect", "unasked-304",
    }  # fmt: skip
    assert len(verdicts) - len(right) > 45


def test_the_command_of_another_implementer_is_judged_by_its_exit_codes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    careless = tmp_path / "careless.py"
    careless.write_text("import sys; sys.exit(0)")
    command = f"{sys.executable} {careless}"
    assert main(["--cmd", command, "--case", "forged"]) == 1
    said = capsys.readouterr().out
    assert "forged                 WRONG: took it" in said
    assert "cleared a name without any list" in said
    assert main(["--list"]) == 0
    assert "fast-forward" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--case", "nonsense"])


def test_our_own_command_keeps_the_contract(
    registry: Registry, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    environment = told(tmp_path, registry) | {"CONFORMANCE_NOW": str(registry.now)}
    assert own_command(["dump"], environment) == 0
    assert own_command(["screen", "Amani Relief Trust"], environment) == 20
    assert own_command(["pull"], environment) == 0
    assert own_command(["screen", "Amani Relief Trust"], environment) == 10
    capfdbinary.readouterr()
    assert own_command(["dump"], environment) == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 3
    registry.signers = registry.roots[:1]
    environment["CONFORMANCE_NOW"] = str(registry.now + 7 * 3600)
    assert own_command(["pull"], environment) == 30
    assert own_command([], environment) == 2


@pytest.mark.drill
def test_the_whole_suite_by_command() -> None:
    assert main([]) == 0
