"""Metrics of the log's proof."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from app.core.metrics import registry

verified_total = Counter(
    "audit_verified_total", "Records of the log that were checked and held", registry=registry
)
broken_total = Counter(
    "audit_broken_total", "Faults found in the log; each is an incident", registry=registry
)
stopped = Gauge(
    "audit_stopped",
    "1 while the log is broken and is not continued",
    registry=registry,
)
unsequenced_age_seconds = Gauge(
    "unsequenced_age_seconds", "Age of the oldest event without a number", registry=registry
)
checkpoint_age_seconds = Gauge(
    "checkpoint_age_seconds", "Age of the newest checkpoint", registry=registry
)
