"""What every reader of list files asks of the bytes, before anything parses them."""

import codecs
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from app.sanctions.sources.base import SourceUnreadable

MAX_BYTES = 256 * 1024 * 1024
"""The largest files that publishers put out are about half of this."""
_BLOCK = 1 << 16
_OVERLAP = 16

Look = Callable[[bytes, int], None]
"""Looks at a block that starts at this byte of the file; raises SourceUnreadable."""


class FileFacts(NamedTuple):
    """A file, or all files of an issue, whose bytes passed the check."""

    bytes: int
    sha256: str


def check_text(
    path: Path, look: Look, *, encoding: str = "utf-8", max_bytes: int = MAX_BYTES
) -> FileFacts:
    """Read a file once in blocks: its size, its digest, and that it is text in this encoding.

    ``look`` gets each block with the last bytes of the one before, so that no mark over the edge
    of two blocks is missed. ``encoding`` is one in which a line ends in the byte 0x0A. Raises
    SourceUnreadable for an empty or too large file, a NUL, and bytes that are no text.
    """
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(encoding)()
    size, line, tail = 0, 1, b""
    with path.open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            if b"\0" in block:
                raise SourceUnreadable("holds a NUL byte", f"byte {size + block.index(0)}")
            look(tail + block, size - len(tail))
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                at = max(error.start - pending, 0)
                line += block.count(b"\n", 0, at)
                raise SourceUnreadable(
                    f"not {encoding.upper()}", f"line {line}, byte {size + at}"
                ) from error
            line += block.count(b"\n")
            digest.update(block)
            size += len(block)
            tail = block[-_OVERLAP:]
            if size > max_bytes:
                raise SourceUnreadable(f"larger than {max_bytes} bytes", f"byte {max_bytes}")
    if decoder.getstate()[0]:
        raise SourceUnreadable("ends inside a character", f"line {line}, byte {size}")
    if size == 0:
        raise SourceUnreadable("the file is empty", "byte 0")
    return FileFacts(size, digest.hexdigest())


def joined(facts: dict[str, FileFacts]) -> FileFacts:
    """The facts of an issue of several files, by the part each one is of the issue.

    They do not depend on names of files, nor on the order in which they were given.
    """
    if len(facts) == 1:
        return next(iter(facts.values()))
    parts = "".join(f"{part}:{facts[part].sha256}\n" for part in sorted(facts))
    size = sum(fact.bytes for fact in facts.values())
    return FileFacts(size, hashlib.sha256(parts.encode()).hexdigest())


@contextmanager
def within(path: Path) -> Iterator[None]:
    """Says which file of several a fault is in."""
    try:
        yield
    except SourceUnreadable as error:
        raise SourceUnreadable(error.reason, f"{path.name}, {error.place}") from error
