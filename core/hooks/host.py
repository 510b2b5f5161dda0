"""The host: loads the plugin instances of a deployment and asks them. The only user of pluggy's manager.

One Host a process, made at its start. Plugins are asked one at a time, so one that raises stops no other; whatever a
plugin raises, SystemExit included, is contained, counted and told. What a plugin returns is checked before core sees
it. An instance that fails QUARANTINE_AFTER times in a row is asked no more until somebody releases it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import pluggy
import structlog

from core.domain.answers import Answer, Recognition
from core.domain.cases import (
    SEVERITY,
    CaseDraft,
    CaseView,
    HttpRequest,
    HttpResponse,
    Passage,
    SyncReceipt,
    Verdict,
)
from core.domain.errors import MalformedPayload, Refused, Transient, Unbuildable, Undeliverable, UnsupportedEvent
from core.domain.events import DomainEvent, Health
from core.domain.frames import Frame, Sighting
from core.domain.notices import Delivery, Heard, Notice, Recipient
from core.domain.observations import Device, Observation, Payload, PlateRead, ViolationType
from core.domain.streams import StreamConnect
from core.hooks.bounded import HookHung, bounded
from core.hooks.checks import HOOKS, SINK_HOOKS, closest
from core.hooks.deployment import Declared, read_deployment
from core.hooks.errors import (
    PluginFailed,
    PluginFailure,
    PluginLoadError,
    PluginQuarantined,
    UnknownInstance,
    UnknownMaker,
)
from core.hooks.extensions import Extensions
from core.hooks.instance import Instance, InstanceInfo
from core.hooks.loading import belongs_to_the_process, describe, load_instance, trace_of
from core.hooks.plugin import Secret
from core.hooks.results import CHECKS
from core.hooks.specs import PROJECT, Specs

QUARANTINE_AFTER = 20
HEALTH_TIMEOUT_S = 1.0
ACCEPT = Verdict(action="accept")
_ALLOWED: dict[str, tuple[type[Exception], ...]] = {
    "parse_payload": (UnsupportedEvent, MalformedPayload),
    "recognise_payload": (UnsupportedEvent, MalformedPayload),
    "build_sync": (Unbuildable,),
    "push_sync": (Transient, Refused),
    "deliver_notice": (Transient, Undeliverable),
    "open_stream": (Transient,),
    "answer_route": (Transient, Refused),
    "run_command": (Transient, Refused),
}
"""What a hook may raise: it goes through to the caller and is no failure."""

log = structlog.get_logger(__name__)
OnQuarantine = Callable[[str, str], None]


class _OnePlugin(pluggy.PluginManager):
    """A manager for one plugin: calling a hook on it asks that plugin and no other.

    pluggy would run every property of a plugin while it looks for hooks; only checked names are looked at here.
    """

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        return super().parse_hookimpl_opts(plugin, name) if name in HOOKS else None


def _callers(instance: Instance) -> dict[str, Any]:
    manager = _OnePlugin(PROJECT)
    manager.add_hookspecs(Specs)
    manager.register(instance.plugin, instance.id)
    manager.check_pending()
    return {name: _caller(getattr(manager.hook, name)) for name in instance.hooks}


def _caller(hook: pluggy.HookCaller) -> Callable[..., Any]:
    """Calls the one implementation there is: by itself where it takes all that the hook is called with."""
    (implementation,) = hook.get_hookimpls()
    wraps = implementation.hookwrapper or implementation.wrapper
    if not wraps and hook.spec is not None and set(implementation.argnames) == set(hook.spec.argnames):
        return implementation.function

    def call(**arguments: Any) -> Any:
        results = hook(**arguments)
        return results[0] if results else None  # pluggy leaves a None out

    return call


class Host(Extensions):
    """The plugin instances of this process. Methods may be called from any thread."""

    def __init__(
        self,
        instances: Sequence[Instance],
        *,
        on_quarantine: OnQuarantine | None = None,
        let_through: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._instances = {instance.id: instance for instance in instances}
        self._let_through = let_through
        self.on_quarantine = on_quarantine
        """Called with (instance id, reason) when an instance is quarantined by itself; may be set later."""
        self.on_call: Callable[[str], None] | None = None
        """Called with the instance id before each call: a watchdog outside reads there who is at work."""
        self._answers: dict[str, list[Answer]] = {}
        self._makers: dict[str, list[Instance]] = {}
        self._by_hook: dict[str, tuple[Instance, ...]] = {}
        self._slow: set[str] = set()

    # -- loading ------------------------------------------------------------------------------------------------

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        environ: Mapping[str, str],
        data_dir: Path | None = None,
        on_quarantine: OnQuarantine | None = None,
        let_through: tuple[type[BaseException], ...] = (),
    ) -> Host:
        """The host of a plugins.toml. Raises PluginLoadError naming every required instance that cannot run.

        environ      where `{env = …}` secrets are found
        data_dir     each instance gets a folder of its own under it; None: none
        let_through  what the process throws into running code to stop it (a task library's interrupts): not contained
        """
        path = Path(path)
        return cls.build(
            read_deployment(path),
            file=path,
            environ=environ,
            data_dir=data_dir,
            on_quarantine=on_quarantine,
            let_through=let_through,
        )

    @classmethod
    def build(
        cls,
        declared: Iterable[Declared],
        *,
        environ: Mapping[str, str],
        file: Path = Path("plugins.toml"),
        data_dir: Path | None = None,
        on_quarantine: OnQuarantine | None = None,
        let_through: tuple[type[BaseException], ...] = (),
        strict: bool = True,
        shadows: bool = False,
    ) -> Host:
        """The host of instances declared in code (`tangkapin parse`, tests).

        file    named in errors; relative paths in configs start in its folder
        strict  False: required instances are quarantined like the others (`plugins check` shows them all)
        shadows  False: instances with `shadow = true` are known by name and not even imported: whatever they do, they
                 do in the shadow process
        """
        host = cls([], on_quarantine=on_quarantine, let_through=let_through)
        fatal: list[str] = []
        for one in declared:
            if one.shadow and not shadows:
                host._instances[one.id] = Instance(one)
                continue
            instance, problems = load_instance(
                one, file=file, environ=environ, data_dir=data_dir, let_through=let_through
            )
            if not problems:
                problems = host._start(instance, f"{file} [plugin.{one.id}]")
            if problems:
                instance.plugin = None
                instance.reason = "; ".join(problems)
                if one.required and strict:
                    fatal += problems
                elif strict:
                    log.error("plugin_not_loaded", instance=one.id, reason=instance.reason)
            host._instances[one.id] = instance
        if fatal:
            host.close()
            raise PluginLoadError(fatal)
        host._index()
        return host

    def _start(self, instance: Instance, table: str) -> list[str]:
        for other in self._instances.values():
            if other.plugin and other.maker and other.maker == instance.maker and other.overlaps(instance):
                return [f"{table}: {other.id} already serves maker {other.maker!r}; bind them to different devices"]
        try:
            instance.callers = _callers(instance)
            if "answers" in instance.hooks:
                self._add_answers(instance)
        except PluginFailed as error:
            return [f"{table}: answers: {error.error_text}"]
        except pluggy.PluginValidationError as error:
            return [f"{table}: {describe(error)}"]
        return []

    def _add_answers(self, instance: Instance) -> None:
        known = self._answers.setdefault(instance.maker or instance.id, [])
        known += [answer for answer in self._ask(instance, "answers") if answer not in known]

    def _index(self) -> None:
        for name in HOOKS:
            self._by_hook[name] = tuple(i for i in self._instances.values() if name in i.hooks)
        for instance in self._instances.values():
            if instance.declared.shadow and instance.plugin is None:
                continue
            # One that could not even be imported still owns its make: its payloads wait for it by name.
            if instance.maker and ("parse_payload" in instance.hooks or instance.cls is None):
                self._makers.setdefault(instance.maker, []).append(instance)
        for instances in self._makers.values():
            instances.sort(key=lambda instance: -instance.specificity)

    # -- asking -------------------------------------------------------------------------------------------------

    def _ask(self, instance: Instance, hook: str, **arguments: Any) -> Any:
        """Call one hook of one instance. Raises what the hook may raise, PluginQuarantined, or PluginFailed."""
        if instance.reason:
            raise PluginQuarantined(instance.id, hook, f"quarantined: {instance.reason}")
        if self.on_call is not None:
            self.on_call(instance.id)
        start = perf_counter()
        try:
            result = instance.callers[hook](**arguments)
        except BaseException as error:
            seconds = perf_counter() - start
            if belongs_to_the_process(error, self._let_through):
                raise
            allowed = isinstance(error, _ALLOWED.get(hook, ()))
            text, trace = ("", "") if allowed else (describe(error), trace_of(error))
            # A frame in the traceback may keep the error: uncut, that circle holds the payload in memory until the next
            # full garbage collection.
            error.__traceback__ = None
            if allowed:
                instance.went_well(seconds)
                raise error
            raise self._failed(instance, hook, seconds, text, trace) from error
        seconds = perf_counter() - start
        try:
            wrong = CHECKS[hook](result)
        except Exception as error:  # a subclass of a Struct may raise when it is looked at
            wrong = describe(error)
        if wrong:
            raise self._failed(instance, hook, seconds, f"returned nonsense: {wrong}")
        instance.went_well(seconds)
        return result

    def _failed(self, instance: Instance, hook: str, seconds: float, text: str, trace: str = "") -> PluginFailed:
        """Count and log a failure, quarantine after too many; returns what to raise."""
        in_a_row = instance.went_wrong(seconds, f"{hook}: {text}")
        log.warning("plugin_failed", instance=instance.id, hook=hook, error=text, consecutive=in_a_row)
        if in_a_row >= QUARANTINE_AFTER and not instance.reason:
            reason = f"{in_a_row} failures in a row, the last: {hook}: {text}"
            self.give_up(instance.id, reason)
        return PluginFailed(instance.id, hook, text, trace)

    def _instance(self, instance_id: str, hook: str = "") -> Instance:
        instance = self._instances.get(instance_id)
        if instance is None:
            raise UnknownInstance(f"no plugin instance {instance_id!r}; {closest(instance_id, self._instances)}")
        if hook and not instance.reason and hook not in instance.hooks:
            raise UnknownInstance(
                f"plugin instance {instance_id!r} ({instance.declared.use}) does not implement {hook}"
            )
        return instance

    def _speaker(self, device: Device) -> Instance:
        for instance in self._makers.get(device.maker, ()):
            if instance.serves(device.vendor_code, device.code):
                return instance
        enabled = ", ".join(sorted(self._makers)) or "none"
        if device.maker in self._makers:
            raise UnknownMaker(f"no plugin for maker {device.maker!r} is bound to device {device.code!r}")
        raise UnknownMaker(f"no enabled plugin for maker {device.maker!r}; enabled: {enabled}")

    # -- ingest -------------------------------------------------------------------------------------------------

    @property
    def makers(self) -> tuple[str, ...]:
        """The makes that an enabled plugin parses."""
        return tuple(sorted(self._makers))

    def answers(self) -> dict[str, list[Answer]]:
        """Each make's table of answers, as its plugin gave it at load."""
        return {maker: list(rows) for maker, rows in self._answers.items()}

    def parse_payload(self, payload: Payload) -> list[Observation]:
        """Ask the plugin of the device's maker.

        Raises UnsupportedEvent, MalformedPayload, PluginFailed, UnknownMaker.
        """
        return list(self._ask(self._speaker(payload.device), "parse_payload", payload=payload))

    def recognise_payload(self, payload: Payload) -> list[tuple[str, Recognition]]:
        """All opinions on a payload of unknown origin, the surest first. A plugin that fails has no opinion."""
        opinions = []
        for instance in self._by_hook["recognise_payload"]:
            try:
                opinion = self._ask(instance, "recognise_payload", payload=payload)
            except (PluginFailed, UnsupportedEvent, MalformedPayload):
                continue
            if opinion is not None:
                opinions.append((instance.id, opinion))
        return sorted(opinions, key=lambda pair: -pair[1].confidence)

    # -- judging ------------------------------------------------------------------------------------------------

    def judge_read(self, read: PlateRead, device: Device) -> tuple[Verdict, list[str]]:
        """The strictest verdict of all judges bound to the device, and the ids of those that failed.

        Of equals the first that gives a reason. No judge, or none with an opinion: accept. A judge that failed or is
        quarantined: at least review.
        """
        strictest, failed = ACCEPT, []
        for instance in self._by_hook["judge_read"]:
            if not instance.serves(device.vendor_code, device.code):
                continue
            try:
                verdict = self._ask(instance, "judge_read", read=read, device=device)
            except PluginFailed as error:
                failed.append(instance.id)
                verdict = Verdict(action="review", reason="judge_failed", detail=str(error))
            if verdict is None:
                continue
            more = SEVERITY[verdict.action] - SEVERITY[strictest.action]
            if more > 0 or (more == 0 and verdict.reason and not strictest.reason):
                strictest = verdict
        return strictest, failed

    def classify_passage(self, passage: Passage, device: Device) -> tuple[list[CaseDraft], list[PluginFailure]]:
        """The drafts of all rule plugins bound to the device, one for each violation type, and who failed.

        Where two plugins draft one type, the details are joined; the plugin that stands first in the file wins a key.
        """
        drafts: dict[ViolationType, CaseDraft] = {}
        failures: list[PluginFailure] = []
        for instance in self._by_hook["classify_passage"]:
            if not instance.serves(device.vendor_code, device.code):
                continue
            try:
                found = self._ask(instance, "classify_passage", passage=passage, device=device)
            except PluginFailed as error:
                failures.append(_failure(error))
                continue
            for draft in found:
                first = drafts.get(draft.violation_type)
                if first is not None:
                    detail = {**draft.detail, **first.detail}
                    draft = CaseDraft(violation_type=draft.violation_type, detail=detail)
                drafts[draft.violation_type] = draft
        return list(drafts.values()), failures

    # -- detection ----------------------------------------------------------------------------------------------

    def open_stream(self, device: Device, connect: StreamConnect) -> Iterator[Payload] | None:
        """The event stream of a device by its make's plugin; None when the make has none.

        Raises Transient, PluginFailed, UnknownMaker; iterating raises what the plugin raises.
        """
        instance = self._speaker(device)
        if not instance.reason and "open_stream" not in instance.hooks:
            return None
        stream: Iterator[Payload] | None = self._ask(instance, "open_stream", device=device, connect=connect)
        return stream

    def detectors_for(self, device: Device) -> list[str]:
        """Ids of the detectors bound to a camera, the quarantined ones too."""
        return [
            instance.id
            for instance in self._instances.values()
            if "detect_frames" in instance.hooks and instance.serves(device.vendor_code, device.code)
        ]

    def detect_frames(self, instance_id: str, frames: list[Frame]) -> list[list[Sighting]]:
        """What one detector sees, a list for each frame. Raises PluginFailed, UnknownInstance."""
        instance = self._instance(instance_id, "detect_frames")
        found: list[list[Sighting]] = self._ask(instance, "detect_frames", frames=frames)
        if len(found) != len(frames):
            text = f"returned nonsense: expected {len(frames)} lists, one for each frame, got {len(found)}"
            raise self._failed(instance, "detect_frames", 0.0, text)
        return found

    # -- notices ------------------------------------------------------------------------------------------------

    def channels_for(self, vendor_code: str) -> list[str]:
        """Ids of the notice channels bound to a vendor, in the order of the file: the order of fallback."""
        return [
            instance.id
            for instance in self._instances.values()
            if "deliver_notice" in instance.hooks and instance.serves(vendor_code)
        ]

    def is_in_app(self, instance_id: str) -> bool:
        """Whether a channel reaches an open app only (`Plugin.in_app`). False for one that is not there."""
        instance = self._instances.get(instance_id)
        return bool(instance and instance.cls and instance.cls.in_app)

    def signers(self, vendor_code: str) -> list[Any]:
        """`sign_channel(socket_id, channel, user_data) -> dict` of each notice channel of a vendor that has private
        channels of its own to sign (the Pusher protocol), in the order of the file."""
        plugins: list[Any] = [self._instances[one].plugin for one in self.channels_for(vendor_code)]
        return [plugin.sign_channel for plugin in plugins if hasattr(plugin, "sign_channel")]

    def application_key(self, vendor_code: str) -> str:
        """What browsers subscribe to Web Push with: of a vendor's first notice channel that has such a key, else ""."""
        plugins: list[Any] = [self._instances[one].plugin for one in self.channels_for(vendor_code)]
        return next((str(plugin.application_key()) for plugin in plugins if hasattr(plugin, "application_key")), "")

    def client_settings(self, vendor_code: str) -> dict[str, dict[str, Any]]:
        """What apps need to listen to each notice channel of a vendor, in the order of the file; {} for one that has
        no `client_settings()`. Nothing in it is secret."""
        plugins: dict[str, Any] = {one: self._instances[one].plugin for one in self.channels_for(vendor_code)}
        return {
            one: dict(plugin.client_settings()) if hasattr(plugin, "client_settings") else {}
            for one, plugin in plugins.items()
        }

    def ears(self) -> dict[str, Callable[[], Iterator[Heard | None] | None]]:
        """`hear()` of each notice channel that has it, quarantined or not: what went out, as it hears it itself."""
        return {
            one.id: one.plugin.hear
            for one in self._instances.values()
            if one.plugin is not None and "deliver_notice" in one.hooks and hasattr(one.plugin, "hear")
        }

    def hears(self, instance_id: str) -> bool:
        """Whether a notice channel can hear what went out."""
        return instance_id in self.ears()

    def webhook_reader(self, instance_id: str) -> Any:
        """`read_webhook(headers, body) -> events | None` of a notice channel that has webhooks; None without one."""
        instance = self._instances.get(instance_id)
        ready = instance is not None and instance.plugin is not None and "deliver_notice" in instance.hooks
        return getattr(instance.plugin, "read_webhook", None) if instance is not None and ready else None

    def deliver_notice(self, instance_id: str, notice: Notice, recipient: Recipient) -> Delivery:
        """Tell one recipient by one channel. Raises Transient, Undeliverable, PluginFailed, UnknownInstance."""
        delivery: Delivery = self._ask(
            self._instance(instance_id, "deliver_notice"), "deliver_notice", notice=notice, recipient=recipient
        )
        return delivery

    # -- sinks --------------------------------------------------------------------------------------------------

    def sinks_for(self, vendor_code: str) -> list[str]:
        """Ids of the sinks bound to a vendor, the quarantined ones too: their cases wait in the outbox."""
        return [
            instance.id
            for instance in self._instances.values()
            if SINK_HOOKS & set(instance.hooks) and instance.serves(vendor_code)
        ]

    def build_sync(self, instance_id: str, case: CaseView) -> HttpRequest:
        """The request that tells the centre of a case. Raises Unbuildable, PluginFailed, UnknownInstance."""
        request: HttpRequest = self._ask(self._instance(instance_id, "build_sync"), "build_sync", case=case)
        return request

    def read_receipt(self, instance_id: str, response: HttpResponse) -> SyncReceipt:
        """What an answer means. Never raises for what the plugin does: then it is "unknown"."""
        try:
            receipt = self._ask(self._instance(instance_id, "read_receipt"), "read_receipt", response=response)
        except PluginFailed as error:
            return SyncReceipt(outcome="unknown", reason=str(error))
        return receipt or SyncReceipt(outcome="unknown", reason=f"plugin {instance_id}: read_receipt gave no receipt")

    def build_look_up(self, instance_id: str, case: CaseView) -> HttpRequest | None:
        """The request that asks the centre for a case; None when it cannot be asked. Raises PluginFailed."""
        instance = self._instance(instance_id)
        if not instance.reason and "build_look_up" not in instance.hooks:
            return None
        request: HttpRequest | None = self._ask(instance, "build_look_up", case=case)
        return request

    def push_sync(self, instance_id: str, case: CaseView, rendered: bytes) -> SyncReceipt | None:
        """Deliver by something that is not HTTP; None: this sink speaks HTTP.

        Raises Transient, Refused, and PluginQuarantined (nothing was tried). Any other failure is "unknown".
        """
        instance = self._instance(instance_id)
        if not instance.reason and "push_sync" not in instance.hooks:
            return None
        try:
            receipt: SyncReceipt | None = self._ask(instance, "push_sync", case=case, rendered=rendered)
        except PluginQuarantined:
            raise
        except PluginFailed as error:
            return SyncReceipt(outcome="unknown", reason=str(error))
        return receipt

    def secret(self, instance_id: str, field: str) -> str:
        """A secret of an instance's config in clear, for the code that sends it. Raises UnknownInstance."""
        instance = self._instance(instance_id)
        value = getattr(instance.plugin.config, field, None) if instance.plugin else None
        if not isinstance(value, Secret):
            raise UnknownInstance(f"plugin instance {instance_id!r} has no secret {field!r} in its config")
        return value.reveal()

    # -- everybody ----------------------------------------------------------------------------------------------

    def observe_event(self, event: DomainEvent, vendor_code: str = "") -> list[PluginFailure]:
        """Tell all observers. Instances bound to vendors hear only of theirs, so nothing when `vendor_code` is ""."""
        failures = []
        for instance in self._by_hook["observe_event"]:
            if instance.serves(vendor_code):
                try:
                    self._ask(instance, "observe_event", event=event)
                except PluginFailed as error:
                    failures.append(_failure(error))
        return failures

    def health(self, only: Sequence[str] | None = None) -> dict[str, Health]:
        """Every instance's state, or of some. One that does not answer within a second is "error" until it does."""
        asked = [one for one in self._instances.values() if only is None or one.id in only]
        return {instance.id: self._health(instance) for instance in asked}

    def _health(self, instance: Instance) -> Health:
        if instance.reason:
            return Health(state="error", detail=f"quarantined: {instance.reason}")
        if "health" not in instance.hooks:
            return Health(state="ok")
        late = Health(state="error", detail=f"health did not answer within {HEALTH_TIMEOUT_S:g} s")
        if instance.id in self._slow:
            return late

        def ask() -> Health:
            try:
                return self._ask(instance, "health") or Health(state="ok")
            except PluginFailed as error:
                return Health(state="error", detail=error.error_text)
            finally:
                self._slow.discard(instance.id)

        self._slow.add(instance.id)
        try:
            return bounded(ask, HEALTH_TIMEOUT_S, name=f"health-{instance.id}")
        except HookHung:
            return late

    def close(self) -> None:
        """Let every plugin go, in reverse order of loading. Safe twice; a plugin that fails stops no other."""
        for instance in reversed(self._instances.values()):
            if "close" in instance.callers and not instance.reason:
                try:
                    self._ask(instance, "close")
                except PluginFailed:
                    continue  # counted and logged

    # -- state --------------------------------------------------------------------------------------------------

    @property
    def instances(self) -> list[InstanceInfo]:
        """All instances in the order of the file, with state and counters of this process."""
        return [instance.info() for instance in self._instances.values()]

    def quarantine(self, instance_id: str, reason: str) -> None:
        """Ask this instance no more. The caller persists it, where it is to outlive the process."""
        instance = self._instance(instance_id)
        instance.reason = reason or "by hand"
        log.error("plugin_quarantined", instance=instance_id, reason=instance.reason)

    def give_up(self, instance_id: str, reason: str) -> None:
        """Quarantine an instance, and have it remembered where the process does that (`on_quarantine`)."""
        self.quarantine(instance_id, reason)
        if self.on_quarantine is not None:
            try:
                self.on_quarantine(instance_id, reason)
            except Exception:
                log.exception("quarantine_not_persisted", instance=instance_id)

    def release(self, instance_id: str) -> None:
        """Ask this instance again. Raises PluginLoadError for one that never loaded: that takes a restart."""
        instance = self._instance(instance_id)
        if instance.plugin is None:
            raise PluginLoadError([f"plugin {instance_id} did not load and needs a restart: {instance.reason}"])
        instance.reason = ""
        instance.consecutive = 0
        log.info("plugin_released", instance=instance_id)


def _failure(error: PluginFailed) -> PluginFailure:
    return PluginFailure(instance=error.instance, hook=error.hook, error_text=error.error_text)
