"""A stream carried in one file, for a host without a network: verified like any other source."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import httpx

from partner_registry_client.encoding import Fields, read_json, sha256_hex
from partner_registry_client.errors import Malformed, NotConfigured, Refused, TooLarge
from partner_registry_client.manifest import MAX_INDEX_BYTES, MAX_MANIFEST_BYTES
from partner_registry_client.transport import Answer
from partner_registry_client.trust import MAX_KEYS_BYTES

FORMAT = "partner-registry-feed-bundle/1"
_ABOUT, _MANIFEST, _INDEX = "bundle.json", "manifest.jws", "index.json"
_KEYS = re.compile(r"keys/([1-9][0-9]{0,9})\.json")
_CHUNK = re.compile(r"chunks/[0-9a-f]{64}")
_MOST_MEMBERS = 200_000


class Bundle:
    """An open bundle; use it as a context manager."""

    live = False

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise NotConfigured(f"{path} is not a bundle: {error}") from error
        try:
            self._members = self._checked()
            fields = Fields(read_json(self._read(_ABOUT, 4096), "bundle"), "bundle")
            if fields.text("format") != FORMAT:
                raise Malformed("bundle: of a form that this client does not know")
            self.stream = fields.text("stream", 128)
        except BaseException:  # nobody else will close it
            self._archive.close()
            raise

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._archive.close()

    def keys_document(self, version: int | None = None) -> bytes:
        found = [int(name[1]) for name in map(_KEYS.fullmatch, self._members) if name]
        wanted = max(found, default=0) if version is None else version
        return self._read(f"keys/{wanted}.json", MAX_KEYS_BYTES)

    def manifest(self, stream: str) -> Answer:
        return Answer(200, httpx.Headers(), self._read(_MANIFEST, MAX_MANIFEST_BYTES))

    def chunk(self, sha256: str, length: int) -> bytes:
        name = f"chunks/{sha256}"
        if name not in self._members:
            index = self._read(_INDEX, MAX_INDEX_BYTES)
            if sha256_hex(index) == sha256:
                return index
        return self._read(name, length)

    def files(self, stream: str) -> NoReturn:
        raise Refused("a bundle has no skip deltas", status=404)

    def changes(
        self, stream: str, after: int, etag: str | None, *, limit: int = 0, wait: int = 0
    ) -> NoReturn:
        raise Refused("a bundle has no changes", status=404)

    def _checked(self) -> frozenset[str]:
        """The names of the members, when each is one that a bundle may have, plain and once."""
        members = self._archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise TooLarge("bundle: more members than any list has files")
        for member in members:
            name = member.filename
            known = name in (_ABOUT, _MANIFEST, _INDEX) or _KEYS.fullmatch(name)
            if not known and not _CHUNK.fullmatch(name):
                raise Malformed("bundle: a member that does not belong there")
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise Malformed("bundle: a member is compressed or locked")
        names = frozenset(member.filename for member in members)
        if len(names) != len(members):
            raise Malformed("bundle: a member is there twice")
        return names

    def _read(self, name: str, limit: int) -> bytes:
        if name not in self._members:
            raise Refused(f"the bundle has no {name}", status=404)
        try:
            with self._archive.open(name) as member:
                data = member.read(limit + 1)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise Malformed(f"bundle: {name} is damaged") from error
        if len(data) > limit:
            raise TooLarge(f"bundle: {name} has more than the {limit} bytes that may come")
        return data
