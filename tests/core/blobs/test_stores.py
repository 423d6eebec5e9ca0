"""The two stores keep one promise; S3 is asked as a real server of its own."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.core.addresses import parse_allowed
from app.core.blobs import service as files
from app.core.blobs.frames import FRAME, BlobDamaged, Cipher, Spool, opened, sealed_size
from app.core.blobs.kinds import MediaType
from app.core.blobs.s3 import S3Store
from app.core.blobs.scanner import Scan
from app.core.blobs.service import Blobs
from app.core.blobs.stores import BlobStore, PostgresStore, StoreAway
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.key_provider import KeyProvider
from app.core.outbound import Outbound
from tests.s3 import KEYS, s3_serving
from tests.support import World


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    with s3_serving("files") as address:
        yield address


@pytest.fixture
async def s3(s3_server: str) -> AsyncIterator[S3Store]:
    outbound = Outbound(parse_allowed("127.0.0.0/8:*"))
    yield S3Store(outbound, s3_server, "files", "us-east-1", KEYS)
    await outbound.close()


async def _once(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _round(store: BlobStore, app_root: KeyProvider, database: Database, world: World) -> None:
    content = secrets.token_bytes(2 * FRAME + 5)
    blobs = Blobs(store, KeyRing(app_root), None)
    spool = await blobs.receive(_once(content[:7], content[7:FRAME], content[FRAME:]))
    agency = world.agencies["UNICEF"]
    async with database.session(agency) as session:
        await blobs.announce(session, spool, MediaType.PDF, Scan.UNSCANNED, None)
    assert not await store.exists(spool.blob_id, spool.size)
    await blobs.put(spool)
    async with database.session(agency) as session:
        await files.finish(session, spool.blob_id)
    assert await store.exists(spool.blob_id, spool.size)
    sealed = b"".join([piece async for piece in store.open(spool.blob_id, spool.size)])
    assert len(sealed) == sealed_size(len(content))
    assert content[:64] not in sealed
    assert spool.sha256 == hashlib.sha256(content).digest()
    pieces = opened(
        Cipher(spool.key, spool.blob_id), spool.size, spool.sha256,
        store.open(spool.blob_id, spool.size),
    )  # fmt: skip
    assert b"".join([piece async for piece in pieces]) == content


async def test_what_is_put_into_s3_comes_back_and_goes(
    s3: S3Store, app: FastAPI, database: Database, world: World
) -> None:
    await _round(s3, app.state.root, database, world)
    spool = await Spool(uuid4()).fill(_once(b"x" * 100), 1_000)
    await s3.put(spool.blob_id, spool.sealed(), spool.size, spool.sealed_sha256)
    await s3.delete(spool.blob_id)
    await s3.delete(spool.blob_id)
    assert not await s3.exists(spool.blob_id, spool.size)
    with pytest.raises(StoreAway, match="get_404"):
        await anext(aiter(s3.open(spool.blob_id, spool.size)))


async def test_what_is_put_into_postgresql_comes_back(
    app: FastAPI, database: Database, world: World
) -> None:
    await _round(PostgresStore(database), app.state.root, database, world)
    with pytest.raises(StoreAway, match="missing"):
        await anext(aiter(PostgresStore(database).open(uuid4(), 10)))


async def test_a_store_on_an_address_that_is_not_public_is_not_called() -> None:
    outbound = Outbound()
    store = S3Store(outbound, "http://127.0.0.1:9", "files", "us-east-1", KEYS)
    with pytest.raises(StoreAway, match="scheme_or_port"):
        await store.delete(uuid4())
    await outbound.close()


@pytest.mark.parametrize("fault", ["cut", "swapped", "repeated", "flipped", "longer", "empty"])
async def test_frames_cannot_be_cut_swapped_repeated_or_changed(fault: str) -> None:
    content = secrets.token_bytes(3 * FRAME)
    spool = await Spool(uuid4()).fill(_once(content), len(content))
    frames = [frame async for frame in spool.sealed()]
    wrong = {
        "cut": frames[:-1],
        "swapped": [frames[1], frames[0], frames[2]],
        "repeated": [frames[0], frames[0], frames[2]],
        "flipped": [frames[0][:-1] + bytes([frames[0][-1] ^ 1]), *frames[1:]],
        "longer": [*frames, b"x"],
        "empty": [],
    }[fault]
    pieces = opened(Cipher(spool.key, spool.blob_id), spool.size, spool.sha256, _once(*wrong))
    got = bytearray()

    async def read() -> None:
        async for piece in pieces:
            got.extend(piece)

    with pytest.raises(BlobDamaged):
        await read()
    assert len(got) < len(content), "the last frame comes only when all is right"
