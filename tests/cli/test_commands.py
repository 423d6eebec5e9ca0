"""The command line helps, works, and refuses in one sentence."""

from __future__ import annotations

import json
import re
import shlex
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.main import get_command

from app.auth.keys import SigningKeys
from app.cli import Later, app, contract
from app.core import migrate
from app.core.crypto import RootKey
from app.core.db import Database
from app.core.settings import Settings
from app.sanctions import sources
from partner_registry_client.trust import Anchor, accept_keys
from tests.cli.commands import environment_of, registry
from tests.contract.contract import offline

SAMPLE = Path(sources.__file__).with_name("samples") / "unsc.xml"
REST = ("--name", "x", "--office", "x", "--email")
NOBODY = "postgresql://reg_app@127.0.0.1:1/registry"


def commands(command: Any, path: str = "registry") -> Iterator[tuple[str, Any]]:
    """Every command and group below."""
    command = command.loaded() if isinstance(command, Later) else command
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{path} {name}")


def test_every_command_and_option_explains_itself() -> None:
    for path, command in commands(get_command(app)):
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, f"{path} {parameter.name}"


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        (["serve"], {}, "REGISTRY_ROOT_KEY_FILE is not set."),
        (["worker"], {"REGISTRY_ENV": "production"}, "REGISTRY_DATABASE_URL must be set"),
        (["worker"], {"REGISTRY_POOL_SIZE": "x"}, "REGISTRY_POOL_SIZE: Input should be"),
        (["db", "check"], {"REGISTRY_DATABASE_URL": NOBODY}, "No database answers"),
        (["db", "upgrade"], {}, "REGISTRY_DATABASE_MIGRATION_URL is not set."),
        (["agencies", "create", "wfp", *REST, "a@b"], {}, "'wfp' is no agency code"),
        (["agencies", "create", "WFP", *REST, "ab"], {}, "'ab' is no e-mail address"),
        (
            ["clients", "create", "X", "--agency", "WFP", "--scope", "feed:read", "--role", "x"],
            {},
            "belong together",
        ),
        (["demo"], {"REGISTRY_ENV": "production"}, "must be set in production"),
    ],
)  # fmt: skip
async def test_a_refusal_is_one_sentence_on_stderr(
    arguments: list[str], env: dict[str, str], words: str
) -> None:
    result = await registry(*arguments, env=env)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


async def test_a_wrong_call_is_exit_code_2() -> None:
    assert (await registry("serve", "--port", "0")).exit_code == 2
    assert (await registry("nonsense")).exit_code == 2


async def test_the_port_is_taken(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = await registry("serve", "--port", str(port), env=environment_of(settings))
    assert result.exit_code == 1
    assert f"Port {port} on 127.0.0.1 is taken" in result.stderr


# ------------------------------------------------------------------------------- the database


async def test_roles_and_schema_come_up_on_a_database_of_the_superuser(
    empty_database: Settings,
) -> None:
    env = environment_of(empty_database)
    url = empty_database.require("database_migration_url")
    name = url.rsplit("/", 1)[1] + "_managed"
    connection = await asyncpg.connect(url)
    try:
        # As the usual images make it: the superuser owns it, not reg_owner.
        await connection.execute(f'CREATE DATABASE "{name}"')
        env["REGISTRY_DATABASE_MIGRATION_URL"] = url.rsplit("/", 1)[0] + f"/{name}"
        for _ in range(2):
            assert (await registry("db", "roles", env=env)).exit_code == 0
            upgraded = await registry("db", "upgrade", env=env)
            assert upgraded.exit_code == 0, upgraded.output
        assert migrate.head() in upgraded.stdout
        assert (await registry("db", "check", "--drift", env=env)).exit_code == 0
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


async def test_printed_roles_show_no_password(empty_database: Settings) -> None:
    env = environment_of(empty_database, REGISTRY_REG_APP_PASSWORD="very-secret")
    result = await registry("db", "roles", "--print", env=env)
    assert "CREATE ROLE reg_owner" in result.stdout
    assert "OWNER TO reg_owner" in result.stdout
    assert "very-secret" not in result.output


async def test_check_tells_role_durability_and_schema(empty_database: Settings) -> None:
    env = environment_of(empty_database)
    result = await registry("db", "check", env=env)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("reg_app: fit; fsync")
    assert "reg_worker: fit" in result.stdout

    connection = await asyncpg.connect(empty_database.require("database_migration_url"))
    await connection.execute("UPDATE alembic_version SET version_num = '0000'")
    await connection.close()
    result = await registry("db", "check", env=env)
    assert result.exit_code == 1
    assert "The schema is at revision 0000" in result.stderr


async def test_check_finds_drift(empty_database: Settings) -> None:
    env = environment_of(empty_database)
    connection = await asyncpg.connect(empty_database.require("database_migration_url"))
    await connection.execute("ALTER TABLE agencies ADD COLUMN nickname text")
    await connection.close()
    result = await registry("db", "check", "--drift", env=env)
    assert result.exit_code == 1
    assert "nickname" in result.stderr
    assert result.stderr.count("\n") == 1


async def test_drift_brings_a_server_of_its_own(tmp_path: Path) -> None:
    result = await registry("db", "check", "--drift", env={"REGISTRY_VAR_DIR": str(tmp_path)})
    assert result.exit_code == 0, result.output
    assert not list((tmp_path / "drift-pg").iterdir())


# -------------------------------------------------------------------------- agencies and clients


async def make_agency(env: dict[str, str], code: str) -> None:
    made = await registry(
        *("agencies", "create", code, "--name", f"{code} in full", "--office", "Partners"),
        *("--email", "p@example.org", "--xm-dac", "41122"),
        env=env,
    )
    assert made.exit_code == 0, made.output


async def test_the_life_of_a_client(empty_database: Settings) -> None:
    env = environment_of(empty_database)
    await make_agency(env, "WHO")
    again = await registry(*("agencies", "create", "WHO", *REST, "a@b"), env=env)
    assert "There is an agency WHO already." in again.stderr
    assert (
        "WHO\tWHO in full\tapplicant\t41122" in (await registry("agencies", "list", env=env)).stdout
    )

    create = ("clients", "create", "who-erp", "--agency", "WHO", "--auth", "client_secret_basic")
    deciding = await registry(*create, "--scope", "sanctions:decide", env=env)
    assert deciding.exit_code == 1
    assert "named person" in deciding.stderr
    person = ("--person", "Ada Example", "--office", "Geneva", "--role", "head")
    made = await registry(*create, "--scope", "partners:read sanctions:decide", *person, env=env)
    assert made.exit_code == 0, made.output
    secret = made.stdout.splitlines()[-1]
    assert len(secret) == 43
    rotated = await registry("clients", "rotate", "who-erp", env=env)
    assert rotated.stdout.strip() not in ("", secret)
    listed = (await registry("clients", "list", "--agency", "WHO", env=env)).stdout
    assert "who-erp\tWHO\tactive\tclient_secret_basic\tAda Example" in listed
    assert (await registry("clients", "revoke", "who-erp", env=env)).exit_code == 0
    assert "revoked" in (await registry("clients", "list", env=env)).stdout
    dead = await registry("clients", "rotate", "who-erp", env=env)
    assert dead.stderr == "There is no active client who-erp.\n"


async def test_a_client_with_keys_of_its_own(empty_database: Settings, tmp_path: Path) -> None:
    env = environment_of(empty_database)
    await make_agency(env, "WHO")
    create = ("clients", "create", "who-sync", "--agency", "WHO", "--scope", "feed:read")
    bad = tmp_path / "bad.json"
    bad.write_text("[]")
    assert "does not hold a JWKS" in (await registry(*create, "--jwks", bad, env=env)).stderr
    assert "at least one usable" in (await registry(*create, env=env)).stderr
    init = await registry("keys", "root", "init", tmp_path / "keys", env=env)
    assert init.exit_code == 0
    anchor = tmp_path / "keys" / "anchor.json"  # holds public JWKs, so it serves as a JWKS
    made = await registry(*create, "--jwks", anchor, env=env)
    assert made.exit_code == 0, made.output
    unknown = await registry(
        *("clients", "create", "x", "--agency", "NOBODY", "--scope", "feed:read"), env=env
    )
    assert "There is no agency NOBODY." in unknown.stderr


# ---------------------------------------------------------------------------------- lists, keys


async def test_lists_are_imported_and_shown(empty_database: Settings, tmp_path: Path) -> None:
    env = environment_of(empty_database)
    assert "unsc\tshared\t-\t0\t-\t-\tstale" in (await registry("lists", "status", env=env)).stdout
    first = await registry("lists", "import", "unsc", SAMPLE, env=env)
    assert first.exit_code == 0, first.output
    assert "25 added, 0 changed, 0 removed" in first.stdout
    assert first.stderr == "parties: 25\n"
    again = await registry("lists", "import", "unsc", SAMPLE, env=env)
    assert "unsc: no change, version 1, 25 parties." in again.stdout
    assert "fresh" in (await registry("lists", "status", env=env)).stdout

    short = tmp_path / "short.xml"
    text = SAMPLE.read_text("utf-8")
    start, end = text.index("<ENTITIES>"), text.index("</ENTITIES>")
    short.write_text(text[:start] + "<ENTITIES>" + text[end:], "utf-8")
    shrunk = await registry("lists", "import", "unsc", short, env=env)
    assert shrunk.exit_code == 1
    assert "it is held back" in shrunk.stderr
    status = await registry("lists", "status", env=env)
    assert "fresh, an issue waits for a person" in status.stdout
    held = await registry("lists", "diff", "unsc", "--held", "--limit", "2", "--json", env=env)
    seen = json.loads(held.stdout)
    assert seen["removed"] > 2
    assert [one["change"] for one in seen["changes"]] == ["removed", "removed"]
    bare = await registry("lists", "approve", "unsc", "--reason", " ", env=env)
    assert bare.exit_code == 1
    words = ("--reason", "The publisher confirmed it.", "--by", "A. Operator", "--json")
    taken = await registry("lists", "approve", "unsc", *words, env=env)
    assert json.loads(taken.stdout)["removed"] == seen["removed"]
    nothing = await registry("lists", "approve", "unsc", "--reason", "Again.", env=env)
    assert nothing.stderr == "No issue of unsc is held back.\n"

    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "list.xml").write_bytes(SAMPLE.read_bytes())
    plan = await registry("lists", "plan", "unsc", folder, env=env)
    assert plan.stdout.startswith("unsc: delta; 25 parties in list.xml,")
    before = (await registry("lists", "status", "--json", env=env)).stdout
    dry = await registry("lists", "import", "unsc", folder, "--dry-run", env=env)
    assert "if it were put in force" in dry.stdout
    assert (await registry("lists", "status", "--json", env=env)).stdout == before
    diff = await registry("lists", "diff", "unsc", folder, env=env)
    assert diff.stdout.startswith("change\treference\tname\nadded\t")
    both = await registry("lists", "diff", "unsc", folder, "--held", env=env)
    assert both.exit_code == 1

    broken = tmp_path / "broken.xml"
    broken.write_text(text[: len(text) // 2], "utf-8")
    refused = await registry("lists", "import", "unsc", broken, env=env)
    assert refused.stderr.startswith("The file cannot be used: ")
    unknown = await registry("lists", "import", "nonsense", SAMPLE, env=env)
    assert unknown.stderr.startswith("There is no list source nonsense; known: ")


def _commands(words: str) -> list[list[str]]:
    """The commands that a message names, as a shell would take them."""
    return [shlex.split(found)[1:] for found in re.findall(r"`(registry [^`]+)`", words)]


async def test_whoever_meets_a_shrunken_list_is_told_what_to_do(
    empty_database: Settings, tmp_path: Path
) -> None:
    """Only what the messages say is used: no page of the manual, no knowledge of options."""
    env = environment_of(empty_database)
    await registry("lists", "import", "unsc", SAMPLE, env=env)
    text = SAMPLE.read_text("utf-8")
    start, end = text.index("<ENTITIES>"), text.index("</ENTITIES>")
    short = tmp_path / "short.xml"
    short.write_text(text[:start] + "<ENTITIES>" + text[end:], "utf-8")
    dry = await registry("lists", "import", "unsc", short, "--dry-run", env=env)
    assert dry.exit_code == 0
    assert "would be held back" in dry.stdout
    assert "waits" not in (await registry("lists", "status", env=env)).stdout
    told = await registry("lists", "import", "unsc", short, env=env)
    assert (told.exit_code, told.stdout) == (1, "")
    assert "Traceback" not in told.stderr
    assert re.search(r"lacks \d+ of the 25 parties in force", told.stderr)
    assert "the list in force stands" in told.stderr
    look, approve, refuse = _commands(told.stderr)
    assert " ".join(look) in (await registry("lists", "status", env=env)).stdout
    shown = await registry(*look, env=env)
    assert (shown.exit_code, "removed" in shown.stdout) == (0, True)
    # The first is dropped, and not taken again; another one is approved.
    dropped = await registry(*refuse, env=env)
    assert (dropped.exit_code, "the list in force stands" in dropped.stdout) == (0, True)
    again = await registry("lists", "import", "unsc", short, env=env)
    assert again.exit_code == 1
    assert "refused before" in again.stderr
    short.write_text(short.read_text("utf-8") + "<!-- another issue -->", "utf-8")
    assert (
        _commands((await registry("lists", "import", "unsc", short, env=env)).stderr)[1] == approve
    )
    taken = await registry(*approve, env=env)
    assert (taken.exit_code, "version 2" in taken.stdout) == (0, True), taken.output
    nothing = await registry(*look, env=env)
    assert nothing.stderr == "No issue of unsc is held back.\n"


async def test_a_root_key_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "root.key"
    assert (await registry("keys", "create-root-key", file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("registry-root-key:v1:production:")
    again = await registry("keys", "create-root-key", file, "--demo")
    assert "never overwritten" in again.stderr


async def test_two_of_three_offline_keys_publish_what_a_client_believes(
    empty_database: Settings, tmp_path: Path
) -> None:
    env = environment_of(empty_database)
    folder = tmp_path / "keys"
    assert (await registry("keys", "root", "init", folder, env=env)).exit_code == 0
    assert "exists already" in (await registry("keys", "root", "init", folder, env=env)).stderr
    one, two = ("--key", folder / "root-1.pem"), ("--key", folder / "root-2.pem")
    assert (folder / "root-1.pem").stat().st_mode & 0o777 == 0o600

    sign = ("keys", "root", "sign")
    assert "2 different root keys must sign" in (await registry(*sign, *one, *one, env=env)).stderr
    early = await registry(*sign, *one, *two, env=env)
    assert "no signing key yet" in early.stderr
    await make_signing_keys(empty_database)
    for version in (1, 2):
        signed = await registry(*sign, *one, *two, env=env)
        assert signed.stdout == f"Keys document {version} is published.\n", signed.output
    moved = env | {"REGISTRY_ISSUER": "http://localhost:9"}
    assert "The anchor is for" in (await registry(*sign, *one, *two, env=moved)).stderr

    connection = await asyncpg.connect(empty_database.require("database_migration_url"))
    document = await connection.fetchval(
        "SELECT document::text FROM keys_documents ORDER BY version DESC LIMIT 1"
    )
    await connection.close()
    anchor = Anchor.read((folder / "anchor.json").read_bytes())
    keys, _ = accept_keys(document.encode(), anchor=anchor, trusted=None, now=time.time())
    assert keys.version == 2
    assert keys.of_use("list")
    assert keys.of_use("receipt")


async def make_signing_keys(settings: Settings) -> None:
    """As the first start of the service does."""
    database = Database(settings.require("database_url"), settings)
    await SigningKeys(database, RootKey.load(Path(settings.require("root_key_file")))).ensure()
    await database.close()


async def test_the_contract_is_written_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its document is made once for all tests; that one made anew is the same, others show.
    monkeypatch.setattr(contract, "offline_app", lambda create: offline())
    file = tmp_path / "openapi.json"
    missing = await registry("openapi", "export", "--check", "--output", file)
    assert missing.exit_code == 1
    assert (await registry("openapi", "export", "--output", file)).exit_code == 0
    assert json.loads(file.read_text("utf-8"))["openapi"].startswith("3.1")
    file.write_text(file.read_text("utf-8").replace('"3.1', '"3.0'), "utf-8")
    differs = await registry("openapi", "export", "--check", "--output", file)
    assert differs.exit_code == 1
    assert differs.stderr.endswith("run `registry openapi export`.\n")
