"""The one list of routers."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from app.agencies.endpoints import router as agencies
from app.assessments.endpoints import router as assessments
from app.assessments.redaction_endpoints import router as assessment_redactions
from app.assessments.sharing_endpoints import requests as access_requests
from app.assessments.sharing_endpoints import shares as assessment_shares
from app.assessments.type_endpoints import router as assessment_types
from app.audit.exceptions.endpoints import router as exceptions
from app.auth.endpoints import router as auth
from app.core.http import refuse_unknown_query
from app.partners.endpoints import router as partners
from app.recognition.endpoints import router as recognition
from app.sanctions.endpoints import router as sanctions
from app.sanctions.feed.endpoints import router as feed
from app.sanctions.redaction_endpoints import router as case_redactions
from app.sanctions.screening.endpoints import router as screening

V1 = (
    partners,
    recognition,
    screening,
    feed,
    agencies,
    assessment_types,
    assessments,
    assessment_shares,
    access_requests,
    sanctions,
    assessment_redactions,
    case_redactions,
    exceptions,
)
"""Routers under /v1; those of the hot routes first, because routes are tried in order."""


def include_all(app: FastAPI) -> None:
    """Put every router in, flat: a router inside a router costs each request a second search."""
    for router in V1:
        app.include_router(router, prefix="/v1", dependencies=[Depends(refuse_unknown_query)])
    app.include_router(auth)
