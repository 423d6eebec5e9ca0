"""Versioned data files of the features: rules, periods, code lists."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

# Every process reads all of them as it starts; the C loader does it ten times as fast. It comes
# with PyYAML's wheels, and reads the same safe language.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str) -> Any:
    """What a YAML text says; plain values only. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader, see above


def read(package: str, name: str) -> Any:
    """What the YAML file ``name`` beside the modules of ``package`` says."""
    return parse(files(package).joinpath(name).read_text("utf-8"))
