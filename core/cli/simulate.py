"""`tangkapin simulate`: cameras of one make that post its fixtures, varied, to a running server."""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from core.cli.config import settings_of
from core.domain.errors import TangkapinError
from core.settings import Settings

if TYPE_CHECKING:
    from core.db.engine import Database
    from core.hooks.host import Host
    from core.testing.fleet import Fleet, Member, Posted, Tally

KNOWN_AFTER_S = 2.5
"""Running servers take new devices and keys up every two seconds."""
_SHARE = re.compile(r"(\d+(?:\.\d+)?)(%?)")


class CannotSimulate(TangkapinError):
    """There is nothing to post to, or nobody to post for."""


class _Share(click.ParamType[float]):
    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = _SHARE.fullmatch(str(value))
        share = float(match[1]) / (100 if match[2] else 1) if match else 2.0
        if share > 1:
            self.fail(f"expected a share like 5% or 0.05, got {value!r}", param, ctx)
        return share


@click.command("simulate")
@click.argument("maker")
@click.option("--url", help="The running server; default: host and port of the settings.")
@click.option("--vendor", default="", metavar="CODE", help="Agency of the cameras; not needed where there is one only.")
@click.option("--rate", type=click.FloatRange(0.1, 1000), default=5.0, show_default=True, help="Events a second.")
@click.option("--devices", type=click.IntRange(1, 100), default=2, show_default=True, help="How many cameras.")
@click.option("--count", type=click.IntRange(1), help="End after so many events; without it Ctrl-C ends it.")
@click.option("--skew", "skew_s", type=float, default=0.0, metavar="SECONDS", help="Their clocks are so much ahead.")
@click.option("--duplicates", type=_Share(), default="0", help="Share of events posted again, like 5%.")
@click.option("--reorder", type=_Share(), default="0", help="Share of events posted late, like 5%.")
@click.option("--purpose", "purposes", multiple=True, help="What new cameras are for, like lampu_merah; repeatable.")
@click.option("--seed", type=int, help="The same vehicles again; random if not given.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
def command(
    maker: str, url: str | None, vendor: str, rate: float, devices: int, count: int | None, skew_s: float,
    duplicates: float, reorder: float, purposes: tuple[str, ...], seed: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Post MAKER's fixtures with varied plates, times and pictures, like cameras do.

    The cameras sim-MAKER-1, -2, … are registered in the running deployment's database (a second run gives them new
    keys). Only what the server answers 2xx counts as accepted; exit 1 unless everything was.
    """
    from core.cli.serve import open_database
    from core.log import configure
    from core.testing.fleet import Fleet

    settings = settings_of()
    configure(settings.log_style, "warning")
    target = (url or _own_url(settings)).rstrip("/")
    host = player(maker)
    database = open_database(settings)
    try:
        _require_answer(target, maker)
        codes = [f"sim-{maker}-{number}" for number in range(1, devices + 1)]
        keys = enrol(database, maker, codes, vendor, purposes)
        known_at = time.monotonic() + KNOWN_AFTER_S
        seed = secrets.randbelow(1 << 30) if seed is None else seed
        members = _members(database, host, keys, seed=seed, skew_s=skew_s)
        time.sleep(max(0.0, known_at - time.monotonic()))
        fleet = partial(Fleet, target, members, rate=rate, duplicates=duplicates, reorder=reorder, seed=seed)
        tally = asyncio.run(_post(fleet, count, quiet=as_json))
    finally:
        host.close()
        database.dispose()
    _summarise(codes, tally, as_json)
    if tally.accepted < tally.posts:
        raise click.exceptions.Exit(1)


def player(maker: str) -> Host:
    """A host of this make alone, which has fixtures to play. Raises CannotSimulate saying why it cannot be."""
    from core.hooks.deployment import Declared
    from core.hooks.errors import PluginLoadError
    from core.hooks.host import Host
    from core.testing.fixtures import device
    from core.testing.fleet import enlist
    from core.testing.world import fixtures_of

    try:
        host = Host.build([Declared(id=maker, use=f"vendors.{maker}")], environ={})
    except PluginLoadError as error:
        raise CannotSimulate(f"{maker} cannot be simulated (makes that need no config can): {error}") from None
    try:
        enlist(device(maker), "", fixtures_of(maker), host.parse_payload)
    except TangkapinError:
        host.close()
        raise CannotSimulate(
            f"{maker} cannot be simulated: no event in its fixtures has a plate and a time that can be varied"
        ) from None
    return host


def enrol(
    database: Database, maker: str, codes: Sequence[str], vendor: str, purposes: Sequence[str] = ()
) -> dict[str, str]:
    """Register the devices that are missing, give the others a new key: device code -> key.

    vendor   "" = the agency the devices have already, else the only one there is. Raises CannotSimulate or DeviceError.
    """
    from core.accounts.vendors import list_vendors
    from core.cli.user import operator
    from core.ingest.devices import NewDevice, add_device, list_devices, rotate_key

    there = {row["device_code"]: row["vendor_code"] for row in list_devices(database, maker=maker)}
    agencies = {there[code] for code in codes if code in there}
    others = agencies - {vendor} if vendor else set()
    if others:
        raise CannotSimulate(f"cameras sim-{maker}-… belong to {', '.join(sorted(others))}: leave --vendor out")
    if not vendor:
        known = sorted(agencies or {row.vendor_code for row in list_vendors(database)})
        if len(known) != 1:
            raise CannotSimulate(
                f"--vendor is needed: there are {', '.join(known)}" if known else "there is no vendor yet: vendor add"
            )
        vendor = known[0]
    keys = {}
    for code in codes:
        if code in there:
            keys[code] = rotate_key(database, code, grace=timedelta(hours=1), by=operator()).key
            continue
        new = NewDevice(
            code=code, maker=maker, vendor=vendor, name="simulated", location=f"Simulasi {code}",
            purposes=tuple(purposes), rate_per_s=1000.0, rate_burst=2000.0,
        )  # fmt: skip
        _, key = add_device(database, new, by=operator())
        assert key is not None, "a device with the default methods has a key"
        keys[code] = key.key
    return keys


def _members(database: Database, host: Host, keys: dict[str, str], *, seed: int, skew_s: float) -> list[Member]:
    from core.ingest.directory import DeviceDirectory
    from core.testing.fleet import enlist
    from core.testing.world import fixtures_of

    directory = DeviceDirectory(database)
    directory.refresh()
    found = []
    for number, (code, key) in enumerate(keys.items()):
        entry = directory.current.by_code.get(code)
        if entry is None:
            raise CannotSimulate(f"{code} is disabled: tangkapin device enable {code}")
        device = entry.device
        fixtures = fixtures_of(device.maker)
        found.append(enlist(device, key, fixtures, host.parse_payload, seed=seed + 1000 * number, skew_s=skew_s))
    return found


async def _post(make_fleet: Callable[..., Fleet], count: int | None, *, quiet: bool) -> Tally:
    """Run a fleet until `count` events or Ctrl-C; what is under way is finished."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        bar = progress.add_task("posting", total=count)

        def posted(post: Posted) -> None:
            progress.update(bar, advance=0 if post.repeat else 1, description=f"{post.device.code} -> {post.status}")

        fleet = make_fleet(on_post=posted)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, fleet.stop)
        return await fleet.run(count)


def _own_url(settings: Settings) -> str:
    if settings.port == 0:
        raise CannotSimulate("the settings name no port: give --url")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - read, not bound
    return f"http://{host}:{settings.port}"


def _require_answer(url: str, maker: str) -> None:
    """A probe, as cameras send it before they are saved. Raises CannotSimulate saying what to do."""
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"{url}/cam/{maker}", timeout=10).close()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise CannotSimulate(
                f"{url} does not serve {maker}: {error.read(300).decode('utf-8', 'replace')}"
            ) from None
    except (OSError, ValueError) as error:
        raise CannotSimulate(f"nothing answers at {url} ({error}): start `tangkapin serve`, or give --url") from None


def _summarise(codes: Sequence[str], tally: Tally, as_json: bool) -> None:
    import msgspec

    statuses = {str(status or "no answer"): number for status, number in sorted(tally.statuses.items())}
    forms = dict(sorted(tally.forms.items()))
    if as_json:
        told = {
            "devices": list(codes), "posts": tally.posts, "accepted": tally.accepted, "repeats": tally.repeats,
            "vehicles": len(tally.vehicles), "statuses": statuses, "forms": forms,
        }  # fmt: skip
        click.echo(msgspec.json.encode(told).decode())
        return
    click.echo(
        f"{tally.posts} posts, {tally.accepted} accepted, {tally.repeats} of them repeats, "
        f"{len(tally.vehicles)} vehicles, by {', '.join(codes)}"
    )
    click.echo("answers  " + (", ".join(f"{number} x {status}" for status, number in statuses.items()) or "none"))
    for form, number in forms.items():
        click.echo(f"{number:7}  {form}")
