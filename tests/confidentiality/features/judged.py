"""Types and methodologies are every agency's; what an agency imports is its own from the start."""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.assessments.factories import assessment_body
from tests.confidentiality.rules import EVERYONE, Call, Rule, plain
from tests.confidentiality.scene import AGENCIES, Scene

_NDJSON = {"Content-Type": "application/x-ndjson"}


async def _lines(scene: Scene, relation: str) -> Call:
    """A line that is filed, and one that would be another agency's and is not."""
    body = assessment_body(scene.ids["partner"])
    own = body | {"id": secrets.token_hex(8)}
    owner = AGENCIES["owner"]
    others = body | {"id": secrets.token_hex(8), "owner_agency": owner}
    content = "".join(json.dumps(line) + "\n" for line in (own, others)).encode()
    return Call(headers=_NDJSON, content=content)


RULES: dict[str, Any] = {
    "getAssessmentType": Rule(plain(code="performance"), EVERYONE),
    "getMethodology": Rule(plain(code="psea", methodology="UN-PSEA-2020"), EVERYONE),
    "fileAssessments": Rule(_lines, EVERYONE),
}
