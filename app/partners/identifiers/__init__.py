"""Identifiers of partners: schemes, what a partner holds, resolving, disputes, expiry."""

from app.partners.identifiers.schemes import IdentifierScheme, needs_country, normalise

__all__ = ["IdentifierScheme", "needs_country", "normalise"]
