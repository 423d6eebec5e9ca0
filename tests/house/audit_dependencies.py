"""Ask the vulnerability service about every locked dependency: `make audit`.

Fails on a vulnerability that docs/vex.json does not explain. When the service cannot be
reached it says so in one sentence and passes, so that an offline machine can check the rest.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
EXPLAINED = ROOT / "docs" / "vex.json"


def explained(path: Path = EXPLAINED) -> dict[str, str]:
    """The reason of every accepted vulnerability, by its id."""
    entries = json.loads(path.read_text(encoding="utf-8"))["accepted"]
    return {entry["id"]: entry["reason"] for entry in entries}


def judge(
    dependencies: Iterable[dict[str, Any]], accepted: dict[str, str]
) -> tuple[list[str], list[str]]:
    """Unexplained vulnerabilities, and the names that the service knew nothing about."""
    found, unknown = [], []
    for dependency in dependencies:
        if "skip_reason" in dependency:
            unknown.append(dependency["name"])
        for known in dependency.get("vulns", ()):
            if accepted.keys().isdisjoint({known["id"], *known["aliases"]}):
                fixed = ", ".join(known["fix_versions"]) or "no release yet"
                name = f"{dependency['name']} {dependency['version']}"
                found.append(f"{name}: {known['id']} (fixed in: {fixed})")
    return found, unknown


def ask(lock: Path) -> subprocess.CompletedProcess[str]:
    """Run pip-audit over a lock file; its exit code alone does not tell what happened."""
    program = str(Path(sys.executable).with_name("pip-audit"))
    asked = [program, "--require-hashes", "--disable-pip", "--progress-spinner=off"]
    asked += ["--format=json", "--aliases=on", "--requirement", str(lock)]
    return subprocess.run(asked, capture_output=True, text=True, check=False)


def main(lock: Path = LOCK) -> int:
    answer = ask(lock)
    try:
        dependencies = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        if any(
            sign in answer.stderr
            for sign in ("requests.exceptions", "ConnectionError", "ServiceError")
        ):
            sys.stdout.write("audit: the vulnerability service was not reached; nothing checked.\n")
            return 0
        sys.stdout.write(f"audit: pip-audit failed.\n{answer.stderr}")
        return 1
    found, unknown = judge(dependencies, explained())
    # Through some mirrors every package is "not found", which must not look like a clean bill.
    if len(unknown) == len(dependencies):
        sys.stdout.write("audit: the vulnerability service knows no package; nothing checked.\n")
    elif unknown:
        sys.stdout.write(f"audit: not known to the service: {', '.join(unknown)}.\n")
    for line in found:
        sys.stdout.write(f"audit: {line}\n")
    if not found and len(unknown) < len(dependencies):
        count = len(dependencies) - len(unknown)
        sys.stdout.write(f"audit: {count} dependencies have no unexplained vulnerability.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
