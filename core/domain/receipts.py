"""What a centre's answer means, by its status and by the words of its body. Pure; for sinks to build `read_receipt` on.

Centres answer in many forms, and a 200 is often no yes: the body is read by meaning, and what cannot be understood is
"unknown", never "accepted".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from core.domain.cases import HttpResponse, SyncReceipt

_LATER = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 429})
_HINTS = {
    401: "the key was not accepted: check the sink's key",
    403: "the key may not do this: check the sink's key",
    404: "nothing is at this address: check the sink's url",
    405: "this address takes no such request: check the sink's url",
}
_MAX_WORDS = 300
_IDS = ("reference", "reference_no", "ref", "ref_no", "tracking_id", "violation_id", "case_id", "uuid", "id", "nomor")
_YES = re.compile(
    r"^(ok|okay|yes|true|success(ful(ly)?)?|accepted|created|received|queued|stored|saved|done|berhasil|sukses|diterima|"
    r"tersimpan)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^(error|err|fail(ed|ure)?|reject(ed)?|refused|denied|invalid|nok|no|false|gagal|ditolak|exception)\b",
    re.IGNORECASE,
)
_TWICE = re.compile(r"duplicat|duplikat|already|sudah (ada|terdaftar|pernah|diterima|masuk)", re.IGNORECASE)
_BUSY = re.compile(
    r"busy|try again|retry|later|time[ -]?out|unavailable|maintenance|overload|too many|rate limit|internal|database|"
    r"deadlock|connection|queue (is )?full|sibuk|coba lagi|gangguan|pemeliharaan|penuh|sementara|"
    r"unauthor|forbidden|api.?key|token|credential|otentikasi",
    re.IGNORECASE,
)
_FLAGS = ("success", "ok", "sukses", "berhasil")
_WORDS = ("status", "result", "state", "outcome")
_CODES = ("code", "rc", "response_code", "responsecode", "status_code", "statuscode", "status", "kode")
_MESSAGES = ("message", "msg", "pesan", "detail", "description", "keterangan", "error_description", "title")
_NESTED = ("meta", "metadata", "response", "result", "data", "status")


def retry_after_s(headers: dict[str, str], now: datetime | None = None) -> float | None:
    """Seconds of a Retry-After header in both of its forms (number, HTTP date); None without a usable one."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", value):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def read_status(response: HttpResponse) -> SyncReceipt | None:
    """What the status alone says; None for 2xx, where the body decides.

    409 is a duplicate and so accepted; 400, 422 and other 4xx are refused; what asks for patience or for an operator
    (401, 403, 404, 408, 425, 429, 5xx, redirects) is transient, with Retry-After where it was given.
    """
    status = response.status
    if 200 <= status < 300:
        return None
    words = _words_of(response)
    if status == 409:
        return SyncReceipt(outcome="accepted", reason="the centre had it already (409)", reference=_reference(response))
    if status in _LATER or status >= 500 or status < 400:
        hint = _HINTS.get(status, "the address leads elsewhere: check the sink's url" if status < 400 else "")
        reason = ": ".join(part for part in (f"HTTP {status}", hint, words) if part)
        return SyncReceipt(outcome="transient", reason=reason, retry_after_s=retry_after_s(response.headers))
    return SyncReceipt(outcome="refused", reason=f"HTTP {status}: {words}" if words else f"HTTP {status}")


def read_answer(response: HttpResponse) -> SyncReceipt:
    """What a centre's answer to a sent violation means, by status and then by the body's words."""
    by_status = read_status(response)
    if by_status is not None:
        return by_status
    text = response.body.decode("utf-8", "replace").strip()
    if not text:
        return SyncReceipt(outcome="accepted")
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        if len(text) <= 40 and _YES.match(text):
            return SyncReceipt(outcome="accepted")
        return SyncReceipt(outcome="unknown", reason=f"HTTP {response.status} with a body that is not understood")
    if isinstance(body, str):
        body = {"status": body}
    if not isinstance(body, dict):
        return SyncReceipt(outcome="unknown", reason=f"HTTP {response.status} with a JSON body of an unknown form")
    return _by_words(body, response.status)


def _by_words(body: dict[str, Any], status: int) -> SyncReceipt:
    yes, no, words = _signs(body)
    reference = _find_reference(body)
    said = "; ".join(dict.fromkeys(words))[:_MAX_WORDS]
    if no and not yes:
        if _TWICE.search(said):
            return SyncReceipt(outcome="accepted", reason=said, reference=reference)
        if _BUSY.search(said):
            return SyncReceipt(outcome="transient", reason=said)
        return SyncReceipt(outcome="refused", reason=said or "the centre's body says error")
    if yes and not no:
        return SyncReceipt(outcome="accepted", reference=reference)
    if not yes and not no and (reference or status in (201, 202)):
        return SyncReceipt(outcome="accepted", reference=reference)
    why = "says both yes and no" if yes else "does not say yes or no"
    return SyncReceipt(outcome="unknown", reason=f"HTTP {status}, but the body {why}: {said}"[:_MAX_WORDS])


def _signs(body: dict[str, Any], depth: int = 0) -> tuple[bool, bool, list[str]]:
    yes = no = False
    words: list[str] = []
    for key, value in ((str(k).lower(), v) for k, v in body.items()):
        if isinstance(value, dict):
            if depth < 2 and key in _NESTED:
                deeper = _signs(value, depth + 1)
                yes, no, words = yes or deeper[0], no or deeper[1], words + deeper[2]
            elif key in ("error", "errors") and value:
                no = True
                words += [str(item) for item in value.values() if isinstance(item, str | int)]
        elif key in ("error", "errors", "exception"):
            yes = yes or value is False
            no = no or bool(value and str(value).lower() not in ("false", "none", "null", "0"))
            words += [str(item) for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
        elif key in _FLAGS or (isinstance(value, bool) and key in _WORDS):
            said = str(value).lower() in ("true", "1", "yes", "ya")
            yes, no = yes or said, no or not said
        elif key in _CODES and re.fullmatch(r"\d{1,4}", str(value)) and not isinstance(value, bool):
            good = int(value) == 0 or 200 <= int(value) < 300
            yes, no = yes or good, no or not good
            words += [] if good else [f"code {value}"]
            if not good and (int(value) in _LATER or int(value) >= 500):
                words.append("try again later")
        elif key in _WORDS and isinstance(value, str):
            yes, no = yes or bool(_YES.match(value)), no or bool(_NO.match(value))
            if _TWICE.match(value):
                no = True  # weighed by its words: a duplicate is there already
            words.append(value)
        elif key in _MESSAGES and isinstance(value, str):
            words.append(value)
            if len(body) == 1:
                yes, no = bool(_YES.match(value)), bool(_NO.match(value) or _TWICE.search(value))
    return yes, no, words


def _find_reference(body: dict[str, Any]) -> str:
    for level in (body, *(body[key] for key in ("data", "result", "response") if isinstance(body.get(key), dict))):
        for name in _IDS:
            value = level.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
                return str(value).strip()[:200]
    return ""


def read_look_up(response: HttpResponse, *, absent_on_404: bool = False) -> SyncReceipt:
    """What the answer to a look-up means: accepted (it has it), absent, transient, or unknown.

    absent_on_404  the operator says that 404 means "not found here"; otherwise it could be a wrong address
    """
    if response.status == 404:
        if absent_on_404:
            return SyncReceipt(outcome="absent")
        return SyncReceipt(outcome="unknown", reason="HTTP 404 to a look-up: absent, or a wrong look_up_url")
    if not 200 <= response.status < 300:
        wait = retry_after_s(response.headers)
        return SyncReceipt(outcome="transient", reason=f"HTTP {response.status} to a look-up", retry_after_s=wait)
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return SyncReceipt(outcome="unknown", reason="the look-up's answer is not JSON")
    found = _found(body)
    if found is None:
        return SyncReceipt(outcome="unknown", reason="the look-up's answer says neither found nor absent")
    if not found:
        return SyncReceipt(outcome="absent")
    return SyncReceipt(outcome="accepted", reference=_find_reference(body) if isinstance(body, dict) else "")


def _found(body: Any) -> bool | None:
    if isinstance(body, list):
        return bool(body)
    if not isinstance(body, dict):
        return None
    for name in ("found", "exists", "ada"):
        if isinstance(body.get(name), bool):
            return bool(body[name])
    for name in ("total", "count", "jumlah"):
        if isinstance(body.get(name), int):
            return int(body[name]) > 0
    for name in ("data", "items", "results", "violations"):
        if name in body and (body[name] is None or isinstance(body[name], list | dict)):
            return bool(body[name])
    return True if _find_reference(body) and not _signs(body)[1] else None


def _words_of(response: HttpResponse) -> str:
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        text = response.body.decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else " ".join(text.split())[:_MAX_WORDS]
    if not isinstance(body, dict):
        return ""
    return "; ".join(dict.fromkeys(_signs(body)[2]))[:_MAX_WORDS]


def _reference(response: HttpResponse) -> str:
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return ""
    return _find_reference(body) if isinstance(body, dict) else ""
