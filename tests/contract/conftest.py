"""The fuzzer stores what it can: it works on the database that hostile requests have."""

from __future__ import annotations

from tests.hostile.conftest import agencies, known, own_app, own_world

__all__ = ["agencies", "known", "own_app", "own_world"]
