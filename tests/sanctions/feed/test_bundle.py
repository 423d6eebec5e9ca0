"""A stream in one file: what a full pull would fetch, the same file each time."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from pathlib import Path
from uuid import uuid4

import pytest

from app.auth import jose
from app.sanctions.feed import build
from app.sanctions.feed.bundle import FORMAT, BundleProblem, write_bundle
from tests.cli.commands import environment_of, registry
from tests.sanctions.feed.conftest import Stand, entry


async def test_it_holds_all_that_a_full_pull_would_fetch(signed: Stand, tmp_path: Path) -> None:
    await signed.put(entry(str(uuid4())), "inter_agency")
    async with signed.worker.connection() as connection:
        await signed.feed.attach(connection, "inter_agency", "words", b"statistics")
    file = tmp_path / "feed.zip"
    done = await registry("feed", "bundle", file, env=environment_of(signed.settings))
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(file) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
        assert all(item.compress_type == zipfile.ZIP_STORED for item in archive.infolist())
    names = list(held)
    assert names[0] == "bundle.json"
    about = json.loads(held["bundle.json"])
    assert (about["format"], about["stream"]) == (FORMAT, "inter_agency")
    manifest = jose.unverified_claims(held["manifest.jws"].decode())
    assert about["version"] == manifest["version"]
    assert hashlib.sha256(held["index.json"]).hexdigest() == manifest["index"]["sha256"]
    index, entries = json.loads(held["index.json"]), 0
    for item in index["chunks"]:
        if item["sha256"]:
            content = held[f"chunks/{item['sha256']}"]
            assert hashlib.sha256(content).hexdigest() == item["sha256"]
            entries += len(gzip.decompress(content).splitlines())
    assert entries == manifest["count"] == about["count"]
    digest = build.set_digest(item["raw_sha256"] for item in index["chunks"])
    assert digest == manifest["set_sha256"]
    (words,) = index["attachments"]
    assert gzip.decompress(held[f"chunks/{words['sha256']}"]) == b"statistics"
    assert json.loads(held["keys/1.json"])["signatures"]
    again = tmp_path / "again.zip"
    await write_bundle(signed.operator, "inter_agency", signed.settings.issuer, again)
    assert again.read_bytes() == file.read_bytes()
    logged = await signed.run(
        "SELECT detail->>'stream' FROM audit_events WHERE event = 'sanction:feed:bundle'"
    )
    assert logged == ["inter_agency"] * 2
    exists = await registry("feed", "bundle", file, env=environment_of(signed.settings))
    assert exists.stderr == f"{file} exists already.\n"


async def test_a_stream_without_entries_is_a_bundle_too(signed: Stand, tmp_path: Path) -> None:
    await signed.beat("source.zz_nobody")
    file = tmp_path / "feed.zip"
    done = await write_bundle(signed.operator, "source.zz_nobody", "https://x", file)
    assert (done.count, done.files) == (0, 0)


async def test_single_agencies_and_unknown_streams_are_not_bundled(
    signed: Stand, tmp_path: Path
) -> None:
    file = tmp_path / "feed.zip"
    with pytest.raises(BundleProblem, match="single agencies"):
        await write_bundle(signed.operator, signed.own("WFP"), "https://x", file)
    command = ("feed", "bundle", file, "--stream", "source.nothing")
    refused = await registry(*command, env=environment_of(signed.settings))
    assert refused.stderr.startswith("There is no stream source.nothing, or no keys document")
    assert not file.exists()
