"""The command line `registry-sync`: arguments in, one library call, text and exit code out."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from partner_registry_client import errors
from partner_registry_client.home import (
    KEY,
    SECRET,
    Config,
    default_home,
    initialise,
    open_api,
    pick_client,
    read_config,
)
from partner_registry_client.receipts import verify_receipt
from partner_registry_client.screening import describe_list, screen_offline
from partner_registry_client.store import Store
from partner_registry_client.sync import pull
from partner_registry_client.text import answer_lines, list_line, receipt_lines
from partner_registry_client.transport import printable
from partner_registry_matcher import DEFAULT_THRESHOLD, Subject

_EXIT_CODES = """\
exit codes:
  0   done; for screen: no hit in a current copy
  2   wrong usage, or no store here
  10  screen: potential match, to be looked at by a person
  20  the copy is stale or was never pulled: the answer is unknown, never "no hit"
  30  verification failed: what was served or stored is not what the registry signed
  40  the registry could not be reached, or refused

Every offline check is PROVISIONAL: it says what the list said when it was last verified.
"""
_OUTCOME_CODES = {
    "no_hit": errors.OK,
    "potential_match": errors.POTENTIAL_MATCH,
    "unknown_stale": errors.STALE,
}
_MAX_INPUT_BYTES = 16 * 1024 * 1024


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


# ---------------------------------------------------------------- commands


def _init(arguments: argparse.Namespace) -> int:
    client_id, method, credential = _credential(arguments)
    config = Config(arguments.url, arguments.stream, client_id, method)
    initialise(arguments.store, config, _read(arguments.anchor), credential)
    print(f"store ready in {arguments.store}; now run 'registry-sync pull'")
    return errors.OK


def _pull(arguments: argparse.Namespace) -> int:
    with open_api(arguments.store) as api, Store.open(arguments.store) as store:
        progress = _show_progress if sys.stderr.isatty() else None
        result = pull(store, api, progress=progress, accept_clock=arguments.accept_clock)
    if arguments.json:
        print(json.dumps(asdict(result)))
        return errors.OK
    why = f" ({result.full_because})" if result.full_because else ""
    print(
        f"{result.mode}{why}: version {result.version}, {result.count} entries"
        f" (+{result.put} -{result.removed})"
    )
    for entry_id in result.purged:
        print(f"withdrawn as an error, erase it elsewhere too: {printable(entry_id)}")
    return errors.OK


def _status(arguments: argparse.Namespace) -> int:
    config = read_config(arguments.store)
    with Store.open(arguments.store, read_only=True) as store:
        state = store.state()
    listed = describe_list(state, time.time())
    if arguments.json:
        keys = state.keys
        about = {
            "url": config.url,
            "client_id": config.client_id,
            "list": listed,
            "keys": keys and {"version": keys.version, "issued_at": keys.iat, "expires": keys.exp},
            "pulled_at": state.held and state.held.pulled_at,
        }
        print(json.dumps(about))
    else:
        print(f"registry  {config.url} as {config.client_id}")
        print(f"list      {list_line(listed)}")
    return errors.STALE if listed["stale"] else errors.OK


def _screen(arguments: argparse.Namespace) -> int:
    subject = Subject(
        kind=arguments.kind,
        names=arguments.names,
        countries=[country.upper() for country in arguments.country],
        birth_date=arguments.birth_date,
        identifiers=arguments.identifier,
        gender=arguments.gender,
    )
    with Store.open(arguments.store, read_only=True) as store:
        answer = screen_offline(store, subject, now=time.time(), threshold=arguments.threshold)
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print("\n".join(answer_lines(answer)))
    return _OUTCOME_CODES[answer["outcome"]]


def _verify_receipt(arguments: argparse.Namespace) -> int:
    answer = _read(arguments.answer) if arguments.answer else None
    with Store.open(arguments.store, read_only=True) as store:
        state = store.state()
    said = verify_receipt(state, _read(arguments.file), answer=answer, now=time.time())
    if arguments.json:
        print(json.dumps(said, ensure_ascii=False))
        return errors.OK
    print("\n".join(receipt_lines(said)))
    return errors.OK


# ---------------------------------------------------------------- input and output


def _credential(arguments: argparse.Namespace) -> tuple[str, str, bytes]:
    if arguments.credentials:
        if not arguments.client or arguments.client_id:
            raise errors.NotConfigured("--credentials goes with --client, and without --client-id")
        client_id, secret = pick_client(_read(arguments.credentials), arguments.client)
        return client_id, SECRET, secret
    if not arguments.client_id or arguments.client:
        raise errors.NotConfigured("--client-id is needed with a secret or key file")
    if arguments.private_key:
        return arguments.client_id, KEY, _read(arguments.private_key)
    return arguments.client_id, SECRET, _read(arguments.client_secret_file)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_MAX_INPUT_BYTES + 1)
    if len(data) > _MAX_INPUT_BYTES:
        raise errors.NotConfigured(f"{path} is too large to be what it is given for")
    return data


def _show_progress(done: int, total: int) -> None:
    print(f"\rchunk {done} of {total}", end="\n" if done == total else "", file=sys.stderr)


# ---------------------------------------------------------------- arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="registry-sync",
        description="Keep a verified copy of the shared sanction list, and use it offline.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    folder = default_home(os.environ)
    where = "folder of the local copy (default: $REGISTRY_SYNC_HOME, else ~/.registry-sync)"
    parser.add_argument("--store", type=Path, default=folder, metavar="DIR", help=where)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        # SUPPRESS: an option before the command must not be undone by the command's default.
        made.add_argument(
            "--store", type=Path, default=argparse.SUPPRESS, metavar="DIR", help=where
        )
        return made

    _add_init(command("init", _init, "make the local copy's folder; stores who you are and trust"))
    made = command("pull", _pull, "bring the copy up to date, verifying everything")
    made.add_argument(
        "--accept-clock",
        action="store_true",
        help="the clock was wrong at the last pull and is right now",
    )
    _add_json(made)
    _add_json(command("status", _status, "say which list is held and how old it is"))
    _add_screen(command("screen", _screen, "look for a party in the copy, offline"))
    made = command("verify-receipt", _verify_receipt, "check a clearance receipt, offline")
    made.add_argument("file", type=Path, metavar="FILE", help="the receipt as it was downloaded")
    made.add_argument(
        "--answer", type=Path, metavar="FILE", help="the clearance's exact bytes, to be compared"
    )
    _add_json(made)
    return parser


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
    parser.add_argument("--stream", default="inter_agency", help="default: inter_agency")
    parser.add_argument("--client-id", metavar="ID")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--client-secret-file", type=Path, metavar="FILE", help="with --client-id")
    how.add_argument(
        "--private-key", type=Path, metavar="FILE", help="P-256 key in PEM, with --client-id"
    )
    how.add_argument(
        "--credentials", type=Path, metavar="FILE", help="JSON file of several clients' secrets"
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
    parser.add_argument(
        "--threshold", type=_threshold, default=DEFAULT_THRESHOLD, help="default: %(default)s"
    )
    _add_json(parser)


def _threshold(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
