"""The embedded Valkey: private socket, found again, ended by its owner only."""

import os
import signal
from pathlib import Path

import pytest
import redis

from core.db import valkey
from core.db.process import EmbeddedUnavailable
from core.db.valkey import EmbeddedValkey


def test_it_speaks_redis_on_a_private_socket_and_no_port(short_dir):
    with EmbeddedValkey(short_dir / "vk") as server:
        client = redis.Redis.from_url(server.running())
        assert client.ping()
        assert {"port": "0", "save": "", "appendonly": "no"} == {
            **client.config_get("port"), **client.config_get("save"), **client.config_get("appendonly")
        }  # fmt: skip
        socket = server.directory / "socket" / "valkey.sock"
        assert [0o700, 0o700] == [path.stat().st_mode & 0o777 for path in (socket, socket.parent)]


def test_a_second_start_attaches_and_its_stop_leaves_the_server_alone(short_dir):
    with EmbeddedValkey(short_dir / "vk") as first:
        second = EmbeddedValkey(short_dir / "vk")
        assert first.running() == second.start()
        second.stop()
        assert redis.Redis.from_url(first.running()).ping()
    assert None is first.running()


def test_keep_starts_a_killed_server_again_at_the_same_url(short_dir):
    with EmbeddedValkey(short_dir / "vk") as server:
        url = server.running()
        os.kill(server._process.pid, signal.SIGKILL)
        server._process.wait()
        assert None is server.running()
        server.keep()
        assert url == server.running()
        assert redis.Redis.from_url(url).ping()


def test_a_folder_with_a_long_path_works(short_dir):
    deep = short_dir / ("panjang-" * 6) / ("sekali-" * 7)
    with EmbeddedValkey(deep / "vk") as server:
        client = redis.Redis.from_url(server.running())
        folder = Path(client.config_get("unixsocket")["unixsocket"]).parent
        assert client.ping()
    assert not folder.is_relative_to(short_dir)
    folder.rmdir()


def test_an_ordinary_user_starts_it(open_dir, as_stranger):
    def start():
        with EmbeddedValkey(open_dir / "vk") as server:
            return redis.Redis.from_url(server.running()).ping()

    assert as_stranger(start)


def test_without_a_server_the_message_asks_for_a_redis(short_dir, monkeypatch):
    def nowhere():
        raise EmbeddedUnavailable(f"no server; {valkey._ASK_FOR_URL}")

    monkeypatch.setattr(valkey, "find_server", nowhere)
    with pytest.raises(EmbeddedUnavailable, match="TANGKAPIN_REDIS_URL"):
        EmbeddedValkey(short_dir / "vk").start()
