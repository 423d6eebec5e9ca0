"""What of country settings belongs to an agency: those it set."""

from __future__ import annotations

from app.agencies.export import ExportTable

TABLES = (
    ExportTable(
        "country_settings",
        """SELECT country, version, sensitive, reason, set_by, person_id, set_at
        FROM country_settings WHERE set_by = :agency ORDER BY country""",
    ),
)
