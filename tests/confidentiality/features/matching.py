"""Possible duplicates: all agencies see the queue, one decides, nobody in another's name."""

from __future__ import annotations

from tests.confidentiality.model import Facts as Known
from tests.confidentiality.model import Row, Table, Who, always
from tests.confidentiality.rules import EVERYONE, Rule, only, plain, posted
from tests.confidentiality.scene import AGENCIES, Scene
from tests.partners.factories import make_partner
from tests.support import unique

_DECISION = {"decision": "not_duplicate", "reason": "Canary: two bodies of one name."}

RULES = {
    "listPossibleDuplicates": Rule(plain(), EVERYONE),
    "readDuplicateProgress": Rule(plain(), EVERYONE),
    "decidePossibleDuplicate": Rule(
        posted(lambda scene: _DECISION, pair_id="pair"),
        only(*AGENCIES, granted=frozenset({200, 412})),
    ),
}


def _open(row: Row, who: Who, facts: Known) -> bool:
    return who.agency is not None and row["state"] == "open"


def _undecided(row: Row, who: Who, facts: Known) -> bool:
    return who.agency is not None and row["state"] != "dismissed"


TABLES = {
    "possible_duplicates": Table(("id",), select=always, insert=_open, update=_undecided),
}


async def prepare(scene: Scene) -> None:
    """Three profiles of one name: three pairs, of which one is decided."""
    owner, name = await scene.owner(), unique("Wadokora Zarinpol Trust")
    for _ in range(3):
        await make_partner(owner, legal_name=name, aliases=[])
    pairs = (await owner.read("/v1/partners/duplicates"))["items"]
    scene.ids["pair"] = pairs[0]["id"]
    decided = await owner.post(
        f"/v1/partners/duplicates/{pairs[1]['id']}/decision",
        json=_DECISION,
        headers={"If-Match": '"v1"'},
    )
    assert decided.status_code == 200, decided.text
