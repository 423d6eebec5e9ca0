"""The lock files agree and name no machine; the audit tells a finding from a silence."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


audit = load(ROOT / "tests" / "house" / "audit_dependencies.py")


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def test_the_development_lock_holds_the_other_in_the_same_versions() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_host_or_path(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.findall(r"://|^-|\s/|@ ", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_its_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    for block in re.split(r"\n(?=[a-z])", text.partition("\n")[2]):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def dependency(**more: Any) -> dict[str, Any]:
    return {"name": "parser", "version": "1.0", "vulns": [], **more}


def test_every_accepted_vulnerability_has_its_reason() -> None:
    accepted = audit.explained()
    assert {"CVE-2026-85394", "CVE-2026-120459", "CVE-2024-23342"} <= accepted.keys()
    assert all(len(reason) > 40 for reason in accepted.values())


def test_a_vulnerability_counts_unless_one_of_its_names_is_explained() -> None:
    known = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"]}
    found, unknown = audit.judge([dependency(vulns=[known])], {})
    assert (found, unknown) == (["parser 1.0: PYSEC-1 (fixed in: 1.1)"], [])
    assert audit.judge([dependency(vulns=[known])], {"CVE-1": "unused"}) == ([], [])


@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "said"),
    [
        ({"dependencies": [dependency()]}, "", 0, "1 dependencies have no unexplained"),
        ({"dependencies": [dependency(skip_reason="unknown")]}, "", 0, "nothing checked"),
        (
            {"dependencies": [dependency(), dependency(name="odd", skip_reason="unknown")]},
            "",
            0,
            "not known to the service: odd",
        ),
        (
            {
                "dependencies": [
                    dependency(vulns=[{"id": "CVE-9", "aliases": [], "fix_versions": []}])
                ]
            },
            "",
            1,
            "parser 1.0: CVE-9 (fixed in: no release yet)",
        ),
        (None, "requests.exceptions.ProxyError: refused", 0, "not reached"),
        (None, "error: no such option", 1, "pip-audit failed"),
    ],
)
def test_only_a_finding_or_a_broken_audit_fails(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdout: object,
    stderr: str,
    code: int,
    said: str,
) -> None:
    text = json.dumps(stdout) if stdout else ""
    answer = subprocess.CompletedProcess([], 1, stdout=text, stderr=stderr)
    monkeypatch.setattr(audit, "ask", lambda _: answer)
    assert audit.main() == code
    assert said in capsys.readouterr().out
