"""The life of an embedded PostgreSQL server: create, start, adopt, stop."""

import errno
import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from app.core.embedded import cluster, files
from app.core.embedded.account import Account, choose, environment, find_install
from app.core.embedded.cluster import SUPERUSER
from app.core.embedded.errors import EmbeddedPostgresError, disk_full

_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_STOP_TIMEOUT_S = 30.0
_ANSWER_TIMEOUT_S = 15.0


class EmbeddedPostgres:
    """One server of one folder: passwords only, 127.0.0.1 only, as durable as any PostgreSQL.

    `folder` gets the data, `server.log`, `server.json` and `credentials.json` (mode 0600).
    `settings` are PostgreSQL settings that replace the defaults at this start; a `port` among
    them is binding. `mode` (else REGISTRY_EMBEDDED_MODE, else auto) says how root is avoided:
    see `account.py`. Every failure is an EmbeddedPostgresError with one sentence.
    """

    def __init__(
        self, folder: Path, *, settings: Mapping[str, str] | None = None, mode: str | None = None
    ) -> None:
        self.folder = Path(folder).resolve()
        self.log = self.folder / "server.log"
        self._settings = dict(settings or {})
        self._mode = mode or os.environ.get("REGISTRY_EMBEDDED_MODE") or "auto"
        self._started_here = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what this object started; a server that it adopted goes on."""
        if self._started_here:
            self.stop()

    @property
    def data(self) -> Path:
        """The data folder; a service user's lies outside `folder`."""
        return Path(self._record().get("place", self.folder)) / "data"

    @property
    def pid(self) -> int | None:
        """The process id of the live server, or None."""
        known = cluster.find_server(self.data)
        return known.pid if known else None

    @property
    def port(self) -> int:
        """The port of the live server, else the one that the next start tries first."""
        known = cluster.find_server(self.data)
        port = (known.port if known else None) or self._record().get("port")
        if not isinstance(port, int):
            raise EmbeddedPostgresError(f"The server of {self.folder} has never been started.")
        return port

    def url(
        self, user: str = SUPERUSER, database: str = "postgres", password: str | None = None
    ) -> str:
        """A URL with the current port; the superuser's password is filled in."""
        if password is None and user == SUPERUSER:
            password = self._password()
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def is_running(self) -> bool:
        """Whether the server takes connections."""
        known = cluster.find_server(self.data)
        return known is not None and known.status == "ready"

    def start(self) -> None:
        """Return with a server that takes connections; create it on first use.

        Adopts one that already runs, with whatever settings it has. After a crash it comes
        back with everything that was committed. It outlives this process.
        """
        with self._held():
            if self._adopt():
                return
            account = self._account()
            password = self._password(make=not (account.place / "data").exists())
            cluster.create(account, password, sync=self._settings.get("fsync") != "off")
            record = self._record()
            port = cluster.launch(account, self.log, self._settings, record.get("port"))
            record |= {"mode": account.mode, "place": str(account.place), "port": port}
            files.write_private(self.folder / "server.json", json.dumps(record) + "\n")
            self._started_here = True

    def stop(self, mode: str = "fast") -> None:
        """Return when the server is gone; nothing to do when none runs.

        `fast` ends open connections, `smart` waits for them, `immediate` leaves recovery to
        the next start, as do the others after half a minute. No commit is lost in any.
        """
        if mode not in _SIGNALS:
            raise EmbeddedPostgresError(f"{mode!r} is no way to stop: fast, smart or immediate.")
        if not self.folder.is_dir():
            return
        with self._held():
            self._started_here = False
            for chosen in (_SIGNALS[mode], signal.SIGQUIT):
                if self._gone_after(chosen):
                    return
        raise EmbeddedPostgresError(f"The server of {self.folder} does not stop.")

    def _gone_after(self, chosen: signal.Signals) -> bool:
        pid = self.pid
        if pid is None:
            return True
        try:
            os.kill(pid, chosen)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.pid != pid:
                return True
            time.sleep(cluster.POLL_S)
        return False

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The folder, made if need be and locked; file errors become sentences."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.folder.stat().st_uid != os.geteuid():
                raise EmbeddedPostgresError(
                    f"{self.folder} belongs to another user: work as that user or choose "
                    "another folder."
                )
            with files.locked(self.folder / "lock"):
                yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full(self.folder) from error
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL cannot use {error.filename or self.folder}: "
                f"{(error.strerror or str(error)).lower()}."
            ) from error

    def _adopt(self) -> bool:
        """Whether a server of ours runs already; waits for one that starts, ends or recovers."""
        begin = time.monotonic()
        while (known := cluster.find_server(self.data)) is not None:
            ready = known.status == "ready"
            if ready and self._answers(known.port):
                return True
            # Its pid file says ready also while it dies and while it recovers from a crash.
            patience = _ANSWER_TIMEOUT_S if ready else cluster.START_TIMEOUT_S
            if time.monotonic() - begin > patience:
                raise EmbeddedPostgresError(
                    f"The server of {self.folder} (process {known.pid}) runs but does not "
                    "answer to its password: stop that process and start again."
                )
            time.sleep(cluster.POLL_S)
        return False

    def _answers(self, port: int | None) -> bool:
        """Log in once: the server's word in its pid file is not proof that it works."""
        psql = [str(find_install() / "bin" / "psql"), "-XAtw", "-c", "SELECT 1"]
        login = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": SUPERUSER}
        secret = {"PGPASSWORD": self._password(), "PGCONNECT_TIMEOUT": "10"}
        result = subprocess.run(  # noqa: S603 - fixed words
            psql,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=environment() | login | secret | {"PGDATABASE": "postgres"},
        )
        return result.returncode == 0

    def _account(self) -> Account:
        """The account of this start; the one of the data that is there goes first."""
        record = self._record()
        place = Path(record.get("place", self.folder))
        kept = (place / "data").exists()
        wanted = self._mode
        if wanted == "auto" and kept and record.get("mode") == "service-user":
            wanted = "service-user"
        account = choose(self.folder, wanted)
        if kept and account.place != place:
            raise EmbeddedPostgresError(
                f"The data of {self.folder} was made in the mode {record.get('mode', 'direct')} "
                f"and the mode {account.mode} does not reach it: use the first, or remove "
                f"{place / 'data'} to start anew."
            )
        return account

    def _record(self) -> dict[str, Any]:
        return files.read_json(self.folder / "server.json")

    def _password(self, *, make: bool = False) -> str:
        """The superuser's password; `make` one if none is kept yet."""
        path = self.folder / "credentials.json"
        known = files.read_json(path).get("password")
        if isinstance(known, str):
            return known
        if not make:
            raise EmbeddedPostgresError(
                f"{path} is missing: bring it back, or remove {self.folder} to start anew."
            )
        fresh = secrets.token_urlsafe(32)
        files.write_private(path, json.dumps({"user": SUPERUSER, "password": fresh}) + "\n")
        return fresh
