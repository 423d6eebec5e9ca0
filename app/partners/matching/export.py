"""What of matching belongs to an agency: the pairs it decided on."""

from __future__ import annotations

from app.agencies.export import ExportTable

TABLES = (
    ExportTable(
        "possible_duplicates",
        """SELECT id, version, partner_a, partner_b, score, matched_on, rules, state, found_at,
        decided_by, decided_at, reason
        FROM possible_duplicates WHERE decided_by = :agency ORDER BY id""",
    ),
)
