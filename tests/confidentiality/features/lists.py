"""External lists in the matrix: what they say is for all, who uses which is its agency's own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.core.ids import new_id
from app.sanctions import sources
from app.sanctions.lists.audience import own_stream
from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, OWNER_ONLY, V1, Call, Rule, plain
from tests.confidentiality.scene import AGENCIES, OWNER, Scene
from tests.sanctions.lists.support import BASIS, URL, LinesSource

OWN, PROPOSED, ALL_OF_US = "zz_own", "zz_proposed", "zz_all"
_SOURCES = (
    LinesSource(OWN),
    LinesSource(PROPOSED),
    LinesSource(ALL_OF_US, audience="shared", joint=True),
)


async def prepare(scene: Scene) -> None:
    """A list the owner uses, one it may use, and one that it proposes to all."""
    for source in _SOURCES:
        sources.ALL[source.code] = source
        audience = "joint" if source.joint else "opt_in"
        async with scene.operator.session() as session:
            await session.execute(
                text(
                    "INSERT INTO list_sources (code, audience, required, max_staleness_s, streams) "
                    "VALUES (:code, :audience, false, 2592000, :streams) ON CONFLICT DO NOTHING"
                ),
                {"code": source.code, "audience": audience, "streams": [own_stream(source.code)]},
            )
    owner, approver = await scene.owner(), await scene.api_for(f"{OWNER}_APPROVER")
    use = await owner.made(f"{URL}/{OWN}/uses", BASIS)
    scene.ids["list_use"] = use["id"]
    place = f"{URL}/{OWN}/uses/{use['id']}"
    assert (await approver.post(f"{place}/approval", headers=V1)).status_code == 200
    scene.ids["list_use_joint"] = (await owner.made(f"{URL}/{ALL_OF_US}/uses", BASIS))["id"]
    scene.ids["listed_party"] = str(await _party(scene))


async def _party(scene: Scene) -> UUID:
    party = new_id()
    async with scene.operator.session() as session:
        version = await session.scalar(
            text(
                "INSERT INTO list_versions (source, digest, added, changed, removed, parties) "
                "VALUES (:s, 'd', 1, 0, 0, 1) RETURNING version"
            ),
            {"s": OWN},
        )
        await session.execute(
            text(
                "INSERT INTO listed_parties (entry_id, from_version, source, key, reference, "
                "digest, entry, original) VALUES (:id, :v, :s, 'k', 'r', 'd', '{}', '{}')"
            ),
            {"id": party, "v": version, "s": OWN},
        )
    return party


def _seen(row: Row, who: Who, facts: Facts) -> bool:
    if who.agency is None:
        return False
    return bool(row["agency_id"] == who.agency or row["audience"] == "joint")


def _stepped(row: Row, who: Who, facts: Facts) -> bool:
    """The other agency of a joint list approves it, and may end it afterwards."""
    if who.agency is None:
        return False
    joint = row["audience"] == "joint"
    approver = row["state"] == "proposed" or row["approving_agency"] == who.agency
    return bool(row["agency_id"] == who.agency or (joint and approver))


async def _closed(scene: Scene, relation: str) -> None:
    """The agency has no use of the list that it may propose."""
    api = await scene.api_for(AGENCIES[relation])
    for one in (await api.read(f"{URL}/{PROPOSED}/uses"))["items"]:
        if one["state"] != "ended":
            await api.delete(f"{URL}/{PROPOSED}/uses/{one['id']}")


async def _proposed(scene: Scene, relation: str) -> Call:
    """A list that is nobody's yet: any agency may propose it for itself."""
    if relation in AGENCIES:
        await _closed(scene, relation)
    return Call({"code": PROPOSED}, BASIS)


def _on_use(body: Any = None) -> Any:
    """A use of the owner's that waits for a second person, made for this call."""

    async def make(scene: Scene, relation: str) -> Call:
        use = scene.ids["list_use"]
        if relation == "owner":
            other = await scene.api_for(f"{OWNER}_REVIEWER")
            await _closed(scene, relation)
            use = (await other.made(f"{URL}/{PROPOSED}/uses", BASIS))["id"]
        return Call({"code": PROPOSED, "use_id": use}, body, V1)

    return make


RULES = {
    "listListVersions": Rule(plain(code=OWN), OWNER_ONLY),
    "listListedParties": Rule(plain(code=OWN), OWNER_ONLY),
    "getListedParty": Rule(plain(code=OWN, entry_id="listed_party"), OWNER_ONLY),
    "listListUses": Rule(plain(code=OWN), EVERYONE, shows={"list_use": frozenset({"owner"})}),
    "proposeListUse": Rule(_proposed, EVERYONE),
    "approveListUse": Rule(_on_use(), OWNER_ONLY, hides="use_id"),
    "endListUse": Rule(_on_use(), OWNER_ONLY, hides="use_id"),
}
TABLES = {
    "list_uses": Table(
        ("id",),
        select=_seen,
        insert=own("agency_id"),
        update=_stepped,
        change="approving_agency = app_agency()",
    )
}
