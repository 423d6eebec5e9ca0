"""Errors of webhooks."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class WebhookNotFound(NotFound):
    code = "webhook_not_found"
    title = "There is no such webhook."
    refusal = True


class DeliveryNotFound(NotFound):
    code = "webhook_delivery_not_found"
    title = "There is no such delivery."
    refusal = True


class TooManyWebhooks(ServiceError):
    status = 409
    code = "too_many_webhooks"
    title = "An agency has 20 webhooks at most."


class DeliveryWaiting(ServiceError):
    """It is still in the queue, or it was no event."""

    status = 409
    code = "delivery_not_repeatable"
    title = "Only an event that was delivered or given up can be sent again."


class WebhookCalledTooOften(ServiceError):
    """So that nobody is pestered through us."""

    status = 429
    code = "webhook_called_too_often"
    title = "A webhook takes 30 pings and challenges an hour."
