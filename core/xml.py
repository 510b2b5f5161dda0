"""The one XML reader for what devices send (T10): no DOCTYPE, no entities, no network, an encoding allow-list.

lxml with resolve_entities=False still accepts an XXE document and leaves `&x;` standing, and decodes UTF-7 into
markup; hence the DOCTYPE ban and the list of encodings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from core.domain.errors import MalformedPayload

MAX_XML = 256 * 1024
"""Bytes of markup: pictures that stand in it as base64 are not counted, a whole request has its own limit."""
_PICTURE = re.compile(rb">(?:data:[\w/;=+.-]{1,60},)?[A-Za-z0-9+/=\s]{1024,}<")
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "utf-16": "utf-16", "gb2312": "gb18030", "gbk": "gb18030",
              "gb18030": "gb18030", "iso-8859-1": "iso-8859-1", "latin1": "iso-8859-1", "us-ascii": "ascii",
              "ascii": "ascii"}  # fmt: skip
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*?\?>")
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ROOT = re.compile(r"<[A-Za-z_][\w.:-]{0,200}")
_PREFIX = re.compile(r"[<\s]([A-Za-z_][\w.-]{0,40}):[A-Za-z_]")
_MOST_PREFIXES = 32


class XmlNode:
    """An element seen by local names only: makes disagree on namespaces, prefixes and letter case.

    `find` and `all` take a path of local names ("ANPR/licensePlate"); comparison ignores case.
    """

    __slots__ = ("_children", "element")

    def __init__(self, element: etree._Element) -> None:
        self.element = element
        self._children: dict[str, list[XmlNode]] | None = None

    @property
    def name(self) -> str:
        """Local name, as written."""
        return etree.QName(self.element).localname

    @property
    def text(self) -> str:
        """Stripped text of the element itself; "" when there is none."""
        return (self.element.text or "").strip()

    def attribute(self, name: str) -> str:
        """An attribute by local name; "" when missing."""
        for key, value in self.element.attrib.items():
            if etree.QName(key).localname.lower() == name.lower():
                return str(value).strip()
        return ""

    def children(self) -> Iterator[XmlNode]:
        """Child elements in order."""
        for found in self._by_name().values():
            yield from found

    def all(self, path: str) -> list[XmlNode]:
        """Every element at the path of local names below this one."""
        found = [self]
        for step in path.lower().split("/"):
            found = [child for node in found for child in node._by_name().get(step, ())]
        return found

    def find(self, *paths: str) -> XmlNode | None:
        """The first element that stands at any of the paths, asked in order."""
        for path in paths:
            if found := self.all(path):
                return found[0]
        return None

    def get(self, *paths: str) -> str:
        """Text at the first of the paths that has any; "" otherwise."""
        for path in paths:
            for node in self.all(path):
                if node.text:
                    return node.text
        return ""

    def anywhere(self, *names: str) -> XmlNode | None:
        """The first descendant (document order) with one of the local names, names asked in order."""
        for name in names:
            for element in self.element.iter():
                if isinstance(element.tag, str) and etree.QName(element).localname.lower() == name.lower():
                    return XmlNode(element)
        return None

    def _by_name(self) -> dict[str, list[XmlNode]]:
        if self._children is None:
            self._children = {}
            for child in self.element:
                if isinstance(child.tag, str):
                    self._children.setdefault(etree.QName(child).localname.lower(), []).append(XmlNode(child))
        return self._children


def parse_xml(data: bytes | memoryview | str) -> XmlNode:
    """Parse a device's XML. Raises MalformedPayload with the reason; never expands an entity or opens a file.

    UTF-8 that is not UTF-8 is tried as GB18030 (old Chinese Hikvision firmware). A BOM and text before the root are
    tolerated; undeclared namespace prefixes too (ONVIF fragments).
    """
    raw = data.encode() if isinstance(data, str) else bytes(data)
    if len(raw) > MAX_XML and len(_PICTURE.sub(b"", raw)) > MAX_XML:
        raise MalformedPayload(f"XML of {len(raw)} bytes is over the limit of {MAX_XML}")
    text = _decode(raw)
    if "<!doctype" in text.lower() or "<!entity" in text.lower():
        raise MalformedPayload("XML with a DOCTYPE or ENTITY declaration is refused")
    text = _DECLARATION.sub("", text, count=1)
    begin = text.find("<")
    if begin < 0:
        raise MalformedPayload("expected XML, found no element")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False, remove_comments=True,
        remove_pis=True,
    )  # fmt: skip
    text = text[begin:].rstrip("\x00 \r\n\t")
    try:
        try:
            root = etree.fromstring(text.encode(), parser)
        except etree.XMLSyntaxError as error:
            if "prefix" not in str(error.msg):
                raise
            root = etree.fromstring(_with_prefixes(text).encode(), parser)
    except etree.XMLSyntaxError as error:
        raise MalformedPayload(f"not well-formed XML: {str(error.msg)[:200]} (line {error.lineno})") from None
    except ValueError as error:
        raise MalformedPayload(f"not well-formed XML: {str(error)[:200]}") from None
    return XmlNode(root)


def _with_prefixes(text: str) -> str:
    """The document with the prefixes declared that it uses: cut out of a stream, its root's declarations are gone."""
    match = _ROOT.match(text)
    if match is None:
        return text
    used = dict.fromkeys(_PREFIX.findall(text))
    missing = [prefix for prefix in used if f"xmlns:{prefix}=" not in text and prefix not in ("xml", "xmlns")]
    declared = "".join(f' xmlns:{prefix}="urn:undeclared:{prefix}"' for prefix in missing[:_MOST_PREFIXES])
    return text[: match.end()] + declared + text[match.end() :]


_UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}
"""First two bytes -> encoding; without a mark it shows by the "<"."""


def _decode(raw: bytes) -> str:
    if raw[:2] in _UTF_16:
        name = _UTF_16[raw[:2]]
    else:
        match = _ENCODING.match(raw[:200].removeprefix(b"\xef\xbb\xbf"))
        declared = match.group(1).decode().lower() if match else "utf-8"
        if declared not in _ENCODINGS:
            known = ", ".join(sorted(_ENCODINGS))
            raise MalformedPayload(f"XML encoding {declared!r} is not accepted (known: {known})")
        name = _ENCODINGS[declared]
    for encoding in (name, "gb18030"):
        try:
            return raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        except UnicodeDecodeError:
            continue
    raise MalformedPayload(f"XML is neither {name} nor GB18030")
