"""The one list of routers."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from app.agencies.endpoints import router as agencies
from app.assessments.endpoints import router as assessments
from app.assessments.sharing_endpoints import requests as access_requests
from app.assessments.sharing_endpoints import shares as assessment_shares
from app.assessments.type_endpoints import router as assessment_types
from app.auth.endpoints import router as auth
from app.core.http import refuse_unknown_query
from app.partners.endpoints import router as partners
from app.recognition.endpoints import router as recognition
from app.sanctions.endpoints import router as sanctions
from app.sanctions.feed.endpoints import router as feed
from app.sanctions.screening.endpoints import router as screening

v1 = APIRouter(prefix="/v1", dependencies=[Depends(refuse_unknown_query)])
for router in (
    agencies,
    partners,
    assessment_types,
    assessments,
    assessment_shares,
    access_requests,
    sanctions,
    feed,
    screening,
    recognition,
):
    v1.include_router(router)

ROUTERS = (auth, v1)
