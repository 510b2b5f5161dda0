"""The peer: what a good engineer writes first. Bare ASGI under uvicorn, one INSERT pair a request through a pool.

The seed's tables without our extra columns and indexes, the same key check (a look-up in a dict), bodies validated by
msgspec; pictures are written to two plain files, without fsync. The pair is one statement by default, which is one
round trip and one commit and so the faster form; `--pair transaction` sends BEGIN, two INSERTs and COMMIT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import uvicorn
from lxml import etree
from psycopg_pool import AsyncConnectionPool

POOL = 16
SCHEMA = """
CREATE TABLE vendors (id bigserial PRIMARY KEY, vendor_code varchar(50) UNIQUE NOT NULL, vendor_name varchar(100),
  region varchar(100), etnas_url text, api_key text, is_active boolean DEFAULT true,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE devices (id bigserial PRIMARY KEY, device_code varchar(100) UNIQUE NOT NULL, device_name varchar(100),
  ip_address varchar(50), location text, vendor_id bigint REFERENCES vendors (id), is_active boolean DEFAULT true,
  created_at timestamptz DEFAULT now());
CREATE TABLE plate_reads (id bigserial PRIMARY KEY, device_id bigint REFERENCES devices (id),
  plate_number varchar(20), confidence numeric(5,2), vehicle_type varchar(50), lane_no varchar(10),
  direction varchar(10), capture_time timestamptz, plate_image text, vehicle_image text, raw_payload jsonb,
  created_at timestamptz DEFAULT now());
CREATE TABLE violations (id bigserial PRIMARY KEY, plate_read_id bigint REFERENCES plate_reads (id),
  vendor_id bigint REFERENCES vendors (id), violation_type varchar(100), status varchar(20) DEFAULT 'pending',
  verified_by varchar(100), verified_at timestamptz, created_at timestamptz DEFAULT now());
INSERT INTO vendors (vendor_code) VALUES ('polda-banten');
"""
_READ = """INSERT INTO plate_reads (device_id, plate_number, confidence, vehicle_type, lane_no, direction, capture_time,
  plate_image, vehicle_image, raw_payload) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb) RETURNING id"""
_VIOLATION = "INSERT INTO violations (plate_read_id, vendor_id, violation_type) VALUES (%s, %s, %s)"
_PAIR = f"""WITH r AS ({_READ})
INSERT INTO violations (plate_read_id, vendor_id, violation_type) SELECT id, %s, %s FROM r RETURNING id"""
_ANPR = "{http://www.hikvision.com/ver20/XMLSchema}"
_XML = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


class Event(msgspec.Struct):
    """The documented fields of a generic event."""

    plateNumber: str
    timestamp: datetime
    confidence: float = 0.0
    vehicleType: str = ""
    laneNo: str = ""
    direction: str = ""
    plateImage: str = ""
    vehicleImage: str = ""


class Peer:
    """The ASGI application."""

    def __init__(self, url: str, keys: dict[str, tuple[int, int]], *, folder: Path, pair: str, port_file: Path) -> None:
        self._url = url
        self._keys = keys
        self._folder = folder
        self._pair = pair
        self._port_file = port_file
        self._decode = msgspec.json.Decoder(Event).decode
        self._pictures = 0

    async def open(self) -> None:
        """Open the pool."""
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self._url, min_size=POOL, max_size=POOL, open=False, timeout=60, kwargs={"autocommit": True}
        )
        await self._pool.open(wait=True)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        key = next((value for name, value in scope["headers"] if name == b"x-api-key"), b"")
        device = self._keys.get(key.decode("latin-1"))
        if device is None:
            await _answer(send, 401, b'{"error":"unknown key"}')
            return
        chunks = []
        while True:
            message = await receive()
            chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        try:
            event, raw = self._read_json(body) if body[:1] == b"{" else self._read_multipart(body)
        except (msgspec.DecodeError, ValueError, AttributeError, etree.XMLSyntaxError):
            await _answer(send, 400, b'{"error":"bad request"}')
            return
        number = await self._insert(device, event, raw)
        await _answer(send, 200, b'{"status":"ok","id":%d}' % number)

    async def _insert(self, device: tuple[int, int], e: Event, raw: str) -> int:
        values = (device[0], e.plateNumber, e.confidence, e.vehicleType, e.laneNo, e.direction[:10], e.timestamp,
                  e.plateImage, e.vehicleImage, raw)  # fmt: skip
        async with self._pool.connection() as connection:
            if self._pair == "statement":
                cursor = await connection.execute(_PAIR, (*values, device[1], "lampu_merah"), prepare=True)
                row = await cursor.fetchone()
                return int(row[0])
            async with connection.transaction():
                cursor = await connection.execute(_READ, values, prepare=True)
                row = await cursor.fetchone()
                await connection.execute(_VIOLATION, (row[0], device[1], "lampu_merah"), prepare=True)
                return int(row[0])

    def _read_json(self, body: bytes) -> tuple[Event, str]:
        return self._decode(body), body.decode()

    def _read_multipart(self, body: bytes) -> tuple[Event, str]:
        """Split at the boundary, read the XML, write the pictures. Slices are views: nothing is copied."""
        view = memoryview(body)
        boundary = body[: body.index(b"\r\n")]
        parts, at = {}, len(boundary) + 2
        while (end := body.find(b"\r\n" + boundary, at)) > 0:
            start = body.index(b"\r\n\r\n", at) + 4
            head = body[at:start]
            name = head[head.index(b'name="') + 6 :].split(b'"', 1)[0]
            parts[name] = view[start:end]
            at = end + len(boundary) + 4
        root = etree.fromstring(bytes(parts[b"anpr.xml"]), _XML)
        anpr = root.find(f"{_ANPR}ANPR")
        self._pictures += 1
        names = []
        for kind, part in (("plates", b"licensePlatePicture.jpg"), ("vehicles", b"detectionPicture.jpg")):
            path = self._folder / kind / f"{os.getpid()}-{self._pictures}.jpg"
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(fd, parts[part])
            os.close(fd)
            names.append(str(path))
        event = Event(
            plateNumber=anpr.findtext(f"{_ANPR}licensePlate"),
            timestamp=datetime.fromisoformat(root.findtext(f"{_ANPR}dateTime").strip()),
            confidence=float(anpr.findtext(f"{_ANPR}confidenceLevel")),
            vehicleType=anpr.findtext(f"{_ANPR}vehicleType"),
            laneNo=anpr.findtext(f"{_ANPR}line"),
            direction=anpr.findtext(f"{_ANPR}direction"),
            plateImage=names[0],
            vehicleImage=names[1],
        )
        return event, msgspec.json.encode({e.tag.rpartition("}")[2]: e.text for e in root}).decode()


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make_database(url: str, devices: int) -> None:
    """The seed's tables with so many devices."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute(
            "INSERT INTO devices (device_code, vendor_id) SELECT 'kamera-' || n, 1 FROM generate_series(1, %s) n",
            (devices,),
        )


async def serve(peer: Peer, port_file: Path) -> None:
    """Serve until SIGTERM; the port goes to the file."""
    await peer.open()
    config = uvicorn.Config(peer, host="127.0.0.1", port=0, loop="uvloop", http="httptools", log_config=None,
                            access_log=False, server_header=False, proxy_headers=False, lifespan="off",
                            timeout_keep_alive=75, backlog=4096)  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event for it
        await asyncio.sleep(0.01)
    port_file.write_text(str(server.servers[0].sockets[0].getsockname()[1]))
    await task


def main() -> None:
    """`python -m benchmarks.peer`, started by benchmarks.ingest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--keys", type=Path, required=True, help="JSON list of device keys")
    parser.add_argument("--folder", type=Path, required=True, help="where pictures go")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--pair", choices=("statement", "transaction"), default="statement")
    options = parser.parse_args()
    for kind in ("plates", "vehicles"):
        (options.folder / kind).mkdir(parents=True, exist_ok=True)
    keys = {key: (number + 1, 1) for number, key in enumerate(json.loads(options.keys.read_text()))}
    peer = Peer(options.url, keys, folder=options.folder, pair=options.pair, port_file=options.ready_file)
    with asyncio.Runner(loop_factory=__import__("uvloop").new_event_loop) as runner:
        runner.run(serve(peer, options.ready_file))


if __name__ == "__main__":
    main()
