"""Imports every feature's tables, so that the application, the commands and Alembic know all."""

from app.agencies import models as agencies
from app.assessments import models as assessments
from app.assessments.assurance import models as assurance
from app.assessments.documents import models as assessment_documents
from app.assessments.findings import models as findings
from app.assessments.groups import models as sharing_groups
from app.assessments.life_cycle import models as assessment_lives
from app.assessments.plans import models as capacity_plans
from app.assessments.sea_restrictions import models as sea_restrictions
from app.assessments.self_assessments import models as self_assessments
from app.assessments.watching import models as reading_watch
from app.audit import models as audit
from app.audit.exceptions import models as audit_exceptions
from app.auth import models as auth
from app.core import crypto, idempotency, safety, sequencer
from app.core.blobs import models as blobs
from app.core.db import Base
from app.events import models as events
from app.events.webhooks import models as webhooks
from app.partners import models as partners
from app.partners.bulk import models as partner_bulk
from app.partners.claims import models as partner_claims
from app.partners.corrections import models as partner_corrections
from app.partners.declarations import models as partner_declarations
from app.partners.documents import models as partner_documents
from app.partners.flags import models as flags
from app.partners.identifiers import models as partner_identifiers
from app.partners.matching import models as partner_matching
from app.partners.merges import models as partner_merges
from app.partners.objections import models as objections
from app.partners.pending import models as partner_pending
from app.partners.people import models as partner_people
from app.partners.retention import models as retention
from app.partners.sections import models as partner_sections
from app.partners.self_service import models as partner_comments
from app.partners.verifications import models as verifications
from app.recognition import models as recognition
from app.recognition.decisions import models as clearance_decisions
from app.recognition.policies import models as recognition_policies
from app.recognition.questions import models as clearance_questions
from app.recognition.reliance import models as clearance_recognitions
from app.sanctions.cases import follow_models as sanction_case_followers
from app.sanctions.cases import models as sanction_cases
from app.sanctions.entries import decision_models as sanction_decisions
from app.sanctions.entries import models as sanction_entries
from app.sanctions.feed import models as feed
from app.sanctions.fraud_cases import models as fraud_cases
from app.sanctions.lists import models as lists
from app.sanctions.matches import models as matches
from app.sanctions.matches import rescreen_models as rescreening
from app.sanctions.screening import models as screening
from app.sanctions.transfer_restrictions import models as transfer_restrictions

__all__ = [
    "Base",
    "agencies",
    "assessment_documents",
    "assessment_lives",
    "assessments",
    "assurance",
    "audit",
    "audit_exceptions",
    "auth",
    "blobs",
    "capacity_plans",
    "clearance_decisions",
    "clearance_questions",
    "clearance_recognitions",
    "crypto",
    "events",
    "feed",
    "findings",
    "flags",
    "fraud_cases",
    "idempotency",
    "lists",
    "matches",
    "objections",
    "partner_bulk",
    "partner_claims",
    "partner_comments",
    "partner_corrections",
    "partner_declarations",
    "partner_documents",
    "partner_identifiers",
    "partner_matching",
    "partner_merges",
    "partner_pending",
    "partner_people",
    "partner_sections",
    "partners",
    "reading_watch",
    "recognition",
    "recognition_policies",
    "rescreening",
    "retention",
    "safety",
    "sanction_case_followers",
    "sanction_cases",
    "sanction_decisions",
    "sanction_entries",
    "screening",
    "sea_restrictions",
    "self_assessments",
    "sequencer",
    "sharing_groups",
    "transfer_restrictions",
    "verifications",
    "webhooks",
]
