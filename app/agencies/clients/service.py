"""Use cases of clients. Works inside the caller's transaction; every act leaves an event."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.clients import queries
from app.agencies.clients.errors import (
    ClientExists,
    ClientNotFound,
    ClientRevoked,
    ClientUnfit,
    FeedTokenNotFound,
    SecretNotFound,
)
from app.agencies.clients.limits import excess, refuse_excess
from app.agencies.clients.schemas import ClientIn, ClientPatch, FeedTokenIn
from app.agencies.errors import PatchEmpty
from app.audit import service as audit
from app.audit.events import Event
from app.auth import clients as auth
from app.auth import feed_tokens
from app.auth.caller import Caller
from app.auth.models import Client, FeedToken, Person
from app.auth.scopes import Scope
from app.core.errors import FieldError, violated_constraint
from app.core.http import PreconditionFailed

_TAKEN = frozenset({"pk_clients", "uq_clients_issuer_id_subject_acts_through"})


def subject_of(client: Client) -> audit.Subject:
    """The subject of events about a client; its id is text, so it has a UUID made of it."""
    return audit.Subject(
        uuid5(NAMESPACE_URL, f"urn:partner-registry:client:{client.id}"),
        owner_agency=client.agency_id,
        partner_id=client.partner_id,
    )


@contextmanager
def explained() -> Iterator[None]:
    """Turn the refusals of `app.auth.clients` and of the database into answers."""
    try:
        yield
    except auth.ClientTaken:
        raise ClientExists from None
    except auth.ClientProblem as problem:
        if problem.code == "revoked":
            raise ClientRevoked from None
        raise _unfit(problem.field, problem.code, str(problem)) from None
    except IntegrityError as error:
        if violated_constraint(error) not in _TAKEN:
            raise
        raise ClientExists from error


def _unfit(field: str, code: str, words: str) -> ClientUnfit:
    return ClientUnfit(errors=[FieldError(pointer=f"/{field}", code=code, message=words)])


async def register(
    session: AsyncSession, caller: Caller, new: auth.NewClient
) -> tuple[Client, str | None]:
    """Make a client and its event; the secret, if it has one, is shown once.

    Checks what a client may be, not what ``caller`` may give. Raises auth.ClientProblem.
    """
    secret = await auth.create_client(session, new)
    client = await session.get_one(Client, new.id)
    await audit.record(
        session,
        caller,
        Event.CLIENT_CREATED,
        subject_of(client),
        client=client.id,
        auth_method=client.auth_method,
        **_rights(client),
    )
    return client, secret


def _rights(client: Client) -> dict[str, Any]:
    return {
        "scopes": client.scopes,
        "roles": client.roles,
        "countries": client.countries,
        "max_level": client.max_level,
        "person_id": str(client.person_id) if client.person_id else None,
        "office_id": str(client.office_id) if client.office_id else None,
    }


async def create_client(
    session: AsyncSession, caller: Caller, new: ClientIn
) -> tuple[Client, str | None]:
    """Make a client of the caller's agency, with at most the caller's own rights.

    Raises BeyondCaller, ClientExists or ClientUnfit.
    """
    client_id = new.id or f"{caller.agency_code}_{secrets.token_hex(8)}"
    if not client_id.startswith(f"{caller.agency_code}_"):
        raise _unfit("id", "prefix", "The id starts with the agency's code and an underscore.")
    person = await _person(session, caller, new.person_id)
    await _check_references(session, caller, new.office_id, new.issuer_id)
    refuse_excess(
        excess(
            caller,
            scopes=new.scopes,
            countries=new.countries,
            max_level=new.max_level,
            roles=_roles(new.roles, person),
        )
    )
    if (new.issuer_id is None) != (new.subject is None):
        raise _unfit("subject", "subject", "An issuer goes with a subject, and a subject with one.")
    with explained():
        return await register(
            session,
            caller,
            auth.NewClient(
                id=client_id,
                name=new.name,
                scopes=tuple(new.scopes),
                agency_id=caller.agency_id,
                auth_method=new.auth_method,
                jwks=new.jwks.stored() if new.jwks else None,
                person_id=new.person_id,
                roles=tuple(new.roles),
                countries=tuple(new.countries),
                max_level=new.max_level,
                office_id=new.office_id,
                certificate_bound=new.certificate_bound,
                issuer_id=new.issuer_id,
                subject=new.subject,
            ),
        )


def _roles(own: Iterable[str], person: Person | None) -> set[str]:
    return {*own, *(person.roles if person else ())}


async def _person(session: AsyncSession, caller: Caller, person_id: UUID | None) -> Person | None:
    if person_id is None:
        return None
    person = await queries.find_person(session, caller.agency_id, person_id)
    if person is None:
        raise _unfit("person_id", "unknown", "The agency has no such active person.")
    return person


async def _check_references(
    session: AsyncSession, caller: Caller, office_id: UUID | None, issuer_id: UUID | None = None
) -> None:
    if office_id and await queries.find_office(session, caller.agency_id, office_id) is None:
        raise _unfit("office_id", "unknown", "The agency has no such active office.")
    if issuer_id and await queries.find_issuer(session, caller.agency_id, issuer_id) is None:
        raise _unfit("issuer_id", "unknown", "The agency has no such approved issuer.")


async def get_client(session: AsyncSession, caller: Caller, client_id: str) -> Client:
    """The client of the caller's agency. Raises ClientNotFound."""
    client = await queries.find_client(session, caller.agency_id, client_id)
    if client is None:
        raise ClientNotFound
    return client


async def _locked(session: AsyncSession, caller: Caller, client_id: str) -> Client:
    client = await queries.find_client(session, caller.agency_id, client_id, lock=True)
    if client is None:
        raise ClientNotFound
    return client


async def _refuse_stronger(session: AsyncSession, caller: Caller, client: Client) -> None:
    """Who gets hold of a client's proof can do what it can: no more than their own rights."""
    person = await session.get(Person, client.person_id) if client.person_id else None
    refuse_excess(
        excess(
            caller,
            scopes=client.scopes,
            countries=client.countries,
            max_level=client.max_level,
            roles=_roles(client.roles, person),
        )
    )


async def change_client(
    session: AsyncSession, caller: Caller, client_id: str, version: int, patch: ClientPatch
) -> Client:
    """Apply a merge patch to version ``version``; the outcome is within the caller's own rights.

    Raises ClientNotFound, PreconditionFailed, ClientRevoked, PatchEmpty, BeyondCaller, ClientUnfit.
    """
    client = await _locked(session, caller, client_id)
    if client.version != version:
        raise PreconditionFailed
    if client.status != "active":
        raise ClientRevoked
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        raise PatchEmpty
    await _check_references(session, caller, fields.get("office_id"))
    if "jwks" in fields:
        fields["jwks"] = patch.jwks.stored() if patch.jwks else None
    for name in ("scopes", "roles", "countries"):
        if name in fields:
            fields[name] = sorted(set(fields[name]))
    for name, value in fields.items():
        setattr(client, name, value)
    with explained():
        auth.check_scopes(client.scopes, partner=False, person=client.person_id is not None)
        auth.check_roles(client.roles)
        auth.check_keys(client.auth_method, client.jwks)
    await _refuse_stronger(session, caller, client)
    client.version += 1
    await session.flush()
    await audit.record(
        session,
        caller,
        Event.CLIENT_CHANGED,
        subject_of(client),
        client=client.id,
        version=client.version,
        fields=sorted(fields),
        **_rights(client),
    )
    return client


async def revoke_client(session: AsyncSession, caller: Caller, client_id: str) -> None:
    """Stop a client: its next request is refused. Once more is no error. Raises ClientNotFound."""
    client = await _locked(session, caller, client_id)
    if client.status == "active":
        await record_revocation(session, caller, await auth.revoke_client(session, client_id))


async def record_revocation(session: AsyncSession, caller: Caller, client: Client) -> None:
    """The event of a client that was stopped."""
    await audit.record(session, caller, Event.CLIENT_REVOKED, subject_of(client), client=client.id)


async def rotate_secret(session: AsyncSession, caller: Caller, client_id: str) -> auth.Rotation:
    """A second secret beside the newest one; an older one ends.

    Raises ClientNotFound, ClientRevoked, ClientUnfit, or BeyondCaller: a secret is the client.
    """
    client = await _locked(session, caller, client_id)
    await _refuse_stronger(session, caller, client)
    with explained():
        return await rotate(session, caller, client)


async def rotate(session: AsyncSession, caller: Caller, client: Client) -> auth.Rotation:
    """As `rotate_secret`, without the limits of a caller. Raises auth.ClientProblem."""
    rotation = await auth.rotate_secret(session, client.id)
    await audit.record(
        session,
        caller,
        Event.SECRET_ROTATED,
        subject_of(client),
        client=client.id,
        secret=str(rotation.row.id),
        ended=[str(item) for item in rotation.ended],
    )
    return rotation


async def end_secret(
    session: AsyncSession, caller: Caller, client_id: str, secret_id: UUID
) -> None:
    """End one secret at once. Raises ClientNotFound or SecretNotFound."""
    client = await _locked(session, caller, client_id)
    if not await auth.end_secret(session, client, secret_id):
        raise SecretNotFound
    await audit.record(
        session,
        caller,
        Event.SECRET_ENDED,
        subject_of(client),
        client=client.id,
        secret=str(secret_id),
    )


async def create_feed_token(
    session: AsyncSession, caller: Caller, client_id: str, new: FeedTokenIn
) -> tuple[FeedToken, str]:
    """A feed token of a client, shown once.

    Raises ClientNotFound, ClientRevoked, ClientUnfit, or BeyondCaller for a caller who may not
    follow the feed.
    """
    client = await _locked(session, caller, client_id)
    refuse_excess([] if Scope.FEED_READ in caller.scopes else ["scopes"])
    with explained():
        return await issue_feed_token(session, caller, client, new.name, new.days)


async def issue_feed_token(
    session: AsyncSession, caller: Caller, client: Client, name: str, days: int
) -> tuple[FeedToken, str]:
    """As `create_feed_token`, without the limits of a caller. Raises auth.ClientProblem."""
    row, token = await feed_tokens.create_feed_token(session, client, name, days)
    await audit.record(
        session,
        caller,
        Event.FEED_TOKEN_CREATED,
        subject_of(client),
        client=client.id,
        feed_token=str(row.id),
        days=days,
    )
    return row, token


async def revoke_feed_token(
    session: AsyncSession, caller: Caller, client_id: str, token_id: UUID
) -> None:
    """End a feed token at once. Raises ClientNotFound or FeedTokenNotFound."""
    client = await get_client(session, caller, client_id)
    ended = await feed_tokens.revoke_feed_token(session, client_id, token_id)
    if ended is None:
        raise FeedTokenNotFound
    if ended:
        await audit.record(
            session,
            caller,
            Event.FEED_TOKEN_REVOKED,
            subject_of(client),
            client=client.id,
            feed_token=str(token_id),
        )
