"""Takes what belongs to people out of a captured body: plates, faces, keys, serials, coordinates, addresses.

Byte for byte of the same length, so that lengths, offsets and boundaries stay right and the sample reads the same way:
a digit becomes a digit, a letter a letter, a picture a grey one of the same size. Equal values become equal ones.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import re
import string
from collections.abc import Callable, Iterable

from core.domain.errors import MalformedPayload, TangkapinError
from core.domain.images import measure, sniff, split_jpegs
from core.domain.multipart import is_multipart, split_parts

_KEYS = (
    r"(?:[\w-]*serial[\w-]*|(?:[\w-]*[_-]|dev(?:ice)?|cam(?:era)?)?s/?n|mac(?:addr(?:ess)?)?|[\w-]*uuid|guid|imei|[\w-]*token|(?:api|access|private|licen[cs]e)[_-]?key|pass(?:word|wd)?|"
    r"[\w-]*secret|sign(?:ature)?|[\w-]*session[\w-]*|phone[\w-]*|[\w-]*owner[\w-]*|driver[\w-]*name|person[\w-]*name|"
    r"id[_-]?card[\w-]*|card[_-]?(?:no|number)|(?:device|dev|camera|channel|site|agent)[_-]?id|(?:ip|ipv4|ipv6)(?:[_-]?addr(?:ess)?)?|"
    r"lat(?:itude)?|lon(?:gitude)?|lng|gps[\w-]*|coordinates?)"
)  # fmt: skip
_PLATE_KEYS = (
    r"(?:[\w-]*plate?(?:[_-]?(?:no|num(?:ber)?|nomor|text|string|str|value|raw|utf8|ascii))?|no[_-]?pol(?:isi)?|nopol|tnkb|"
    r"vr[mn]|lpn?|lpr[_-]?(?:no|num(?:ber)?|text)|[\w-]*(?:licen[cs]e|registration)(?:[_-]?(?:no|num(?:ber)?))?)"
)
_PLATES = (
    re.compile(rf'(?i)"{_PLATE_KEYS}"\s*:\s*"([^"\\]{{4,24}})"'.encode()),
    re.compile(rf"(?i)<(?:[\w.-]+:)?{_PLATE_KEYS}(?:\s[^<>]{{0,300}})?>\s*([^<>]{{4,24}}?)\s*<".encode()),
    re.compile(rf"""(?i)(?:^|[\s?&;,.]){_PLATE_KEYS}\s*=\s*["']?([^"'&;,<>\r\n]{{4,24}})""".encode()),
    re.compile(rb"""(?i)["'>=]\s*([A-Z]{1,2}(?:%20|[ +.-])?\d{1,4}(?:%20|[ +.-])?[A-Z]{1,3})\s*["'<&;,\r\n]"""),
)
_VALUES = (
    re.compile(rf'(?i)"{_KEYS}"\s*:\s*"((?:[^"\\]|\\.){{1,400}})"'.encode()),
    re.compile(rf'(?i)"{_KEYS}"\s*:\s*(-?\d[\d.eE+-]{{0,40}})'.encode()),
    re.compile(rf'(?i)"{_KEYS}"\s*:\s*\[([-\d.,\s]{{1,200}})\]'.encode()),
    re.compile(rf"(?i)<(?:[\w.-]+:)?{_KEYS}(?:\s[^<>]{{0,300}})?>([^<>]{{1,400}})<".encode()),
    re.compile(rf"""(?i)(?:^|[\s?&;,]){_KEYS}\s*=\s*["']?([^"'\s&;,<>]{{1,400}})""".encode()),
    re.compile(rb"(?<![0-9A-Fa-f:-])((?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})(?![0-9A-Fa-f:-])"),
)
_IPV4 = re.compile(rb"(?<![\d.])((?:\d{1,3}\.){3}\d{1,3})(?![\d.])")
_BASE64 = re.compile(rb"[A-Za-z0-9+/](?:[A-Za-z0-9+/=\s]|\\/|\\[rn]){160,}")
_IN_BASE64 = re.compile(rb"\\[rn]|[A-Za-z0-9+/=]")
_GAP = rb"(?:%20|[\s+._\xc2\xb7-]){0,3}"
_FOREIGN = rb"[\x80-\xff]{1,12}"
_SHORTEST_PLATE = 3
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class CannotRedact(TangkapinError):
    """The body cannot be made safe to share; the text says why."""


def redact_body(body: bytes, content_type: str, plates: Iterable[str], *, seed: bytes) -> bytes:
    """The body with other people's data replaced; as long as before.

    plates  as a parser read them; each is replaced wherever it stands, with or without blanks
    seed    what equal values become: of the installation, so that nobody can try out values
    Raises CannotRedact.
    """
    if body[:2] in _WIDE:
        raise CannotRedact("the body is UTF-16: convert it to UTF-8 first")
    other = _Other(seed)
    spans = _picture_spans(body, content_type)
    out, at = bytearray(), 0
    for start, end in spans:
        out += _text(body[at:start], plates, other) + grey_picture(body[start:end])
        at = end
    out += _text(body[at:], plates, other)
    if len(out) != len(body):
        raise CannotRedact("a value could not be replaced by one of its length")
    return bytes(out)


def plates_by_name(body: bytes) -> set[str]:
    """What seems to be a plate in a body that no parser reads: by the name of its field, or by its Indonesian form."""
    found = (match[1].decode("latin-1").strip() for pattern in _PLATES for match in pattern.finditer(body))
    return {text for text in found if re.search(r"\d", text) and re.search(r"[A-Za-z]", text)}


def _picture_spans(body: bytes, content_type: str) -> list[tuple[int, int]]:
    if sniff(body):
        return [(0, len(body))]
    if not is_multipart(content_type) and not body.lstrip().startswith(b"--"):
        return []
    try:
        parts = split_parts(body, content_type)
    except MalformedPayload as error:
        raise CannotRedact(f"its parts cannot be told apart: {error}") from None
    return [(part.offset, part.offset + len(part.data)) for part in parts if sniff(part.data)]


def _text(text: bytes, plates: Iterable[str], other: _Other) -> bytes:
    text = _BASE64.sub(_base64_picture, text)
    for pattern in sorted({_pattern(plate) for plate in plates}, key=len, reverse=True):
        if pattern:
            text = re.sub(pattern, lambda m: other.plate(m[0]), text)
    for value in _VALUES:
        text = value.sub(lambda m: _within(m, other.value), text)
    return _IPV4.sub(lambda m: other.address(m[0]), text)


def _pattern(plate: str) -> bytes:
    """With or without blanks; foreign letters, whose bytes depend on the encoding, match any such."""
    letters = [c.encode() if c.isascii() else _FOREIGN for c in plate if c.isalnum()]
    known = sum(letter is not _FOREIGN for letter in letters)
    return b"(?i)" + _GAP.join(letters) if known >= _SHORTEST_PLATE else b""


def _within(match: re.Match[bytes], change: Callable[[bytes], bytes]) -> bytes:
    whole, start = match[0], match.start(1) - match.start()
    return whole[:start] + change(match[1]) + whole[start + len(match[1]) :]


def _base64_picture(match: re.Match[bytes]) -> bytes:
    letters = b"".join(piece for piece in _IN_BASE64.findall(match[0]) if not piece.startswith(b"\\"))
    try:
        data = base64.b64decode(letters + b"=" * (-len(letters) % 4))
    except (binascii.Error, ValueError):
        return match[0]
    if not sniff(data):
        return match[0]
    if b"\\/" in match[0]:  # two bytes for one letter: the new one has more letters and no escapes
        length = len(match[0]) // 4 * 4
        text = base64.b64encode(grey_picture(data + b"\0" * (length // 4 * 3 - len(data))))
        return text + (b"", b" ", b"\\n", b" \\n")[len(match[0]) - length]
    new = iter(base64.b64encode(grey_picture(data)).ljust(len(letters), b"=")[: len(letters)])
    return _IN_BASE64.sub(lambda m: m[0] if m[0].startswith(b"\\") else bytes([next(new)]), match[0])


def grey_picture(data: bytes) -> bytes:
    """A grey JPEG of the same size in pixels (or smaller, where it must be) and of exactly the same length in bytes."""
    from PIL import Image

    several = split_jpegs(data)  # some devices put two pictures into one field
    if len(several) > 1 and sum(map(len, several)) == len(data):
        return b"".join(map(grey_picture, several))
    size = measure(data)
    width, height = (size.width, size.height) if size is not None else (16, 16)
    while True:
        out = io.BytesIO()
        Image.new("L", (max(1, width), max(1, height)), 128).save(out, "JPEG", quality=1, optimize=True)
        spare = len(data) - out.tell()
        if spare == 0 or spare >= 4:
            return _padded(out.getvalue(), spare)
        if width <= 1 and height <= 1:
            raise CannotRedact(f"a picture of {len(data)} bytes is too small to be replaced")
        width, height = width // 2, height // 2


def _padded(jpeg: bytes, spare: int) -> bytes:
    """With comment segments behind the start marker, which every decoder skips."""
    comments = bytearray()
    while spare:
        # what remains must fit a segment of its own: four bytes at least
        size = spare if spare <= 65_537 else min(65_537, spare - 4)
        comments += b"\xff\xfe" + (size - 2).to_bytes(2, "big") + b"\0" * (size - 4)
        spare -= size
    return jpeg[:2] + bytes(comments) + jpeg[2:]


class _Other:
    """Values become other ones of the same form, always the same for the same value."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    def _stream(self, value: bytes) -> Iterable[int]:
        block = 0
        while True:
            yield from hmac.new(self._seed, value + block.to_bytes(4, "big"), hashlib.sha256).digest()
            block += 1

    def value(self, value: bytes) -> bytes:
        """Digits, letters and hex digits each by their like; signs, dots and escapes stay, a first digit too."""
        stream = iter(self._stream(value.upper()))
        hexadecimal = re.fullmatch(rb"[0-9A-Fa-f:{}\s-]+", value) is not None and re.search(rb"[A-Fa-f]", value)
        out = bytearray()
        escaped = False
        for number, byte in enumerate(value):
            letter = chr(byte)
            if escaped or letter == "\\":
                escaped = letter == "\\" and not escaped
                out.append(byte)
            elif letter.isascii() and letter.isdigit() and number:
                out.append(ord("0") + next(stream) % 10)
            elif letter in string.ascii_letters:
                row = "abcdef" if hexadecimal else string.ascii_lowercase
                new = row[next(stream) % len(row)]
                out.append(ord(new.upper() if letter.isupper() else new))
            elif byte >= 0x80:
                out.append(ord("x"))
            else:
                out.append(byte)
        return bytes(out)

    def plate(self, plate: bytes) -> bytes:
        """The region's letters stay, so that it is judged the same; number and series change."""
        stream = iter(self._stream(re.sub(rb"[^A-Za-z0-9]", b"", plate).upper()))
        out = bytearray()
        digits = 0
        for byte in plate:
            letter = chr(byte)
            if letter.isascii() and letter.isdigit():
                low = 1 if digits == 0 else 0
                out.append(ord("0") + low + next(stream) % (10 - low))
                digits += 1
            elif letter in string.ascii_letters and digits:
                new = "ABCDEFGHJKLMNPQRSTUVWXYZ"[next(stream) % 24]
                out.append(ord(new if letter.isupper() else new.lower()))
            else:
                out.append(byte)
        return bytes(out)

    def address(self, address: bytes) -> bytes:
        """Another address whose numbers are as long."""
        stream = iter(self._stream(address))

        def octet(digits: bytes) -> bytes:
            number = next(stream)
            return {1: b"%d" % (1 + number % 9), 2: b"%d" % (10 + number % 90), 3: b"%d" % (100 + number % 100)}[
                len(digits)
            ]

        return b".".join(octet(part) for part in address.split(b"."))
