"""The notice on everything that leaves the registry, versioned: what was given keeps its own."""

from __future__ import annotations

VERSION = "2026-1"
TEXT = (
    "Information for the use of UN-system organizations; no endorsement or warranty, no rights "
    "for third parties, no waiver of privileges and immunities."
)
"""The words of VERSION. A change of words is a new version; docs/versioning.md keeps them all."""
