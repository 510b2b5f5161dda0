"""The host's side of what plugins add: routes, pages, commands. Mixed into Host, which knows how to ask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from core.domain.extensions import PluginCommand, PluginPage, PluginRoute, RouteRequest
from core.hooks.errors import PluginFailed

if TYPE_CHECKING:
    from core.hooks.instance import Instance

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


class Extensions:
    """`_instances`, `_instance` and `_ask` are Host's."""

    _instances: dict[str, Instance]

    def _instance(self, instance_id: str, hook: str = "") -> Instance:
        raise NotImplementedError

    def _ask(self, instance: Instance, hook: str, **arguments: Any) -> Any:
        raise NotImplementedError

    def extended(self, hook: str, vendor_codes: tuple[str, ...] | None = None) -> list[str]:
        """Ids of the instances in service with this hook that serve one of the agencies (None: any)."""
        return [
            instance.id
            for instance in self._instances.values()
            if hook in instance.hooks
            and not instance.reason
            and (vendor_codes is None or any(instance.serves(code) for code in vendor_codes))
        ]

    def routes(self, instance_id: str) -> list[PluginRoute]:
        """An instance's routes. Raises PluginFailed, UnknownInstance."""
        return self._named(instance_id, "routes")

    def answer_route(self, instance_id: str, request: RouteRequest) -> dict[str, Any]:
        """What a route answers. Raises Refused, Transient, PluginFailed, UnknownInstance."""
        answer: dict[str, Any] = self._ask(self._instance(instance_id, "answer_route"), "answer_route", request=request)
        return answer

    def pages(self, instance_id: str) -> list[PluginPage]:
        """An instance's pages. Raises PluginFailed, UnknownInstance."""
        return self._named(instance_id, "pages")

    def commands(self, instance_id: str) -> list[PluginCommand]:
        """An instance's commands. Raises PluginFailed, UnknownInstance."""
        return self._named(instance_id, "commands")

    def run_command(self, instance_id: str, name: str, arguments: list[str]) -> str:
        """What a command prints. Raises Refused, Transient, PluginFailed, UnknownInstance."""
        text: str = self._ask(self._instance(instance_id, "run_command"), "run_command", name=name, arguments=arguments)
        return text

    def _named(self, instance_id: str, hook: str) -> list[Any]:
        instance = self._instance(instance_id, hook)
        found = list(self._ask(instance, hook))
        wrong = [one.name[:60] for one in found if not NAME.fullmatch(one.name)]
        names = [(one.name, getattr(one, "method", "")) for one in found]
        if wrong or len(set(names)) != len(names):
            text = f"returned nonsense: names are a-z 0-9 _ and each once, not {', '.join(wrong) or 'twice'}"
            raise PluginFailed(instance_id, hook, text)
        return found
