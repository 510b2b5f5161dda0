"""Damaged bodies of every make, posted to a running house: each becomes a read, a count or a quarantined payload.

200 a make in `make test`, 10,000 in `make drill`. The sums are checked against the make's own parser, run here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import pytest

from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.observations import Payload, PlateRead
from core.hooks.host import Host
from core.ingest.inflate import inflate
from core.testing.fixtures import device, load_http
from core.testing.grading import ROUNDS
from core.testing.house import House, fresh_database
from core.testing.makes_page import makes
from core.testing.mutations import SEED, damaged
from core.testing.parser_drill import config_of_tests

VENDORS = Path(__file__).parents[2] / "vendors"
MAKES = makes(VENDORS)
SAMPLE = 200
IN_FLIGHT = 16
AGAIN = {429, 503}
"""Told to come back: a camera keeps its event and does so."""


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


@pytest.fixture(scope="module")
def running(tmp_path_factory, postgres_url, template_url, valkey_url):
    """(house, host with the same plugins, (make, rounds) -> camera)."""
    text = "hooks = 1\n" + "".join(
        f'[plugin.{make}]\nuse = "vendors.{make}"\nconfig = {toml(config_of_tests(f"vendors.{make}") or {})}\n'
        for make in MAKES
    )
    with fresh_database(postgres_url, template_url) as url:
        house = House(tmp_path_factory.mktemp("damage"), url, valkey_url, text)
        cameras = {(make, rounds): house.camera(make) for make in MAKES for rounds in (SAMPLE, ROUNDS)}
        host = Host.load(house.home / "plugins.toml", environ={}, data_dir=house.home / "here")
        try:
            house.start("ingest", "parse")
            yield house, host, cameras
        finally:
            host.close()
            house.stop()


class Sent(msgspec.Struct, frozen=True):
    """One damaged request."""

    path: str
    headers: dict[str, str]
    body: bytes


def key_of(request):
    """What a parser goes by; the columns of the stored payload that are the same."""
    headers = {key.lower(): value for key, value in request.headers.items()}
    return (
        hashlib.sha256(request.body).digest(), headers.get("content-type", ""), headers.get("content-encoding", ""),
        request.path.partition("?")[0],
    )  # fmt: skip


def requests_of(make, camera, rounds, seed):
    """`rounds` damaged requests of the make's fixtures, at the camera's own URL or the one its firmware insists on."""
    chance = random.Random(seed)
    known = []
    for fixture in sorted((VENDORS / make / "fixtures").glob("*.http")):
        _, path, headers, body = load_http(fixture)
        told = {k.title(): v for k, v in headers.items() if k.lower() in ("content-type", "content-encoding")}
        kept = {"Content-Type": "application/octet-stream"} | told
        known.append((camera.path if path.startswith("/cam/") else path, kept, body))
    for _ in range(rounds):
        path, headers, body = chance.choice(known)
        yield Sent(path, headers, damaged(body, chance))


async def post_all(house, camera, sent):
    """The last answer to each request, in order: (status, body). Raises when the server stops answering."""
    answers = [(0, b"")] * len(sent)
    turns = iter(range(len(sent)))

    async def one(session):
        for number in turns:
            request = sent[number]
            while answers[number][0] in {0, *AGAIN}:
                url = f"http://127.0.0.1:{house.port}{request.path}"
                async with session.post(url, data=request.body, headers=request.headers | camera.headers) as answer:
                    answers[number] = answer.status, await answer.read()

    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False, auto_decompress=False) as session:
        await asyncio.gather(*(one(session) for _ in range(IN_FLIGHT)))
    return answers


class Outcome(msgspec.Struct, frozen=True):
    """What the make's parser says to a body: rows of reads, other things that are counted, or that it is malformed."""

    reads: int = 0
    counted: int = 0
    malformed: bool = False


def outcome(host, maker, request):
    headers = {key.lower(): value for key, value in request.headers.items()}
    try:
        payload = Payload(
            body=inflate(request.body, headers.get("content-encoding", "")), device=device(maker),
            received_at=datetime.now(UTC), content_type=headers.get("content-type", ""), headers=headers,
            path=request.path,
        )  # fmt: skip
        found = host.parse_payload(payload)
    except MalformedPayload:
        return Outcome(malformed=True)
    except UnsupportedEvent:
        return Outcome(counted=1)
    reads = sum(isinstance(one, PlateRead) for one in found)
    return Outcome(reads, len(found) - reads)


@pytest.mark.parametrize(
    "rounds", [pytest.param(SAMPLE, id=str(SAMPLE)), pytest.param(ROUNDS, id=str(ROUNDS), marks=pytest.mark.drill)]
)
@pytest.mark.parametrize("make", MAKES)
def test_every_damaged_body_is_read_counted_or_quarantined(running, make, rounds):
    house, host, cameras = running
    camera = cameras[make, rounds]
    sent = list(requests_of(make, camera, rounds, SEED + rounds))
    answers = asyncio.run(post_all(house, camera, sent))
    house.settle(timeout_s=120)

    assert [] == [one for one in answers if not (200 <= one[0] < 300 or (400 <= one[0] < 500 and one[1]))]
    by_key = {key_of(one): one for one in sent}
    said = {key: outcome(host, make, one) for key, one in by_key.items()}
    rows = house.rows(
        "SELECT id, sha256, content_type, headers->>'content-encoding', headers->>':path' FROM payloads"
        " WHERE device_id = %s", camera.id,
    )  # fmt: skip
    stored = {row[0]: (bytes(row[1]), *(text or "" for text in row[2:])) for row in rows}
    # What is answered and not stored was no event (a sign of life, or refused with a reason): none of it has a plate.
    left = Counter(map(key_of, sent))
    left.subtract(stored.values())
    assert min(left.values()) == 0
    assert [] == [by_key[key].body[:300] for key, n in left.items() if n and said[key].reads]

    reads = house.rows("SELECT payload_id, count(*) FROM plate_reads WHERE device_id = %s GROUP BY 1", camera.id)
    assert {one: said[key].reads for one, key in stored.items() if said[key].reads} == dict(reads)
    aside = house.rows("SELECT payload_id, kind FROM quarantine WHERE device_id = %s", camera.id)
    assert {one: "malformed" for one, key in stored.items() if said[key].malformed} == dict(aside)
    counted = house.one(
        "SELECT coalesce(sum(n), 0) FROM event_counts WHERE device_id = %s AND outcome <> 'reused_id'", camera.id
    )
    assert sum(said[key].counted for key in stored.values()) == counted
    assert not house.ended("ingest") and not house.ended("parse")
    kinds = Counter(
        "read" if said[key].reads else "malformed" if said[key].malformed else "counted" for key in stored.values()
    )
    print(f"{make}: {rounds} bodies, {len(stored)} stored {dict(kinds)}, {rounds - len(stored)} answered and no event")
