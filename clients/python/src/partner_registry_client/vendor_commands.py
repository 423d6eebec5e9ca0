"""`registry-sync vendors match` and `registry-sync affected`."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from partner_registry_client import errors
from partner_registry_client.affected import affected, journals, keep, kept_vendors, since
from partner_registry_client.commands import progress
from partner_registry_client.home import open_stores
from partner_registry_client.screening import LocalList, describe_list
from partner_registry_client.text import list_line, moment
from partner_registry_client.transport import printable
from partner_registry_client.vendor_files import read_vendors
from partner_registry_client.vendors import Finding, match_vendors


def match(arguments: argparse.Namespace) -> int:
    """Say of each vendor of a file what the list has on it."""
    vendors = read_vendors(arguments.file, dict(arguments.column))
    with open_stores(arguments.store) as stores:
        listed = LocalList.load(*stores)
    now = time.time()
    findings = match_vendors(
        vendors, listed, now=now, threshold=arguments.threshold, progress=progress("vendor")
    )
    keep(arguments.store, vendors, findings, now)
    count = Counter(finding.result for finding in findings)
    summary = {name: count[name] for name in ("linked", "probable", "ambiguous", "none")}
    summary["duplicate"] = sum(bool(finding.duplicates) for finding in findings)
    summary["affected"] = sum(finding.affected for finding in findings)
    if arguments.json:
        shown = [asdict(finding) for finding in findings if _worth(finding)]
        print(json.dumps(_head(listed, now) | {"summary": summary, "vendors": shown}))
    else:
        _print_head(listed, now)
        for finding in filter(_worth, findings):
            print("\n".join(_lines(finding)))
        print(f"{len(findings)} vendors: " + ", ".join(f"{n} {k}" for k, n in summary.items()))
    found = any(finding.parties for finding in findings)
    return _code(listed, now, found=found)


def list_affected(arguments: argparse.Namespace) -> int:
    """Say which vendors are touched by what the copy learned since a day."""
    try:
        begin = since(arguments.since)
    except ValueError:
        raise errors.NotConfigured("--since is a day such as 2026-11-01, or a moment") from None
    vendors, links = kept_vendors(arguments.store)
    with open_stores(arguments.store) as stores:
        listed = LocalList.load(*stores)
        noted, known_from = journals(stores, begin)
    now = time.time()
    found = affected(vendors, links, listed, noted, now=now, threshold=arguments.threshold)
    complete = known_from is not None and known_from <= begin
    if arguments.json:
        about = _head(listed, now) | {"complete": complete, "known_from": known_from}
        print(json.dumps(about | {"affected": found}))
    else:
        _print_head(listed, now)
        for one in found:
            party = one["party"]
            named = f"  {party['caption']}" if party else ""
            reason = f" ({one['reason']})" if one["reason"] else ""
            print(
                printable(
                    f"{one['number']}  line {one['line']}  {one['what']}{reason}"
                    f"  {one['entry_id']}{named}"
                )
            )
        if not complete:
            known = "never" if known_from is None else f"since {moment(int(known_from))}"
            print(f"INCOMPLETE: this copy knows what changed {known}; match all vendors anew")
    return _code(listed, now, found=bool(found), complete=complete)


def _code(listed: LocalList, now: float, *, found: bool, complete: bool = True) -> int:
    if listed.stale_reason(now) is not None or not complete:
        return errors.STALE
    return errors.POTENTIAL_MATCH if found else errors.OK


def _worth(finding: Finding) -> bool:
    return bool(finding.parties or finding.duplicates or finding.notes)


def _head(listed: LocalList, now: float) -> dict[str, Any]:
    first, *also = [describe_list(state, now) for state in listed.states]
    return {"provisional": True, "list": first, "also": also}


def _print_head(listed: LocalList, now: float) -> None:
    print("PROVISIONAL  against the local copy; a person decides who is who")
    for state in listed.states:
        print(f"list  {list_line(describe_list(state, now))}")


def _lines(finding: Finding) -> list[str]:
    said = [finding.result] if finding.parties else []
    said += ["AFFECTED"] if finding.affected else []
    if finding.duplicates:
        said.append("duplicate of line " + ", ".join(map(str, finding.duplicates)))
    said += finding.notes
    lines = [f"line {finding.line}  {finding.number}  {finding.name}  {'; '.join(said)}"]
    for party in finding.parties:
        score = "number" if party["score"] is None else f"{party['score']:.2f}"
        facts = (party["imposing_agency"] or party["source"], party["measure"], party["reference"])
        about = ", ".join(str(fact) for fact in facts if fact)
        lines.append(f"    {score}  {party['caption']}  ({about})  {party['entry_id']}")
    return [printable(line) for line in lines]
