"""A plugin that adds to the house: a page that counts, its two routes, a command and a health check."""

from core.api import (
    Health,
    PluginCommand,
    PluginConfig,
    PluginPage,
    PluginRoute,
    Refused,
    RouteRequest,
    hookimpl,
)
from core.api import Plugin as Base

BODY = '<h1>Penghitung</h1><p>Nilai: <output id="value">…</output></p><button id="add">Tambah</button>'
STYLE = "body { font: 16px sans-serif; margin: 1rem } output { font-weight: 600 }"
SCRIPT = """
const value = document.getElementById("value");
const show = (told) => (value.textContent = `${told.value} (${told.role})`);
tangkapin.ask("value").then(show);
document.getElementById("add").onclick = () => tangkapin.ask("add", { body: { by: 2 } }).then(show);
"""


class Plugin(Base):
    """Counts."""

    version = "1"

    class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Where it starts."""

        start: int = 40

    def __init__(self, config: Config, context: object) -> None:
        super().__init__(config, context)  # type: ignore[arg-type]
        self._value = config.start

    @hookimpl
    def pages(self) -> list[PluginPage]:
        """One page for staff."""
        return [PluginPage(name="counter", title="Counter", title_id="Penghitung", roles=("officer", "admin"),
                           html=BODY, style=STYLE, script=SCRIPT)]  # fmt: skip

    @hookimpl
    def routes(self) -> list[PluginRoute]:
        """What the page asks, for every REST client too."""
        return [
            PluginRoute(name="value", roles=("officer", "admin"), summary="The value"),
            PluginRoute(name="add", method="POST", roles=("officer", "admin"), summary="Add to it"),
        ]

    @hookimpl
    def answer_route(self, request: RouteRequest) -> dict[str, object]:
        """The value after what was asked."""
        if request.route == "add":
            by = request.body.get("by") if isinstance(request.body, dict) else None
            if not isinstance(by, int) or not 0 < by < 100:
                raise Refused("by: 1 to 99 expected")
            self._value += by
        return {"value": self._value, "role": request.role, "vendors": list(request.vendors)}

    @hookimpl
    def commands(self) -> list[PluginCommand]:
        """One."""
        return [PluginCommand(name="show", help="Print the value.")]

    @hookimpl
    def run_command(self, name: str, arguments: list[str]) -> str:
        """Prints it."""
        if arguments:
            raise Refused("show takes no arguments")
        return f"{name}: {self._value}"

    @hookimpl
    def health(self) -> Health:
        """Always well."""
        return Health(state="ok", detail=f"at {self._value}")
