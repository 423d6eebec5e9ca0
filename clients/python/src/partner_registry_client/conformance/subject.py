"""This package's own client, as the conformance suite calls clients."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from partner_registry_client.api import Api
from partner_registry_client.credentials import SecretCredential
from partner_registry_client.encoding import Fields, read_json
from partner_registry_client.errors import OK, POTENTIAL_MATCH, STALE, ClientError, NotConfigured
from partner_registry_client.home import Config, initialise
from partner_registry_client.screening import screen_offline
from partner_registry_client.store import DATABASE, Store
from partner_registry_client.sync import pull
from partner_registry_matcher import Subject


class OwnSubject:
    """The client with the clock of whoever calls."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = told
        self._folder = Path(told["CONFORMANCE_STORE"])

    def pull(self, now: int) -> int:
        told = self._told
        anchor = Path(told["CONFORMANCE_ANCHOR"]).read_bytes()
        try:
            self._make(anchor)
            issuer = Fields(read_json(anchor, "anchor"), "anchor").text("issuer")
            credential = SecretCredential(
                told["CONFORMANCE_CLIENT_ID"], told["CONFORMANCE_CLIENT_SECRET"]
            )
            api = Api(told["CONFORMANCE_URL"], credential, issuer=issuer, sleep=lambda s: None)
            with api, Store.open(self._folder) as store:
                pull(store, api, now=now)
        except ClientError as error:
            print(error, file=sys.stderr)
            return error.exit_code
        return OK

    def dump(self, now: int) -> set[bytes]:
        if not (self._folder / DATABASE).exists():
            return set()
        with Store.open(self._folder, read_only=True) as store:
            return set(store.entries())

    def screen(self, name: str, now: int) -> int:
        try:
            with Store.open(self._folder, read_only=True) as store:
                answer = screen_offline(store, Subject(None, [name]), now=now)
        except NotConfigured:
            return STALE
        codes = {"no_hit": OK, "potential_match": POTENTIAL_MATCH}
        return codes.get(answer["outcome"], STALE)

    def _make(self, anchor: bytes) -> None:
        if not (self._folder / DATABASE).exists():
            told = self._told
            config = Config(
                told["CONFORMANCE_URL"],
                told["CONFORMANCE_STREAM"],
                told["CONFORMANCE_CLIENT_ID"],
                "client_secret_basic",
            )
            initialise(self._folder, config, anchor, told["CONFORMANCE_CLIENT_SECRET"].encode())


def main(arguments: Sequence[str], told: Mapping[str, str]) -> int:
    subject, now = OwnSubject(told), int(told["CONFORMANCE_NOW"])
    match list(arguments):
        case ["pull"]:
            return subject.pull(now)
        case ["dump"]:
            for line in sorted(subject.dump(now)):
                sys.stdout.buffer.write(line + b"\n")
            return OK
        case ["screen", name]:
            return subject.screen(name, now)
    print("pull, dump or screen NAME", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
