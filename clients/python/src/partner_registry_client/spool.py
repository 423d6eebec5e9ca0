"""Downloaded chunks between download and swap, so that a bad line need not start again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from partner_registry_client.encoding import sha256_hex
from partner_registry_client.errors import Mismatch


class Spool:
    """Files named by their SHA-256, which is checked each time one is read.

    They stay when a pull fails: the next one goes on from them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "spool"

    def has(self, sha256: str) -> bool:
        try:
            self.read(sha256)
        except (Mismatch, FileNotFoundError):
            return False
        return True

    def read(self, sha256: str) -> bytes:
        data = (self._folder / sha256).read_bytes()
        if sha256_hex(data) != sha256:
            raise Mismatch("spool: a file is damaged")
        return data

    def write(self, sha256: str, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / sha256
        with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(data)

    def drop(self, names: Iterable[str]) -> None:
        """Delete these files, for they were withdrawn."""
        for sha256 in names:
            (self._folder / sha256).unlink(missing_ok=True)

    def clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
