"""The application: create_app(settings) puts the parts together; there is no logic here."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from app import models  # noqa: F401 - every table must be known before the first query
from app.agencies.issuers.service import record_principal
from app.api import include_all
from app.assessments.statements import ASSESSMENTS
from app.audit.refusals import Refusals
from app.auth.caller import TokenVerifier
from app.auth.endpoints import token_refused
from app.auth.errors import TokenRefused
from app.auth.issuers import TrustedIssuers, TrustedTokens
from app.auth.key_sets import KeySets
from app.auth.keys import SigningKeys
from app.auth.principals import Principals
from app.auth.scopes import DECIDING
from app.core import health, metrics, migrate
from app.core.blobs.service import open_blobs
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.errors import install_handlers
from app.core.idempotency import Replay
from app.core.key_provider import KeyProvider, load_root_keys
from app.core.limits import Limits
from app.core.long_poll import STOP
from app.core.middleware import Edge
from app.core.outbound import Outbound
from app.core.paging import Cursors
from app.core.routing import take_apart
from app.core.safety import check_database, check_root_key
from app.core.settings import Settings
from app.events.waiting import EventWaits
from app.openapi import describe, install_docs
from app.partners.errors import PartnerMerged
from app.partners.merges.redirect import lead_on
from app.partners.self_service.statements import FLAGS, VERIFICATIONS
from app.recognition.desk import Desk as Clearances
from app.sanctions.feed.reading import Feed
from app.sanctions.feed.waiting_road import WaitingRoad
from app.sanctions.screening.desk import Desk
from app.sanctions.screening.saved import index_files
from app.sanctions.screening.service import Screener
from app.sanctions.statements import SANCTION_ENTRIES


async def _replay(request: object, error: Exception) -> Response:
    assert isinstance(error, Replay)
    return error.response


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    settings: Settings = app.state.settings
    database = Database(settings.require("database_url"), settings)
    outbound = Outbound(settings.outbound_networks)
    key_sets = KeySets(database, outbound)
    try:
        await check_database(database, settings, deciding=DECIDING)
        app.state.database = database
        root: KeyProvider = app.state.root
        app.state.keys = SigningKeys(database, root)
        await app.state.keys.ensure()
        app.state.outbound = outbound
        app.state.blobs = open_blobs(settings, database, outbound, app.state.keyring)
        app.state.trusted = TrustedTokens(
            TrustedIssuers(database), key_sets, Principals(database, record_principal)
        )
        app.state.verifier = TokenVerifier(app.state.keys, settings.issuer, app.state.trusted)
        app.state.agency_by_client = {}
        app.state.feed = Feed(database, settings)
        app.state.screener = Screener(index_files(settings, root))
        app.state.desk = Desk(database, app.state.screener, app.state.limits)
        app.state.clearances = Clearances(database, app.state.screener, app.state.limits)
        app.state.event_waits = EventWaits(database)
        warming = asyncio.create_task(_warm(app, database))
        app.state.migration_head = migrate.head()
        # What lives as long as the process is no work for the garbage collector: without this a
        # full collection now and then stops all requests for a tenth of a second.
        gc.collect()
        gc.freeze()
        waiting = (app.state.feed, app.state.event_waits)
        try:
            # Told by the server when it begins to stop, while requests are still answered.
            yield {STOP: lambda: [one.stop() for one in waiting]}
        finally:
            await app.state.feed.close()
            warming.cancel()
            await app.state.event_waits.close()
            await asyncio.gather(warming, return_exceptions=True)
    finally:
        await key_sets.close()
        await outbound.close()
        await database.close()


async def _warm(app: FastAPI, database: Database) -> None:
    """What the first requests of each kind would wait for: the index of names, plans, routes."""
    await asyncio.gather(app.state.screener.warm(database), app.state.clearances.warm())
    await take_apart(app)
    gc.collect()
    gc.freeze()
    await app.state.screener.keep_warm(database)


def create_app(settings: Settings) -> FastAPI:
    """The service for these settings. Raises UnsafeSettings, here or when it starts."""
    app = FastAPI(
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # A path is one resource or none; guessing at slashes would also decode hostile bytes.
        redirect_slashes=False,
        separate_input_output_schemas=True,
    )
    root = load_root_keys(settings)
    check_root_key(root, settings)
    app.state.settings = settings
    app.state.root = root
    app.state.keyring = KeyRing(root)
    app.state.limits = Limits(settings)
    app.state.cursors = Cursors(*(key.derive("cursors") for key in root.all))
    app.state.refusal_hook = Refusals()
    app.state.statements = (VERIFICATIONS, FLAGS, ASSESSMENTS, SANCTION_ENTRIES)
    install_handlers(app)
    app.add_exception_handler(Replay, _replay)
    app.add_exception_handler(TokenRefused, token_refused)
    app.add_exception_handler(PartnerMerged, lead_on)
    include_all(app)
    app.include_router(health.router)
    app.add_route("/metrics", metrics.metrics_endpoint)
    describe(app)
    if settings.docs_enabled:
        install_docs(app)
    app.add_middleware(WaitingRoad)
    app.add_middleware(
        Edge,
        body_limit=settings.body_limit_bytes,
        hsts=settings.env == "production",
        issuer=settings.issuer,
    )
    return app
