"""`python -m partner_registry_client.conformance`: run the suite against a client."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from partner_registry_client.conformance.cases import CASES
from partner_registry_client.conformance.runner import CommandSubject, run

_CONTRACT = """\
The command is run once for each step, with one of these arguments:

  pull         bring the copy up to date
  dump         print the entries of the copy, each as its exact bytes and LF, in any order;
               nothing before the first pull
  screen NAME  look for a name in the copy, without a network

It finds in its environment:

  CONFORMANCE_URL             address of a registry on this host, by http
  CONFORMANCE_ANCHOR          file with the trust anchor; nothing else is to be trusted
  CONFORMANCE_STREAM          the stream to follow
  CONFORMANCE_STORE           a folder of its own, which may not exist yet
  CONFORMANCE_CLIENT_ID, CONFORMANCE_CLIENT_SECRET   for POST /oauth/token
  CONFORMANCE_NOW             what its clock shows, in seconds since 1970

pull ends with 0 only when the copy is the signed set. Any other code from 1 to 125 says that it
was refused, and then the copy must be what it was. screen ends with 0 when nobody is found, 10 when
somebody is, 20 when it cannot know: no copy yet, one past its max_staleness_s, or a clock that was
set back. Pauses between attempts are best left out; a step has 60 seconds.

exit codes: 0 every case is right, 1 some are wrong, 2 wrong usage
"""
OWN = [sys.executable, "-m", "partner_registry_client.conformance.subject"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m partner_registry_client.conformance",
        description="Serve bad lists to a client of the feed, and see that it refuses them.",
        epilog=_CONTRACT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cmd", help="the client's command (default: this package's own client)")
    parser.add_argument("--case", action="append", help="only this one; repeatable")
    parser.add_argument("--list", action="store_true", help="say what the cases are, and end")
    arguments = parser.parse_args(argv)
    cases = [case for case in CASES if not arguments.case or case.name in arguments.case]
    if not cases:
        parser.error("no such case; --list names them")
    if arguments.list:
        for case in cases:
            print(f"{case.name:<22} {case.about}")
        return 0
    command = shlex.split(arguments.cmd) if arguments.cmd else OWN
    wrong = 0
    for verdict in run(cases, lambda folder, registry: CommandSubject(command, folder, registry)):
        wrong += bool(verdict.wrong)
        said = f"WRONG: {verdict.wrong}" if verdict.wrong else "right"
        print(f"{verdict.name:<22} {said:<10} ({verdict.about})", flush=True)
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
