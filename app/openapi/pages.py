"""``/openapi.json`` and ``/docs``: served from this process, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response

from app.core.http import bytes_etag, not_modified
from app.openapi.export import export

_STATIC = Path(__file__).resolve().parents[1] / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Partner registry: API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="contract"></div>
<noscript>This page needs JavaScript; <a href="openapi.json">the contract</a> does not.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_CACHE = {"Cache-Control": "public, max-age=300"}
_CACHE_ASSET = {"Cache-Control": "public, max-age=86400"}

Endpoint = Callable[[Request], Awaitable[Response]]


def _serve(read: Callable[[], bytes], media_type: str, headers: dict[str, str]) -> Endpoint:
    """An endpoint for bytes that never change in the life of a process; they are read once."""
    held: list[tuple[bytes, str]] = []

    async def endpoint(request: Request) -> Response:
        if not held:
            body = read()
            held.append((body, bytes_etag(body)))
        body, etag = held[0]
        unchanged = not_modified(request, etag)
        if unchanged is not None:
            return unchanged
        return Response(body, media_type=media_type, headers={**headers, "ETag": etag})

    return endpoint


def install_docs(app: FastAPI) -> None:
    """Add the contract and the page that shows it, with the page's own assets."""
    contract = _serve(lambda: export(app).encode(), "application/json", _CACHE)
    app.add_route("/openapi.json", contract)
    page_headers = {
        **_CACHE,
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",  # the one page that has links
    }
    app.add_route("/docs", _serve(_PAGE.encode, "text/html; charset=utf-8", page_headers))
    package = files("fastapi_swagger") / "resources"
    for name, media_type in _ASSETS.items():
        app.add_route(
            f"/docs/{name}", _serve((package / name).read_bytes, media_type, _CACHE_ASSET)
        )
    start = _STATIC / "docs.js"
    app.add_route(
        "/docs/start.js", _serve(start.read_bytes, "text/javascript; charset=utf-8", _CACHE)
    )
