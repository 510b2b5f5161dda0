"""Tiles beneath the map: from a file, from a server, and what happens where there are none."""

import asyncio
import io
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.settings import Settings, SettingsError, load_settings
from core.testing.review import World
from core.web.tiles import NOTHING, FileTiles, TilesUnusable, open_tiles


def tile(colour: str, kind: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(made, kind)
    return made.getvalue()


def mbtiles(path: Path, kind: str = "png") -> Path:
    """The world in one tile, and at zoom 1 its north-west quarter alone."""
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE metadata (name text, value text)")
        file.execute("CREATE TABLE tiles (zoom_level int, tile_column int, tile_row int, tile_data blob)")
        told = [("format", kind), ("attribution", "© <a href='https://peta.example'>Peta &amp; Co</a>")]
        file.executemany("INSERT INTO metadata VALUES (?, ?)", told)
        rows = [(0, 0, 0, tile("red")), (1, 0, 1, tile("blue", "JPEG"))]
        file.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
    file.close()
    return path


class Server:
    """A tile server that has one tile; `status` is what it answers for that one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status, self.body = 200, tile("green")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                found = self.path == "/3/6/4.png?key=rahasia"
                self.send_response(outer.status if found else 404)
                self.end_headers()
                self.wfile.write(outer.body if found else b"")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/{{z}}/{{x}}/{{y}}.png?key=rahasia"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def look(world: World, *addresses: str) -> list[tuple[int, str, bytes]]:
    """Status, type and bytes of what an officer is given, asked one after the other of one server."""
    headers = world.officer().headers
    with world.client() as client:
        answers = [client.get(f"/api/map/tiles/{address}", headers=headers) for address in addresses]
    return [(answer.status_code, answer.headers["content-type"], answer.content) for answer in answers]


def test_tiles_of_a_file_are_counted_from_the_north(world: World) -> None:
    mbtiles(world.settings.home / "peta.mbtiles")
    world.configure(map_tiles="peta.mbtiles")
    found = look(world, "0/0/0", "1/0/0", "1/0/1")
    assert [(200, "image/png", tile("red")), (200, "image/jpeg", tile("blue", "JPEG")),
            (200, "image/png", NOTHING)] == found  # fmt: skip
    assert (1, 1) == Image.open(io.BytesIO(NOTHING)).size


def test_the_page_hears_how_close_the_file_goes_and_whose_it_is(world: World) -> None:
    opened = open_tiles(Settings(home=world.settings.home, map_tiles=str(mbtiles(world.settings.home / "a.mbtiles"))))
    assert opened is not None
    assert (1, "© Peta & Co") == (opened.max_zoom, opened.credit)


def test_what_is_no_tile_is_not_found(world: World) -> None:
    addresses = ("0/0/1", "1/-1/0", "23/0/0", "-1/0/0")
    assert [404] == [*{status for status, *_ in look(world, "0/0/0", *addresses)}], "without the setting there is none"
    mbtiles(world.settings.home / "peta.mbtiles")
    world.configure(map_tiles="peta.mbtiles")
    assert [404] * 4 == [status for status, *_ in look(world, *addresses)]


def test_tiles_are_for_those_who_are_logged_in(world: World) -> None:
    mbtiles(world.settings.home / "peta.mbtiles")
    world.configure(map_tiles="peta.mbtiles")
    with world.client() as client:
        assert 401 == client.get("/api/map/tiles/0/0/0").status_code


def test_a_tile_server_is_asked_by_us(world: World, server: Server) -> None:
    world.configure(map_tiles=server.address)
    found = look(world, "3/6/4", "3/6/5")
    assert [(200, "image/png", server.body), (200, "image/png", NOTHING)] == found
    assert ["/3/6/4.png?key=rahasia", "/3/6/5.png?key=rahasia"] == server.asked


@pytest.mark.parametrize(("status", "body", "asked"), [(503, b"", 1), (200, b"<html>log in</html>", 2)])
def test_a_tile_server_that_fails_costs_an_empty_picture(
    world: World, server: Server, status: int, body: bytes, asked: int
) -> None:
    """One that says that it fails is left alone for a while."""
    server.status, server.body = status, body
    world.configure(map_tiles=server.address)
    assert [(200, "image/png", NOTHING)] * 2 == look(world, "3/6/4", "3/6/4")
    assert asked == len(server.asked)


def test_a_tile_server_that_is_away_costs_an_empty_picture(world: World, server: Server) -> None:
    world.configure(map_tiles=server.address)
    server.close()
    assert [(200, "image/png", NOTHING)] * 2 == look(world, "3/6/4", "3/6/4")


def test_a_file_that_cannot_be_used_says_why_and_stops_nothing(world: World) -> None:
    home = world.settings.home
    (home / "text.mbtiles").write_text("no database")
    for name, why in (("none.mbtiles", "no such file"), ("text.mbtiles", "expected an MBTiles file"),
                      (mbtiles(home / "vector.mbtiles", "pbf").name, "PNG, JPEG or WebP, got pbf")):  # fmt: skip
        with pytest.raises(TilesUnusable, match=why):
            FileTiles(home / name)
        assert open_tiles(Settings(home=home, map_tiles=name)) is None


@pytest.mark.parametrize("value", ["peta.pmtiles", "https://tiles.example.id/", "ftp://a/{z}/{x}/{y}"])
def test_what_names_no_tiles_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(SettingsError, match=r"expected a file \*.mbtiles, or an address"):
        load_settings({"map_tiles": value}, environ={})


def test_the_key_of_a_tile_server_is_not_shown() -> None:
    settings = load_settings({"map_tiles": "https://peta.example/{z}/{x}/{y}?key=rahasia"}, environ={})
    assert "rahasia" not in repr(settings)


def test_a_tile_in_a_damaged_part_of_a_file_is_none(tmp_path):
    path = mbtiles(tmp_path / "peta.mbtiles")
    with sqlite3.connect(path) as file:
        file.execute("INSERT INTO tiles VALUES (2, 0, 3, ?)", (b"\x89PNG" + bytes(100_000),))
        file.execute("INSERT INTO tiles VALUES (2, 1, 3, NULL)")
    file.close()
    with path.open("r+b") as damaged:
        damaged.seek(-60_000, io.SEEK_END)
        damaged.write(b"\xff" * 20_000)
    tiles = FileTiles(path)
    assert [None, None] == [asyncio.run(tiles.read(2, x, 0)) for x in (0, 1)]
    assert tile("red") == asyncio.run(tiles.read(0, 0, 0))
    asyncio.run(tiles.close())
