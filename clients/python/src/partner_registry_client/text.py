"""What the command line says to people. Text of the list is never printed raw: it is foreign."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from partner_registry_client.transport import printable

_OUTCOMES = {
    "no_hit": "no hit in the local copy",
    "potential_match": "potential match, consult before signing",
    "unknown_stale": "UNKNOWN: the local copy cannot be relied on",
}


def answer_lines(answer: dict[str, Any]) -> list[str]:
    """A screening answer; every one begins by saying that it is provisional."""
    lines = [
        f"PROVISIONAL  {_OUTCOMES[answer['outcome']]}",
        *(f"list  {list_line(listed)}" for listed in (answer["list"], *answer["also"])),
        f"scored by {answer['algorithm']}, statistics {answer['statistics_version']}",
    ]
    for hit in answer["hits"]:
        facts = (hit["imposing_agency"] or hit["source"], hit["measure"], hit["reference"])
        about = ", ".join(str(fact) for fact in facts if fact)
        lines.append(
            printable(f"  {hit['score']:.2f}  {hit['caption']}  ({about})  {hit['entry_id']}")
        )
    return lines


def list_line(listed: dict[str, Any]) -> str:
    if listed["version"] is None:
        return f"{listed['stream']}: never pulled"
    state = f"STALE ({listed['stale_reason']})" if listed["stale"] else "current"
    return (
        f"{listed['stream']} version {listed['version']}, {listed['count']} entries,"
        f" signed {moment(listed['issued_at'])}, {state}"
    )


def receipt_lines(said: dict[str, Any]) -> list[str]:
    claims = said["claims"]
    expired = " (expired)" if said["expired"] else ""
    compared = {"matches": "matches the receipt", "not_checked": "not compared (--answer)"}
    return [
        printable(f"genuine  {claims['outcome']} for {claims['aud']}, clearance {claims['jti']}"),
        f"signed   {moment(claims['iat'])} by key {said['kid']}",
        f"expires  {moment(claims['exp'])}{expired}",
        f"reasons  {printable(', '.join(claims['reasons']), 2000) or 'none'}",
        f"answer   {compared[said['answer']]}",
    ]


def moment(seconds: int) -> str:
    """A time for people; what is out of all range stays a number."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(seconds)
