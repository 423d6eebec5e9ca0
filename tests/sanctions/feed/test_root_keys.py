"""The offline root keys: two of three sign, and nothing else does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.auth import jose, key_rotation
from app.auth.keys import SigningKeys
from app.core.clock import utc_now
from app.core.crypto import RootKey
from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.feed import root_documents
from app.sanctions.feed.root_keys import (
    RootKeyProblem,
    read_anchor,
    read_root_keys,
    root_init,
)
from partner_registry_client.trust import Anchor, KeysDocument, accept_keys
from tests.cli.commands import environment_of, registry
from tests.sanctions.feed.conftest import FEED, Stand

ISSUER = "https://registry.example.org"


def test_two_different_keys_of_the_anchor_are_enough_and_one_twice_is_not(tmp_path: Path) -> None:
    anchor = read_anchor(root_init(tmp_path / "root", ISSUER))
    one, two = tmp_path / "root" / "root-1.pem", tmp_path / "root" / "root-2.pem"
    assert len({key.kid for key in read_root_keys([one, two], anchor)}) == 2
    with pytest.raises(RootKeyProblem, match="2 different root keys must sign; 1 given"):
        read_root_keys([one, one], anchor)


def test_a_key_of_another_anchor_or_no_key_at_all_is_refused(tmp_path: Path) -> None:
    anchor = read_anchor(root_init(tmp_path / "root", ISSUER))
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(jose.generate_key())
    with pytest.raises(RootKeyProblem, match="is no key of this anchor"):
        read_root_keys([foreign], anchor)
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    with pytest.raises(RootKeyProblem, match="is no root key"):
        read_root_keys([nothing], anchor)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"issuer": "x", "threshold": 2, "keys": 3}'])
def test_a_file_that_is_no_anchor_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "anchor.json"
    path.write_text(content)
    with pytest.raises(RootKeyProblem, match="is no anchor"):
        read_anchor(path)


def test_keys_that_exist_are_never_overwritten(tmp_path: Path) -> None:
    root_init(tmp_path / "root", ISSUER)
    with pytest.raises(RootKeyProblem, match="exists already"):
        root_init(tmp_path / "root", ISSUER)


@pytest.fixture
async def registered(empty_database: Settings) -> AsyncIterator[Database]:
    """The database of a registry that has started once, as the operator."""
    database = Database(empty_database.require("database_migration_url"), empty_database)
    root = RootKey.load(Path(empty_database.require("root_key_file")))
    await SigningKeys(database, root).ensure()
    yield database
    await database.close()


async def test_a_draft_is_signed_where_the_keys_are_and_published_when_two_did(
    registered: Database, empty_database: Settings, tmp_path: Path
) -> None:
    env = environment_of(empty_database)
    offline = {"REGISTRY_ENV": "test"}
    folder, draft = tmp_path / "root", tmp_path / "draft.json"
    assert (await registry("keys", "root", "init", folder, env=env)).exit_code == 0

    async def said(*words: str | Path, env: dict[str, str] = env) -> str:
        done = await registry("keys", "root", *words, env=env)
        return done.stdout if done.exit_code == 0 else done.stderr

    assert "needs the anchor" in await said("draft", draft)
    anchor = ("--anchor", folder / "anchor.json")
    assert "sign it with two root keys" in await said("draft", draft, *anchor)
    assert "exists already" in await said("draft", draft, *anchor)
    assert await said("publish", draft) == "2 different root keys must sign; 0 of 3 did.\n"
    for number in (1, 1, 2):
        shown = await said("sign", draft, "--key", folder / f"root-{number}.pem", env=offline)
        assert f"Keys document 1 of {empty_database.issuer}, good until" in shown
        assert shown.count("  root  ") == 3
        if number == 1:
            assert "1 of 3 did" in await said("publish", draft)
    assert "is no root key" in await said("sign", draft, "--key", folder / "anchor.json")
    assert "is no draft" in await said("publish", folder / "root-1.pem")
    assert await said("publish", draft) == "Keys document 1 is published.\n"
    assert "draft anew" in await said("publish", draft)
    known = read_anchor(folder / "anchor.json")
    _, trusted = await believed(registered, Anchor.read((folder / "anchor.json").read_bytes()))
    assert {key["kid"] for key in known["keys"]} == {key.kid for key in trusted.root.keys}


async def believed(
    database: Database, anchor: Anchor, trusted: KeysDocument | None = None
) -> tuple[int, KeysDocument]:
    """The newest keys document as the client accepts it."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT version, document::text FROM keys_documents ORDER BY version DESC LIMIT 1"
        )
    keys, _ = accept_keys(row[1].encode(), anchor=anchor, trusted=trusted, now=time.time())
    return row[0], keys


async def test_a_new_root_needs_both_and_clients_go_from_one_to_the_other(
    registered: Database, empty_database: Settings, tmp_path: Path
) -> None:
    env, issuer = environment_of(empty_database), empty_database.issuer
    folders = [tmp_path / name for name in ("old", "new")]
    for folder in folders:
        root_init(folder, issuer)
    old, new = (
        [jose.load_signing_key((folder / f"root-{n}.pem").read_bytes()) for n in (1, 2)]
        for folder in folders
    )
    anchors = [read_anchor(folder / "anchor.json") for folder in folders]
    await root_documents.root_sign(registered, anchors[0], old, issuer, utc_now())
    _, first = await believed(registered, Anchor.read((folders[0] / "anchor.json").read_bytes()))
    for signers in (old, new, [old[0], new[0], new[1]]):
        with pytest.raises(RootKeyProblem, match="must sign"):
            await root_documents.root_sign(registered, anchors[1], signers, issuer, utc_now())
    draft = tmp_path / "rotation.json"
    done = await registry(
        *("keys", "root", "rotate", draft, "--anchor", folders[1] / "anchor.json"), env=env
    )
    assert done.exit_code == 0, done.output
    keys = [word for f in folders for n in (1, 2) for word in ("--key", f / f"root-{n}.pem")]
    assert (await registry("keys", "root", "sign", draft, *keys, env={})).exit_code == 0
    assert (await registry("keys", "root", "publish", draft, env=env)).exit_code == 0
    version, second = await believed(
        registered, Anchor.read((folders[0] / "anchor.json").read_bytes()), first
    )
    assert (version, {key.kid for key in second.root.keys}) == (
        2, {key["kid"] for key in anchors[1]["keys"]}
    )  # fmt: skip
    # Without an anchor the root stays; the old keys sign for nobody now.
    document = await root_documents.draft(registered, None, issuer, utc_now())
    with pytest.raises(RootKeyProblem, match="must sign"):
        await root_documents.publish(
            registered, root_documents.sign_with(document, old), issuer, utc_now()
        )
    forged = root_documents.sign_with(document, new)
    forged["signatures"][0]["signature"] = forged["signatures"][1]["signature"]
    with pytest.raises(RootKeyProblem, match="1 of 3 did"):
        await root_documents.publish(registered, forged, issuer, utc_now())
    good = root_documents.sign_with(document, new)
    root = RootKey.load(Path(empty_database.require("root_key_file")))
    async with registered.session() as session:
        await key_rotation.prepare(session, root, "list")
    with pytest.raises(RootKeyProblem, match="have changed since the draft"):
        await root_documents.publish(registered, good, issuer, utc_now())


def test_a_file_without_the_members_is_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    root_documents.write_document(path, {"payload": jose.b64url(b"{}"), "signatures": []})
    with pytest.raises(RootKeyProblem, match="is no draft"):
        root_documents.read_document(path)


async def test_older_documents_are_served_by_their_version(stand: Stand) -> None:
    wfp = await stand.api()
    unknown = await wfp.get(f"{FEED}/keys?version=999")
    assert unknown.json()["code"] == "keys_version_unknown"
