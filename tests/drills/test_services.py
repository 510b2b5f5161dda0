"""A service that dies again while it is being started does not take the supervisor along."""

import psycopg
import pytest

from core.db import runtime
from core.db.process import EmbeddedUnavailable
from core.db.runtime import Services


class Server:
    def __init__(self, error=None):
        self.error = error
        self.looks = 0

    def keep(self):
        self.looks += 1
        if self.error is not None:
            raise self.error

    def stop(self):
        pass


@pytest.mark.parametrize(
    "error",
    [EmbeddedUnavailable("it does not start"), psycopg.OperationalError("server closed"), BlockingIOError("no fork")],
)
def test_a_service_that_cannot_be_started_now_is_looked_after_again(error, monkeypatch):
    monkeypatch.setattr(runtime, "LOOK_EVERY_S", 0.0)
    postgres, valkey = Server(error), Server()
    with Services("", "", postgres, valkey) as services:
        services.keep()
        services.keep()
    assert 2 == postgres.looks
    assert 2 == valkey.looks
