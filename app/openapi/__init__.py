"""The published contract: OpenAPI 3.1 from the routes, and pages that work offline."""

from app.openapi.document import describe, document
from app.openapi.export import check, export, offline_app
from app.openapi.pages import install_docs

__all__ = ["check", "describe", "document", "export", "install_docs", "offline_app"]
