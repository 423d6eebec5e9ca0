"""The two walls agree: what Python allows the database shows, and Python hides no more than its
own rules say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.assessments import access, queries
from app.assessments.detail import seal_context
from app.auth import policy
from app.auth.caller import Caller, Person
from app.auth.errors import CountryOutsideScope, LevelAboveClient, RoleLacksRight
from app.auth.policy import Decision, Resource, Share, can
from app.auth.roles import MATRIX
from app.auth.scopes import AGENCY
from app.core.crypto import agency_scope
from app.core.db import Database
from app.core.errors import NotFound
from tests.support import World

AGENCIES = ("UNICEF", "WFP", "FAO")
COUNTRIES = ("KEN", "BGD")
LEVELS = ("INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY")
# Entries of the access list for WFP: level, purpose, first and last day from now.
ENTRIES: dict[str, tuple[tuple[str, str, int, int], ...]] = {
    "none": (),
    "valid": (("detail", "AUDIT", -1, 1),),
    "two": (("detail", "AUDIT", -1, 1), ("detail", "RENEWAL", -1, 1)),
    "past": (("detail", "AUDIT", -2, -1),),
    "coming": (("detail", "AUDIT", 1, 2),),
    "summary": (("summary", "AUDIT", -1, 1),),
}


@dataclass(frozen=True)
class Seen:
    """A record of the test, and what raw SQL as reg_app shows of it to an agency."""

    record: UUID
    agency: str
    owner: str
    level: str
    country: str
    summary: bool
    detail: bool
    shares: tuple[Share, ...]

    def resource(self, kind: str, owner: UUID) -> Resource:
        return Resource(kind, owner, self.level, self.country, self.shares)


_seen: list[Seen] = []
_ids: dict[str, UUID] = {}

_INSERT = (
    text(
        "INSERT INTO partners (id, legal_name, partner_type, country, created_by) "
        "VALUES (:partner, 'Two walls', 'NGO_LOCAL', :country, :owner)"
    ),
    text(
        "INSERT INTO assessments (id, partner_id, type, methodology, owner_agency, status, "
        "conducted_on, valid_until, confidentiality, level, rating_scheme, rating_value, "
        "rating_dimension, rating_source, finalised_at) VALUES (:id, :partner, 'psea', 'M', "
        ":owner, :status, '2026-01-01', '2031-01-01', :confidentiality, :level, 'S', 'V', "
        "'sea_risk', 'computed', now())"
    ),
    text(
        "INSERT INTO assessment_details (assessment_id, owner_agency, level, version, sealed) "
        "VALUES (:id, :owner, :level, 1, :sealed)"
    ),
)
_ENTRY = text(
    "INSERT INTO assessments_acl (agency_id, record_id, share_id, owner_agency, level, purpose, "
    "valid_from, valid_to) VALUES (:agency, :id, :share, :owner, :level, :purpose, :start, :end)"
)


@pytest.fixture(scope="module", autouse=True)
async def records(app: FastAPI, database: Database, world: World) -> None:
    """Every level, country, draft or not, and kind of entry, owned by UNICEF; as reg_app."""
    _ids.update(world.agencies)
    made: list[tuple[UUID, str, str]] = []
    now = datetime.now(UTC)
    for chosen, country, status, entries in product(LEVELS, COUNTRIES, ("final", "draft"), ENTRIES):
        record, partner, owner = uuid4(), uuid4(), world.agencies["UNICEF"]
        level = chosen if status == "final" else "AGENCY_ONLY"
        async with database.session(owner) as session:
            context = seal_context(record, 1, owner)
            sealed = await app.state.keyring.seal(session, agency_scope(owner), context, b"{}")
            for statement in _INSERT:
                values = {
                    "id": record,
                    "partner": partner,
                    "owner": owner,
                    "country": country,
                    "status": status,
                    "confidentiality": chosen,
                    "level": level,
                    "sealed": sealed,
                }
                wanted = {key: values[key] for key in statement.compile().params}
                await session.execute(statement, wanted)
            for kind, purpose, first, last in ENTRIES[entries]:
                await session.execute(
                    _ENTRY,
                    {
                        "agency": world.agencies["WFP"],
                        "id": record,
                        "share": uuid4(),
                        "owner": owner,
                        "level": kind,
                        "purpose": purpose,
                        "start": now + timedelta(days=first),
                        "end": now + timedelta(days=last),
                    },
                )
        made.append((record, level, country))
    for agency, (record, level, country) in product(AGENCIES, made):
        async with database.session(world.agencies[agency]) as session:
            summary = await queries.read_assessment(session, record, holder=True)
            detail = await queries.read_detail(session, record, holder=True)
        shares = access.shares_of(detail) if detail is not None else ()
        _seen.append(
            Seen(
                record,
                agency,
                "UNICEF",
                level,
                country,
                summary is not None,
                detail is not None,
                shares,
            )
        )


ROLES = [code for code, role in MATRIX.roles.items() if role.kind == "agency"]
callers = st.builds(
    Caller,
    agency_id=st.just(UUID(int=0)),
    agency_code=st.just("X"),
    client_id=st.just("x"),
    scopes=st.one_of(st.just(AGENCY), st.frozensets(st.sampled_from(sorted(AGENCY)))),
    person=st.none(),
    roles=st.one_of(
        st.just(frozenset[str]()), st.frozensets(st.sampled_from(ROLES), min_size=1, max_size=3)
    ),
    countries=st.one_of(st.just(frozenset[str]()), st.frozensets(st.sampled_from(COUNTRIES))),
    max_level=st.sampled_from(LEVELS),
)
purposes = st.sampled_from((None, "AUDIT", "RENEWAL", "MONITORING"))


@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), caller=callers, purpose=purposes)
def test_python_and_the_database_agree_on_every_read(
    data: st.DataObject, caller: Caller, purpose: str | None
) -> None:
    seen = data.draw(st.sampled_from(_seen))
    caller = replace(caller, agency_id=_ids[seen.agency])
    owner = _ids[seen.owner]
    for kind, act, shown in (
        ("PSEA_SUMMARY", "summary", seen.summary),
        ("PSEA_DETAIL", "read", seen.detail),
    ):
        decision = can(caller, act, seen.resource(kind, owner), purpose)  # type: ignore[arg-type]  # acts in a loop are text
        if decision.allowed:
            assert shown, (decision, seen)
        if shown:
            assert policy.NARROWER.issuperset(decision.reasons), (decision, seen)
        else:
            assert {"agency_only", "not_shared"} & set(decision.reasons), (decision, seen)


def test_the_records_meet_every_case() -> None:
    found = {(one.agency == one.owner, one.level, one.summary, one.detail) for one in _seen}
    assert len({one.detail for one in _seen}) == 2
    assert (False, "RESTRICTED", True, True) in found
    assert (False, "RESTRICTED", True, False) in found
    assert (False, "AGENCY_ONLY", False, False) in found


ME, OTHER = UUID(int=1), UUID(int=2)
CALLER = Caller(ME, "WFP", "WFP", AGENCY, Person(UUID(int=9), "n", "o", "r"))
SHARED = (Share(UUID(int=3), "AUDIT"),)


def reasons(
    resource: Resource, act: str = "read", purpose: str | None = None, **more: Any
) -> tuple[str, ...]:
    caller = replace(CALLER, **more)
    return can(caller, act, resource, purpose).reasons  # type: ignore[arg-type]  # acts as text, to be short


def detail(owner: UUID = OTHER, level: str = "RESTRICTED", **more: Any) -> Resource:
    return Resource("PSEA_DETAIL", owner, level, "KEN", **more)


def test_each_reason_is_named() -> None:
    assert reasons(detail()) == ("not_shared",)
    assert reasons(detail(level="AGENCY_ONLY")) == ("agency_only",)
    assert reasons(detail(shares=SHARED)) == ("purpose_missing",)
    assert reasons(detail(shares=SHARED), purpose="RENEWAL") == ("purpose_not_shared",)
    assert reasons(detail(shares=SHARED), purpose="AUDIT") == ()
    assert reasons(detail(), "create") == ("not_owner",)
    assert reasons(detail(ME), scopes=frozenset()) == ("scope_missing",)
    assert reasons(detail(ME), roles=frozenset({"HFP"})) == ("role_lacks_right",)
    assert reasons(detail(ME), roles=frozenset({"HFP", "CO"})) == ()
    assert reasons(detail(ME), countries=frozenset({"BGD"})) == ("country_outside_scope",)
    assert reasons(detail(ME), max_level="INTER_AGENCY") == ("level_above_client",)
    assert reasons(detail(ME, "AGENCY_ONLY"), max_level="RESTRICTED") == ("level_above_client",)
    assert reasons(Resource("AUDITLOG", OTHER)) == ("not_owner",)
    adjudication, none = Resource("SCREEN_ADJUDICATION", OTHER, country="KEN"), frozenset[str]()
    assert reasons(adjudication, scopes=none) == ("scope_missing", "purpose_missing")
    assert reasons(adjudication, scopes=none, purpose="AUDIT") == ("scope_missing",)


def test_a_role_that_reads_its_own_only_does_not_read_by_a_share() -> None:
    unit = frozenset({"IPU"})
    assert reasons(detail(ME), roles=unit) == ()
    assert reasons(detail(shares=SHARED), purpose="AUDIT", roles=unit) == ("role_lacks_right",)
    assert reasons(detail(level="INTER_AGENCY"), roles=unit) == ()


def test_a_share_for_a_role_is_for_its_holders_and_the_single_share_comes_first() -> None:
    lead = Share(UUID(int=4), "AUDIT", frozenset({"PFP"}), standing=True)
    assert reasons(detail(shares=(lead,)), purpose="AUDIT") == ("not_shared",)
    assert reasons(detail(shares=(lead,)), purpose="AUDIT", roles=frozenset({"CO"})) == (
        "not_shared",
    )
    holder = replace(CALLER, roles=frozenset({"PFP"}))
    assert can(holder, "read", detail(shares=(lead,)), "AUDIT").share == lead
    single = Share(UUID(int=5), "AUDIT")
    assert can(holder, "read", detail(shares=(lead, single)), "AUDIT").share == single


def test_a_refusal_to_write_says_what_is_missing_unless_the_record_must_look_absent() -> None:
    for reason, error in (
        ("role_lacks_right", RoleLacksRight),
        ("level_above_client", LevelAboveClient),
        ("country_outside_scope", CountryOutsideScope),
        ("not_owner", RoleLacksRight),
    ):
        with pytest.raises(error):
            policy.require_writable(Decision((reason,), "none"))
    for reason in ("not_owner", "country_outside_scope", "level_above_client"):
        with pytest.raises(NotFound):
            policy.require_writable(Decision((reason,), "none"), NotFound)
    with pytest.raises(RoleLacksRight):
        policy.require_writable(Decision(("role_lacks_right",), "none"), NotFound)
    policy.require_writable(Decision((), "owner"))
    policy.require_readable(Decision(("purpose_missing",), "share"), NotFound)
    with pytest.raises(NotFound):
        policy.require_readable(Decision(("purpose_missing", "not_shared"), "none"), NotFound)
