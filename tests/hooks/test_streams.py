"""open_stream: the make's own plugin is asked, and what it hands on are payloads."""

from __future__ import annotations

import pytest

from core.hooks.errors import PluginFailed

STREAM = """
@hookimpl
def open_stream(self, device: Device, connect: StreamConnect) -> Iterator[Payload] | None:
    return iter([Payload(body=device.code.encode(), device=device, received_at=datetime(2026, 3, 2, tzinfo=UTC))])

@hookimpl
def parse_payload(self, payload: Payload) -> list[Observation]:
    return []
"""
HEAD = "from collections.abc import Iterator\nfrom datetime import UTC, datetime\nclass Plugin(Base):"


def test_the_make_s_plugin_opens_its_stream(deployment, device):
    deployment.add("acme", STREAM, head=HEAD)
    stream = deployment.load().open_stream(device("acme"), None)

    assert [b"cam-1"] == [payload.body for payload in stream]


def test_what_is_no_stream_is_a_failure_of_the_plugin(deployment, device):
    deployment.add("acme", STREAM.replace("return iter(", "return list("), head=HEAD)

    with pytest.raises(PluginFailed, match="expected an iterator, got list"):
        deployment.load().open_stream(device("acme"), None)
