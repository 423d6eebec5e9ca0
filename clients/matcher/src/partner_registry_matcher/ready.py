"""Compile, or load what was compiled before, so that the first screening is quick.

An index of compiled code is read, changed and written again, so two processes that compile at
once could each leave the other's code under its own name: whoever gets ready holds a lock.
"""

import threading

from .cache import alone
from .matcher import Matcher
from .qualifiers import Party, Subject
from .statistics import EMPTY

_PARTIES = [
    Party("1", ("organisation",), ["Northern Relief Foundation Ltd", "NRF"]),
    Party("2", ("person",), ["Amina Warsame"]),
]
_ASKED = ("Relief Foundation North", "Warsame Amina", "NRF", "")
_once = threading.Lock()
_done = False


def ready() -> None:
    """Return when everything compiled is at hand; at once after the first time in a process.

    Seconds when it was compiled before, about a minute when not. Blocks: call it off an event loop.
    """
    global _done
    with _once:
        if not _done:
            with alone():
                _exercise()
            _done = True


def _exercise() -> None:
    for parties in (_PARTIES, []):
        matcher = Matcher(parties, EMPTY)
        for name in _ASKED:
            matcher.screen(Subject(None, [name]), 0.0)
            for party in _PARTIES:
                matcher.compare(Subject(None, [name]), party)
