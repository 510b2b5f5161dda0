"""`tangkapin`: one table of sub-commands, each imported only when it is used.

Every command is the click object `command` of its module. A mistake that Tangkapin knows (TangkapinError) is one clear
line on standard error and exit code 1; a usage error is 2.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import click

from core.domain.errors import TangkapinError

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("core.cli.init:command", "Make a deployment: folders, keys, tangkapin.toml and plugins.toml."),
    "demo": ("core.cli.demo:command", "Run the whole house with simulated cameras and a fake centre."),
    "serve": ("core.cli.serve:command", "Run the deployment: camera endpoint, parsers, workers, API."),
    "worker": ("core.cli.worker:command", "Run background work alone."),
    "migrate": ("core.cli.migrate:command", "Bring the database to this version's schema."),
    "config": ("core.cli.config:command", "Check and show the settings."),
    "plugins": ("core.cli.plugins:command", "List, check and release plugin instances."),
    "device": ("core.cli.device:command", "Register cameras, rotate their keys."),
    "vendor": ("core.cli.vendor:command", "Register reporting agencies."),
    "user": ("core.cli.user:command", "Make accounts of people."),
    "station": ("core.cli.station:command", "Register police stations."),
    "service-key": ("core.cli.service_key:command", "Give programs keys, such as external detectors."),
    "parse": ("core.cli.parse:command", "Decode one payload of a camera, without a database."),
    "capture": ("core.cli.capture:command", "Look at payloads that nobody reads yet; take samples."),
    "replay": ("core.cli.replay:command", "Parse stored payloads again and compare."),
    "model": ("core.cli.model:command", "List, evaluate and train detectors of weapons."),
    "simulate": ("core.cli.simulate:command", "Post a make's payloads like cameras do."),
    "notices": ("core.cli.notices:command", "Show and retry deliveries of notices."),
    "sync": ("core.cli.sync:command", "Show and retry deliveries to the centres."),
    "doctor": ("core.cli.doctor:command", "Look for what is wrong with a deployment."),
    "openapi": ("core.cli.openapi:command", "Write the OpenAPI document."),
}
"""Name -> (module:attribute, help). A module that is not installed is left out."""


_NO_SCHEMA = frozenset({"42P01", "42703", "22023"})
"""SQLSTATEs of a table, a column and a role that are not there."""


class LazyGroup(click.Group):
    """A group that looks commands up in a table and imports them on use, so that `tangkapin parse` starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (target, _) in COMMANDS.items() if _installed(target)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target, _ = COMMANDS.get(cmd_name, ("", ""))
        if not target or not _installed(target):
            return None
        module, _, attribute = target.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise click.ClickException(f"the command {cmd_name} cannot be loaded: {error}") from error
        if not isinstance(found, click.Command):
            raise click.ClickException(f"{target} is no click command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help comes from the table: listing the commands imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TangkapinError as error:
            raise click.ClickException(str(error) or type(error).__name__) from error
        except PermissionError as error:
            raise click.ClickException(f"{error.filename or 'a file'}: {error.strerror}") from error
        except Exception as error:
            told = _of_the_database(error)
            if not told:
                raise
            raise click.ClickException(told) from error


def _of_the_database(error: Exception) -> str:
    """What an operator can do about a database that is away or empty; "" for everything else."""
    psycopg = sys.modules.get("psycopg")  # what failed in a database has imported it
    found = getattr(error, "orig", None) or error  # SQLAlchemy wraps it
    if psycopg is None or not isinstance(found, psycopg.Error):
        return ""
    reason = str(found).strip().partition("\n")[0]
    if found.sqlstate in _NO_SCHEMA:
        return f"the database has not this version's schema ({reason}): run `tangkapin migrate`"
    if found.sqlstate is None and isinstance(found, psycopg.OperationalError):
        return f"the database does not answer ({reason}): `tangkapin doctor` looks for the cause"
    return ""


@click.group("tangkapin", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tangkapin", message="%(prog)s %(version)s")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Data folder (TANGKAPIN_HOME).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Override one setting; may be repeated.")
@click.pass_context
def cli(ctx: click.Context, home: Path | None, file: Path | None, settings: tuple[str, ...]) -> None:
    """Tangkapin: from a camera's payload to a case that a person decided."""
    flags: dict[str, Any] = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign:
            raise click.BadParameter(f"expected NAME=VALUE, got {name!r}", param_hint="--set")
        flags[name.strip().lower()] = value
    if home is not None:
        flags["home"] = home
    ctx.obj = (flags, file)


def _installed(target: str) -> bool:
    return importlib.util.find_spec(target.partition(":")[0]) is not None


def main() -> None:
    """The console script."""
    cli(prog_name="tangkapin")


if __name__ == "__main__":
    main()
