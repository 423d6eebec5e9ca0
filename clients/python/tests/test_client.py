"""The client of the whole API: what it sends, makes of answers, and asks again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from partner_registry_client import (
    AsyncRegistryClient,
    KeyCredential,
    Refused,
    RegistryClient,
    SecretCredential,
    errors,
    schemas,
)
from partner_registry_client.conformance.double import ISSUER, Answer, Registry
from partner_registry_client.conformance.serving import serving
from partner_registry_client.conformance.signing import new_key
from partner_registry_client.operations import TABLE

ID = "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90"
Asked = tuple[str, str, dict[str, str], str]


class Script(Registry):
    """A server that gives prepared answers and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.answers: list[Answer] = []

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        if target == "/oauth/token":
            return super().answer(method, target, headers, body)
        self.asked.append((method, target, headers, body))
        return self.answers.pop(0)

    def reply(self, value: object, status: int = 200, **headers: str) -> None:
        named = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        self.answers.append(Answer(status, json.dumps(value).encode(), named))


@pytest.fixture
def script() -> Iterator[Script]:
    with serving(Script()) as made:
        assert isinstance(made, Script)
        yield made


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(script: Script, pauses: list[float]) -> Iterator[RegistryClient]:
    credential = SecretCredential("client-1", "s3cret")
    with RegistryClient(script.url, credential, sleep=pauses.append) as made:
        yield made


def test_an_operation_is_a_method_with_its_parameters(
    script: Script, client: RegistryClient
) -> None:
    script.reply({"partner_id": ID}, ETag='"v3"')
    reply = client.get_partner(ID)
    assert (reply.data, reply.etag, reply.status) == ({"partner_id": ID}, '"v3"', 200)
    script.reply({"items": [], "next_cursor": None})
    client.list_partners(country=["KEN", "MLI"], public=True, q=None, limit=5)
    method, target, headers, _ = script.asked[1]
    assert (method, urlsplit(target).path) == ("GET", "/v1/partners")
    assert parse_qs(urlsplit(target).query) == {
        "country": ["KEN", "MLI"],
        "public": ["true"],
        "limit": ["5"],
    }
    assert headers["authorization"] == "Bearer t0ken"


def test_what_is_no_operation_or_no_argument_is_said_at_once(client: RegistryClient) -> None:
    with pytest.raises(AttributeError):
        client.guess_partner()  # type: ignore[attr-defined]  # there is none: the point
    with pytest.raises(AttributeError):
        client.iter_get_partner(ID)  # type: ignore[attr-defined]  # as above
    for wrong in ((), (ID, ID)):
        with pytest.raises(TypeError):
            client.get_partner(*wrong)
    with pytest.raises(TypeError):
        client.get_partner(ID, purpose="x")  # type: ignore[call-arg]  # as above


def test_an_id_cannot_leave_its_place_in_the_address(
    script: Script, client: RegistryClient
) -> None:
    script.reply({})
    client.get_partner("../clients?x=1")
    assert script.asked[0][1] == "/v1/partners/..%2Fclients%3Fx%3D1"


def test_a_post_is_sent_again_with_the_same_key(
    script: Script, client: RegistryClient, pauses: list[float]
) -> None:
    script.answers = [Answer(503, headers={"Retry-After": "3"}), Answer(502)]
    script.reply({"clearance_id": ID}, status=201, Idempotency_Replayed="true")
    reply = client.give_clearance(body={"partner_id": ID})  # type: ignore[typeddict-item]  # the body is not read here
    assert (reply.status, reply.replayed) == (201, True)
    keys = {headers["idempotency-key"] for _, _, headers, _ in script.asked}
    assert len(script.asked) == 3
    assert len(keys) == 1
    assert len(keys.pop()) >= 16
    assert pauses[0] == 3
    script.reply({})
    client.give_clearance(body={}, idempotency_key="mine-0123456789ab")  # type: ignore[typeddict-item]  # the body is not read here
    assert script.asked[-1][2]["idempotency-key"] == "mine-0123456789ab"
    assert json.loads(script.asked[0][3]) == {"partner_id": ID}


def test_a_change_that_may_have_happened_is_not_sent_again(
    script: Script, client: RegistryClient
) -> None:
    script.answers = [Answer(502)]
    with pytest.raises(Refused):
        client.change_partner(ID, if_match='"v1"', body={})
    assert len(script.asked) == 1
    script.answers = [Answer(503), Answer(204)]
    assert client.change_partner(ID, if_match='"v1"', body={}).data is None
    assert script.asked[-1][2]["if-match"] == '"v1"'
    assert script.asked[-1][0] == "PATCH"


def test_a_refusal_has_its_code_and_its_whole_problem(
    script: Script, client: RegistryClient
) -> None:
    problem = {"status": 422, "code": "name_required", "errors": [{"pointer": "/name"}]}
    script.reply(problem, status=422)
    with pytest.raises(Refused) as refused:
        client.create_partner(body={})  # type: ignore[typeddict-item]  # the body is not read here
    assert (refused.value.status, refused.value.code) == (422, "name_required")
    assert refused.value.problem == problem


def test_all_pages_are_one_iterator(script: Script, client: RegistryClient) -> None:
    script.reply({"items": [{"n": 1}, {"n": 2}], "next_cursor": "c1"})
    script.reply({"items": [], "next_cursor": "c2"})
    script.reply({"items": [{"n": 3}], "next_cursor": None})
    assert list(client.iter_list_partners(country=["KEN"])) == [{"n": 1}, {"n": 2}, {"n": 3}]
    cursors = [parse_qs(urlsplit(target).query).get("cursor") for _, target, _, _ in script.asked]
    assert cursors == [None, ["c1"], ["c2"]]
    assert all("country=KEN" in target for _, target, _, _ in script.asked)


def test_streams_of_lines_and_files_have_their_media_types(
    script: Script, client: RegistryClient
) -> None:
    lines = Answer(
        body=b'{"line":1}\n{"line":2}\n', headers={"Content-Type": "application/x-ndjson"}
    )
    script.answers = [lines, Answer(body=b"%PDF", headers={"Content-Type": "application/pdf"})]
    found = client.screen_many(body=[{"id": "V-1"}, {"id": "V-2"}])
    assert found.data == [{"line": 1}, {"line": 2}]
    _, _, headers, body = script.asked[0]
    assert headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in body.splitlines()] == [{"id": "V-1"}, {"id": "V-2"}]
    assert client.get_partner(ID).data == b"%PDF"


def test_a_key_signs_for_the_issuer(script: Script) -> None:
    script.reply({})
    credential = KeyCredential("client-1", new_key())
    with RegistryClient(script.url, credential, issuer=ISSUER, scope="partners:read") as client:
        client.get_partner(ID)
    _, body = script.tokens[0]
    form = parse_qs(body)
    assert form["scope"] == ["partners:read"]
    assert form["client_assertion_type"][0].endswith("jwt-bearer")


async def test_async_programs_get_the_same(script: Script) -> None:
    script.answers = [Answer(503, headers={"Retry-After": "0"})]
    script.reply({"partner_id": ID})
    script.reply({"items": [1], "next_cursor": "x"})
    script.reply({"items": [2], "next_cursor": None})
    credential = SecretCredential("client-1", "s3cret")
    async with AsyncRegistryClient(script.url, credential) as client:
        assert (await client.get_partner(ID)).data == {"partner_id": ID}
        assert [item async for item in client.iter_list_partners()] == [1, 2]  # type: ignore[comparison-overlap]  # pages of numbers stand for partners
        script.reply({"code": "not_found"}, status=404)
        with pytest.raises(Refused):
            await client.get_partner(ID)
        with pytest.raises(AttributeError):
            client.iter_get_partner(ID)  # type: ignore[attr-defined]  # as above


def test_a_change_that_got_no_answer_is_not_sent_again(pauses: list[float]) -> None:
    credential = SecretCredential("client-1", "s3cret")
    with RegistryClient("http://127.0.0.1:9", credential, sleep=pauses.append) as client:
        with pytest.raises(errors.Unreachable):
            client.change_partner(ID, if_match='"v1"', body={})
        assert len(pauses) == 3  # for the token
        client._wire._exchange._token = ("t0ken", float("inf"))
        with pytest.raises(errors.Unreachable):
            client.change_partner(ID, if_match='"v1"', body={})
        assert len(pauses) == 3
        with pytest.raises(errors.Unreachable):
            client.get_partner(ID)
        assert len(pauses) == 6


def test_shapes_are_dictionaries_at_run_time() -> None:
    assert schemas.PartnerOut is dict
    with pytest.raises(AttributeError):
        schemas.__nothing__  # noqa: B018 - reading it is the act


def test_every_operation_of_the_contract_is_there(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    script = root / "clients" / "python" / "generate.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads((root / "openapi" / "openapi.json").read_bytes())
    operations = sum(
        method in ("get", "post", "put", "patch", "delete")
        for item in document["paths"].values()
        for method in item
    )
    assert len(TABLE) == operations
