"""Parts of a file, as players of videos ask for them: RFC 9110, section 14. One part at a time."""

from __future__ import annotations

import re

from core.problems import Problem

_ONE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


def part_of(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and length of what a Range header asks of `size` bytes; None: all of it.

    What is not understood, and several parts at once, is all of it, as the RFC allows. Raises Problem("range"), which
    says how long it is, for a part that lies behind the end.
    """
    asked = _ONE.fullmatch((header or "").strip())
    if asked is None or asked[0] == "bytes=-":
        return None
    first, last = asked[1], asked[2]
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size
        if int(last) == 0:
            start = size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise Problem("range", headers={"Content-Range": f"bytes */{size}"})
    return start, end - start
