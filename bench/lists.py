"""What reading each real list costs: `python -m bench.lists`, with REGISTRY_LISTS_DIR set.

Each line is a fresh process that checks the files whole and then reads every party once more, as
an import does: seconds of the processor for both, and the peak of its memory.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ISSUES: dict[str, list[list[str]]] = {
    "unsc": [["un_sc_consolidated_2018-10-29.xml"], ["un_sc_consolidated_2026-02-27.xml"]],
    "ofac_sdn": [
        [f"ofac_2019-01_{part}.csv" for part in ("sdn", "add", "alt", "sdn_comments")],
        [f"ofac_2021-10_{part}.csv" for part in ("sdn", "add", "alt", "sdn_comments")],
        ["ofac_sdn_sample_2020.xml"],
        ["ofac_enhanced_xml_irgc_2024.xml"],
    ],
    "ofac_cons": [
        [f"ofac_nonsdn_cons_{part}.csv" for part in ("prim", "add", "alt", "comments")],
        ["ofac_consolidated_nonsdn_2024-05-06.xml"],
        ["ofac_consolidated_nonsdn_2025-03-28.xml"],
    ],
    "us_bis_dpl": [["us_bis_denied_persons.txt"]],
    "us_csl": [["us_csl_sample.csv"]],
    "ca_sema": [["ca_sema_2025.xml"]],
    "eu_fsf": [["eu_fsf_2026-05-01_even_logical_ids.xml"], ["eu_fsf_sample_2020.xml"]],
    "uk_ofsi": [
        ["uk_ofsi_conlist_2017-09_even_groups.csv"],
        ["uk_hmt_conlist_sample_2020.csv"],
    ],
    "world_bank": [["worldbank_debarred_2019-05-20.json"]],
    "ftm_simple": [["opensanctions_ua_war_targets.simple_2026-03.csv"]],
}
_READ = """
import json, re, sys, time
from pathlib import Path
from app.sanctions.sources import ALL
source, paths = ALL[sys.argv[1]], [Path(path) for path in sys.argv[2:]]
started = time.process_time()
issue = source.parse(*paths)
assert sum(1 for party in issue) == issue.header.count
kib = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(json.dumps({
    "seconds": time.process_time() - started,
    "peak": int(kib) / 1024,
    "bytes": issue.header.bytes,
    "layout": issue.header.layout,
    "persons": issue.header.persons,
    "organisations": issue.header.organisations,
    "others": issue.header.others,
}))
"""


def measure(code: str, paths: list[Path]) -> dict[str, float | str]:
    """One issue, read in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, code, *map(str, paths)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float | str] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print the table of docs/lists.md for what is in the folder of real lists."""
    folder = Path(os.environ["REGISTRY_LISTS_DIR"])
    print("| source | format | file | MB | persons, organisations, others | s | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for code, issues in ISSUES.items():
        for names in issues:
            paths = [folder / name for name in names]
            if not all(path.exists() for path in paths):
                continue
            one = measure(code, paths)
            file = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
            print(
                f"| `{code}` | {one['layout'] or paths[0].suffix[1:]} | {file} "
                f"| {float(one['bytes']) / 1e6:.1f} "
                f"| {one['persons']}, {one['organisations']}, {one['others']} "
                f"| {float(one['seconds']):.1f} | {float(one['peak']):.0f} |"
            )


if __name__ == "__main__":
    main()
