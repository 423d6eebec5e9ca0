"""``registry serve``, ``worker`` and ``demo``: the processes."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from app.auth.scopes import DECIDING
from app.cli.databases import opened
from app.cli.shell import Refused, group, load_settings, part, steps
from app.cli.shell import run as finish
from app.core.db import wait_for_database
from app.core.key_provider import load_root_keys
from app.core.logging import configure_logging
from app.core.metrics import serve_metrics
from app.core.safety import check_database, check_root_key
from app.core.settings import Settings

_BACKLOG = 2_048
_GRACE_S = 5
Port = Annotated[int, typer.Option(min=1, max=65_535, help="port to listen on")]


def application() -> FastAPI:
    """The service as the environment describes it; each serving process calls this."""
    configure_logging()
    gc.disable()  # all that is made now stays: looking through it again and again takes a twelfth
    try:
        application: FastAPI = part("app.main:create_app")(load_settings())
    finally:
        gc.enable()
    return application


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="serving processes")] = 1,
    limit_concurrency: Annotated[
        int, typer.Option(min=10, help="connections per process; more get a 503")
    ] = 2_000,
) -> None:
    """Serve the API. Settings come from the environment (REGISTRY_…).

    Stands behind a proxy that ends TLS. SIGTERM lets requests finish for five seconds.
    """
    settings = load_settings()
    with _listen(host, port) as listener:
        finish(_check(settings))
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"Serving on http://{shown}:{port}", err=True)
        _serve(_config(workers, limit_concurrency), listener)


def _config(workers: int, limit_concurrency: int) -> uvicorn.Config:
    return uvicorn.Config(
        "app.cli.run:application",
        factory=True,
        workers=workers,
        loop="auto",  # uvloop, where it is installed
        http="app.cli.protocol:DeadlineProtocol",
        ws="none",
        lifespan="on",
        h11_max_incomplete_event_size=16_384,
        limit_concurrency=limit_concurrency,
        backlog=_BACKLOG,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_S,
        # One wide line a request is logged by the application itself; addresses of a proxy are
        # not evidence of anything, so its headers are not believed.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
    )


def _serve(config: uvicorn.Config, listener: socket.socket) -> None:
    if config.workers > 1:
        Multiprocess(config, sockets=[listener]).run()
        return
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return
    if not server.started:
        raise Refused("The service did not start; the lines above say why.")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Refused(
                f"Port {port} on {host} is taken by another program: stop it or choose another "
                "port with --port."
            ) from None
        raise Refused(f"{host}:{port} cannot be listened on: {error.strerror}.") from None


async def _check(settings: Settings) -> None:
    """Refuse here, in one sentence, what the application would refuse with a traceback."""
    check_root_key(load_root_keys(settings), settings)
    await wait_for_database(settings.require("database_url"), settings)
    async with opened(settings, "database_url") as database:
        await check_database(database, settings, deciding=DECIDING)


def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(help="serve Prometheus metrics on this port of 127.0.0.1", min=1, max=65_535),
    ] = None,
) -> None:
    """Run the background work: numbering, the feed, expiry, consumers, clean-up.

    Works as reg_worker (REGISTRY_DATABASE_WORKER_URL). Two at once are safe: one leads.
    """
    configure_logging()
    if metrics_port is not None:
        try:
            serve_metrics(metrics_port)
        except OSError:
            raise Refused(f"Port {metrics_port} for metrics is taken.") from None
    finish(_work(load_settings()))


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await part("app.worker:run_worker")(settings, stop)


def demo(
    port: Port = 8000,
    serve: Annotated[
        bool, typer.Option(help="serve and work until Ctrl-C, or only make everything ready")
    ] = True,
) -> None:
    """Serve a demo world with a PostgreSQL of its own; everything lies in var/.

    The first start makes the world; later ones keep the data.
    """
    try:
        with steps() as report:
            stand = part("app.demo:prepare")(load_settings(), port, report)
        if serve:
            stand.run()
        else:
            stand.close()
    except part("app.demo:DemoFailed") as error:
        raise Refused(str(error)) from None


app = group()
for _command in (serve, worker, demo):
    app.command()(_command)
