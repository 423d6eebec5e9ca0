"""Word statistics that come with the list: verified as it is, renewed daily, named in answers."""

import time
from collections.abc import Callable

import pytest

from partner_registry_client import LocalList, PullResult, Store
from partner_registry_client.conformance.double import Registry, entry
from partner_registry_client.errors import VerificationFailed
from partner_registry_client.store import STATISTICS
from partner_registry_matcher import EMPTY, Subject, count

Pull = Callable[..., PullResult]
_FIRST = count([("Amani Relief Trust", "organisation"), ("Umoja Relief Trust", "organisation")])
_SECOND = count([("Amani Relief Trust", "organisation")] * 9)


def _version(store: Store) -> str:
    subject = Subject("organisation", ["Amani Relief Trust"])
    answer = LocalList.load(store).screen(subject, now=time.time())
    assert answer["hits"][0]["explanation"]["statistics"] == answer["statistics_version"]
    return str(answer["statistics_version"])


def test_they_come_with_the_list_and_are_renewed_daily(
    registry: Registry, store: Store, run_pull: Pull
) -> None:
    run_pull()
    assert _version(store) == EMPTY.version
    registry.attachments = {STATISTICS: _FIRST.dump(), "other": b"x"}
    registry.put(entry("d4", "Another One"))
    registry.requests.clear()
    run_pull()
    assert (registry.requests, _version(store)) == (["changes"], EMPTY.version)
    store.write_state(attachments_at=b"0")
    registry.put(entry("e5", "One More"))
    run_pull()
    assert _version(store) == _FIRST.version
    registry.attachments = {STATISTICS: _SECOND.dump()}
    registry.put(entry("f6", "A Third"))
    registry.put(entry("f7", "A Third too"))
    registry.window = len(registry.log) - 1
    assert run_pull().mode == "full"
    assert _version(store) == _SECOND.version
    registry.attachments = {}
    store.write_state(attachments_at=b"0")
    registry.put(entry("g7", "A Fourth"))
    run_pull()
    assert _version(store) == EMPTY.version


def test_others_than_those_the_index_names_are_refused(
    registry: Registry, store: Store, run_pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.attachments = {STATISTICS: _FIRST.dump()}
    real = registry.chunks

    def forged() -> dict[str, bytes]:
        files = real()
        digest = next(one for one, data in files.items() if data == _packed(files))
        return {one: b"!" * len(data) if one == digest else data for one, data in files.items()}

    def _packed(files: dict[str, bytes]) -> bytes:
        return list(files.values())[-2]  # before the index

    monkeypatch.setattr(registry, "chunks", forged)
    with pytest.raises(VerificationFailed):
        run_pull()
    assert store.attachment(STATISTICS) is None
