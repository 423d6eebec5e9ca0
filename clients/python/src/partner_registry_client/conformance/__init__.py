"""Conformance suite: what every client of the feed must refuse, whatever it is written in.

`python -m partner_registry_client.conformance --cmd "..."`; the contract of the command is in
docs/feed.md of the registry, and in `--help`.
"""
