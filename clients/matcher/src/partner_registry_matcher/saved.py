"""An index written to a file, and mapped back: ready at once after a restart.

Such a file answers for what is screened, so it counts only with its seal (a keyed digest of all of
it), under the same code, word tables and statistics, and for parties that have the same names
still. Whoever reads it learns the names in it: keep it where nobody else can.
"""

import hashlib
import hmac
import json
import mmap
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cache import sources
from .index import NameIndex
from .matcher import Matcher
from .qualifiers import Party
from .statistics import KINDS, Statistics
from .store import WordStore
from .tables import Kind
from .words import Word

_MAGIC = b"PRMIDX01"
_SEAL = 32
_START = len(_MAGIC) + _SEAL
_ALIGNED = 64
_DATA = ("model.json", "prior.json", "tables.json")


@dataclass(frozen=True)
class Restored:
    """Of a saved index: the matcher, parties to be searched beside it, and owners whose place in
    it is void: they are gone, or among ``others``."""

    matcher: Matcher
    others: list[Party]
    void: frozenset[str]


def save(matcher: Matcher, path: Path, key: bytes) -> None:
    """Write the index of a matcher, for this user alone; a former file stays until it is done.

    Raises OSError.
    """
    kinds: dict[str, Any] = {}
    arrays: list[NDArray[Any]] = []
    for kind, index in matcher.indexes.items():
        words, meanings, columns = index.store.kept
        kinds[kind] = {"texts": index.texts, "words": words, "meanings": meanings}
        kinds[kind]["arrays"] = [len(columns), len(index.kept)]
        arrays += [*columns, *index.kept]
    said = {
        "made": _made(matcher.statistics),
        "parties": [[party.owner, _digest(party)] for party in matcher.parties],
        "kinds": kinds,
        "arrays": [[array.dtype.str, array.shape] for array in arrays],
    }
    header = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    parts = [len(header).to_bytes(8, "little"), header]
    parts.append(bytes(-(_START + 8 + len(header)) % _ALIGNED))
    for array in arrays:
        parts += [array.tobytes(), bytes(-array.nbytes % _ALIGNED)]
    _write(path, [_MAGIC, _sealed(key, parts), *parts])


def load(
    path: Path, parties: Iterable[Party], statistics: Statistics, key: bytes
) -> Restored | None:
    """The saved index for these parties. None where there is none that counts here."""
    try:
        with path.open("rb") as file:
            # Copied on the first writing to a page: queries add words behind those of the list.
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError):  # none, or an empty one
        return None
    whole = memoryview(content)
    if whole[: len(_MAGIC)] != _MAGIC or not hmac.compare_digest(
        whole[len(_MAGIC) : _START], _sealed(key, [whole[_START:]])
    ):
        return None
    length = int.from_bytes(whole[_START : _START + 8], "little")
    header = json.loads(bytes(whole[_START + 8 : _START + 8 + length]))
    if header["made"] != _made(statistics):
        return None
    start = _START + 8 + length
    arrays = _mapped(content, start + -start % _ALIGNED, header["arrays"])
    return _restored(header, arrays, parties, statistics)


def _restored(
    header: dict[str, Any],
    arrays: list[NDArray[Any]],
    parties: Iterable[Party],
    statistics: Statistics,
) -> Restored:
    now = {party.owner: party for party in parties}
    held: list[Party] = []
    void: set[str] = set()
    for owner, digest in header["parties"]:
        party = now.get(owner)
        if party is not None and _digest(party) == digest:
            held.append(now.pop(owner))
        else:
            held.append(Party(owner, (), []))
            void.add(owner)
    indexes: dict[Kind, NameIndex] = {}
    for kind in KINDS:
        said = header["kinds"][kind]
        columns, rest = said["arrays"]
        words = [Word(*word) for word in said["words"]]
        store = WordStore.restored(kind, words, said["meanings"], arrays[:columns])
        kept = arrays[columns : columns + rest]
        indexes[kind] = NameIndex.restored(statistics, store, said["texts"], kept)
        del arrays[: columns + rest]
    return Restored(Matcher(held, statistics, indexes), list(now.values()), frozenset(void))


def _mapped(content: mmap.mmap, at: int, described: Sequence[Any]) -> list[NDArray[Any]]:
    found = []
    for dtype, shape in described:
        count = int(np.prod(shape, dtype=np.int64))
        array: NDArray[Any] = np.empty(shape, np.dtype(dtype))
        if count:
            array = np.frombuffer(content, array.dtype, count, at).reshape(shape)
        found.append(array)
        at += array.nbytes + -array.nbytes % _ALIGNED
    return found


def _made(statistics: Statistics) -> list[str]:
    """What else an index depends on."""
    return [_code(), statistics.version, sys.byteorder]


@lru_cache(maxsize=1)
def _code() -> str:
    found = hashlib.sha256(sources().encode())
    for name in _DATA:
        found.update((Path(__file__).parent / name).read_bytes())
    return found.hexdigest()


def _digest(party: Party) -> str:
    """Of what the index holds of a party; the rest of it is looked at anew for each question."""
    names = json.dumps([party.kinds, party.names])
    return hashlib.blake2b(names.encode(), digest_size=12).hexdigest()


def _sealed(key: bytes, parts: Iterable[bytes | memoryview]) -> bytes:
    found = hashlib.blake2b(key=hashlib.sha256(key).digest(), digest_size=_SEAL)
    for part in parts:
        found.update(part)
    return found.digest()


def _write(path: Path, parts: Iterable[bytes]) -> None:
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=path.name
    )  # readable by its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
