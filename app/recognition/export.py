"""What of recognition belongs to an agency: policies, and clearances opened with their receipts."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed

TABLES = (
    ExportTable(
        "recognition_policies",
        """SELECT id, requirement, version, state, rules, source, note, effective_from,
        effective_to, proposed_by, decided_by, decided_at, reason, created_at
        FROM recognition_policies WHERE agency_id = :agency ORDER BY requirement, version""",
    ),
    # Request and answer as text, byte for byte: the receipt holds their hashes.
    ExportTable(
        "clearances",
        """SELECT c.id, c.agency_id, c.client_id, c.partner_id, c.purpose, c.outcome, c.reasons,
        c.list_version, c.evaluated_at, c.expires_at, c.sealed_request, c.sealed_answer,
        c.sealed_inputs, c.contents_erased_at, c.receipt_payload, c.audit_event_id,
        encode(c.editions, 'hex') AS editions, r.receipt, r.signed_at
        FROM clearances c LEFT JOIN clearance_receipts r ON r.clearance_id = c.id
        WHERE c.agency_id = :agency ORDER BY c.evaluated_at, c.id""",
        {
            "sealed_request": Sealed(
                "request", lambda row: f"clearances.request|{row.id}|{row.agency_id}", json=False
            ),
            "sealed_answer": Sealed(
                "answer", lambda row: f"clearances.answer|{row.id}|{row.agency_id}", json=False
            ),
            "sealed_inputs": Sealed(
                "inputs", lambda row: f"clearances.inputs|{row.id}|{row.agency_id}"
            ),
        },
    ),
    ExportTable(
        "clearance_dependencies",
        """SELECT clearance_id, kind, ref, version FROM clearance_dependencies
        WHERE agency_id = :agency ORDER BY clearance_id, kind, ref""",
    ),
    ExportTable(
        "clearance_erasures",
        """SELECT id, clearance_id, basis, state, proposed_by, proposed_at, decided_by, decided_at
        FROM clearance_erasures WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "clearance_decisions",
        """SELECT clearance_id, decision, reason, level, agreement_reference, outcome_then,
        decided_by, office, role, decided_at FROM clearance_decisions
        WHERE agency_id = :agency ORDER BY decided_at, clearance_id""",
    ),
    ExportTable(
        "clearance_recognitions",
        """SELECT clearance_id, requirement, partner_id, satisfied, by, owner_agency, assessment_id,
        reason, purpose, held, at FROM clearance_recognitions
        WHERE agency_id = :agency ORDER BY at, clearance_id, requirement""",
    ),
    ExportTable(
        "clearance_questions",
        """SELECT id, CASE WHEN agency_id = :agency THEN clearance_id END AS clearance_id,
        agency_id, owner_agency, subject_kind, subject_id, state, outcome, question, reference,
        asked_by, asked_at, answered_by, answered_at, version FROM clearance_questions
        WHERE agency_id = :agency OR owner_agency = :agency ORDER BY id""",
    ),
    ExportTable(
        "clearance_waivers",
        """SELECT id, clearance_id, requirement, reason, office, given_on, complete_by,
        completed_on, completed_by, completed_with, version FROM clearance_waivers
        WHERE agency_id = :agency ORDER BY id""",
    ),
    ExportTable(
        "clearance_changes",
        """SELECT clearance_id, version, status, outcome, causes, notes, at FROM clearance_changes
        WHERE agency_id = :agency ORDER BY at, id""",
    ),
)
