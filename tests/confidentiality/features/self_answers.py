"""What the partner itself downloads, disputes and asks for, in the matrix."""

from __future__ import annotations

from uuid import uuid4

from tests.confidentiality.rules import GONE, Call, Rule
from tests.confidentiality.scene import Scene


async def _document(scene: Scene, relation: str) -> Call:
    return Call({"document_id": str(uuid4())})


RULES: dict[str, Rule] = {
    "readOwnDocumentContent": Rule(_document, {"partner": GONE}),
}
