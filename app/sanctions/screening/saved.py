"""Indexes kept as files, so that a process screens soon after it started.

A file counts by its seal, made with a key of the root key; whoever can write to the folder can
take an index away and never put another one in its place. It holds names of a list that not
everybody may read, so only the service's user can read it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog

from app.core.key_provider import KeyProvider
from app.core.settings import Settings
from app.sanctions.screening.scorer import Layer

log = structlog.get_logger()
_END = ".index"


@dataclass(frozen=True, slots=True)
class IndexFiles:
    """The folder of `REGISTRY_INDEX_DIR`, one file a stream."""

    folder: Path
    key: bytes

    def path(self, stream: str) -> Path:
        """Where the index of a stream is kept."""
        return self.folder / (quote(stream, safe="") + _END)

    def save(self, stream: str, layer: Layer) -> None:
        """Keep an index. Where that fails the next start takes longer, and nothing else."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            layer.save(self.path(stream), self.key)
        except OSError as error:
            log.warning("index_not_saved", stream=stream, kind=type(error).__name__)

    def keep_only(self, streams: Collection[str]) -> None:
        """Remove what is kept of other streams: lists that nobody uses any more."""
        kept = {self.path(stream) for stream in streams}
        for path in self.folder.glob(f"*{_END}"):
            if path not in kept:
                path.unlink(missing_ok=True)


def index_files(settings: Settings, root: KeyProvider) -> IndexFiles | None:
    """As the settings say; None where nothing is to be kept."""
    if settings.index_dir is None:
        return None
    return IndexFiles(settings.index_dir, root.derive("saved-index"))
