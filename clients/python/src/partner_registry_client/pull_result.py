"""What a pull did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from partner_registry_client.changes import Change
from partner_registry_client.manifest import Manifest
from partner_registry_client.swap import Swap

_PURGE = {"annulled", "error"}
Mode = Literal["unchanged", "delta", "full"]


@dataclass(frozen=True)
class PullResult:
    """What a pull did.

    `purged` names entries that other systems must erase too. `unexplained` left with a full set
    from a bundle, or one beside which the registry could not be asked: they may be such, too.
    """

    mode: Mode
    version: int
    seq: int
    count: int
    put: int = 0
    removed: int = 0
    purged: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    full_because: str | None = None


def result_of(
    mode: Mode,
    manifest: Manifest,
    swap: Swap | None = None,
    purged: list[str] | None = None,
    full_because: str | None = None,
) -> PullResult:
    return PullResult(
        mode=mode,
        version=manifest.version,
        seq=manifest.seq_to,
        count=manifest.count,
        put=swap.put_count if swap else 0,
        removed=swap.removed_count if swap else 0,
        purged=purged or [],
        unexplained=swap.unexplained if swap else [],
        full_because=full_because,
    )


def take(swap: Swap, change: Change, purged: dict[str, None]) -> None:
    if change.line is not None:
        swap.put(change.line)
        purged.pop(change.entry_id, None)
        return
    swap.remove(change.entry_id, change.reason)
    if change.reason in _PURGE:
        purged[change.entry_id] = None
