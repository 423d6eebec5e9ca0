"""Reference client of the inter-agency partner registry."""

from partner_registry_client.api import Api
from partner_registry_client.bundle import Bundle
from partner_registry_client.client import AsyncRegistryClient, RegistryClient
from partner_registry_client.credentials import KeyCredential, SecretCredential
from partner_registry_client.errors import (
    ClientError,
    NotConfigured,
    Refused,
    Stale,
    Unavailable,
    VerificationFailed,
)
from partner_registry_client.home import Config, initialise, open_api
from partner_registry_client.pull_result import PullResult
from partner_registry_client.receipts import verify_receipt
from partner_registry_client.reply import Reply
from partner_registry_client.screening import LocalList, screen_offline
from partner_registry_client.store import Store
from partner_registry_client.sync import pull
from partner_registry_matcher import Subject

__all__ = [
    "Api",
    "AsyncRegistryClient",
    "Bundle",
    "ClientError",
    "Config",
    "KeyCredential",
    "LocalList",
    "NotConfigured",
    "PullResult",
    "Refused",
    "RegistryClient",
    "Reply",
    "SecretCredential",
    "Stale",
    "Store",
    "Subject",
    "Unavailable",
    "VerificationFailed",
    "initialise",
    "open_api",
    "pull",
    "screen_offline",
    "verify_receipt",
]
