"""What the embedded servers have in common: one process owns a server, and ends it."""

from __future__ import annotations

import abc
import atexit
import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import structlog

from core.db.process import Adopted, Claim, end

log = structlog.get_logger(__name__)


class OwnedServer(abc.ABC):
    """A server over `directory`, ended by the process that started it, or that took it over from one that died.

    name        of `NAME.log`
    gone        what is logged when it is gone
    signals     that end it, the gentler first; each is given end_s seconds
    """

    name: ClassVar[str]
    gone: ClassVar[str]
    signals: ClassVar[tuple[signal.Signals, ...]]
    end_s: ClassVar[float]

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory).absolute()
        self.log_path = self.directory / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | Adopted | None = None
        self._owner_pid = 0
        self._claim = Claim(self.directory / "owner")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def owned(self) -> bool:
        """Whether stop() will end the server."""
        return self._process is not None and self._owner_pid == os.getpid()

    @abc.abstractmethod
    def running(self) -> str | None:
        """The URL of the server that answers over this folder, None when there is none."""

    @abc.abstractmethod
    def start(self) -> str:
        """Return the URL, with a server behind it: one that runs already, or a new one. Raises EmbeddedUnavailable."""

    def keep(self) -> None:
        """Start the server again if it is gone; one look at a process or a socket while it is not."""
        process = self._process
        if (process.poll() is not None) if process is not None else (self.running() is None):
            log.warning(self.gone, directory=str(self.directory))
            self.start()

    def stop(self) -> None:
        """End a server that is owned; safe twice, nothing for one that another process owns."""
        process, self._process = self._process, None
        if process is None or self._owner_pid != os.getpid():
            return
        atexit.unregister(self.stop)
        end(process, *self.signals, timeout_s=self.end_s)
        self._claim.drop()

    def _own(self) -> None:
        """Become the one who ends the server: of our own one, and of one whose owner is dead."""
        claimed = self._claim.take()
        if self._process is None and claimed:
            self._process = self._adopted()
        if self._process is not None:
            self._owner_pid = os.getpid()
            atexit.register(self.stop)

    def _forget_ended(self) -> None:
        """Once somebody answers: it is another's when the one that we started is gone."""
        if self.owned and self._process is not None and self._process.poll() is not None:
            self._process = None
            self._claim.drop()

    @abc.abstractmethod
    def _adopted(self) -> Adopted | None:
        """The server that runs here without an owner."""
