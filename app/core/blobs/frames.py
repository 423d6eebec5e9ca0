"""Contents in encrypted frames: none is ever in memory as a whole.

One key for one content. A frame's nonce is its number and whether it is the last, so that frames
cannot be exchanged, left out, repeated or cut off at the end; the content's id is bound to each.

    frame = AES-256-GCM(key, nonce = 7 zero bytes | number 4 | last 1, id, at most 256 KiB)
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FRAME = 262_144
TAG = 16
SEALED_FRAME = FRAME + TAG


class BlobDamaged(Exception):
    """The stored bytes are not those that were put; the argument is a code, for the log."""


class TooLong(Exception):
    """More came than the limit."""


class Cipher:
    """Seals and opens the frames of one content."""

    def __init__(self, key: bytes, blob_id: UUID) -> None:
        self._aead = AESGCM(key)
        self._bound = b"blob|" + blob_id.bytes

    def seal(self, number: int, plain: bytes, *, last: bool) -> bytes:
        """Frame ``number`` of the content."""
        return self._aead.encrypt(_nonce(number, last), plain, self._bound)

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        """Undo `seal`. Raises BlobDamaged."""
        try:
            return self._aead.decrypt(_nonce(number, last), sealed, self._bound)
        except InvalidTag:
            raise BlobDamaged("frame") from None


def _nonce(number: int, last: bool) -> bytes:
    return bytes(7) + number.to_bytes(4, "big") + bytes([last])


def frames_of(size: int) -> int:
    """How many frames a content of this many bytes has."""
    return max(1, -(-size // FRAME))


def sealed_size(size: int) -> int:
    """Bytes of all frames of a content of this many bytes."""
    return size + TAG * frames_of(size)


async def opened(
    cipher: Cipher, size: int, sha256: bytes, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The content of sealed ``pieces``, however they were cut.

    Its last frame is held back until length and hash are known to be right. Raises BlobDamaged.
    """
    digest, waiting, number, count = hashlib.sha256(), bytearray(), 0, frames_of(size)
    async for piece in pieces:
        waiting += piece
        while len(waiting) >= SEALED_FRAME and number < count - 1:
            plain = cipher.open(number, bytes(waiting[:SEALED_FRAME]), last=False)
            del waiting[:SEALED_FRAME]
            number += 1
            digest.update(plain)
            yield plain
        if len(waiting) > SEALED_FRAME:
            raise BlobDamaged("length")
    if number != count - 1:
        raise BlobDamaged("length")
    plain = cipher.open(number, bytes(waiting), last=True)
    digest.update(plain)
    if digest.digest() != sha256 or number * FRAME + len(plain) != size:
        raise BlobDamaged("sha256")
    yield plain


class Spool:
    """A content as it came in: sealed, in a file without a name that ends with this object."""

    def __init__(self, blob_id: UUID) -> None:
        self.blob_id = blob_id
        self.key = os.urandom(32)
        self.size = 0
        self._cipher = Cipher(self.key, blob_id)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it outlives this function
        weakref.finalize(self, self._file.close)
        self._plain, self._sealed = hashlib.sha256(), hashlib.sha256()

    @property
    def sha256(self) -> bytes:
        """Of the content."""
        return self._plain.digest()

    @property
    def sealed_sha256(self) -> bytes:
        """Of its frames."""
        return self._sealed.digest()

    async def fill(self, pieces: AsyncIterator[bytes], limit: int) -> Self:
        """Take all of ``pieces``. Raises TooLong."""
        waiting, number = bytearray(), 0
        async for piece in pieces:
            waiting += piece
            self.size += len(piece)
            if self.size > limit:
                raise TooLong
            while len(waiting) > FRAME:  # what may be the last frame waits
                self._write(number, bytes(waiting[:FRAME]), last=False)
                del waiting[:FRAME]
                number += 1
        self._write(number, bytes(waiting), last=True)
        return self

    def _write(self, number: int, plain: bytes, *, last: bool) -> None:
        sealed = self._cipher.seal(number, plain, last=last)
        self._plain.update(plain)
        self._sealed.update(sealed)
        self._file.write(sealed)

    def frame(self, number: int) -> bytes:
        """The content of one frame."""
        self._file.seek(number * SEALED_FRAME)
        sealed = self._file.read(SEALED_FRAME)
        return self._cipher.open(number, sealed, last=number == frames_of(self.size) - 1)

    def plain(self) -> Iterator[bytes]:
        """The content, frame by frame."""
        return (self.frame(number) for number in range(frames_of(self.size)))

    async def sealed(self) -> AsyncIterator[bytes]:
        """Its sealed frames, as a store takes them."""
        for number in range(frames_of(self.size)):
            self._file.seek(number * SEALED_FRAME)
            yield self._file.read(SEALED_FRAME)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Reader(io.RawIOBase):
    """A spool as a file that can be read from anywhere; holds one frame in the clear."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._at = 0
        self._number, self._frame = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._spool.size}[whence]
        if base + offset < 0:
            raise ValueError("before the start")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # Buffer has a name from 3.12 on
        if self._at >= self._spool.size:
            return 0
        number, start = divmod(self._at, FRAME)
        if number != self._number:
            self._number, self._frame = number, self._spool.frame(number)
        piece = self._frame[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
