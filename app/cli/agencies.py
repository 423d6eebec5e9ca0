"""``registry agencies``: who takes part, from application to withdrawal."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import export, life_cycle
from app.agencies.models import Agency, AgencyAgreement
from app.assessments.assurance.export import TABLES as ASSURANCE
from app.assessments.export import TABLES as ASSESSMENTS
from app.assessments.findings.export import TABLES as FINDINGS
from app.audit import service as audit
from app.audit.events import Event
from app.cli.databases import operator
from app.cli.shell import Refused, Steps, group, load_settings, run, show, steps
from app.core.clock import utc_now
from app.core.countries import parse_country
from app.core.crypto import KeyRing
from app.core.db import Database, bind_now
from app.core.key_provider import load_root_keys
from app.core.settings import Settings
from app.partners.export import TABLES as PARTNERS
from app.recognition.export import TABLES as RECOGNITION
from app.recognition.policies import service as recognition
from app.sanctions.entries import custody
from app.sanctions.export import TABLES as SANCTIONS

app = group()
EXPORTED = (
    *export.AGENCY_TABLES,
    *PARTNERS,
    *ASSESSMENTS,
    *ASSURANCE,
    *FINDINGS,
    *SANCTIONS,
    *RECOGNITION,
)
"""Every table of an agency's export, each from its feature."""
Code = Annotated[str, typer.Argument(help="the agency's code", metavar="CODE")]
Reason = Annotated[str, typer.Option(help="why; kept with the step")]
By = Annotated[
    str | None, typer.Option(help="who of the operator's staff does it; default: the login name")
]
_DAY = ["%Y-%m-%d"]
_EXPORT_TIMES = text(
    "SELECT set_config('transaction_timeout', '0', true), "
    "set_config('statement_timeout', '0', true), "
    "set_config('idle_in_transaction_session_timeout', '0', true)"
)


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def _do(work: Callable[[AsyncSession], Awaitable[None]]) -> None:
    """Carry out one piece of work in one transaction of the operator."""

    async def once(settings: Settings) -> None:
        async with operator(settings) as database, database.session() as session:
            await work(session)

    run(once(load_settings()))


@app.command("create")
def create(
    code: Annotated[str, typer.Argument(help="short name, stable for ever, such as UNICEF")],
    name: Annotated[str, typer.Option(help="full name")],
    office: Annotated[str, typer.Option(help="office to write to")],
    email: Annotated[str, typer.Option(help="mailbox of that office, not of a person")],
    xm_dac: Annotated[
        list[str] | None, typer.Option("--xm-dac", help="CRS channel code; repeatable")
    ] = None,
) -> None:
    """Take down an applicant, with the default recognition policies. It is not active yet."""
    new = life_cycle.NewAgency(code, name, office, email, tuple(xm_dac or ()))
    life_cycle.check(new)

    async def work(session: AsyncSession) -> None:
        agency = await life_cycle.apply(session, new)
        await recognition.ensure_default_policies(session, agency.id)

    _do(work)
    typer.echo(f"Agency {code} is an applicant.")


@app.command("agreement")
def agreement(
    code: Code,
    kind: Annotated[
        Literal["participation", "data_sharing", "data_protection_assessment"],
        typer.Argument(help="which paper"),
    ],
    reference: Annotated[str, typer.Option(help="reference of the paper")],
    signed_on: Annotated[datetime, typer.Option(formats=_DAY, help="day of signature")],
    sha256: Annotated[str, typer.Option(help="SHA-256 of the document, in hexadecimal")],
    valid_until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="last day; default: without end")
    ] = None,
    by: By = None,
) -> None:
    """Record a signed paper. All three kinds are needed before an agency becomes active."""
    end = valid_until.date() if valid_until else None
    paper = life_cycle.Paper(kind, reference, signed_on.date(), sha256.lower(), end)
    _do(
        lambda session: life_cycle.record_agreement(
            session, code, paper, by=_who(by), today=_today()
        )
    )
    typer.echo(f"{kind} {reference} of {code} is recorded.")


def _today() -> date:
    return utc_now().date()


@app.command("focal-point")
def focal_point(
    code: Code,
    subject: Annotated[
        Literal[
            "implementing_partners", "data_protection", "legal", "oversight", "sanctions", "psea"
        ],
        typer.Argument(help="what it answers for"),
    ],
    office: Annotated[str, typer.Option(help="office in charge")],
    email: Annotated[str, typer.Option(help="mailbox of that office, not of a person")],
    country: Annotated[str | None, typer.Option(help="country, if not headquarters")] = None,
) -> None:
    """Name a focal point for an applicant; an active agency does it by itself."""
    try:
        alpha3 = parse_country(country) if country else None
    except ValueError:
        raise Refused(f"{country!r} is no country code.") from None
    contact = life_cycle.Contact(subject, office, email, alpha3)
    _do(lambda session: life_cycle.add_contact(session, code, contact))
    typer.echo(f"{code} has a focal point for {subject}.")


@app.command("activate")
def activate(code: Code, reason: Reason, by: By = None) -> None:
    """Let an applicant take part; refused while a paper or a focal point is missing."""
    _do(lambda session: life_cycle.activate(session, code, reason=reason, by=_who(by)))
    typer.echo(f"Agency {code} takes part.")


@app.command("suspend")
def suspend(code: Code, reason: Reason, by: By = None) -> None:
    """Refuse an agency's clients from their next request on; nothing else changes."""
    _do(lambda session: life_cycle.suspend(session, code, reason=reason, by=_who(by)))
    typer.echo(f"Agency {code} is suspended.")


@app.command("resume")
def resume(code: Code, reason: Reason, by: By = None) -> None:
    """Let a suspended agency take part again."""
    _do(lambda session: life_cycle.resume(session, code, reason=reason, by=_who(by)))
    typer.echo(f"Agency {code} takes part again.")


@app.command("withdraw")
def withdraw(
    code: Code,
    custodian: Annotated[
        str, typer.Option(help="code of an active agency, or an office in words, that answers then")
    ],
    reason: Reason,
    by: By = None,
) -> None:
    """End an agency's part for good: clients stop at once, shares to it end, statements stay."""
    _do(
        lambda session: life_cycle.withdraw(
            session, code, custodian=custodian, reason=reason, by=_who(by)
        )
    )
    typer.echo(f"Agency {code} has withdrawn; {custodian} answers for its statements.")


@app.command("handover")
def handover(
    giver: Annotated[str, typer.Argument(help="code of the withdrawn agency", metavar="FROM")],
    taker: Annotated[str, typer.Argument(help="code of the agency that takes over", metavar="TO")],
    entries: Annotated[str, typer.Option(help="`all`, or the id of one measure")],
    reason: Reason,
    by: By = None,
) -> None:
    """Hand running measures of a withdrawn agency to another, which may then lift them."""
    try:
        entry_id = None if entries == "all" else UUID(entries)
    except ValueError:
        raise Refused("--entries is `all` or the id of a measure.") from None
    handed: list[int] = []

    async def work(session: AsyncSession) -> None:
        handed.append(
            await custody.hand_over(
                session, giver, taker, entry_id=entry_id, reason=reason, by=_who(by)
            )
        )

    _do(work)
    typer.echo(f"{handed[0]} of {giver} are in the hands of {taker}.")


@app.command("export")
def export_agency(
    code: Code,
    directory: Annotated[Path, typer.Argument(help="new folder", metavar="DIRECTORY")],
    reference: Annotated[str, typer.Option(help="request or decision it rests on; is logged")],
) -> None:
    """Write everything an agency owns, opened, into a new folder that only its owner can read.

    Needs REGISTRY_ROOT_KEY_FILE. All files show one moment; the folder is whole or not there.
    """
    settings = load_settings()
    keyring = KeyRing(load_root_keys(settings))
    with steps() as report:
        done = run(_export(settings, keyring, code, directory, reference, report))
    typer.echo(f"{sum(done.counts.values())} rows of {code}; manifest {done.manifest_sha256}")


async def _export(
    settings: Settings, keyring: KeyRing, code: str, folder: Path, reference: str, report: Steps
) -> export.Export:
    async with operator(settings) as database:
        # Logged before anything leaves, and again with what left.
        agency_id = await _log_export(database, code, reference, stage="started")
        async with database.session() as session:
            await session.execute(
                text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            )
            await session.execute(_EXPORT_TIMES)
            await bind_now(session, agency_id)
            done = await export.write(
                session, keyring, (agency_id, code), EXPORTED, folder, utc_now(), report
            )
        await _log_export(database, code, reference, stage="done", manifest=done.manifest_sha256)
    return done


async def _log_export(database: Database, code: str, reference: str, **detail: str) -> UUID:
    async with database.session() as session:
        agency = await life_cycle.find(session, code)
        subject = audit.Subject(agency.id, owner_agency=agency.id)
        await audit.record(
            session, audit.OPERATOR, Event.AGENCY_EXPORTED, subject, reference=reference, **detail
        )
        return agency.id


@app.command("list")
def list_agencies() -> None:
    """Show all agencies, applicants too."""
    agencies = run(_all(load_settings()))
    rows = [[a.code, a.name, a.status, " ".join(a.xm_dac), a.contact_email] for a in agencies]
    show(["code", "name", "status", "xm_dac", "contact"], rows)


async def _all(settings: Settings) -> list[Agency]:
    async with operator(settings) as database, database.session() as session:
        return list(await session.scalars(select(Agency).order_by(Agency.code)))


@app.command("show")
def show_agency(code: Code) -> None:
    """Show one agency: where it stands, its papers, and what it lacks to be active."""
    show(["what", "value"], run(_facts(load_settings(), code)))


async def _facts(settings: Settings, code: str) -> list[list[str]]:
    async with operator(settings) as database, database.session() as session:
        agency = await life_cycle.find(session, code)
        papers = await session.scalars(
            select(AgencyAgreement)
            .where(AgencyAgreement.agency_id == agency.id)
            .order_by(AgencyAgreement.id)
        )
        rows = [["code", agency.code], ["name", agency.name], ["status", agency.status]]
        rows += [
            [paper.kind, f"{paper.reference}, {paper.signed_on} to {paper.valid_until or '-'}"]
            for paper in papers
        ]
        lacks = await life_cycle.lacking(session, agency.id)
        return [*rows, ["lacks", " ".join(lacks) or "-"]]
