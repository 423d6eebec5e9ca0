"""Name matching: one mechanism for partner matching, screening here and screening offline.

Self-contained on purpose (standard library, anyascii, rapidfuzz, relative imports, Python 3.10):
the client package links to this folder, so that both sides give the same scores from one source.
Scores depend on the two names alone, never on what else a list holds. No I/O, no hidden state.
"""

from .index import IndexedName, NameIndex, NameMatch
from .normalise import MAX_LENGTH, MAX_TOKENS, Kind, fold, scripts, strip_legal_form, tokens
from .score import Explanation, score
from .screen import DEFAULT_THRESHOLD, Hit, Party, Subject, screen

# Stored with every result: a change that can change a score gets a new name.
ALGORITHM = "names-1"

__all__ = [
    "ALGORITHM",
    "DEFAULT_THRESHOLD",
    "MAX_LENGTH",
    "MAX_TOKENS",
    "Explanation",
    "Hit",
    "IndexedName",
    "Kind",
    "NameIndex",
    "NameMatch",
    "Party",
    "Subject",
    "fold",
    "score",
    "screen",
    "scripts",
    "strip_legal_form",
    "tokens",
]
