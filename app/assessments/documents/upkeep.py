"""Files of assessments and of their findings that wait for the scanner."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.blobs.service import Blobs
from app.core.db import Database
from app.partners.documents import upkeep


async def _infected(session: AsyncSession, row: Any) -> None:
    subject = audit.Subject(row.assessment_id, row.owner_agency, row.partner_id)
    about = {"document": str(row.document_id), "sha256": row.sha256.hex(), "at": "rescan"}
    await audit.record(session, None, Event.ASSESSMENT_DOCUMENT_INFECTED, subject, **about)


_FILES = upkeep.Files(
    f"""SELECT {upkeep.BLOB}, d.id AS document_id, d.assessment_id, d.owner_agency, a.partner_id
    FROM blobs b JOIN assessment_documents d ON d.blob_id = b.id
      JOIN assessments a ON a.id = d.assessment_id""",  # noqa: S608 - constants
    _infected,
)


async def scan_waiting(database: Database, blobs: Blobs) -> int:
    """As of partners' documents: what waits, and again what was clean long ago; how many."""
    return await upkeep.scan_waiting(database, blobs, _FILES)
