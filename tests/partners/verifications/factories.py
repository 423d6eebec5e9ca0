"""Complete profiles and verifications for tests."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.core.db import Database
from app.core.ids import new_id
from app.partners import restraints
from app.partners.restraints import Reason, Source
from app.partners.sections.completeness import Profile
from app.partners.verifications import rules
from tests.partners.declarations.factories import STATEMENTS, declaration_body
from tests.partners.factories import make_partner, partner_body
from tests.support import Api

GOOD = dict(rules.in_force(date.today()).needed)  # noqa: DTZ011 - as the database has it
BAD = GOOD | {"mandate": False}
PURPOSE = {"Access-Purpose": 'PARTNER_SELECTION; ref="KE-17"'}


def body(answers: dict[str, bool] = GOOD, **more: Any) -> dict[str, Any]:
    return {"question_set": rules.in_force(date.today()).version, "answers": answers} | more  # noqa: DTZ011 - as above


async def change(database: Database, partner_id: str, **values: Any) -> None:
    """Set columns of a profile, as only an operator or a trigger could."""
    names = ", ".join(f"{name} = :{name}" for name in values)
    async with database.session() as session:
        await session.execute(
            text(f"UPDATE partners SET {names}, version = version + 1 WHERE id = :id"),
            values | {"id": UUID(partner_id)},
        )


async def complete_partner(api: Api, database: Database, **more: Any) -> str:
    """Id of a profile that can be verified."""
    made = (await make_partner(api, **more))["id"]
    profile = Profile.of(partner_body(**more)["partner_type"], more.get("hq_id"))
    if profile.declares and more.get("hq_id") is None:
        other = set(STATEMENTS) - profile.statements()
        await api.made(
            f"/v1/partners/{made}/declarations", declaration_body(leave_out=tuple(other))
        )
    await change(database, made, complete=True)
    return str(made)


async def verify(api: Api, partner_id: str, **more: Any) -> dict[str, Any]:
    return await api.made(f"/v1/partners/{partner_id}/verifications", body(**more))


async def standing(api: Api, partner_id: str) -> dict[str, Any]:
    return await api.read(f"/v1/partners/{partner_id}/standing")


async def put(
    database: Database, partner_id: str, reason: Reason, by: UUID | None = None, **more: Any
) -> Source:
    """Hold a partner back; what lifts it again."""
    source = Source("test", new_id())
    async with database.session() as session:
        await restraints.put(session, UUID(partner_id), reason, source, by=by, **more)
    return source


async def lift(database: Database, source: Source) -> int:
    async with database.session() as session:
        return await restraints.lift(session, source)
