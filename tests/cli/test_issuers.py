"""``registry issuers``: what the operator sees and ends."""

from __future__ import annotations

from uuid import uuid4

from app.core.settings import Settings
from tests.auth.trust import Trust, idp, open_idp, trust
from tests.cli.commands import environment_of, registry
from tests.idp import Idp

__all__ = ["idp", "open_idp", "trust"]


async def test_the_operator_lists_and_revokes(trust: Trust, idp: Idp, settings: Settings) -> None:
    env = environment_of(settings)
    issuer = await trust.trust(idp)
    token = idp.token(await trust.machine(issuer))
    assert (await trust.get(token)).status_code == 200
    listed = await registry("issuers", "list", env=env)
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith(issuer)]
    assert line.split("\t")[1:4] == ["UNICEF", "active", idp.issuer]
    revoked = await registry("issuers", "revoke", issuer, env=env)
    assert revoked.stdout == f"The issuer {idp.issuer} is revoked.\n"
    await trust.refused(token)
    again = await registry("issuers", "revoke", issuer, env=env)
    assert (again.exit_code, again.stderr) == (1, f"The issuer {issuer} is not in force.\n")
    nobody = str(uuid4())
    missing = await registry("issuers", "revoke", nobody, env=env)
    assert (missing.exit_code, missing.stderr) == (1, f"There is no issuer {nobody}.\n")
    event = (
        "SELECT basis FROM audit_events WHERE event = 'agency:issuer:revoke' AND subject_id = $1"
    )
    assert await trust.value(event, issuer) == "operator"
