"""Break-glass: two operators, one hour, the owner told; every other way is refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from typer.testing import Result

from app.core.db import Binding, Database
from app.core.settings import Settings
from tests.assessments.factories import SECRET, make_assessment
from tests.cli.commands import environment_of, registry
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.factories import open_case
from tests.support import World

Registry = Callable[..., Awaitable[Result]]
REASON = "Court order 17 of the host country"


@pytest.fixture
def call(settings: Settings) -> Registry:
    async def run(*arguments: str | Path) -> Result:
        return await registry(*arguments, env=environment_of(settings))

    return run


def write_key(folder: Path, name: str, key: Any = None, passphrase: bytes | None = None) -> Path:
    key = key or Ed25519PrivateKey.generate()
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    file = folder / f"{name}.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    file.with_suffix(".pub").write_bytes(public)
    return file


async def enrol(call: Registry, folder: Path, key: Any = None) -> tuple[str, Path]:
    """A new operator: name and key file."""
    name = f"op-{secrets.token_hex(4)}"
    file = write_key(folder, name, key)
    done = await call("operators", "add", name, file.with_suffix(".pub"))
    assert done.exit_code == 0, done.stderr
    return name, file


async def ask(call: Registry, record: str, key: Path, **more: str) -> str:
    named = {"agency": "UNICEF", "record": record, "reason": REASON, "kind": "assessment"} | more
    words = [word for name, value in named.items() for word in (f"--{name}", value)]
    done = await call("break-glass", "open", *words, "--key", key)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()


async def refused(call: Registry, *arguments: str | Path) -> str:
    done = await call(*arguments)
    assert done.exit_code == 1, done.stdout
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


async def test_two_operators_open_one_record_for_an_hour_and_the_owner_sees_it(
    call: Registry,
    tmp_path: Path,
    api_for: ApiFor,
    world: World,
    database: Database,
    operator_database: Database,
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    first, key1 = await enrol(call, tmp_path)
    second, key2 = await enrol(call, tmp_path, ec.generate_private_key(ec.SECP256R1()))
    window = await ask(call, record, key1)
    assert "has not approved" in await refused(call, "break-glass", "read", window)
    assert "Another operator" in await refused(
        call, "break-glass", "approve", window, "--key", key1
    )
    opened = await call("break-glass", "approve", window, "--key", key2)
    assert "owner agency has been told" in opened.stdout, opened.stderr
    assert "approved or closed" in await refused(
        call, "break-glass", "approve", window, "--key", key2
    )
    shown = await call("break-glass", "read", window)
    assert json.loads(shown.stdout)["detail"]["standards"][0]["comment"] == SECRET
    listed = await call("break-glass", "list")
    assert REASON in listed.stdout
    assert (await call("break-glass", "close", window)).exit_code == 0
    for words in (("read", window), ("close", window)):
        assert "closed" in await refused(call, "break-glass", *words)
    async with database.session(Binding(world.agencies["UNICEF"])) as session:
        rows = await session.execute(
            text(
                "SELECT event, detail FROM audit_events WHERE subject_id = :id "
                "AND event LIKE 'break_glass:%' ORDER BY id"
            ),
            {"id": record},
        )
        seen = rows.all()
    assert [row.event for row in seen] == [
        "break_glass:window:ask",
        "break_glass:window:open",
        "break_glass:record:read",
        "break_glass:window:close",
    ]
    assert (seen[2].detail["asked_by"], seen[2].detail["approved_by"]) == (first, second)
    assert not any(REASON in str(row.detail) for row in seen)
    async with operator_database.session() as session:
        told = await session.execute(
            text("SELECT type, agency_id FROM outbox WHERE data ->> 'break_glass' = :id"),
            {"id": window},
        )
        assert [tuple(row) for row in told] == [("break_glass.opened", world.agencies["UNICEF"])]


async def opened_for(
    call: Registry, folder: Path, record: str, **more: str
) -> tuple[str, tuple[str, str]]:
    first, key1 = await enrol(call, folder)
    second, key2 = await enrol(call, folder)
    window = await ask(call, record, key1, **more)
    assert (await call("break-glass", "approve", window, "--key", key2)).exit_code == 0
    return window, (first, second)


async def change(database: Database, sql: str, window: str) -> None:
    async with database.session() as session:
        await session.execute(text(f"UPDATE break_glass SET {sql} WHERE id = :id"), {"id": window})


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("expires_at = now() - interval '1 second'", "hour is over"),
        ("record_id = gen_random_uuid()", "not what is written"),
        ("asked_signature = approved_signature", "signature of"),
        ("approved_signature = asked_signature", "signature of"),
        ("approved_at = approved_at - interval '1 second'", "not what is written"),
    ],
)
async def test_what_was_changed_in_the_database_opens_nothing(
    call: Registry,
    tmp_path: Path,
    api_for: ApiFor,
    operator_database: Database,
    sql: str,
    words: str,
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    window, _ = await opened_for(call, tmp_path, record)
    if "approved_at" in sql:
        sql += ", expires_at = expires_at - interval '1 second'"
    await change(operator_database, sql, window)
    assert words in " ".join((await refused(call, "break-glass", "read", window)).split())


async def test_an_operator_who_is_removed_opens_nothing_any_more(
    call: Registry, tmp_path: Path, api_for: ApiFor
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    window, (first, _) = await opened_for(call, tmp_path, record)
    assert (await call("operators", "remove", first)).exit_code == 0
    assert "is no operator" in await refused(call, "break-glass", "read", window)
    assert "no operator" in await refused(call, "operators", "remove", first)
    assert f"{first}\tremoved" in (await call("operators", "list")).stdout


async def test_an_old_question_is_not_approved(
    call: Registry, tmp_path: Path, api_for: ApiFor, operator_database: Database
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    _, key1 = await enrol(call, tmp_path)
    _, key2 = await enrol(call, tmp_path)
    window = await ask(call, record, key1)
    assert "-" in (await call("break-glass", "list")).stdout
    await change(operator_database, "asked_at = asked_at - interval '25 hours'", window)
    assert "24 hours" in await refused(call, "break-glass", "approve", window, "--key", key2)


async def test_a_case_is_read_step_by_step_and_a_redacted_record_is_not(
    call: Registry, tmp_path: Path, api_for: ApiFor
) -> None:
    undp, unicef = await api_for("UNDP"), await api_for("UNICEF")
    case = await open_case(api_for, (await make_partner(undp))["id"])
    window, _ = await opened_for(call, tmp_path, case["id"], agency="UNDP", kind="sanction_case")
    shown = json.loads((await call("break-glass", "read", window)).stdout)
    assert shown["steps"][0]["content"]["reference"] == "OAI-2026-114"
    record = (await make_assessment(unicef))["id"]
    window, _ = await opened_for(call, tmp_path, record)
    second = await api_for("UNICEF_REVIEWER")
    await unicef.made(f"/v1/assessments/{record}/redaction", {"reason": "Names a survivor"})
    await second.post(
        f"/v1/assessments/{record}/redaction/decision",
        json={"decision": "confirm", "reason": "Checked."},
        headers={"If-Match": '"v1"'},
    )
    assert "redacted" in await refused(call, "break-glass", "read", window)


async def test_the_operator_s_own_role_sees_content_only_while_it_is_open(
    call: Registry, tmp_path: Path, api_for: ApiFor, operator_database: Database
) -> None:
    """The tests' operator is a superuser; in life it is a member of reg_owner."""
    record = (await make_assessment(await api_for("UNICEF")))["id"]

    async def visible() -> int:
        async with operator_database.session() as session:
            await session.execute(text("SET LOCAL ROLE reg_owner"))
            found = await session.scalar(
                text("SELECT count(*) FROM assessment_details WHERE assessment_id = :id"),
                {"id": record},
            )
            return int(found or 0)

    assert await visible() == 0
    window, _ = await opened_for(call, tmp_path, record)
    assert await visible() == 1
    await call("break-glass", "close", window)
    assert await visible() == 0


async def test_two_persons_are_asked_for_by_the_database_too(
    call: Registry, tmp_path: Path, api_for: ApiFor, operator_database: Database
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    window, _ = await opened_for(call, tmp_path, record)
    for sql in ("approved_by = asked_by", "expires_at = approved_at + interval '2 hours'"):
        with pytest.raises(DBAPIError, match=r"two_persons|one_hour"):
            await change(operator_database, sql, window)


async def test_what_cannot_be_is_refused_in_a_sentence(
    call: Registry, tmp_path: Path, api_for: ApiFor
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    name, key = await enrol(call, tmp_path)
    stranger, weak = write_key(tmp_path, "stranger"), tmp_path / "weak"
    weak.mkdir()
    small = write_key(weak, "rsa", rsa.generate_private_key(65537, 2048))
    text_file = tmp_path / "text.pem"
    text_file.write_text("no key")
    unknown = "00000000-0000-4000-8000-000000000000"
    base = ("break-glass", "open", "--agency", "UNICEF", "--record", record, "--reason")
    for arguments, words in (
        ((*base, REASON, "--key", stranger), "no operator"),
        ((*base, REASON, "--key", small), "Ed25519 or EC P-256"),
        ((*base, REASON, "--key", text_file), "private key in PEM"),
        ((*base, "short", "--key", key), "10 to"),
        ((*base, REASON, "--key", key, "--kind", "partner"), "--kind is one of"),
        (("break-glass", "open", "--agency", "WFP", *base[4:], REASON, "--key", key), "no such"),
        (
            ("break-glass", "open", "--agency", "NOBODY", *base[4:], REASON, "--key", key),
            "no agency",
        ),
        (("break-glass", "read", unknown), "no such break-glass"),
        (("operators", "add", name, stranger.with_suffix(".pub")), "of this name"),
        (("operators", "add", "other", key.with_suffix(".pub")), "with this key"),
        (("operators", "add", "other", small.with_suffix(".pub")), "Ed25519 or EC P-256"),
        (("operators", "add", "other", text_file), "public key in PEM"),
        (("operators", "add", "No Name", key.with_suffix(".pub")), "no operator's name"),
    ):
        assert words in await refused(call, *arguments), arguments


async def test_a_key_file_may_have_a_passphrase(
    call: Registry, tmp_path: Path, api_for: ApiFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    name = f"op-{secrets.token_hex(4)}"
    file = write_key(tmp_path, name, passphrase=b"open sesame")
    await call("operators", "add", name, file.with_suffix(".pub"))
    monkeypatch.setattr("typer.prompt", lambda *_args, **_more: "open sesame")
    assert await ask(call, record, file)
