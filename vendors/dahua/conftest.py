"""Dahua's texts as the tests write them."""

import json
from typing import Any

import pytest

from core.testing.contract import Reader


class Dahua(Reader):
    """Bodies in, observations out."""

    maker = "dahua"

    @staticmethod
    def block(code: str, data: Any = None, *, action: str = "Pulse", index: int = 0) -> str:
        tail = "" if data is None else ";data=" + json.dumps(data, indent=3)
        return f"Code={code};action={action};index={index}{tail}\n"

    @staticmethod
    def multipart(*parts: tuple[str, bytes], boundary: str = "batas", newline: bytes = b"\r\n") -> bytes:
        body = b""
        for content_type, data in parts:
            heads = (b"--" + boundary.encode(), b"Content-Type: " + content_type.encode(), b"Content-Length: 1")
            body += newline.join((*heads, b"", data)) + newline
        return body + b"--" + boundary.encode() + b"--" + newline

    def all(self, body: Any, content_type: str = "text/plain") -> list[Any]:
        raw = json.dumps(body).encode() if isinstance(body, dict | list) else body
        raw = raw.encode() if isinstance(raw, str) else raw
        return self.parse(raw, content_type=content_type)

    def one(self, body: Any, content_type: str = "text/plain") -> Any:
        (found,) = self.all(body, content_type)
        return found

    def junction(self, **data: Any) -> Any:
        return self.one(self.block("TrafficJunction", data))

    def tollgate(self, *, snap: Any = None, plate: Any = None, vehicle: Any = None, **beside: Any) -> Any:
        return self.one({"Picture": {"SnapInfo": snap or {}, "Plate": plate or {}, "Vehicle": vehicle or {}}, **beside})


@pytest.fixture(scope="session")
def dahua() -> Dahua:
    """Dahua's texts, written and read."""
    return Dahua()
