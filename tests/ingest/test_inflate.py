"""Compressed bodies are undone behind the inbox, with the output capped (T08)."""

import gzip
import zlib

import pytest

from core.domain.errors import MalformedPayload
from core.ingest.inflate import inflate

TEXT = b'{"plateNumber":"B 1234 XYZ"}' * 20


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("X-GZIP", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)[2:-4]),
    ],
)
def test_each_encoding_that_devices_use_is_undone(encoding, body):
    assert TEXT == inflate(body, encoding)


@pytest.mark.threat("T08")
def test_a_bomb_is_refused_before_it_is_in_memory():
    with pytest.raises(MalformedPayload, match="inflates to more than"):
        inflate(gzip.compress(bytes(100_000_000), 9), "gzip")


@pytest.mark.parametrize("body", [b"", b"no gzip", gzip.compress(TEXT, mtime=0)[:-9]])
def test_broken_data_is_malformed(body):
    with pytest.raises(MalformedPayload):
        inflate(body, "gzip")


def test_an_unknown_encoding_is_named():
    with pytest.raises(MalformedPayload, match="'br'"):
        inflate(b"x", "br")
