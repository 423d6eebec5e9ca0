"""What each command of `registry-sync` does: library calls, text, and the exit code."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from partner_registry_client import errors
from partner_registry_client.api import Source
from partner_registry_client.bundle import Bundle
from partner_registry_client.clearing import clear
from partner_registry_client.doctor import examine
from partner_registry_client.home import (
    KEY,
    NONE,
    PUBLIC,
    SECRET,
    Config,
    initialise,
    open_api,
    open_client,
    open_stores,
    pick_client,
    read_config,
    stream_folder,
)
from partner_registry_client.pull_result import PullResult
from partner_registry_client.receipts import verify_receipt
from partner_registry_client.screening import LocalList, check_subject, describe_list
from partner_registry_client.store import Store
from partner_registry_client.sync import Progress, pull
from partner_registry_client.text import answer_lines, list_line, receipt_lines
from partner_registry_client.transport import printable
from partner_registry_matcher import Subject

OUTCOME_CODES = {
    "no_hit": errors.OK,
    "potential_match": errors.POTENTIAL_MATCH,
    "unknown_stale": errors.STALE,
}
CLEARANCE_CODES = {
    "CLEAR": errors.OK,
    "CLEAR_WITH_CONDITIONS": errors.CONDITIONS,
    "REFER": errors.REFER,
    "BLOCKED": errors.BLOCKED,
}
MAX_INPUT_BYTES = 16 * 1024 * 1024
LONGEST_WAIT_S = 55
LONGEST_PAUSE_S = 300.0


def init(arguments: argparse.Namespace) -> int:
    client_id, method, credential = _credential(arguments)
    first, *also = arguments.stream or [PUBLIC if method == NONE else "inter_agency"]
    config = Config(arguments.url, first, client_id, method, tuple(also))
    initialise(arguments.store, config, read_file(arguments.anchor), credential)
    print(f"store ready in {arguments.store}; now run 'registry-sync pull'")
    return errors.OK


def pull_all(arguments: argparse.Namespace) -> int:
    """Every stream, or the one of a bundle; one that fails does not keep the others back."""
    home, config = arguments.store, read_config(arguments.store)
    if arguments.from_bundle is not None:
        with Bundle(arguments.from_bundle) as bundle:
            if bundle.stream not in config.streams:
                raise errors.NotConfigured(f"this store does not follow {bundle.stream}")
            with Store.open(stream_folder(home, config, bundle.stream)) as store:
                result = pull(store, bundle, progress=progress("chunk"))
        _tell(bundle.stream, result, arguments.json)
        return errors.OK
    with open_api(home) as api:
        codes = [_pull_one(arguments, api, config, stream) for stream in config.streams]
    return next(filter(None, codes), errors.OK)


def _pull_one(arguments: argparse.Namespace, api: Source, config: Config, stream: str) -> int:
    try:
        with Store.open(stream_folder(arguments.store, config, stream)) as store:
            result = pull(
                store, api, progress=progress("file"), accept_clock=arguments.accept_clock
            )
    except errors.ClientError as error:
        _complain(stream, error)
        return error.exit_code
    _tell(stream, result, arguments.json)
    return errors.OK


def watch(arguments: argparse.Namespace) -> int:
    """Pull for ever, or for a time; what goes wrong is told and tried again with growing pauses."""
    home, config = arguments.store, read_config(arguments.store)
    ends = time.monotonic() + (arguments.seconds or float("inf"))
    pause = 0.0
    try:
        with open_api(home) as api:
            while time.monotonic() < ends:
                time.sleep(min(pause, max(0.0, ends - time.monotonic())))
                found = [_wait_for(arguments, api, config, one, ends) for one in config.streams]
                least = max((one for one in found if one is not None), default=1.0)
                pause = min(max(2 * pause, 1), LONGEST_PAUSE_S) if None in found else least
    except KeyboardInterrupt:
        pass  # how one ends it
    with open_stores(home) as stores:
        stale = any(store.state().stale_reason(time.time()) for store in stores)
    return errors.STALE if stale else errors.OK


def _wait_for(
    arguments: argparse.Namespace, api: Source, config: Config, stream: str, ends: float
) -> float | None:
    """The next change of a stream, if there is one in time; the least pause, None on failure."""
    left = min(LONGEST_WAIT_S // len(config.streams), ends - time.monotonic())
    try:
        with Store.open(stream_folder(arguments.store, config, stream)) as store:
            result = pull(store, api, wait=max(0, int(left)))
            held = store.state().held
    except errors.ClientError as error:
        _complain(stream, error)
        return None
    if result.mode != "unchanged":
        _tell(stream, result, arguments.json)
    return float(held.manifest.min_wait_s if held else 1)


def status(arguments: argparse.Namespace) -> int:
    config = read_config(arguments.store)
    with open_stores(arguments.store) as stores:
        states = [store.state() for store in stores]
    now = time.time()
    listed, *also = [describe_list(state, now) for state in states]
    if arguments.json:
        state, keys = states[0], states[0].keys
        about = {
            "url": config.url,
            "client_id": config.client_id,
            "list": listed,
            "also": also,
            "keys": keys and {"version": keys.version, "issued_at": keys.iat, "expires": keys.exp},
            "pulled_at": state.held and state.held.pulled_at,
        }
        print(json.dumps(about))
    else:
        print(f"registry  {config.url} as {config.client_id}")
        for one in (listed, *also):
            print(f"list      {list_line(one)}")
    return errors.STALE if any(one["stale"] for one in (listed, *also)) else errors.OK


def screen(arguments: argparse.Namespace) -> int:
    subject = Subject(
        kind=arguments.kind,
        names=arguments.names,
        countries=[country.upper() for country in arguments.country],
        birth_date=arguments.birth_date,
        identifiers=arguments.identifier,
        gender=arguments.gender,
    )
    check_subject(subject)
    with open_stores(arguments.store) as stores:
        listed = LocalList.load(*stores)
    answer = listed.screen(subject, now=time.time(), threshold=arguments.threshold)
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print("\n".join(answer_lines(answer)))
    return OUTCOME_CODES[answer["outcome"]]


def check_receipt(arguments: argparse.Namespace) -> int:
    answer = read_file(arguments.answer) if arguments.answer else None
    with Store.open(arguments.store, read_only=True) as store:
        state = store.state()
    said = verify_receipt(state, read_file(arguments.file), answer=answer, now=time.time())
    if arguments.json:
        print(json.dumps(said, ensure_ascii=False))
    else:
        print("\n".join(receipt_lines(said)))
    return errors.OK


def clearance(arguments: argparse.Namespace) -> int:
    """Ask the registry itself; the answer counts, no local copy is looked at."""
    home = arguments.store
    with open_client(home) as client, open_api(home) as api, Store.open(home) as store:
        got = clear(client, api, store, _clearance_body(arguments))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        name = printable(str(got.data["clearance_id"])).replace("/", "_")
        (arguments.out / f"{name}.json").write_bytes(got.answer)
        (arguments.out / f"{name}.jws").write_bytes(got.receipt)
    if arguments.json:
        print(json.dumps({"clearance": got.data, "receipt": got.said}, ensure_ascii=False))
    else:
        print("\n".join(receipt_lines(got.said)))
    return CLEARANCE_CODES.get(str(got.said["outcome"]), errors.REFER)


def doctor(arguments: argparse.Namespace) -> int:
    code = errors.OK
    found = []
    for check in examine(arguments.store, time.time(), online=not arguments.offline):
        found.append(asdict(check))
        code = code or check.code
        if not arguments.json:
            print(f"{'ok   ' if check.code == errors.OK else 'WRONG'} {check.name}: {check.said}")
    if arguments.json:
        print(json.dumps(found))
    return code


# ---------------------------------------------------------------- input and output


def read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_INPUT_BYTES + 1)
    if len(data) > MAX_INPUT_BYTES:
        raise errors.NotConfigured(f"{path} is too large to be what it is given for")
    return data


def progress(what: str) -> Progress | None:
    """A line that counts up, for people who look on."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{what} {done} of {total}", end=end, file=sys.stderr, flush=True)

    return show


def _tell(stream: str, result: PullResult, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"stream": stream, **asdict(result)}), flush=True)
        return
    why = f" ({result.full_because})" if result.full_because else ""
    print(
        f"{stream}: {result.mode}{why}: version {result.version}, {result.count} entries"
        f" (+{result.put} -{result.removed})",
        flush=True,
    )
    for entry_id in result.purged:
        print(f"withdrawn as an error, erase it elsewhere too: {printable(entry_id)}", flush=True)
    for entry_id in result.unexplained:
        print(f"gone, the full set does not say why; see to copies: {printable(entry_id)}")


def _complain(stream: str, error: errors.ClientError) -> None:
    print(f"registry-sync: {stream}: {error}", file=sys.stderr, flush=True)


def _credential(arguments: argparse.Namespace) -> tuple[str, str, bytes]:
    if arguments.published:
        return "nobody", NONE, b""
    if arguments.credentials:
        if not arguments.client or arguments.client_id:
            raise errors.NotConfigured("--credentials goes with --client, and without --client-id")
        client_id, secret = pick_client(read_file(arguments.credentials), arguments.client)
        return client_id, SECRET, secret
    if not arguments.client_id or arguments.client:
        raise errors.NotConfigured("--client-id is needed with a secret or key file")
    if arguments.private_key:
        return arguments.client_id, KEY, read_file(arguments.private_key)
    return arguments.client_id, SECRET, read_file(arguments.client_secret_file)


def _clearance_body(arguments: argparse.Namespace) -> dict[str, object]:
    if arguments.partner:
        partner: dict[str, object] = {"id": arguments.partner}
    elif arguments.number:
        partner = {"identifier": {"scheme": "REGISTRY", "value": arguments.number}}
    elif arguments.vendor:
        home = arguments.partner_country or arguments.country
        vendor = {"scheme": "AGENCY_VENDOR", "value": arguments.vendor, "country": home}
        partner = {"identifier": vendor}
    else:
        home = arguments.partner_country or arguments.country
        partner = {"name": arguments.name, "country": home}
    body: dict[str, object] = {
        "partner": partner,
        "country": arguments.country,
        "purpose": arguments.purpose,
        "context": "emergency" if arguments.emergency else "regular",
    }
    return body | ({"amount_usd": arguments.amount} if arguments.amount else {})
