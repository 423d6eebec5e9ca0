"""Names: the keys by which a database finds profiles that may be alike, and how alike they are.

Screening compares by the matcher (`clients/matcher`); stored keys of profiles and the scores of
possible duplicates rest on what is here. No I/O.
"""

from .normalise import MAX_LENGTH, MAX_TOKENS, fold, strip_legal_form, tokens
from .score import Explanation, score

__all__ = [
    "MAX_LENGTH",
    "MAX_TOKENS",
    "Explanation",
    "fold",
    "score",
    "strip_legal_form",
    "tokens",
]
