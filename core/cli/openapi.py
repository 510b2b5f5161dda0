"""`tangkapin openapi`: the API description as a file."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("openapi")
@click.option("--check", is_flag=True, help="Only compare; exit 1 when the file is out of date.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("docs/openapi.json"),
    show_default=True,
    help="- for standard output.",
)
def command(check: bool, output: Path) -> None:
    """Write the OpenAPI document of this version, or compare the file with it."""
    text = rendered()
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    if check:
        if not output.exists() or output.read_text("utf-8") != text:
            raise click.ClickException(f"{output} is out of date: run `tangkapin openapi`")
        click.echo(f"{output} is up to date")
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, "utf-8")
    click.echo(f"Wrote {output}")


def rendered() -> str:
    """The document as it is committed: sorted, so that a diff shows what changed."""
    from core.app import describe

    return json.dumps(describe(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
