"""`tangkapin doctor`: what is wrong with a deployment, and what to do about it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Literal

import click
import msgspec

from core.cli.config import settings_of
from core.domain.errors import TangkapinError
from core.settings import Settings, SettingsError

State = Literal["ok", "warn", "fail"]
LOW_DISK, FULL_DISK = 0.10, 0.03
CLOCK_WARN_S = 2.0
_TIME_ERROR = 5


class Finding(msgspec.Struct, frozen=True):
    """What one look found. `fix` says what to do when the state is not ok."""

    name: str
    state: State
    detail: str
    fix: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: ok and checks.")
def command(as_json: bool) -> None:
    """Look at settings, home folder, plugins, database, schema, broker, disk and clock. Exit 1 if something fails."""
    findings = examine()
    healthy = all(finding.state != "fail" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": healthy, "checks": [msgspec.to_builtins(f) for f in findings]}, indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.state:4}  {finding.name:9} {finding.detail}")
            if finding.state != "ok":
                click.echo(f"      {'':9} -> {finding.fix}")
    if not healthy:
        raise SystemExit(1)


def examine() -> list[Finding]:
    """All looks, in the order in which their mistakes should be mended. Embedded servers are started where needed."""
    try:
        settings = settings_of()
    except SettingsError as error:
        return [
            Finding("settings", "fail", "; ".join(error.problems), "mend them; `tangkapin config check` looks again")
        ]
    findings = [Finding("settings", "ok", f"home {settings.home}"), *_look(_home, settings)]
    findings += [*_look(_plugins, settings), *_look(_database, settings), *_look(_broker, settings)]
    return [*findings, *_look(_disk, settings), *_look(_clock, settings)]


def _look(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    """The findings of one check; what it raises is a finding too."""
    found: list[Finding] = []
    name = check.__name__.removeprefix("_")
    try:
        found.extend(check(settings))
    except TangkapinError as error:
        found.append(Finding(name, "fail", str(error), "do as it says, then look again"))
    except Exception as error:
        text = str(error).strip().splitlines()
        found.append(Finding(name, "fail", f"{type(error).__name__}: {text[0] if text else ''}", _FIXES[name]))
    return found


_FIXES = {
    "home": "check the owner and the mode of the folder",
    "plugins": "`tangkapin plugins check` says more",
    "database": "check TANGKAPIN_DATABASE_URL and that the server runs; for the embedded one see postgres/postgres.log",
    "broker": "check TANGKAPIN_REDIS_URL and that the server runs; for the embedded one see valkey/valkey.log",
    "disk": "check the home folder",
    "clock": "check the machine's time",
}


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    if not home.is_dir():
        yield Finding("home", "fail", f"{home} does not exist", "run `tangkapin init`")
        return
    if not os.access(home, os.W_OK | os.X_OK):
        yield Finding("home", "fail", f"{home} cannot be written", f"chown it to {_me()}")
        return
    if home.stat().st_mode & 0o077:
        yield Finding("home", "warn", f"{home} can be entered by others", f"chmod 700 {home}")
    else:
        yield Finding("home", "ok", "private and writable")
    key = home / "secret.key"
    if not settings.secret_key and not key.exists():
        yield Finding("key", "fail", "there is no secret key", "run `tangkapin init`, or set TANGKAPIN_SECRET_KEY")
    else:
        settings.signing_key()  # raises, saying what is wrong with the file
        yield Finding("key", "ok", "from the settings" if settings.secret_key else "secret.key, for its owner only")


def _plugins(settings: Settings) -> Iterator[Finding]:
    from core.hooks.host import Host

    host = Host.load(settings.plugins_file, environ=os.environ, data_dir=settings.home / "plugins")
    try:
        infos = host.instances
        out = [f"{info.id} ({info.reason})" for info in infos if info.state == "quarantined"]
    finally:
        host.close()
    if out:
        yield Finding("plugins", "warn", f"quarantined: {'; '.join(out)}", "`tangkapin plugins check` says more")
    else:
        yield Finding("plugins", "ok", f"{len(infos)} instances from {settings.plugins_file}")


def _database(settings: Settings) -> Iterator[Finding]:
    import psycopg

    from core.db import migrate
    from core.db.embedded import OLDEST, EmbeddedPostgres
    from core.db.engine import dsn

    with contextlib.ExitStack() as stack:
        url, kind = settings.database_url, "external"
        if not url:
            embedded = EmbeddedPostgres(settings.home / "postgres")
            if not embedded.data.exists():
                yield Finding(
                    "database", "fail", f"there is no cluster in {embedded.directory}", "run `tangkapin init`"
                )
                return
            url, kind = embedded.running() or "", "embedded, running"
            if not url:
                url, kind = stack.enter_context(embedded).start(), "embedded, started for this look"
        connection = stack.enter_context(psycopg.connect(dsn(url), autocommit=True, connect_timeout=10))
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version'), rolsuper,"
            " current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',"
            " extract(epoch FROM clock_timestamp())::float8 FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row is not None
        major, version, superuser, durable, now = row
        skew = now - time.time()
        if major < OLDEST:
            yield Finding("database", "fail", f"PostgreSQL {version} is too old", f"use {OLDEST} or newer")
        elif not durable:
            yield Finding("database", "fail", "fsync or full_page_writes is off", "switch both on: data can be lost")
        elif superuser:
            advice = "connect as a role of its own, so that a forgotten tenant shows nothing"
            yield Finding("database", "warn", f"PostgreSQL {version} ({kind}), connected as a superuser", advice)
        else:
            yield Finding("database", "ok", f"PostgreSQL {version} ({kind})")
        if abs(skew) > CLOCK_WARN_S:
            yield Finding(
                "clock", "warn", f"the database's clock is {skew:+.1f} s off ours", "use NTP on both machines"
            )
        have = migrate.current(url)
        try:
            migrate.check(url)
        except migrate.SchemaMismatch as error:
            fix = "run `tangkapin migrate`" if have in ("", *migrate.revisions()) else "install the newer version"
            yield Finding("schema", "fail", str(error), fix)
            return
        yield Finding("schema", "ok", have)
        stranded = []
        from core.db.partitions import TABLES

        connection.execute("SET ROLE tangkapin_system")
        for one in TABLES:
            found = connection.execute(f"SELECT EXISTS (SELECT 1 FROM {one.table}_default)").fetchone()  # noqa: S608
            if found and found[0]:
                stranded.append(one.table)
        if stranded:
            advice = "the worker makes partitions: see that `tangkapin serve` or `worker` runs"
            yield Finding("schema", "warn", f"rows in the default partition of {', '.join(stranded)}", advice)


def _broker(settings: Settings) -> Iterator[Finding]:
    import redis

    from core.db.valkey import EmbeddedValkey

    with contextlib.ExitStack() as stack:
        url, kind = settings.redis_url, "external"
        if not url:
            embedded = EmbeddedValkey(settings.home / "valkey")
            url, kind = embedded.running() or "", "embedded, running"
            if not url:
                url, kind = stack.enter_context(embedded).start(), "embedded, started for this look"
        client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        stack.callback(client.close)
        client.ping()
        yield Finding("broker", "ok", kind)


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    detail = f"{usage.free / 2**30:.1f} GiB free ({share:.0%})"
    state: State = "fail" if share < FULL_DISK else "warn" if share < LOW_DISK else "ok"
    yield Finding("disk", state, detail, "" if state == "ok" else "make room, or move `media` to a larger disk")


def _clock(settings: Settings) -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    # adjtimex with modes 0 only reads; it answers TIME_ERROR while nothing disciplines the clock
    answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    if answer == _TIME_ERROR:
        advice = "run chrony or systemd-timesyncd: capture times are judged by this clock"
        yield Finding("clock", "warn", "no NTP keeps this machine's clock", advice)
    else:
        yield Finding("clock", "ok", "kept by NTP")


def _me() -> str:
    return f"user id {os.geteuid()}"
