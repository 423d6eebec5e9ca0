"""The list of the small registry, and the files it is served as."""

import gzip
import hashlib
import time
from typing import Any

from partner_registry_client.conformance.signing import jcs

STREAM = "inter_agency"


class Content:
    def __init__(self, bucket_bits: int) -> None:
        self.bucket_bits = bucket_bits
        self.entries: dict[str, dict[str, Any]] = {}
        self.log: list[dict[str, Any]] = []
        self.attachments: dict[str, bytes] = {}
        self.window = 0  # changes up to this number are gone
        self.blocks: list[tuple[int, int]] = []  # of the skip deltas
        self.withdrawn: dict[str, str] = {}  # digest and when
        self.stream = STREAM
        self.version = 1
        self.now = int(time.time())

    def put(self, item: dict[str, Any]) -> None:
        self.entries[item["entry_id"]] = item
        self._log("put", item["entry_id"], item, None)

    def remove(self, entry_id: str, reason: str = "lifted") -> None:
        del self.entries[entry_id]
        self._log("remove", entry_id, None, reason)

    def _log(self, op: str, entry_id: str, item: dict[str, Any] | None, reason: Any) -> None:
        self.version += 1
        self.log.append(
            {
                "seq": len(self.log) + 1,
                "op": op,
                "entry_id": entry_id,
                "entry": item,
                "reason": reason,
                "at": "2026-03-01T00:00:00Z",
            }
        )

    def contents(self) -> list[bytes]:
        """The raw content of every bucket."""
        buckets: list[list[bytes]] = [[] for _ in range(2**self.bucket_bits)]
        for entry_id in sorted(self.entries, key=str.encode):
            digest = hashlib.sha256(entry_id.encode()).digest()
            at = int.from_bytes(digest, "big") >> (256 - self.bucket_bits)
            buckets[at].append(jcs(self.entries[entry_id]) + b"\n")
        return [b"".join(lines) for lines in buckets]

    def set_sha256(self) -> str:
        return hashlib.sha256(
            b"".join(hashlib.sha256(raw).digest() for raw in self.contents())
        ).hexdigest()

    def chunks(self) -> dict[str, bytes]:
        """Every content-addressed file of the current set; the index is the last one."""
        items, files = [], {}
        for bucket, raw in enumerate(self.contents()):
            item: dict[str, Any] = {"bucket": bucket, "sha256": None, "bytes": 0}
            item |= {"raw_sha256": hashlib.sha256(raw).hexdigest(), "raw_bytes": len(raw)}
            item["count"] = raw.count(b"\n")
            if raw:
                about, packed = _packed(raw)
                item |= about
                files[item["sha256"]] = packed
            items.append(item)
        document: dict[str, Any] = {"stream": self.stream, "version": self.version}
        document["chunks"] = items
        for name, raw in sorted(self.attachments.items()):
            item, packed = _packed(raw)
            files[item["sha256"]] = packed
            document.setdefault("attachments", []).append({"name": name} | item)
        index = jcs(document)
        files[hashlib.sha256(index).hexdigest()] = index
        return files

    def deltas(self) -> list[tuple[dict[str, Any], bytes]]:
        """What the list of files says of each skip delta, and its bytes."""
        found = []
        for start, end in self.blocks:
            last = {change["entry_id"]: change for change in self.log[start:end]}
            lines = sorted(last.values(), key=lambda change: int(change["seq"]))
            item, packed = _packed(b"".join(jcs(line) + b"\n" for line in lines))
            found.append(({"from": start, "to": end, "count": len(lines)} | item, packed))
        return found

    def files(self) -> bytes:
        return jcs(
            {
                "stream": self.stream,
                "version": self.version,
                "seq_to": len(self.log),
                "changes_from": self.window,
                "deltas": [item for item, _ in self.deltas()],
                "withdrawn": [{"sha256": one, "at": self.now} for one in self.withdrawn],
                "purged": [
                    {"entry_id": change["entry_id"], "reason": change["reason"], "at": self.now}
                    for change in self.log
                    if change["reason"] in ("annulled", "error")
                    and change["entry_id"] not in self.entries
                ],
            }
        )


def _packed(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """What is said of a gzip file, and the file."""
    packed = gzip.compress(raw, mtime=0)
    item = {"sha256": hashlib.sha256(packed).hexdigest(), "bytes": len(packed)}
    item |= {"raw_sha256": hashlib.sha256(raw).hexdigest(), "raw_bytes": len(raw)}
    return item, packed
