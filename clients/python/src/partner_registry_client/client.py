"""The whole API from Python: one method for each operation, typed from the OpenAPI document.

    with RegistryClient("https://registry.example", KeyCredential("my-client", key)) as client:
        partner = client.get_partner(partner_id)
        for found in client.iter_list_partners(country=["KEN"]):
            ...

Tokens are fetched and renewed, busy answers waited for, and what may be sent again is: every POST
that stores something carries an Idempotency-Key, made here unless `idempotency_key` is given.
Refusals are raised as `Refused` with `status`, `code` and the whole `problem`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from partner_registry_client.credentials import Credential
from partner_registry_client.operations import AsyncOperations, Operations
from partner_registry_client.transport import Exchange
from partner_registry_client.wire import DEADLINE_S, AsyncWire, Wire


class RegistryClient(Operations):
    """A connection to one registry; use it as a context manager.

    `issuer`: what assertions are made for, when it is not the address. `scope`: what tokens are
    asked for; all that the client may do without.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        issuer: str | None = None,
        scope: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        exchange = Exchange(base_url, credential, issuer=issuer or base_url, scope=scope)
        self._wire = Wire(exchange, sleep=sleep, deadline_s=deadline_s)
        self._ask = self._wire.run

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._wire.close()


class AsyncRegistryClient(AsyncOperations):
    """The same for `async` programs."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        issuer: str | None = None,
        scope: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        exchange = Exchange(base_url, credential, issuer=issuer or base_url, scope=scope)
        self._wire = AsyncWire(exchange, deadline_s=deadline_s)
        self._ask = self._wire.run

    async def __aenter__(self) -> AsyncRegistryClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._wire.close()
