"""Errors of code lists."""

from __future__ import annotations

from app.core.errors import NotFound


class CodeListNotFound(NotFound):
    code = "code_list_not_found"
    title = "There is no such code list, or not in this version."
