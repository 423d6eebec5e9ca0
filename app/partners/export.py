"""What of partners belongs to one agency, each from its feature. Profiles belong to all."""

from __future__ import annotations

from app.partners.bulk import export as bulk
from app.partners.claims import export as claims
from app.partners.corrections import export as corrections
from app.partners.countries import export as countries
from app.partners.documents import export as documents
from app.partners.flags import export as flags
from app.partners.identifiers import export as identifiers
from app.partners.matching import export as matching
from app.partners.merges import export as merges
from app.partners.objections import export as objections
from app.partners.pending import export as pending
from app.partners.people import export as people
from app.partners.self_service import export as comments
from app.partners.verifications import export as verifications

TABLES = (
    *identifiers.TABLES,
    *verifications.TABLES,
    *flags.TABLES,
    *objections.TABLES,
    *comments.TABLES,
    *documents.TABLES,
    *people.TABLES,
    *merges.TABLES,
    *matching.TABLES,
    *claims.TABLES,
    *corrections.TABLES,
    *countries.TABLES,
    *bulk.TABLES,
    *pending.TABLES,
)
