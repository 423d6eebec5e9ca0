"""Compiled code: all of it ahead, by one process at a time, kept where it can be."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from matcher_support import crowd
from numba.core.registry import CPUDispatcher

from partner_registry_matcher import Matcher, Party, Subject, cache, index, ready, store

_USE = """
from partner_registry_matcher import EMPTY, Matcher, Party, Subject, ready
ready()
matcher = Matcher([Party("1", ("organisation",), ["Northern Relief Foundation"])], EMPTY)
print(matcher.screen(Subject(None, ["Nothern Relief Fundation"])))
"""


def _compiled() -> dict[str, int]:
    modules = (index, store, sys.modules["partner_registry_matcher.model"])
    return {
        f"{module.__name__}.{name}": len(found.signatures)
        for module in modules
        for name, found in vars(module).items()
        if isinstance(found, CPUDispatcher)
    }


def test_nothing_is_compiled_once_it_is_ready() -> None:
    ready()
    before = _compiled()
    assert before
    parties, statistics = crowd()
    matcher = Matcher([*parties, Party("x", ("person", "organisation"), ["محمد علي"])], statistics)
    for name in ("Gulu Relief Network", "محمد أحمد", "北京 公司", "GRN", "a " * 400, ""):
        subject = Subject(None, [name], ["KEN"], "1970", ["KE-12345"], "f")
        for hit in matcher.screen(subject, 0.0)[:3]:
            matcher.compare(subject, next(p for p in matcher.parties if p.owner == hit.owner))
    assert _compiled() == before


def test_what_was_compiled_is_brought_to_where_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    for name in ("f.1.nbc", "f.nbi", "f.pyc"):
        (beside / name).write_text(name)
    (beside / cache._STAMP).write_text(cache.sources())
    monkeypatch.setattr(cache, "BESIDE", beside)
    monkeypatch.setattr(cache, "_writable", lambda folder: False)
    monkeypatch.setattr(cache.config, "CACHE_DIR", "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cache.settle()
    folder = Path(cache.config.CACHE_DIR)
    assert (folder.parent, folder.stat().st_mode & 0o777) == (tmp_path, 0o700)
    [kept] = [one for one in folder.iterdir() if one.is_dir()]
    assert {one.name for one in kept.glob("f.*")} == {"f.1.nbc", "f.nbi"}
    # What is there is not replaced; a folder that others may write is not trusted.
    (kept / "f.nbi").write_text("newer")
    monkeypatch.setattr(cache.config, "CACHE_DIR", "")
    cache.settle()
    assert (kept / "f.nbi").read_text() == "newer"
    folder.chmod(0o777)
    monkeypatch.setattr(cache.config, "CACHE_DIR", "")
    cache.settle()
    assert Path(cache.config.CACHE_DIR) != folder


@pytest.mark.drill
def test_two_processes_that_compile_at_once_leave_good_code(tmp_path: Path) -> None:
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    # A copy without compiled code: what is brought from beside the package would spoil the drill.
    source = Path(cache.__file__).parent
    bare = tmp_path / "src" / source.name
    bare.mkdir(parents=True)
    for file in source.rglob("*"):
        target = bare / file.relative_to(source)
        if "__pycache__" not in file.parts:
            target.mkdir(exist_ok=True) if file.is_dir() else target.write_bytes(file.read_bytes())
    env["PYTHONPATH"] = str(bare.parent)
    command = [sys.executable, "-c", _USE]
    both = [
        subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE) for _ in range(2)
    ]
    said = [process.communicate(timeout=600)[0] for process in both]
    began = time.monotonic()
    third = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, check=True)
    assert said[0] == said[1] == third.stdout
    assert b"Hit(" in third.stdout
    assert time.monotonic() - began < 30  # compiling takes longer, loading a second


def test_what_was_compiled_of_other_sources_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Numba looks at the file of a function alone, not at what is compiled into it.
    monkeypatch.setattr(cache, "BESIDE", tmp_path)
    monkeypatch.setattr(cache.config, "CACHE_DIR", "")
    for _ in range(2):
        (tmp_path / "f.nbi").write_text("former")
        (tmp_path / cache._STAMP).write_text("other")
        cache.settle()
        assert not (tmp_path / "f.nbi").exists()
    (tmp_path / "f.nbi").write_text("of these sources")
    cache.settle()
    assert (tmp_path / "f.nbi").exists()
