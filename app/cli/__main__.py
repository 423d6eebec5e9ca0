"""``python -m app.cli``: the same as ``registry``, for processes that start each other."""

from app.cli import main

main()
