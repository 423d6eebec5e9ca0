"""The worker's metrics can be scraped."""

from __future__ import annotations

import socket

import httpx

from app.core.metrics import sequenced_total, serve_metrics


def test_the_worker_serves_its_metrics_on_loopback() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sequenced_total.labels("events").inc()
    serve_metrics(port)
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    assert 'sequenced_total{stream="events"}' in answer.text
