"""What a full sync costs the reference client: `python -m bench.feed_sync [--entries 100000]`.

The list is served by a process of its own, on 127.0.0.1; processor time and memory are the
client's alone.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from partner_registry_client import Api, Config, SecretCredential, Store, initialise, pull
from partner_registry_client.conformance.double import ISSUER, Registry, entry
from partner_registry_client.conformance.serving import serving

_BITS = 8  # about 400 entries a chunk, as the registry would


class _Still(Registry):
    """A list that does not change while it is read: every file is made once."""

    _files: dict[str, bytes] | None = None
    _signed: str | None = None

    def chunks(self) -> dict[str, bytes]:
        if self._files is None:
            self._files = super().chunks()
        return self._files

    def manifest(self) -> str:
        if self._signed is None:
            self._signed = super().manifest()
        return self._signed


def _serve(entries: int, told: Any, stop: Any) -> None:
    registry = _Still(bucket_bits=_BITS)
    for number in range(entries):
        item = entry(
            f"0198f3a2-5b7c-7d31-9a44-{number:012x}",
            f"Relief Organisation {number} of the Valley",
            practices=["FRAUDULENT"],
            partner_id=f"0198f3a2-5b7c-7d31-8a44-{number:012x}",
            registry_number=f"IPR-{number:07d}-F",
            effect={"eligible": False, "text": "Not eligible until the end date"},
            level="INTER_AGENCY",
        )
        registry.entries[item["entry_id"]] = item
    registry.manifest()
    with serving(registry):
        told.put((registry.url, registry.anchor()))
        stop.wait(300)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    told, stop = context.Queue(), context.Event()
    server = context.Process(target=_serve, args=(arguments.entries, told, stop))
    server.start()
    try:
        url, anchor = told.get(timeout=120)
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            initialise(home, Config(url, "inter_agency", "c", "client_secret_basic"), anchor, b"s")
            before, cpu, wall = _peak_mib(), time.process_time(), time.perf_counter()
            credential = SecretCredential("c", "s")
            with Api(url, credential, issuer=ISSUER) as api, Store.open(home) as store:
                result = pull(store, api)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
            print(f"{result.count} entries: {cpu:.2f} s of processor, {wall:.2f} s in all")
            print(f"memory: {before:.0f} MiB before, {_peak_mib():.0f} at the highest")
            print(f"store: {size / 2**20:.0f} MiB")
    finally:
        stop.set()
        server.join()


if __name__ == "__main__":
    main()
