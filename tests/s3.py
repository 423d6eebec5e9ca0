"""An S3-compatible store for tests: a real server of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from moto.server import ThreadedMotoServer

KEYS = ("AKIAEXAMPLE", "secret")


@contextmanager
def s3_serving(*buckets: str) -> Iterator[str]:
    """The address of a store with these buckets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{port}"
    who = "AWS4-HMAC-SHA256 Credential=x/20260301/us-east-1/s3/aws4_request"
    for bucket in buckets:
        made = httpx.put(f"{address}/{bucket}", headers={"Authorization": who})
        made.raise_for_status()
    yield address
    server.stop()
