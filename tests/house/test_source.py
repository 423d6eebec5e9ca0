"""Rules of the source that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT, modules, texts, tracked

_MODULE_LINES, _FUNCTION_LINES = 500, 60
_PRODUCT = ("app", "clients")


def _imports(tree: ast.AST) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, node.module or ""))
    return found


def test_no_module_is_longer_than_five_hundred_lines() -> None:
    long = [
        f"{module.name}: {lines}"
        for module in modules(*_PRODUCT)
        if (lines := len(module.text.splitlines())) > _MODULE_LINES
    ]
    assert long == []


def test_no_function_is_longer_than_sixty_lines() -> None:
    long = [
        f"{module.name}:{node.lineno} {node.name}"
        for module in modules(*_PRODUCT)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > _FUNCTION_LINES
    ]
    assert long == []


def test_nothing_commits_outside_the_database_module() -> None:
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules("app")
        if module.name != "app/core/db.py"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    ]
    found += [
        f"{module.name}:{line} COMMIT"
        for module in modules("app")
        if module.name != "app/core/db.py"
        for line, text in texts(module)
        if re.search(r"(?:^|;)\s*COMMIT\b", text)
    ]
    assert found == []


def test_the_jose_library_is_imported_in_one_place() -> None:
    importing = {
        module.name
        for module in modules("app", "tests", "clients")
        for _, name in _imports(module.tree)
        if name == "jose" or name.startswith("jose.")
    }
    assert importing == {"app/auth/jose.py"}


def test_no_signature_check_is_switched_off_and_no_shared_secret_signs() -> None:
    words = re.compile(r"\b(?:HS(?:256|384|512)|verify_signature|RSA1_5)\b|jose\.jwe")
    found = [
        f"{module.name}:{number}"
        for module in modules("app")
        for number, line in enumerate(module.text.splitlines(), 1)
        if words.search(line)
    ]
    assert found == []


_WAYS_BACK = {
    ("migrations/versions/2026-11-22_who_may_do_what.py", "row security stays on"),
    ("migrations/versions/2026-11-22_agencies.py", "row security stays on"),
    ("migrations/versions/2026-11-23_feed_files.py", "row security stays on"),
    ("migrations/versions/2026-11-23_recognition_policies.py", "row security stays on"),
}
"""A downgrade to a release whose tables had no row security."""


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(?i)\bselect\s+(?:\w+\.)?\*\s*(?:,|\bfrom\b|$)", "name the columns"),
        (r"(?i)\breturning\s+\*", "name the columns"),
        (r"(?i)set_config\([^)]*,\s*false\s*\)", "a binding must be local to its transaction"),
        (r"(?i)\bset\s+(?:session\s+)?app\.\w+", "a binding must be local to its transaction"),
        (r"(?i)\bnextval\(", "numbers are given after commit"),
        (r"(?i)\boffset\s+[$:\d{]", "pages are by key"),
        (r"(?i)disable\s+row\s+level", "row security stays on"),
    ],
)
def test_no_sql_text_breaks_a_rule(pattern: str, why: str) -> None:
    found = [
        f"{module.name}:{line}: {why}"
        for module in modules("app", "migrations")
        for line, text in texts(module)
        if re.search(pattern, text) and (module.name, why) not in _WAYS_BACK
    ]
    assert found == []


def test_every_table_is_known_to_the_application() -> None:
    known = (ROOT / "app" / "models.py").read_text("utf-8")
    missing = [
        module.name
        for module in modules("app")
        if "__tablename__" in module.text
        and "def __table_args__" not in module.text
        and not re.search(_import_of(module.name), known)
    ]
    assert missing == []


def _import_of(name: str) -> str:
    """What `from app.x import y` looks like for a module, alone or in a list, under any name."""
    package, _, module = name.removesuffix(".py").replace("/", ".").rpartition(".")
    package = re.escape(package)
    return rf"from {package} import [^\n(]*\b{module}\b|from {package}.{module} import"


def test_every_router_is_in_the_list_of_routers() -> None:
    listed = (ROOT / "app" / "api.py").read_text("utf-8")
    with_router = [
        module.name.removesuffix(".py").replace("/", ".")
        for module in modules("app")
        if re.search(r"^\w*router\w* = Router\(", module.text, re.M)
        and module.name not in ("app/core/health.py", "app/api.py")
    ]
    assert with_router
    indirectly = "\n".join(
        module.text for module in modules("app") if module.name.endswith("endpoints.py")
    )
    missing = [name for name in with_router if f"from {name} import" not in listed + indirectly]
    assert missing == []


_LATE = frozenset({"alembic", "openpyxl"})
"""Libraries that take long to import and that few processes need; none of ours, ever."""


def test_no_import_hides_in_a_function_or_behind_type_checking() -> None:
    found = []
    for module in modules("app"):
        for node in ast.walk(module.tree):
            # A type that only the checker needs may be told apart; an import may not.
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                found += [f"{module.name}:{line} {name}" for line, name in _imports(node)]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found += [
                    f"{module.name}:{line} {name}"
                    for line, name in _imports(node)
                    if name.partition(".")[0] not in _LATE
                ]
    assert found == []


def test_every_module_and_every_public_function_of_a_service_says_what_it_does() -> None:
    silent = [
        module.name
        for module in modules("app")
        if module.text.strip() and not ast.get_docstring(module.tree)
    ]
    silent += [
        f"{module.name}:{node.lineno} {node.name}"
        for module in modules("app")
        if module.name.endswith(("service.py", "queries.py"))
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


_PRIVATE = re.compile(
    rb"(?<![\w.])/(?:home|Users)/\w|(?<![\w./-])/(?:root|work|opt|tmp)/[a-z0-9_.-]+/|"
    rb"\bindex-url\b|\b(?:pypi|npm)-mirror\b|https?://[\w.-]+/simple/?\b",
)
_ALLOWED_PATHS = re.compile(rb"/(?:tmp|opt)/(?:venv|app|registry|\.venv)\b|--no-emit-index-url")


def test_no_file_names_a_machine_or_an_index() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__) or path.stat().st_size > 1_000_000:
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if _PRIVATE.search(_ALLOWED_PATHS.sub(b"", line)):
                found.append(
                    f"{path.relative_to(ROOT)}:{number}: {line[:80].decode(errors='replace')}"
                )
    assert found == []


def test_no_file_is_larger_than_a_megabyte() -> None:
    # The contract is written by the code, in as few words as it can, and grows with the routes.
    longer = {ROOT / "openapi/openapi.json": 4_000_000}
    large = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.stat().st_size > longer.get(path, 1_000_000)
    ]
    assert large == []


def test_the_floors_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(program), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
