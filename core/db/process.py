"""Starting the embedded servers: whose account they run under, where their socket lies, who starts first.

A server that root starts runs inside a user namespace, where it sees an ordinary user id (PostgreSQL refuses to run as
root) while its files stay root's. That needs no system account and works below a 0700 home folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import hashlib
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from core.domain.errors import TangkapinError

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_THREAD = threading.local()
_MAX_SOCKET_PATH = 103
"""Bytes: sun_path holds 108 with its NUL on Linux and 104 on macOS."""

try:
    _LIBC: ctypes.CDLL | None = ctypes.CDLL(None, use_errno=True)
except OSError:
    _LIBC = None


class EmbeddedUnavailable(TangkapinError):
    """An embedded server cannot run here; the text says why and what to do."""


class Account(msgspec.Struct, frozen=True):
    """How a server is started: as we are, in a user namespace as `inside`, or as another user of the machine."""

    inside: int | None = None
    uid: int | None = None
    gid: int | None = None

    def give(self, path: Path) -> None:
        """Make the account the owner of a folder that we made."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@functools.cache
def user_namespaces_work() -> bool:
    """Whether a process of ours may map itself to another user id."""
    if _LIBC is None or not sys.platform.startswith("linux"):
        return False
    try:
        child = launch(
            [sys.executable, "-c", "import os; raise SystemExit(os.geteuid() != 1000)"], Account(inside=1000)
        )
    except subprocess.SubprocessError:
        return False
    return child.wait() == 0


def choose_account(data: Path) -> Account:
    """The account for a server over `data` (may not exist yet). Raises EmbeddedUnavailable when there is none."""
    uid = os.geteuid()
    owner = data.stat() if data.exists() else None
    if uid == 0 and owner is not None and owner.st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    if uid != 0 and _known(uid):
        return Account()
    if user_namespaces_work():
        return Account(inside=next((entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid), 1000))
    if uid != 0:
        return Account()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedUnavailable(
            "PostgreSQL does not run as root, and this machine allows neither user namespaces nor has a user nobody; "
            "start Tangkapin as an ordinary user or set TANGKAPIN_DATABASE_URL"
        ) from None
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def _known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def lives_on() -> None:
    """Say of this thread that it ends after the servers that it starts."""
    _THREAD.lives_on = True


def launch(
    command: Sequence[str],
    account: Account,
    *,
    output: IO[bytes] | int = subprocess.DEVNULL,
    environ: Mapping[str, str] | None = None,
    death_signal: signal.Signals | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own (a terminal's Ctrl-C is for us to hear).

    death_signal  sent to it when we die. Linux ties this to the thread that forks: no other sets it than the main
                  thread and those that said lives_on().
    """
    if threading.current_thread() is not threading.main_thread() and not getattr(_THREAD, "lives_on", False):
        death_signal = None
    parent, uid, gid = os.getpid(), os.geteuid(), os.getegid()

    def prepare() -> None:
        if account.inside is not None:
            _enter_namespace(account.inside, uid, gid)
        if death_signal is not None and _LIBC is not None and hasattr(_LIBC, "prctl"):
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:
                os._exit(1)

    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output != subprocess.DEVNULL else subprocess.DEVNULL,
        env=dict(environ) if environ is not None else None,
        cwd="/",
        start_new_session=True,
        user=account.uid,
        group=account.gid,
        extra_groups=[] if account.uid is not None else None,
        umask=0o077,
        preexec_fn=prepare,
    )


def _enter_namespace(inside: int, uid: int, gid: int) -> None:
    """In the forked child: be `inside` here and `uid` outside."""
    assert _LIBC is not None
    if _LIBC.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    # The kernel takes a group map from an ordinary process only after it gave up setgroups.
    for name, content in (("setgroups", "deny"), ("uid_map", f"{inside} {uid} 1"), ("gid_map", f"{inside} {gid} 1")):
        target = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(target, content.encode())
        os.close(target)


@contextlib.contextmanager
def only_one(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file while starting, so that two commands at once start one server."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _to_owner_of(path.parent, handle)
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedUnavailable(
                        f"{path}: another process has been starting the server for too long"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def append(path: Path) -> Iterator[IO[bytes]]:
    """A log file, opened at its end, that belongs to whom its folder belongs to."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab") as file:
        _to_owner_of(path.parent, file.fileno())
        yield file


def _to_owner_of(folder: Path, handle: int) -> None:
    """What root opens beside an ordinary user's server stays the user's: they start the next one."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(handle, owner.st_uid, owner.st_gid)


def owner_account(folder: Path) -> Account:
    """For a server that may run as root: as the folder's owner when root starts it for an ordinary user."""
    owner = folder.stat()
    return Account(uid=owner.st_uid, gid=owner.st_gid) if os.geteuid() == 0 and owner.st_uid else Account()


def socket_folder(wanted: Path, name: str, account: Account) -> Path:
    """A folder for the socket `name` that only the account can enter: `wanted`, or a short one where that is too long.

    The same `wanted` always gives the same folder, so that a restarted server is found where it was.
    """
    folder = wanted
    if len(os.fsencode(wanted / name)) > _MAX_SOCKET_PATH:
        digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"tangkapin-{os.geteuid()}-{digest}"
        if len(os.fsencode(folder / name)) > _MAX_SOCKET_PATH:
            folder = Path("/tmp") / folder.name  # noqa: S108 - made 0700 and checked below
    owner = os.geteuid() if account.uid is None else account.uid
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        account.give(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise EmbeddedUnavailable(f"{folder}: expected a folder of user id {owner}; remove it and start again")
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def clean_environ() -> dict[str, str]:
    """Our environment without what would change a server's behaviour: PG* variables, locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "TANGKAPIN_"))}
    return kept | {"LC_ALL": "C"}


class Adopted:
    """A server whose owner died without ending it, with what Popen offers of it."""

    def __init__(self, pid: int, alive: Callable[[], bool]) -> None:
        self.pid = pid
        self._alive = alive

    def poll(self) -> int | None:
        return None if self._alive() else 0

    def send_signal(self, number: int) -> None:
        if self._alive():
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout or float("inf"))
        while self._alive():
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(0.02)
        return 0

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Claim:
    """Who ends the server: the process that holds this lock, which the kernel drops when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Whether the claim is ours now (or was already)."""
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _to_owner_of(self._path.parent, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def drop(self) -> None:
        """Let the claim go. Safe twice."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def end(process: subprocess.Popen[bytes] | Adopted, *signals: signal.Signals, timeout_s: float) -> None:
    """Send each signal in turn until the process is gone."""
    for number in signals:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout_s)
            return
    process.kill()
    process.wait()
