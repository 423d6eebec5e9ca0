"""Loading a file, by the operator in an agency's name: chunk by chunk, as the API does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import queries as agencies
from app.auth.caller import Caller
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.db import Database, bind_now
from app.partners.bulk import extras, loads, service
from app.partners.bulk.files.reading import Format, Notes, Piece, chunks
from app.partners.bulk.lines import Entry, entries
from app.partners.bulk.models import PartnerKey

_SHOWN = 1_000


@dataclass(slots=True)
class Outcome:
    """What became of a file."""

    load_id: UUID | None
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    reports: int = 0
    statements: int = 0

    @property
    def clean(self) -> bool:
        """Whether every line was stored or had not changed."""
        return not (self.counts["conflict"] or self.counts["invalid"] or self.problems)

    def say(self, piece: Piece, pointer: str, message: str) -> None:
        """Add a problem at its place; past a thousand they are counted only."""
        self.counts["problems"] += 1
        if len(self.problems) < _SHOWN:
            self.problems.append(f"{piece.place(pointer)}: {message}")


class _DryRun(Exception):
    pass


@dataclass(slots=True)
class Run:
    """One file on its way in."""

    database: Database
    keyring: KeyRing
    caller: Caller
    file: Path
    kind: Format
    key_column: str | None = None
    dry_run: bool = False
    load_id: UUID | None = None
    progress: Callable[[int], None] = lambda done: None

    async def go(self) -> Outcome:
        """Load the file. Raises FileRefused, LoadNotFound or LoadUndone."""
        notes = Notes()
        outcome = Outcome(None)
        done = 0
        for chunk in chunks(self.file, self.kind, self.caller.agency_code, self.key_column, notes):
            if outcome.load_id is None and not self.dry_run:
                async with self.database.session() as session:
                    await bind_now(session, self.caller.agency_id)
                    outcome.load_id = await loads.begin(
                        session, self.caller, self.kind, self.load_id
                    )
            await self._chunk(chunk, outcome)
            done += len(chunk)
            self.progress(done)
        outcome.ignored = notes.ignored
        if outcome.load_id is not None:
            async with self.database.session() as session:
                await bind_now(session, self.caller.agency_id)
                await loads.finish(session, self.caller, outcome.load_id)
        return outcome

    async def _chunk(self, chunk: list[Piece], outcome: Outcome) -> None:
        main = [piece for piece in chunk if piece.partner]
        made = entries([piece.line for piece in main])
        for piece, entry in zip(main, made, strict=True):
            for column, message in piece.faults:
                if piece.draft is not None:
                    entry.refuse("invalid", "cell_invalid", message, f"column:{column}")
        try:
            async with self.database.session() as session:
                await bind_now(session, self.caller.agency_id)
                load_id = outcome.load_id
                if load_id is None:
                    load_id = await loads.begin(session, self.caller, self.kind)
                await service.store(session, self.caller, load_id, made, utc_now().date())
                await self._reports(session, load_id, chunk, made, outcome)
                if self.dry_run:
                    raise _DryRun
        except _DryRun:
            pass
        for piece, entry in zip(main, made, strict=True):
            outcome.counts[str(entry.status)] += 1
            for error in entry.errors:
                _say(outcome, piece, error)
        if not self.dry_run and outcome.load_id is not None:
            await self._statements(outcome.load_id, chunk, made, outcome)

    async def _reports(
        self,
        session: AsyncSession,
        load_id: UUID,
        chunk: list[Piece],
        made: list[Entry],
        outcome: Outcome,
    ) -> None:
        ids = await self._ids(session, chunk, made)
        said = [
            (ids[key], report)
            for piece in chunk
            for report in piece.reports
            if (key := _key(piece)) in ids
        ]
        await extras.keep_reports(session, self.caller.agency_id, load_id, said)
        outcome.reports += len(said)

    async def _ids(
        self, session: AsyncSession, chunk: list[Piece], made: list[Entry]
    ) -> dict[str, UUID]:
        """The profiles of this chunk's keys, where their lines were taken."""
        ids = {e.key: e.partner_id for e in made if e.key and e.partner_id and not e.errors}
        missing = sorted({_key(p) for p in chunk if not p.partner} - ids.keys())
        if missing:
            found = await session.execute(
                select(PartnerKey.key, PartnerKey.partner_id).where(
                    PartnerKey.agency_id == self.caller.agency_id, PartnerKey.key.in_(missing)
                )
            )
            ids |= {row.key: row.partner_id for row in found}
        return ids

    async def _statements(
        self, load_id: UUID, chunk: list[Piece], made: list[Entry], outcome: Outcome
    ) -> None:
        """Flags and comments, each in a transaction that is bound to its author agency."""
        with_text = [piece for piece in chunk if piece.statement is not None]
        if not with_text:
            return
        async with self.database.session() as session:
            await bind_now(session, self.caller.agency_id)
            ids = await self._ids(session, chunk, made)
        for piece in with_text:
            statement = piece.statement
            assert statement is not None
            async with self.database.session() as session:
                author = await agencies.find_agency(session, statement.agency)
                partner = ids.get(_key(piece))
                if author is None or partner is None:
                    what = "its author agency" if author is None else "the partner"
                    outcome.say(piece, "", f"the flag is left out: {what} is not here")
                    continue
                await bind_now(session, author.id)
                new = await extras.keep_statement(
                    session, self.keyring, load_id, partner, author.id, statement
                )
                outcome.statements += new


def _key(piece: Piece) -> str:
    value: Any = piece.line.value
    return str(value.get("key", "")).strip() if isinstance(value, dict) else ""


def _say(outcome: Outcome, piece: Piece, error: dict[str, Any]) -> None:
    pointer, more = error["pointer"], ""
    if error.get("partner_id"):
        more = f" (partner {error['partner_id']})"
    elif error.get("contact_registry"):
        more = " (contact the registry)"
    message = f"{error['message']}{more} [{error['code']}]"
    if pointer.startswith("column:") and piece.draft is not None:
        outcome.counts["problems"] += 1
        place = piece.draft.row.place(pointer.removeprefix("column:"))
        if len(outcome.problems) < _SHOWN:
            outcome.problems.append(f"{place}: {message}")
        return
    outcome.say(piece, pointer, message)
