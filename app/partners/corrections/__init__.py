"""Corrections: what agencies ask a partner to change in the profile that it keeps itself."""
