"""What of merges belongs to an agency: what its persons did about them, and which merges."""

from __future__ import annotations

from app.agencies.export import ExportTable

TABLES = (
    ExportTable(
        "partner_merges",
        """SELECT m.id, m.version, m.loser_id, m.survivor_id, m.state, m.matched_on, m.document_ids,
        m.proposed_at, m.decided_at, m.undo
        FROM partner_merges m WHERE m.id IN (SELECT s.merge_id FROM partner_merge_steps s
          WHERE s.agency_id = :agency) ORDER BY m.id""",
    ),
    ExportTable(
        "partner_merge_steps",
        """SELECT id, merge_id, kind, agency_id, person_id, office, role, reason, at
        FROM partner_merge_steps WHERE agency_id = :agency ORDER BY merge_id, id""",
    ),
)
