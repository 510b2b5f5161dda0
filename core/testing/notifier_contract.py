"""Contract tests for channels: a notifier's test class inherits one of these and gets its tests for nothing.

class TestAcme(HttpNotifierContract):
    use = "notifiers.acme"

`NotifierContract` is for any channel, `HttpNotifierContract` for one that calls a service over HTTP(S).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from core.domain.errors import TangkapinError, Transient, Undeliverable
from core.domain.notices import Address, Delivery, Notice, Recipient
from core.hooks.checks import inspect_plugin
from core.hooks.deployment import convert_config, find_class
from core.hooks.plugin import PluginContext
from core.realtime.bus import Bus, use_bus
from core.testing.local_peer import Got, LocalPeer, Say, own_certificate

ConfigMistake = TangkapinError
"""What `channel` raises for a wrong table."""


def channel(use: str, folder: Path, table: dict[str, Any], environ: Mapping[str, str] | None = None) -> Any:
    """An instance of a notifier with this config table. Raises ConfigMistake."""
    cls = find_class(use)
    config = convert_config(table, cls.Config, where="test", environ=environ or {}, folder=folder)
    return cls(config, PluginContext(instance=use.rpartition(".")[2]))


def example_notice(**more: Any) -> Notice:
    """A knife on camera 5 became report 31, told to its owner."""
    fields: dict[str, Any] = {
        "id": "n-8801",
        "kind": "weapon_detected",
        "title": "Senjata terdeteksi",
        "message": "Pisau terlihat di Gudang Utara",
        "at": datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
        "event": "weapon-detected",
        "payload": {
            "reportId": 31, "cctvId": 5, "incidentType": "knife", "location": "Jl. Melati 9, Gudang Utara",
            "district": "Tanah Abang", "timestamp": "2026-03-02T17:30:00+07:00", "evidenceUrl": "https://t.test/e/1",
        },
        "report_id": 31,
        "device_id": 5,
        "urgent": True,
        "collapse_key": "report-31",
        "expires_at": datetime.now(UTC) + timedelta(minutes=30),
    }  # fmt: skip
    return Notice(**fields | more)


def example_recipient(*addresses: Address, **more: Any) -> Recipient:
    """An owner of polda-uji."""
    fields: dict[str, Any] = {"role": "owner", "id": 12, "vendor_id": 3, "addresses": addresses}
    return Recipient(**fields | more)


class MemoryBus(Bus):
    """The realtime bus in memory. `heard`: topics that one web process listens to; `published`: (topic, event)."""

    def __init__(self, *heard: str) -> None:
        self.heard = set(heard)
        self.published: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, event: bytes) -> int:
        """Note the event; how many listen."""
        self.published.append((topic, msgspec.json.decode(event)))
        return int(topic in self.heard)

    def close(self) -> None:
        """Nothing is open."""


@contextlib.contextmanager
def realtime_bus(*heard: str) -> Iterator[MemoryBus]:
    """While it is open, what this process publishes goes to this bus."""
    bus = MemoryBus(*heard)
    use_bus(bus)
    try:
        yield bus
    finally:
        use_bus(None)


class NotifierContract:
    """What every channel keeps. `use` is its name in plugins.toml; a subclass gives the methods that raise here."""

    use: ClassVar[str]
    needs_addresses: ClassVar[bool] = False
    """Whether a recipient without an address of this kind cannot be told."""

    @pytest.fixture
    def told(self) -> Iterator[Any]:
        """The channel under test, ready to tell `recipient`."""
        raise NotImplementedError

    @pytest.fixture
    def recipient(self) -> Recipient:
        """Somebody whom the channel can tell."""
        return example_recipient()

    def test_the_plugin_may_be_loaded(self) -> None:
        assert inspect_plugin(find_class(self.use)) == []

    def test_a_notice_that_is_taken_is_accepted_or_delivered(self, told: Any, recipient: Recipient) -> None:
        delivery = told.deliver_notice(example_notice(), recipient)
        assert isinstance(delivery, Delivery)
        assert delivery.dead == ()

    def test_a_notice_of_any_length_and_script_is_told(self, told: Any, recipient: Recipient) -> None:
        for text in ("x" * 20_000, "‮ﷺ🚨" * 2_000, "", "\x00\"'</script>"):
            notice = example_notice(title=text, message=text, payload={"reportId": 31, "note": text})
            assert isinstance(told.deliver_notice(notice, recipient), Delivery)

    def test_a_notice_of_the_bare_minimum_is_told(self, told: Any, recipient: Recipient) -> None:
        bare = Notice(id="n-1", kind="recalled", title="t", message="m", at=datetime(2026, 3, 2, tzinfo=UTC))
        assert isinstance(told.deliver_notice(bare, recipient), Delivery)

    def test_nobody_to_tell_leads_to_the_next_channel(self, told: Any, recipient: Recipient) -> None:
        if self.needs_addresses:
            with pytest.raises(Undeliverable):
                told.deliver_notice(example_notice(), example_recipient())

    def test_closing_twice_is_safe_before_and_after_the_first_notice(self, told: Any, recipient: Recipient) -> None:
        close = getattr(told, "close", lambda: None)  # a channel without anything open has none
        told.deliver_notice(example_notice(), recipient)
        close()
        close()


class HttpNotifierContract(NotifierContract):
    """A channel that calls a service: what it makes of the service's answers and of its silence.

    The peer answers `taken` unless a test says otherwise; `tls` gives it a certificate that `folder`/peer.pem vouches
    for. `secrets` are texts that no error may show: keys, tokens, addresses.
    """

    tls: ClassVar[bool] = False
    secrets: ClassVar[tuple[str, ...]] = ()
    refusals: ClassVar[tuple[int, ...]] = (400, 403)

    def make(self, peer: LocalPeer, folder: Path, timeout_s: float) -> Any:
        """The channel, calling the peer."""
        raise NotImplementedError

    def taken(self, got: Got) -> Say:
        """What the service says when it takes a notice (and to the channel's other requests, a login)."""
        return Say()

    def sends(self, got: Got) -> bool:
        """Whether a request tells a notice (a login does not)."""
        return True

    def notice_ids(self, got: Got) -> set[str]:
        """The ids of the notices that a request tells."""
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("channel")

    @pytest.fixture
    def peer(self, folder: Path) -> Iterator[LocalPeer]:
        peer = LocalPeer(self.taken, own_certificate(folder) if self.tls else None).start()
        yield peer
        peer.close()

    @pytest.fixture
    def told(self, peer: LocalPeer, folder: Path) -> Iterator[Any]:
        made = self.make(peer, folder, timeout_s=4.0)
        yield made
        made.close()

    def saying(self, peer: LocalPeer, say: Say, times: int | None = None) -> None:
        """From now on the service says this to a notice, so many times."""
        left = [times]

        def answer(got: Got) -> Say:
            if not self.sends(got) or left[0] == 0:
                return self.taken(got)
            left[0] = left[0] and left[0] - 1
            return say

        peer.answer = answer

    def sent(self, peer: LocalPeer) -> list[Got]:
        """The requests so far that told a notice."""
        return [got for got in peer.got if self.sends(got)]

    def test_a_lost_answer_means_later_and_the_next_attempt_tells_the_same_id(
        self, peer: LocalPeer, told: Any, recipient: Recipient
    ) -> None:
        self.saying(peer, Say(lost=True), times=1)
        with pytest.raises(Transient):
            told.deliver_notice(example_notice(), recipient)
        told.deliver_notice(example_notice(), recipient)
        assert [{"n-8801"}, {"n-8801"}] == [self.notice_ids(got) for got in self.sent(peer)]

    def test_no_answer_in_time_means_later(self, peer: LocalPeer, folder: Path, recipient: Recipient) -> None:
        hasty = self.make(peer, folder, timeout_s=0.3)
        self.saying(peer, Say(after_s=0.8))
        with pytest.raises(Transient):
            hasty.deliver_notice(example_notice(), recipient)
        hasty.close()

    def test_a_service_that_is_not_there_means_later(self, peer: LocalPeer, told: Any, recipient: Recipient) -> None:
        peer.close()
        with pytest.raises(Transient):
            told.deliver_notice(example_notice(), recipient)

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_a_busy_service_means_later_and_its_word_on_when_is_kept(
        self, peer: LocalPeer, told: Any, recipient: Recipient, status: int
    ) -> None:
        self.saying(peer, Say(status=status, headers={"Retry-After": "17"}, body=b"<html>busy</html>"))
        with pytest.raises(Transient) as caught:
            told.deliver_notice(example_notice(), recipient)
        assert caught.value.retry_after_s == 17.0

    def test_a_refusal_leads_to_the_next_channel_and_buries_no_address(
        self, peer: LocalPeer, told: Any, recipient: Recipient
    ) -> None:
        for status in self.refusals:
            self.saying(peer, Say(status=status, body=b"no"))
            with pytest.raises(Undeliverable, match=str(status)) as caught:
                told.deliver_notice(example_notice(), recipient)
            assert caught.value.dead == ()

    def test_a_redirect_is_not_followed(self, peer: LocalPeer, told: Any, recipient: Recipient) -> None:
        self.saying(peer, Say(status=307, headers={"Location": f"{peer.url}/elsewhere"}))
        with pytest.raises(Undeliverable, match="307"):
            told.deliver_notice(example_notice(), recipient)
        assert not [got for got in peer.got if got.path == "/elsewhere"]

    @pytest.mark.threat("T28")
    def test_errors_tell_no_secret_and_no_address(
        self, peer: LocalPeer, told: Any, recipient: Recipient
    ) -> None:  # fmt: skip
        assert self.secrets
        echo = " ".join(self.secrets).encode()
        for say in (Say(status=400, body=echo), Say(status=503, body=echo), Say(status=404, body=echo), Say(lost=True)):
            self.saying(peer, say)
            with pytest.raises((Transient, Undeliverable)) as caught:
                told.deliver_notice(example_notice(), recipient)
            shown = f"{caught.value!r} {caught.value.__cause__!r}"
            assert not [secret for secret in self.secrets if secret in shown]
        assert not [secret for secret in self.secrets if secret in f"{told.config!r} {told.health()!r}"]

    def test_what_a_service_sends_back_is_read_to_its_limit_only(
        self, peer: LocalPeer, told: Any, recipient: Recipient
    ) -> None:
        self.saying(peer, Say(status=503, body=b"x" * 300_000))
        with pytest.raises(Transient) as caught:
            told.deliver_notice(example_notice(), recipient)
        assert len(str(caught.value)) < 500
