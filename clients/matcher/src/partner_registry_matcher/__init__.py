"""Name matcher of the partner registry: one mechanism for the service, its workers and clients.

Scores depend on the pair of parties, the algorithm (`ALGORITHM`) and the word statistics
(`Statistics.version`) alone. No I/O, no network; the tables and the model come with the package.
"""

from . import cache, saved  # the first says where compiled code is kept, before there is any
from .matcher import ALGORITHM, DEFAULT_THRESHOLD, Hit, Matcher
from .qualifiers import Party, Subject
from .ready import ready
from .statistics import EMPTY, Statistics, count, load
from .tables import Kind
from .text import MAX_LENGTH, fold, scripts

__all__ = [
    "ALGORITHM",
    "DEFAULT_THRESHOLD",
    "EMPTY",
    "MAX_LENGTH",
    "Hit",
    "Kind",
    "Matcher",
    "Party",
    "Statistics",
    "Subject",
    "cache",
    "count",
    "fold",
    "load",
    "ready",
    "saved",
    "scripts",
]
