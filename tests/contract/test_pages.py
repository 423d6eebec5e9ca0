"""The API page works without any other server, and under a strict policy."""

from __future__ import annotations

import json
import re

from fastapi import FastAPI

from app.core.settings import Settings
from app.main import create_app
from app.openapi import export
from tests.support import plain_client


async def test_the_contract_is_served_as_it_is_exported(app: FastAPI) -> None:
    async with plain_client(app) as client:
        answer = await client.get("/openapi.json")
        again = await client.get("/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert answer.content.decode() == export(app)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert again.status_code == 304
    assert "/docs" not in json.loads(answer.content)["paths"]


async def test_the_page_loads_its_own_files_and_nothing_else(app: FastAPI) -> None:
    async with plain_client(app) as client:
        page = await client.get("/docs")
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert links
        for link in links:
            assert not link.startswith(("http", "//", "/")), link
            asset = await client.get(f"/{link}")
            assert asset.status_code == 200, link
            assert asset.headers["x-content-type-options"] == "nosniff"
            assert "max-age" in asset.headers["cache-control"]
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_the_page_has_no_inline_script_style_or_handler(app: FastAPI) -> None:
    async with plain_client(app) as client:
        page = (await client.get("/docs")).text
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert "<style" not in page
    assert re.findall(r"\s(?:style|on\w+)=", page) == []


async def test_the_pages_can_be_left_out(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"docs_enabled": False}))
    async with plain_client(app) as client:
        for path in ("/docs", "/openapi.json", "/docs/start.js"):
            assert (await client.get(path)).status_code == 404
