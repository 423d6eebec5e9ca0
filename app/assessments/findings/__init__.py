"""Findings of audits, spot checks, special audits and visits, and what came of them.

A final assessment does not change; what was agreed, paid back, answered, closed and verified since
is kept here, beside it.
"""
