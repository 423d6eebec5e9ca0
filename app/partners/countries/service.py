"""Setting what holds for all partners of a country. In the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.db import touched
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.countries import queries
from app.partners.countries.schemas import CountrySettingIn
from app.partners.models import CountrySetting


async def set_country(
    session: AsyncSession, caller: Caller, country: str, version: int, new: CountrySettingIn
) -> Row[Any]:
    """Say whether a country is sensitive; ``version`` 0 for one that has no setting yet.

    Raises PersonRequired, RoleLacksRight, CountryOutsideScope, or PreconditionFailed when
    another write came first.
    """
    planned = policy.Resource("COUNTRY_SETTING", caller.agency_id, country=country)
    policy.require_writable(policy.can(caller, "approve", planned))
    values = {
        **new.model_dump(),
        "version": version + 1,
        "set_by": caller.agency_id,
        "person_id": caller.require_person().id,
        "set_at": func.now(),
    }
    if version == 0:
        first = postgresql.insert(CountrySetting).values(country=country, **values)
        done = await session.execute(first.on_conflict_do_nothing())
    else:
        done = await session.execute(
            update(CountrySetting)
            .where(CountrySetting.country == country, CountrySetting.version == version)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
    if not touched(done):
        raise PreconditionFailed
    said: dict[str, Any] = {"country": country, "version": version + 1, "sensitive": new.sensitive}
    await audit.record(session, caller, Event.COUNTRY_SET, audit.Subject(None), **said)
    await events.publish(
        session, EventType.COUNTRY_SETTING_CHANGED, new_id(), caller.agency_id, **said
    )
    return await queries.read_setting(session, country)
