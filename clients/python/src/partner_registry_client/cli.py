"""The command line `registry-sync`: which commands there are, and what they take."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from partner_registry_client import commands, errors, vendor_commands
from partner_registry_client.home import default_home
from partner_registry_matcher import DEFAULT_THRESHOLD

_EXIT_CODES = """\
exit codes:
  0   done; screen, vendors, affected: nothing found in a current copy; clearance: CLEAR
  2   wrong usage, or no store here
  10  something found that a person has to look at: a potential match, a vendor
  11  clearance: CLEAR_WITH_CONDITIONS
  12  clearance: REFER, or an outcome this version does not know
  13  clearance: BLOCKED
  20  the copy is stale or was never pulled: the answer is unknown, never "no hit"
  30  verification failed: what was served or stored is not what the registry signed
  40  the registry could not be reached, or refused

Every offline check is PROVISIONAL: it says what the list said when it was last verified.
"""

_Run = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except errors.ClientError as error:
        print(f"registry-sync: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"registry-sync: {error}", file=sys.stderr)
        return errors.USAGE
    return code


class _Commands:
    """Makes a command that knows the common options and says the exit codes."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._where = "folder of the copy (default: $REGISTRY_SYNC_HOME, else ~/.registry-sync)"
        parser.add_argument(
            "--store", type=Path, default=default_home(os.environ), metavar="DIR", help=self._where
        )
        self.parts: Any = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(self, name: str, run: _Run, text: str, among: Any = None) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = (among or self.parts).add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        # SUPPRESS: an option before the command must not be undone by the command's default.
        made.add_argument(
            "--store", type=Path, default=argparse.SUPPRESS, metavar="DIR", help=self._where
        )
        return made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="registry-sync",
        description="Keep a verified copy of the shared sanction list, and use it offline.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made = _Commands(parser)
    text = "make the local copy's folder; stores who you are and trust"
    _add_init(made.add("init", commands.init, text))
    text = "bring the copy up to date, verifying everything"
    _add_pull(made.add("pull", commands.pull_all, text))
    watch = made.add("watch", commands.watch, "pull again and again, waiting at the registry")
    watch.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="then end")
    _add_json(watch)
    _add_json(made.add("status", commands.status, "say which list is held and how old it is"))
    _add_screen(made.add("screen", commands.screen, "look for a party in the copy, offline"))
    text = "ask the registry for a clearance, with receipt"
    _add_clearance(made.add("clearance", commands.clearance, text))
    text = "check a clearance receipt, offline"
    _add_receipt(made.add("verify-receipt", commands.check_receipt, text))
    vendors = made.parts.add_parser("vendors", help="the agency's own vendors, offline")
    among = vendors.add_subparsers(required=True, metavar="COMMAND")
    text = "compare a vendor master with the copy"
    _add_match(made.add("match", vendor_commands.match, text, among))
    text = "name vendors touched by entries that are new, changed or gone"
    _add_affected(made.add("affected", vendor_commands.list_affected, text))
    doctor = made.add("doctor", commands.doctor, "look whether everything is in order here")
    doctor.add_argument("--offline", action="store_true", help="do not ask the registry")
    _add_json(doctor)
    return parser


def _add_receipt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the receipt as it was downloaded")
    parser.add_argument(
        "--answer", type=Path, metavar="FILE", help="the clearance's exact bytes, to be compared"
    )
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _add_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True, help="address of the registry")
    parser.add_argument(
        "--anchor",
        required=True,
        type=Path,
        metavar="FILE",
        help="trust anchor, obtained by another way than this address",
    )
    parser.add_argument(
        "--stream",
        action="append",
        help="default: inter_agency; repeatable: agency is your own RESTRICTED measures,"
        " source.CODE one external list",
    )
    parser.add_argument("--client-id", metavar="ID")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--client-secret-file", type=Path, metavar="FILE", help="with --client-id")
    how.add_argument(
        "--private-key", type=Path, metavar="FILE", help="P-256 key in PEM, with --client-id"
    )
    how.add_argument(
        "--credentials", type=Path, metavar="FILE", help="JSON file of several clients' secrets"
    )
    how.add_argument(
        "--published",
        action="store_true",
        help="the address is where the public list is published as files; no token",
    )
    parser.add_argument("--client", metavar="NAME", help="which client of --credentials")


def _add_screen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="a name in quotes; further ones of the same party"
    )
    parser.add_argument("--kind", choices=("person", "organisation"))
    parser.add_argument(
        "--country", action="append", default=[], metavar="CODE", help="such as KEN; repeatable"
    )
    parser.add_argument("--birth-date", metavar="DATE", help="YYYY, YYYY-MM or YYYY-MM-DD")
    parser.add_argument("--gender", choices=["female", "male", "other"], help="of a person")
    parser.add_argument(
        "--identifier", action="append", default=[], metavar="VALUE", help="repeatable"
    )
    _add_threshold(parser)
    _add_json(parser)


def _add_pull(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-clock",
        action="store_true",
        help="the clock was wrong at the last pull and is right now",
    )
    parser.add_argument(
        "--from-bundle", type=Path, metavar="FILE", help="from a carried file, without a network"
    )
    _add_json(parser)


def _add_clearance(parser: argparse.ArgumentParser) -> None:
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--partner", metavar="ID", help="id of the profile")
    who.add_argument("--number", metavar="NUMBER", help="number of the profile: IPR-0000001-F")
    who.add_argument("--vendor", metavar="NUMBER", help="your own vendor number")
    who.add_argument("--name", help="name, where there is no number")
    parser.add_argument("--partner-country", metavar="CODE", help="default: that of the work")
    parser.add_argument("--country", required=True, metavar="CODE", help="country of the work")
    parser.add_argument("--purpose", default="CONTRACTING", help="default: %(default)s")
    parser.add_argument("--amount", metavar="USD", help="such as 250000.00")
    parser.add_argument("--emergency", action="store_true", help="in an emergency")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep answer and receipt there")
    _add_json(parser)


def _add_match(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV (UTF-8) or XLSX, with heads")
    parser.add_argument(
        "--column",
        type=_column,
        action="append",
        default=[],
        metavar="WHAT=HEAD",
        help="such as number=LIFNR; WHAT: number, name, alias, country, identifier, registry,"
        " kind, birth_date",
    )
    _add_threshold(parser)
    _add_json(parser)


def _add_affected(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", required=True, metavar="DAY", help="such as 2026-11-01")
    _add_threshold(parser)
    _add_json(parser)


def _add_threshold(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold", type=_threshold, default=DEFAULT_THRESHOLD, help="default: %(default)s"
    )


def _column(text: str) -> tuple[str, str]:
    what, _, head = text.partition("=")
    if not what or not head:
        raise argparse.ArgumentTypeError("must be WHAT=HEAD")
    return what, head


def _threshold(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
