"""The partner registry."""

import gc

# Starting makes a million objects that stay. At Python's default of one collection every 700 new
# ones, looking through them again and again is a sixth of the start of every process and command.
gc.set_threshold(50_000, 10, 10)
