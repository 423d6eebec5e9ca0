"""Tests of the matcher; they are no package, so that no other tests have their name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # what the tests share is a module beside them
