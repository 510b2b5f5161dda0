"""Plate text: one way to normalise it, what "no plate" looks like, and the forms of Indonesian plates."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

import msgspec

SENTINELS = frozenset(
    {
        "", "UNKNOWN", "NOPLATE", "UNLICENSED", "NA", "N/A", "NOTDEFINED", "NONE", "NULL", "NOTREAD", "UNREAD",
        "NOPLATES", "NOREAD", "UNDEFINED", "无车牌", "未知", "车牌",
    }
)  # fmt: skip
_DROPPED = {ord(c): None for c in " \t\r\n\u00a0\u200b\ufeff-–—.·•_{}[]()'\"`,:;|/\\*?"}
_COLOUR_PREFIX = "蓝黄白黑绿"
_PROVINCES = frozenset("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领警学港澳")


def normalise_plate(raw: str | None) -> str | None:
    """Return the plate as it is compared and sent: NFKC, upper case, no separators, digits folded to 0-9.

    None for "no plate" (`unknown`, `noPlate`, `unlicensed`, `--`, `-`, empty, …). Letters of other scripts stay.
    Old Chinese Hikvision firmware puts the plate's colour character in front; it is cut off only where a province
    character follows.
    """
    if raw is None:
        return None
    text = str(raw)
    if text.isascii():
        text = text.upper().translate(_DROPPED)
        if text.isalnum():
            return None if text in SENTINELS else text[:20]
    text = unicodedata.normalize("NFKC", text).upper().translate(_DROPPED)
    text = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in text)
    text = "".join(c for c in text if c.isprintable())
    if text in SENTINELS:
        return None
    if len(text) > 2 and text[0] in _COLOUR_PREFIX and text[1] in _PROVINCES:
        text = text[1:]
    return text[:20] or None


def within_one_edit(a: str, b: str) -> bool:
    """True when the two differ by at most one insertion, deletion or substitution."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    i = 0
    while i < len(a) and a[i] == b[i]:
        i += 1
    return a[i + 1 :] == b[i + 1 :] if len(a) == len(b) else a[i:] == b[i + 1 :]


_SAME_LOOK = str.maketrans("OQDUILZASGTB", "000011245678")
_LONG = 7
"""From so many characters on two may be misread; two edits make any other of shorter plates."""
_PIECE = 4


def alike(a: str, b: str) -> bool:
    """True when the two may be one plate read twice: look-alikes (O and 0, B and 8) count as equal, one edit is
    allowed, two for plates of seven characters or more, and one may be a piece of the other (four or more).

    Generous on purpose: for readings of which something else says already that they belong together.
    """
    a, b = a.translate(_SAME_LOOK), b.translate(_SAME_LOOK)
    if min(len(a), len(b)) >= _PIECE and (a in b or b in a):
        return True
    return _within(a, b, 2 if max(len(a), len(b)) >= _LONG else 1)


def _within(a: str, b: str, edits: int) -> bool:
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[same:], b[same:]
    if not a or not b:
        return len(a) + len(b) <= edits
    return edits > 0 and any(_within(a[i:], b[j:], edits - 1) for i, j in ((1, 1), (1, 0), (0, 1)))


# -- Indonesian plates ------------------------------------------------------------------------------------------

REGIONS: dict[str, str] = {
    "A": "Banten", "B": "Jakarta, Depok, Tangerang, Bekasi", "D": "Bandung", "E": "Cirebon",
    "F": "Bogor, Sukabumi, Cianjur", "T": "Karawang, Purwakarta, Subang", "Z": "Garut, Tasikmalaya, Sumedang",
    "G": "Pekalongan", "H": "Semarang", "K": "Pati", "R": "Banyumas", "AA": "Kedu", "AB": "Yogyakarta",
    "AD": "Surakarta", "L": "Surabaya", "M": "Madura", "N": "Malang", "P": "Besuki", "S": "Bojonegoro",
    "W": "Sidoarjo, Gresik", "AE": "Madiun", "AG": "Kediri", "BL": "Aceh", "BB": "Sumatera Utara (barat)",
    "BK": "Sumatera Utara (timur)", "BA": "Sumatera Barat", "BM": "Riau", "BP": "Kepulauan Riau",
    "BG": "Sumatera Selatan", "BN": "Bangka Belitung", "BE": "Lampung", "BD": "Bengkulu", "BH": "Jambi",
    "DK": "Bali", "DR": "Lombok", "EA": "Sumbawa", "DH": "Timor", "EB": "Flores", "ED": "Sumba",
    "KB": "Kalimantan Barat", "DA": "Kalimantan Selatan", "KH": "Kalimantan Tengah", "KT": "Kalimantan Timur",
    "KU": "Kalimantan Utara", "DB": "Minahasa, Manado", "DL": "Sangihe, Talaud", "DM": "Gorontalo",
    "DN": "Sulawesi Tengah", "DT": "Sulawesi Tenggara", "DD": "Makassar", "DP": "Parepare", "DW": "Bone",
    "DC": "Sulawesi Barat", "DE": "Maluku", "DG": "Maluku Utara", "PA": "Papua", "PB": "Papua Barat",
    "PS": "Papua Selatan", "PT": "Papua Tengah", "PG": "Papua Pegunungan", "PY": "Papua Barat Daya",
}  # fmt: skip
"""Region letters of civil plates -> where they are issued."""

PlateKind = Literal["civil", "diplomatic", "state", "service"]

_CIVIL = re.compile(r"([A-Z]{1,2})([1-9][0-9]{0,3})([A-Z]{0,3})")
_DIPLOMATIC = re.compile(r"(CD|CC|CN|CS)([0-9]{2,6})()")
_STATE = re.compile(r"(RI)([1-9][0-9]{0,2})()")
_SERVICE = re.compile(r"()([0-9]{1,7})([IVX]{0,7})")
_TO_DIGIT = {"O": "0", "Q": "0", "D": "0", "U": "0", "I": "1", "L": "1", "Z": "2", "A": "4", "S": "5", "G": "6",
             "T": "7", "B": "8"}  # fmt: skip
_TO_LETTER = {"0": "O", "1": "I", "2": "Z", "4": "A", "5": "S", "6": "G", "7": "T", "8": "B"}
_MAX_REPAIRED = 9
MAX_SUGGESTIONS = 3


class IndonesianPlate(msgspec.Struct, frozen=True):
    """A plate cut into its groups: "B1234XYZ" is region "B", number "1234", series "XYZ".

    kind   civil       one or two region letters, a number of one to four digits without a leading zero, up to three
                       letters
           diplomatic  CD/CC (also consular) and digits
           state       RI and a number: the President down to the ministers
           service     TNI and Polri: digits, then a unit as digits or a Roman numeral; region and series may be ""
    """

    kind: PlateKind
    region: str
    number: str
    series: str

    @property
    def last_digit(self) -> int:
        """The digit that odd-even rules go by."""
        return int(self.number[-1])

    @property
    def known_region(self) -> bool:
        """Whether a civil plate's letters are issued anywhere."""
        return self.region in REGIONS


@lru_cache(maxsize=4096)
def read_indonesian_plate(plate: str | None) -> IndonesianPlate | None:
    """Cut a normalised plate into its groups; None when it follows no Indonesian form (or is None)."""
    if not plate:
        return None
    kinds: tuple[tuple[PlateKind, re.Pattern[str]], ...] = (
        ("state", _STATE),
        ("diplomatic", _DIPLOMATIC),
        ("civil", _CIVIL),
        ("service", _SERVICE),
    )
    for kind, pattern in kinds:
        match = pattern.fullmatch(plate)
        if match is not None:
            return IndonesianPlate(kind, match[1], match[2], match[3])
    return None


def repair_plate(plate: str | None) -> list[str]:
    """Civil plates that a camera may have meant, fewest look-alike characters changed, at most three; [] for none.

    Only characters that stand in the wrong group are changed (a letter among the digits, a digit among the letters),
    and only to what looks like them; the region must be one that exists. Suggestions are for a person to look at,
    never for silent use. A plate that is right already has none.
    """
    if not plate or not 2 <= len(plate) <= _MAX_REPAIRED or not plate.isascii():
        return []
    shape = read_indonesian_plate(plate)
    if shape is not None and (shape.kind != "civil" or shape.known_region):
        return []
    found: dict[str, int] = {}
    for head in (1, 2):
        for tail in range(4):
            if not 1 <= len(plate) - head - tail <= 4:
                continue
            end = len(plate) - tail
            candidate = (
                "".join(_TO_LETTER.get(c, c) for c in plate[:head])
                + "".join(_TO_DIGIT.get(c, c) for c in plate[head:end])
                + "".join(_TO_LETTER.get(c, c) for c in plate[end:])
            )
            groups = _CIVIL.fullmatch(candidate)
            if groups is not None and groups[1] in REGIONS:
                found[candidate] = sum(a != b for a, b in zip(plate, candidate, strict=True))
    fewest = min(found.values(), default=0)
    return sorted(c for c, changed in found.items() if changed == fewest)[:MAX_SUGGESTIONS]
