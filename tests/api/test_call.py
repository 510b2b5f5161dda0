import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import RequestFactory

from core.domain.events import DomainEvent
from core.ingest.peers import TrustedProxies
from core.web.announcer import Announcer
from core.web.call import peer_of


def request(peer: str, *forwarded: str) -> Any:
    made = RequestFactory().get("/")
    made.scope["client"] = (peer, 5000)
    made.scope["headers"] = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return made


@pytest.mark.threat("T02")
@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("10.0.0.9", [], [], "10.0.0.9"),
        ("10.0.0.9", ["1.2.3.4"], [], "10.0.0.9"),
        ("10.0.0.9", ["1.2.3.4"], ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.9", ["6.6.6.6, 1.2.3.4"], ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.9", ["1.2.3.4, 10.0.0.8"], ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.9", ["6.6.6.6", "1.2.3.4"], ["10.0.0.0/8"], "1.2.3.4"),
        ("::ffff:10.0.0.9", ["::ffff:1.2.3.4"], ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.9", [], ["10.0.0.0/8"], "10.0.0.9"),
        ("10.0.0.9", ["no address"], ["10.0.0.0/8"], "10.0.0.9"),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_the_hops_are_trusted(
    peer: str, forwarded: list[str], trusted: list[str], expected: str
) -> None:
    assert expected == peer_of(request(peer, *forwarded), TrustedProxies(trusted))


def test_an_observer_that_hangs_keeps_no_officer_waiting() -> None:
    inside, release = threading.Event(), threading.Event()

    class Hanging:
        def observe_event(self, event: DomainEvent, vendor_code: str) -> None:
            inside.set()
            release.wait(30)

    announcer = Announcer(Hanging())
    event = DomainEvent(name="violation_approved", at=datetime.now(UTC), vendor_id=1)
    for _ in range(2000):
        announcer.tell(event, "polda-banten")
    assert inside.wait(10)
    announcer.close(timeout_s=0.01)
    release.set()


def test_what_waits_is_told_before_the_end() -> None:
    heard: list[str] = []

    class Slow:
        def observe_event(self, event: DomainEvent, vendor_code: str) -> None:
            heard.append(vendor_code)
            if len(heard) == 1:
                raise RuntimeError

    announcer = Announcer(Slow())
    event = DomainEvent(name="violation_approved", at=datetime.now(UTC), vendor_id=1)
    for code in ("a", "b", "c"):
        announcer.tell(event, code)
    announcer.close(timeout_s=30)
    announcer.close()
    assert ["a", "b", "c"] == heard
