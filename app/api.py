"""The one list of routers."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from app.agencies.clients.endpoints import router as clients
from app.agencies.endpoints import router as agencies
from app.agencies.issuers.endpoints import router as trusted_issuers
from app.agencies.office_endpoints import router as offices
from app.agencies.persons.endpoints import router as persons
from app.agencies.setting_endpoints import router as agency_settings
from app.assessments.assurance.endpoints import router as assurance
from app.assessments.assurance.return_endpoints import router as assurance_returns
from app.assessments.assurance.row_endpoints import router as assurance_activities
from app.assessments.bulk.endpoints import router as assessment_bulk
from app.assessments.detail_endpoints import router as assessment_details
from app.assessments.documents.endpoints import router as assessment_documents
from app.assessments.documents.endpoints import uploads as assessment_uploads
from app.assessments.endpoints import router as assessments
from app.assessments.findings.document_endpoints import own_router as own_finding_documents
from app.assessments.findings.document_endpoints import router as finding_documents
from app.assessments.findings.document_endpoints import uploads as finding_uploads
from app.assessments.findings.endpoints import router as findings
from app.assessments.findings.own_endpoints import router as own_findings
from app.assessments.groups.endpoints import router as sharing_groups
from app.assessments.life_cycle.endpoints import router as assessment_lives
from app.assessments.partner_disclosures import router as own_disclosures
from app.assessments.partner_side.endpoints import router as assessment_partner
from app.assessments.plans.action_endpoints import router as capacity_plan_actions
from app.assessments.plans.endpoints import router as capacity_plans
from app.assessments.plans.redaction_endpoints import router as capacity_plan_redactions
from app.assessments.redaction_endpoints import router as assessment_redactions
from app.assessments.sea_restrictions.endpoints import router as sea_restrictions
from app.assessments.self_assessments.endpoints import router as self_assessments
from app.assessments.sharing_endpoints import requests as access_requests
from app.assessments.sharing_endpoints import shares as assessment_shares
from app.assessments.standing_endpoints import router as sharing_policies
from app.assessments.type_endpoints import router as assessment_types
from app.assessments.watching.endpoints import router as unusual_readings
from app.audit.endpoints import router as audit
from app.audit.exceptions.endpoints import router as exceptions
from app.auth.endpoints import router as auth
from app.core.http import refuse_unknown_query
from app.events.endpoints import router as events
from app.events.webhooks.delivery_endpoints import router as webhook_deliveries
from app.events.webhooks.endpoints import router as webhooks
from app.partners.bulk.endpoints import router as partner_loads
from app.partners.bulk.endpoints import streams as partner_bulk
from app.partners.claims.endpoints import router as claims
from app.partners.codelists.endpoints import router as codelists
from app.partners.corrections.endpoints import router as corrections
from app.partners.countries.endpoints import router as country_settings
from app.partners.declarations.endpoints import router as declarations
from app.partners.documents.endpoints import router as partner_documents
from app.partners.documents.endpoints import uploads as partner_uploads
from app.partners.endpoints import router as partners
from app.partners.flags.endpoints import router as flags
from app.partners.history.endpoints import router as partner_history
from app.partners.identifiers.dispute_endpoints import router as identifier_disputes
from app.partners.identifiers.endpoints import router as identifiers
from app.partners.matching.endpoints import router as partner_matching
from app.partners.merges.endpoints import router as partner_merges
from app.partners.objections.endpoints import router as objections
from app.partners.pending.endpoints import router as pending_statements
from app.partners.people.endpoints import router as partner_people
from app.partners.people.request_endpoints import router as person_requests
from app.partners.retention.endpoints import router as retention_runs
from app.partners.search.endpoints import router as partner_search
from app.partners.search.export_endpoints import router as partner_export
from app.partners.sections.endpoints import router as partner_sections
from app.partners.self_service.answer_endpoints import router as self_answers
from app.partners.self_service.people_endpoints import router as self_people
from app.partners.self_service.people_endpoints import uploads as self_uploads
from app.partners.self_service.profile_endpoints import router as self_profile
from app.partners.self_service.statement_endpoints import router as self_statements
from app.partners.type_endpoints import router as partner_types
from app.partners.verifications.deactivation_endpoints import router as deactivations
from app.partners.verifications.endpoints import router as verifications
from app.recognition.batch_endpoints import router as many_clearances
from app.recognition.decisions.endpoints import router as clearance_decisions
from app.recognition.endpoints import router as recognition
from app.recognition.evidence_endpoints import router as clearance_evidence
from app.recognition.policies.endpoints import router as recognition_policies
from app.recognition.questions.endpoints import router as clearance_questions
from app.recognition.reliance.endpoints import router as reliance
from app.sanctions.cases.after_endpoints import router as sanction_case_steps
from app.sanctions.cases.endpoints import router as sanction_cases
from app.sanctions.cases.own_endpoints import router as own_sanction_cases
from app.sanctions.cases.party_endpoints import router as sanction_case_parties
from app.sanctions.cases.procedure_endpoints import router as sanction_procedures
from app.sanctions.cases.redaction_endpoints import router as case_redactions
from app.sanctions.entries.decision_endpoints import router as sanction_decisions
from app.sanctions.entries.endpoints import router as sanction_entries
from app.sanctions.entries.own_endpoints import router as own_sanction_entries
from app.sanctions.entries.redaction_endpoints import router as entry_redactions
from app.sanctions.feed.endpoints import router as feed
from app.sanctions.feed.ftm_endpoints import router as ftm
from app.sanctions.fraud_cases.act_endpoints import router as fraud_case_acts
from app.sanctions.fraud_cases.endpoints import router as fraud_cases
from app.sanctions.lists.endpoints import router as lists
from app.sanctions.matches.endpoints import router as matches
from app.sanctions.matches.own_endpoints import router as own_facts_requests
from app.sanctions.matches.redaction_endpoints import router as match_redactions
from app.sanctions.screening.batch_endpoints import router as screening_batches
from app.sanctions.screening.compare_endpoints import router as comparison
from app.sanctions.screening.compare_endpoints import streams as comparisons
from app.sanctions.screening.endpoints import router as screening
from app.sanctions.screening.match_endpoints import router as matching
from app.sanctions.transfer_restrictions.endpoints import router as transfer_restrictions

V1 = (
    # Before the profiles: `/partners/resolve` is no id.
    identifiers,
    partner_matching,
    partner_search,
    partner_loads,
    partner_bulk,
    partner_export,
    partners,
    assessment_details,
    identifier_disputes,
    many_clearances,
    recognition,
    recognition_policies,
    clearance_evidence,
    clearance_decisions,
    clearance_questions,
    reliance,
    screening,
    screening_batches,
    # Before the one pair: it takes lines alone.
    comparisons,
    comparison,
    feed,
    partner_merges,
    verifications,
    deactivations,
    agencies,
    trusted_issuers,
    offices,
    agency_settings,
    assessment_types,
    assessment_lives,  # before the next, whose ids would hide its fixed paths
    # Before the assessments: `unusual-readings` is no id.
    unusual_readings,
    assessments,
    assessment_bulk,
    assessment_partner,
    self_assessments,
    assessment_documents,
    assessment_uploads,
    assessment_shares,
    access_requests,
    # Before the policies: `groups` is no id.
    sharing_groups,
    sharing_policies,
    capacity_plans,
    capacity_plan_actions,
    sea_restrictions,
    assurance,
    assurance_activities,
    assurance_returns,
    findings,
    finding_documents,
    finding_uploads,
    own_finding_documents,
    own_findings,
    sanction_cases,
    sanction_case_steps,
    sanction_case_parties,
    sanction_procedures,
    own_sanction_entries,
    own_sanction_cases,
    sanction_entries,
    sanction_decisions,
    transfer_restrictions,
    fraud_cases,
    fraud_case_acts,
    matches,
    own_facts_requests,
    lists,
    ftm,
    partner_documents,
    partner_uploads,
    partner_people,
    person_requests,
    clients,
    persons,
    audit,
    assessment_redactions,
    capacity_plan_redactions,
    case_redactions,
    match_redactions,
    entry_redactions,
    exceptions,
    partner_history,
    partner_types,
    country_settings,
    partner_sections,
    declarations,
    codelists,
    flags,
    pending_statements,
    objections,
    claims,
    corrections,
    self_profile,
    self_answers,
    self_people,
    self_uploads,
    self_statements,
    own_disclosures,
    retention_runs,
    events,
    webhooks,
    webhook_deliveries,
)
"""Routers under /v1; those of the hot routes first, because routes are tried in order."""


def include_all(app: FastAPI) -> None:
    """Put every router in, flat: a router inside a router costs each request a second search."""
    app.include_router(auth)
    for router in V1:
        app.include_router(router, prefix="/v1", dependencies=[Depends(refuse_unknown_query)])
    # In the form of other programs, at the addresses where their clients look.
    app.include_router(matching, dependencies=[Depends(refuse_unknown_query)])
