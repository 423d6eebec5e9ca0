"""Addresses that come from data: what is called, what is not, and what an answer may do."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from app.core.addresses import is_public, parse_address, parse_allowed
from app.core.outbound import Outbound, OutboundFailed, OutboundRefused
from tests.idp import Idp
from tests.sockets import PRIVATE_HOSTS

REFUSED = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",  # NAT64
    "64:ff9b:1::1",
    "100::1",
    "2001::1",  # Teredo
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(parse_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_that_is_public(address: str) -> None:
    assert is_public(parse_address(address))


def test_a_network_is_public_only_as_a_whole() -> None:
    assert all(is_public(item.network) for item in parse_allowed("1.1.1.0/24:443, 2606::/24:*"))
    for text in ("0.0.0.0/0:*", "126.0.0.0/7:*", "::/0:*", "2000::/3:*", "::ffff:1.1.1.1/128:*"):
        assert not is_public(parse_allowed(text)[0].network)


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "127.0.0.0/8:x", "a:*", "10.0.0.1/8:*", "::1:0", "1"]
)
def test_an_allowed_network_is_written_one_way(text: str) -> None:
    with pytest.raises(ValueError):
        parse_allowed(text)


def test_an_allowed_network_names_its_port() -> None:
    exact, anywhere = parse_allowed("10.1.2.3/32:8443,fd00::/8:*,")
    assert exact.covers(parse_address("10.1.2.3"), 8_443)
    assert exact.covers(parse_address("::ffff:10.1.2.3"), 8_443)
    assert not exact.covers(parse_address("10.1.2.3"), 443)
    assert not exact.covers(parse_address("10.1.2.4"), 8_443)
    assert anywhere.covers(parse_address("fd00::1"), 1)
    assert not anywhere.covers(parse_address("10.1.2.3"), 1)


@pytest.fixture
async def idp() -> AsyncIterator[Idp]:
    idp = Idp()
    await idp.open()
    yield idp
    await idp.close()


@pytest.fixture
async def nothing() -> AsyncIterator[Outbound]:
    """As in production: public https only."""
    outbound = Outbound()
    yield outbound
    await outbound.close()


@pytest.fixture
async def local() -> AsyncIterator[Outbound]:
    outbound = Outbound(parse_allowed("127.0.0.0/8:*"))
    yield outbound
    await outbound.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry.example",
        "https://",
        "https:///keys",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "http://example.org/",
        "http://example.org:443/",
        "https://example.org:8443/",
        "https://example.org:22/",
        "https://user@example.org/",
        "https://user:pass@example.org/",
        "https://@example.org/",
        "https://example.org/#part",
        "https://exa mple.org/",
        "https://example.org\\@127.0.0.1/",
        "https://example.org/\r\nHost: x",
        "https://example.org:99999/",
        "https://example.org/" + "x" * 3_000,
        "https://[::1/",
        "https://exämple.org/",
        "https://0177.0.0.1/",
    ],
)
async def test_a_url_that_is_never_called(url: str, nothing: Outbound) -> None:
    with pytest.raises(OutboundRefused):
        nothing.check(url)
    with pytest.raises(OutboundRefused):
        await nothing.call(url)


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
async def test_a_host_that_is_not_public_is_refused_before_any_connection(
    host: str, nothing: Outbound
) -> None:
    with pytest.raises(OutboundRefused, match="address"):
        await nothing.call(f"https://{host}/")


def _resolver(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """The name server gives these answers, one a question; the names that were asked."""
    asked: list[str] = []

    def look_up(host: str, port: int) -> list[Any]:
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in addresses]

    monkeypatch.setattr("app.core.outbound._look_up", look_up)
    return asked


async def test_a_name_server_that_never_answers_holds_up_nothing_else(
    nothing: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr("app.core.outbound._look_up", lambda host, port: answered.wait(30) and [])
    calls = [
        asyncio.create_task(nothing.call(f"https://slow{n}.example/", seconds=0.2))
        for n in range(40)
    ]
    try:
        await asyncio.sleep(0)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 10) == 1
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert {str(one) for one in done} == {"late"}
    finally:
        answered.set()


async def test_one_refused_address_among_good_ones_refuses_the_name(
    nothing: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    _resolver(monkeypatch, ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(OutboundRefused, match="address"):
        await nothing.call("https://rebind.example/")


async def test_the_name_is_asked_once_and_the_checked_address_is_used(
    local: Outbound, idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _resolver(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    answer = await local.call(f"http://rebind.example:{idp.port}/keys")
    assert answer.status == 200
    # The library asks again for the address it is given; that is no name and needs no server.
    assert asked.count("rebind.example") == 1
    assert f"Host: rebind.example:{idp.port}".encode().lower() in idp.requests[0].lower()


async def test_the_next_address_is_tried_when_one_does_not_answer(
    local: Outbound, idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.9", 0)):
        pass
    _resolver(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    assert (await local.call(f"http://two.example:{idp.port}/")).status == 200


async def test_a_name_nobody_knows_is_no_answer(local: Outbound) -> None:
    for host in ("does-not-exist.invalid", "a" * 64 + ".example"):
        with pytest.raises((OutboundFailed, OutboundRefused)):
            await local.call(f"https://{host}/")


async def test_a_port_of_the_allowed_network_only(idp: Idp) -> None:
    outbound = Outbound(parse_allowed(f"127.0.0.1/32:{idp.port}"))
    assert (await outbound.call(idp.jwks_uri)).status == 200
    with pytest.raises(OutboundRefused):
        await outbound.call("http://127.0.0.1:1/")
    with pytest.raises(OutboundRefused, match="address"):
        await outbound.call(f"http://127.0.0.2:{idp.port}/")
    # http is for allowed networks; a public address stays https on 443.
    with pytest.raises(OutboundRefused, match="address"):
        await outbound.call(f"http://1.1.1.1:{idp.port}/")
    await outbound.close()


async def test_a_good_answer_is_given_as_it_came(local: Outbound, idp: Idp) -> None:
    idp.document = b'{"keys": []}'
    answer = await local.call(
        idp.jwks_uri, method="POST", headers={"X-Test": "1"}, content=b"hello"
    )
    assert (answer.status, answer.body) == (200, b'{"keys": []}')
    assert answer.headers["content-length"] == "12"
    sent = idp.requests[0].lower()
    assert b"accept-encoding: identity" in sent
    assert b"x-test: 1" in sent
    assert b"content-length: 5" in sent


async def test_no_proxy_of_the_environment_is_used(
    local: Outbound, idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    outbound = Outbound(parse_allowed("127.0.0.0/8:*"))
    assert (await outbound.call(idp.jwks_uri)).status == 200
    await outbound.close()


async def test_a_redirect_is_not_followed(local: Outbound, idp: Idp) -> None:
    other = Idp()
    await other.open()
    idp.mode, idp.elsewhere = "redirect", other.jwks_uri
    for _ in range(2):
        answer = await local.call(idp.jwks_uri)
        assert answer.status == 302
    assert (other.fetches, idp.fetches) == (0, 2)
    assert b"cookie" not in idp.requests[1].lower()
    await other.close()


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("slow", "late"),
        ("drip", "late"),
        ("huge", "too_large"),
        ("claims_huge", "too_large"),
        ("garbage", "protocol"),
        ("silence", "protocol|connection"),
        ("gzip", "encoded"),
    ],
)
async def test_an_answer_that_is_not_taken(
    mode: str, reason: str, local: Outbound, idp: Idp
) -> None:
    idp.mode = mode
    started = time.monotonic()
    with pytest.raises(OutboundFailed, match=f"^({reason})$"):
        await local.call(idp.jwks_uri, seconds=0.5)
    assert time.monotonic() - started < 2
    idp.mode = "good"
    assert (await local.call(idp.jwks_uri)).status == 200


async def test_a_server_that_is_down(local: Outbound, idp: Idp) -> None:
    await idp.close()
    with pytest.raises(OutboundFailed, match="connection"):
        await local.call(idp.jwks_uri)


def _certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Server and client side of a certificate of its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.3"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.create_default_context(cadata=certificate.public_bytes(Encoding.PEM).decode())
    return server, client


async def test_the_certificate_is_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS speaks of the name, though the connection goes to a checked address."""
    server_side, client_side = _certificate("idp.example", tmp_path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    trusting = Outbound(parse_allowed("127.0.0.0/8:*"), tls=client_side)
    wary = Outbound(parse_allowed("127.0.0.0/8:*"))
    _resolver(monkeypatch, ["127.0.0.1"])
    assert (await trusting.call(f"https://idp.example:{port}/")).body == b"{}"
    for outbound, host in ((trusting, "other.example"), (wary, "idp.example")):
        with pytest.raises(OutboundFailed, match="connection"):
            await outbound.call(f"https://{host}:{port}/")
    await trusting.close()
    await wary.close()
    server.close()
    await server.wait_closed()
