"""Identity providers, as in the tests of tokens."""

from tests.auth.trust import idp, open_idp, trust

__all__ = ["idp", "open_idp", "trust"]
