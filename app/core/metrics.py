"""Prometheus metrics of the process. Labels are route templates, never values of a request."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from starlette.responses import Response

registry = CollectorRegistry(auto_describe=True)

http_seconds = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte of the request to the last of the response",
    ("route", "method", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
sequencer_lag_seconds = Gauge(
    "sequencer_lag_seconds",
    "Age of the oldest row that has no number yet",
    ("stream",),
    registry=registry,
)
sequenced_total = Counter(
    "sequenced_total", "Rows numbered by the sequencer", ("stream",), registry=registry
)
consumer_lag_events = Gauge(
    "consumer_lag_events", "Events a consumer has not seen yet", ("consumer",), registry=registry
)
feed_waiting = Gauge(
    "feed_waiting", "Requests that wait for changes of the feed now", registry=registry
)
feed_token_requests_total = Counter(
    "feed_token_requests_total",
    "Requests that came with a feed token, by outcome",
    ("outcome",),
    registry=registry,
)
client_secrets_expiring = Gauge(
    "client_secrets_expiring",
    "Active clients whose newest secret ends within 30 days",
    registry=registry,
)
refusals_total = Counter(
    "refusals_total",
    "Refused requests; known: logged with the caller, sampled: of a known caller but counted "
    "only, anonymous: of nobody we know, lost: could not be logged",
    ("code", "recorded"),
    registry=registry,
)
list_age_seconds = Gauge(
    "list_age_seconds",
    "Time since a list was last checked with success",
    ("source",),
    registry=registry,
)
list_check_failures = Gauge(
    "list_check_failures",
    "Scheduled checks of a list that failed in a row",
    ("source",),
    registry=registry,
)
list_held = Gauge(
    "list_held", "Issues of a list that wait for a person", ("source",), registry=registry
)
exceptions_overdue = Gauge(
    "exceptions_overdue",
    "Redactions without a decision in time, and legal holds without a review",
    ("kind",),
    registry=registry,
)

duplicate_checks_waiting = Gauge(
    "duplicate_checks_waiting",
    "Profiles that were not compared with the others yet",
    registry=registry,
)

rescreened_total = Counter(
    "rescreened_total",
    "Profiles, people and listed parties that were compared again",
    ("kind",),
    registry=registry,
)
rescreen_waiting = Gauge(
    "rescreen_waiting", "What waits to be compared again", ("kind",), registry=registry
)
rescreen_failing = Gauge(
    "rescreen_failing",
    "What of it could not be compared and is tried again",
    ("kind",),
    registry=registry,
)
rescreen_oldest_seconds = Gauge(
    "rescreen_oldest_seconds",
    "Since when the first of it waits",
    ("kind",),
    registry=registry,
)

webhook_calls_total = Counter(
    "webhook_calls_total",
    "Calls of webhooks by outcome; late: answered after its lease had run out",
    ("outcome",),
    registry=registry,
)
webhook_waiting = Gauge(
    "webhook_waiting",
    "Messages for webhooks by state: queued, retrying, dead",
    ("state",),
    registry=registry,
)
webhook_oldest_seconds = Gauge(
    "webhook_oldest_seconds",
    "Since when the oldest message for an active webhook waits",
    registry=registry,
)


async def metrics_endpoint(request: object) -> Response:
    """``GET /metrics`` in the Prometheus text format."""
    return Response(
        generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


def serve_metrics(port: int) -> None:
    """Serve this process's metrics on loopback: for the worker, which has no other port."""
    start_http_server(port, addr="127.0.0.1", registry=registry)
