"""Is everything in order here? One line for each thing that could be wrong."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

from partner_registry_client import errors
from partner_registry_client.errors import ClientError, Mismatch, NotConfigured
from partner_registry_client.home import (
    CONFIG,
    CREDENTIAL,
    open_api,
    read_config,
    stream_folder,
)
from partner_registry_client.store import DATABASE, STATISTICS, Store
from partner_registry_client.transport import printable
from partner_registry_client.trust import SKEW_S
from partner_registry_matcher import ready

KEYS_SOON_S = 30 * 86400


@dataclass(frozen=True)
class Check:
    """What was looked at, the exit code it gives, and what there is to say."""

    name: str
    code: int
    said: str


def examine(home: Path, now: float, *, online: bool = True) -> Iterator[Check]:
    """Check after check; the first that fails so that others make no sense ends it."""
    try:
        config = read_config(home)
    except ClientError as error:
        yield Check("folder", error.exit_code, str(error))
        return
    yield _check("folder", lambda: _private(home))
    for stream in config.streams:
        folder = stream_folder(home, config, stream)
        yield _check(f"copy of {stream}", partial(_whole, folder))
        yield _check(f"age of {stream}", partial(_age, folder, now))
    yield _check("keys", lambda: _keys(home, now))
    yield _check("matcher", lambda: _matcher(home))
    if online:
        yield _check("registry", lambda: _registry(home, config.streams, now))


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, errors.OK, look())
    except ClientError as error:
        return Check(name, error.exit_code, printable(str(error), 1000))
    except OSError as error:
        return Check(name, errors.USAGE, str(error))


def _private(home: Path) -> str:
    for path in (home, home / CONFIG, home / CREDENTIAL, home / DATABASE):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise NotConfigured(f"{path} can be read by others; take their rights away")
    return "readable by its owner alone"


def _whole(folder: Path) -> str:
    with Store.open(folder, read_only=True) as store, store.snapshot() as state:
        if state.held is None:
            raise errors.NeverPulled("never pulled; run 'registry-sync pull'")
        try:
            store.require_set(state.held.manifest)
        except Mismatch as error:
            raise errors.StoreDamaged(f"damaged: {error}; pull again") from error
        return f"exactly the signed set of version {state.held.manifest.version}"


def _age(folder: Path, now: float) -> str:
    with Store.open(folder, read_only=True) as store:
        state = store.state()
    reason = state.stale_reason(now)
    if reason is not None or state.held is None:
        raise errors.Stale(f"not to be relied on: {reason}")
    manifest = state.held.manifest
    left = manifest.max_staleness_s - (now - manifest.iat)
    return f"signed {int(now - manifest.iat) // 60} minutes ago, good for {int(left) // 3600} hours"


def _keys(home: Path, now: float) -> str:
    with Store.open(home, read_only=True) as store:
        keys = store.state().keys
    if keys is None:
        raise errors.NeverPulled("no keys document yet; run 'registry-sync pull'")
    if keys.exp <= now:
        raise errors.Stale("the keys document has expired")
    soon = ", which is soon" if keys.exp - now < KEYS_SOON_S else ""
    return f"document {keys.version}, good for {int(keys.exp - now) // 86400} days{soon}"


def _matcher(home: Path) -> str:
    ready()
    with Store.open(home, read_only=True) as store:
        counted = store.attachment(STATISTICS) is not None
    return "ready" if counted else "ready, without the list's word statistics"


def _registry(home: Path, streams: tuple[str, ...], now: float) -> str:
    with open_api(home) as api:
        for stream in streams:
            date = api.manifest(stream).headers.get("date")
        return _clock(date, now) if date else "answers"


def _clock(date: str, now: float) -> str:
    try:
        ahead = parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return "answers"
    if abs(ahead) > SKEW_S:
        raise errors.ClockSetBack(f"this host's clock is {abs(ahead):.0f} s off the registry's")
    return f"answers; clocks differ by {abs(ahead):.0f} s"
