"""The public stream as files for everybody: the bytes of the API, and nothing of other levels."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.core.addresses import parse_allowed
from app.core.bucket import Bucket
from app.core.outbound import Outbound
from app.core.settings import Settings
from app.sanctions.feed import publication
from app.sanctions.feed.publication import Folder, Objects, Target, TargetAway, publish, targets
from app.worker import publish_feed
from tests.cli.commands import environment_of, registry
from tests.s3 import KEYS, s3_serving
from tests.sanctions.feed.conftest import FEED, Stand, entry, index


async def served(stand: Stand) -> dict[str, bytes]:
    """What the API serves of the public stream, by the names of the files."""
    wfp = await stand.api()
    named = await index(wfp, "public")
    manifest = await wfp.get(f"{FEED}/manifest?stream=public")
    files = await wfp.get(f"{FEED}/files?stream=public")
    found = {
        "keys.json": (await wfp.get(f"{FEED}/keys")).content,
        "public/manifest.jws": manifest.content,
        "public/files.json": files.content,
    }
    chunks = [item["sha256"] for item in named["chunks"] if item["sha256"]]
    for sha256 in chunks:
        found[f"chunks/{sha256}"] = (await wfp.get(f"{FEED}/chunks/{sha256}")).content
    return found


def laid_out(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by its name in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_a_folder_has_the_bytes_of_the_api_and_no_other_level(
    signed: Stand, tmp_path: Path
) -> None:
    one = str(uuid4())
    await signed.put(entry(one, "Public Name", level="PUBLIC"), "public", "inter_agency")
    await signed.put(entry(str(uuid4()), "Inter-agency Name"), "inter_agency")
    target = Folder(tmp_path / "cdn")
    put, deleted = await publish(signed.worker, target)
    assert (put > 3, deleted) == (True, 0)
    there, wanted = laid_out(tmp_path / "cdn"), await served(signed)
    assert {name: there[name] for name in wanted} == wanted
    named = json.loads(there[f"chunks/{(await index_name(signed))}"])
    assert named["stream"] == "public"
    streams = await signed.run(
        "SELECT sha256 FROM feed_blobs b WHERE sha256 = ANY ($1) AND NOT EXISTS (SELECT "
        "FROM feed_blobs p WHERE p.sha256 = b.sha256 AND p.stream = 'public')",
        [name.removeprefix("chunks/") for name in there if name.startswith("chunks/")],
    )
    assert streams == []
    assert await publish(signed.worker, target) == (0, 0)
    assert (await publish(signed.worker, target, all_anew=True))[0] == put


async def index_name(stand: Stand) -> str:
    found = await stand.run("SELECT index_sha256 FROM feed_heads WHERE stream = 'public'")
    return str(found[0])


async def test_what_is_withdrawn_is_deleted_there(signed: Stand, tmp_path: Path) -> None:
    one, target = str(uuid4()), Folder(tmp_path / "cdn")
    await signed.put(entry(one, level="PUBLIC"), "public")
    await publish(signed.worker, target)
    before = set(laid_out(tmp_path / "cdn"))
    held = (await index(await signed.api(), "public"))["chunks"][0]["sha256"]
    assert f"chunks/{held}" in before
    await signed.remove(one, "annulled", "public")
    _, deleted = await publish(signed.worker, target)
    after = laid_out(tmp_path / "cdn")
    assert (deleted, f"chunks/{held}" in after) == (1, False)
    assert held in {item["sha256"] for item in json.loads(after["public/files.json"])["withdrawn"]}


@pytest.fixture(scope="module")
async def bucket() -> AsyncIterator[tuple[str, Objects, Outbound]]:
    outbound = Outbound(parse_allowed("127.0.0.0/8:*"))
    with s3_serving("public-feed") as address:
        yield (
            address,
            Objects(Bucket(outbound, address, "public-feed", "us-east-1", KEYS), "public-feed"),
            outbound,
        )
    await outbound.close()


async def test_a_bucket_has_the_same_with_caching_for_everybody(
    signed: Stand, bucket: tuple[str, Objects, Outbound]
) -> None:
    address, target, outbound = bucket
    objects = Bucket(outbound, address, "public-feed", "us-east-1", KEYS)
    await signed.put(entry(str(uuid4()), level="PUBLIC"), "public")
    await publish(signed.worker, target)
    wanted = await served(signed)
    for name, content in wanted.items():
        answer = await objects.call("GET", name)
        assert (answer.status, answer.body) == (200, content), name
        ever = "max-age=31536000, immutable" if name.startswith("chunks/") else "max-age=30"
        assert answer.headers["cache-control"] == f"public, {ever}"
        assert "content-encoding" not in answer.headers
    gone = next(name for name in wanted if name.startswith("chunks/"))
    await target.delete(gone)
    await target.delete(gone)
    assert (await objects.call("GET", gone)).status == 404
    nowhere = Objects(Bucket(outbound, address, "no-such", "us-east-1", KEYS), "no-such")
    with pytest.raises(TargetAway, match="put_404"):
        await publish(signed.worker, nowhere)
    closed = Objects(Bucket(Outbound(), address, "no-such", "us-east-1", KEYS), "no-such")
    with pytest.raises(TargetAway, match="scheme_or_port"):
        await publish(signed.worker, closed)


async def test_one_process_at_a_time_and_nothing_before_there_is_a_list(
    signed: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Folder(tmp_path / "cdn")
    async with signed.worker.connection() as other:
        await other.execute("SELECT pg_advisory_lock($1)", publication._LOCK)
        assert await publish(signed.worker, target) == (0, 0)
        await other.execute("SELECT pg_advisory_unlock($1)", publication._LOCK)
    monkeypatch.setattr(publication, "STREAM", "no such stream")
    assert await publish(signed.worker, target) == (0, 0)
    assert laid_out(tmp_path) == {}


async def test_a_file_withdrawn_in_between_is_passed_over(
    signed: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signed.put(entry(str(uuid4()), level="PUBLIC"), "public")
    monkeypatch.setattr(publication, "_FILES", f"{publication._FILES} UNION SELECT 'gone'")
    await publish(signed.worker, Folder(tmp_path / "cdn"))
    assert "chunks/gone" not in laid_out(tmp_path / "cdn")


async def test_a_lost_connection_is_not_unlocked(
    signed: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(connection: Any, *_: object) -> tuple[int, int]:
        await connection.close()
        return 0, 0

    monkeypatch.setattr(publication, "_publish", lost)
    assert await publish(signed.worker, Folder(tmp_path)) == (0, 0)


async def test_a_folder_that_cannot_be_written_is_told_and_tried_again(
    signed: Stand, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    target = Folder(tmp_path / "file")
    with pytest.raises(TargetAway, match=r"NotADirectoryError|FileExistsError"):
        await publish(signed.worker, target)
    await publish_feed(signed.worker, [target])


def test_targets_are_what_the_settings_name(signed: Stand, tmp_path: Path) -> None:
    def named(**more: object) -> list[str]:
        settings = Settings(**(signed.settings.model_dump() | more))
        found: list[Target] = targets(settings, Outbound())
        return [target.name for target in found]

    s3 = {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key": "k", "s3_secret_key": "s"}
    assert named() == []
    assert named(feed_publish_dir=tmp_path) == [f"folder {tmp_path}"]
    assert named(feed_publish_bucket="public-feed", **s3) == ["bucket public-feed"]
    with pytest.raises(ValueError, match="needs REGISTRY_S3_ENDPOINT as well"):
        named(feed_publish_bucket="public-feed")
    with pytest.raises(ValueError, match="must not be that of the files"):
        named(feed_publish_bucket="files", s3_bucket="files", **s3)


async def test_by_command(signed: Stand, tmp_path: Path) -> None:
    env = environment_of(signed.settings)
    nothing = await registry("feed", "publish", env=env)
    assert "Nothing is published: set REGISTRY_FEED_PUBLISH_DIR" in nothing.stderr
    await signed.put(entry(str(uuid4()), level="PUBLIC"), "public")
    there = env | {"REGISTRY_FEED_PUBLISH_DIR": str(tmp_path / "cdn")}
    done = await registry("feed", "publish", "--all", env=there)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"folder {tmp_path / 'cdn'}: ")
    wanted = await served(signed)
    found = laid_out(tmp_path / "cdn")
    assert {name: found[name] for name in wanted} == wanted
    (tmp_path / "file").write_text("no folder")
    away = env | {"REGISTRY_FEED_PUBLISH_DIR": str(tmp_path / "file")}
    assert "could not be written" in (await registry("feed", "publish", env=away)).stderr
