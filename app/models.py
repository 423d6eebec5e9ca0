"""Imports every feature's tables, so that the application, the commands and Alembic know all."""

from app.agencies import models as agencies
from app.assessments import models as assessments
from app.audit import models as audit
from app.audit.exceptions import models as audit_exceptions
from app.auth import models as auth
from app.core import crypto, idempotency, safety, sequencer
from app.core.db import Base
from app.events import models as events
from app.partners import models as partners
from app.partners.matching import models as partner_matching
from app.recognition import models as recognition
from app.sanctions import models as sanctions
from app.sanctions.feed import models as feed

__all__ = [
    "Base",
    "agencies",
    "assessments",
    "audit",
    "audit_exceptions",
    "auth",
    "crypto",
    "events",
    "feed",
    "idempotency",
    "partner_matching",
    "partners",
    "recognition",
    "safety",
    "sanctions",
    "sequencer",
]
