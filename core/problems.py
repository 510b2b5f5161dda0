"""Errors of the API: RFC 9457 problem documents with stable types, in Indonesian or English.

`type` is `urn:tangkapin:problem:<slug>`; the slugs in CATALOGUE are a promise to clients. Two members beside the
standard's, `success: false` and `message`, are what the deployed clients read.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import msgspec
import psycopg
import sqlalchemy.exc
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import Scope

from core.field_words import in_indonesian

log = structlog.get_logger(__name__)

PREFIX = "urn:tangkapin:problem:"
MEDIA_TYPE = "application/problem+json"
_TRACE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

Words = tuple[str, str]
"""A text for people: (Indonesian, English)."""

CATALOGUE: dict[str, tuple[int, Words]] = {
    "malformed": (400, ("Permintaan tidak dapat dibaca", "The request cannot be read")),
    "unauthenticated": (401, ("Perlu masuk", "Log in first")),
    "wrong-credentials": (401, ("Nama pengguna atau kata sandi salah", "Wrong user name or password")),
    "forbidden": (403, ("Tidak berwenang", "Not allowed")),
    "not-found": (404, ("Tidak ditemukan", "Not found")),
    "method-not-allowed": (405, ("Metode tidak didukung", "Method not allowed")),
    "not-acceptable": (406, ("Format tidak tersedia", "No such representation")),
    "wrong-state": (409, ("Tidak sesuai dengan status perkara", "Does not fit the state of the case")),
    "claimed": (409, ("Sedang dikerjakan orang lain", "Somebody else is working on it")),
    "conflict": (409, ("Bertentangan dengan data yang ada", "Conflicts with what is there")),
    "version-conflict": (412, ("Sudah berubah sejak dibaca", "Changed since it was read")),
    "too-large": (413, ("Permintaan terlalu besar", "The request is too large")),
    "unsupported-media-type": (415, ("Jenis isi tidak didukung", "Unsupported content type")),
    "range": (416, ("Bagian yang diminta tidak ada", "There is no such part")),
    "validation": (422, ("Isian tidak sah", "Invalid input")),
    "purpose-required": (422, ("Tujuan akses wajib disebut", "Say what the access is for")),
    "version-required": (428, ("Versi yang dibaca wajib disebut", "Say which version was read")),
    "too-many-attempts": (429, ("Terlalu banyak percobaan", "Too many attempts")),
    "rate-limited": (429, ("Terlalu banyak permintaan", "Too many requests")),
    "internal": (500, ("Kesalahan di pihak kami", "Our fault")),
    "evidence-damaged": (500, ("Bukti tidak utuh", "Evidence is damaged")),
    "not-available": (503, ("Sementara tidak tersedia", "Not available at the moment")),
}
_BY_STATUS = {
    400: "malformed", 401: "unauthenticated", 403: "forbidden", 404: "not-found", 405: "method-not-allowed",
    406: "not-acceptable", 409: "conflict", 413: "too-large", 415: "unsupported-media-type", 416: "range",
    422: "validation", 429: "rate-limited", 503: "not-available",
}  # fmt: skip


class FieldError(msgspec.Struct, omit_defaults=True):
    """One thing to put right: where (JSON path or parameter name) and what is expected.

    message  English where it is raised; `render` says it in the language of the request
    """

    field: str
    message: str


class ProblemDocument(msgspec.Struct, kw_only=True):
    """RFC 9457. `status` is the HTTP status; `instance` names the request, as does X-Request-Id."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    success: bool = False
    message: str = ""
    errors: list[FieldError] = []


class Problem(Exception):
    """Raise it anywhere behind a route: the client gets the document.

    detail   (Indonesian, English); never holds a secret or an internal
    members  extension members of the document ({"claimed_by": …})
    """

    def __init__(
        self,
        slug: str,
        detail: Words | None = None,
        *,
        errors: list[FieldError] | None = None,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        self.status, self.title = CATALOGUE[slug]
        super().__init__(f"{slug}: {(detail or self.title)[1]}")
        self.slug = slug
        self.detail = detail or self.title
        self.errors = errors or []
        self.headers = headers or {}
        self.members = members


def trace_of(scope: Scope) -> str:
    """The id of this request in logs, audit and answers: the client's own where it gave a sane one."""
    known = scope["state"].get("trace") if "state" in scope else None
    if known:
        return str(known)
    headers = dict(scope.get("headers", ()))
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    parent = _TRACEPARENT.fullmatch(headers.get(b"traceparent", b"").decode("latin-1"))
    trace = given if _TRACE.fullmatch(given) else parent[1] if parent else uuid.uuid4().hex
    scope.setdefault("state", {})["trace"] = trace
    return trace


def speaks_english(scope: Scope) -> bool:
    """True when Accept-Language prefers English over Indonesian; Indonesian is the house's language."""
    for name, value in scope.get("headers", ()):
        if name == b"accept-language":
            weights = {"en": 0.0, "id": 0.0}
            for part in value.decode("latin-1").lower().split(","):
                tag, _, rest = part.strip().partition(";")
                quality = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)", rest) if rest else None
                code = tag.partition("-")[0]
                if code in weights:
                    weights[code] = max(weights[code], float(quality[1]) if quality else 1.0)
            return weights["en"] > weights["id"]
    return False


def say(scope: Scope, words: Words) -> str:
    """The text in the language of the request."""
    return words[1 if speaks_english(scope) else 0]


def render(request: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    """The problem as a response."""
    scope = request.scope
    trace = trace_of(scope)
    detail = say(scope, problem.detail)
    document = {
        "type": PREFIX + problem.slug,
        "title": say(scope, problem.title),
        "status": problem.status,
        "detail": detail,
        "instance": f"urn:tangkapin:request:{trace}",
        "success": False,
        "message": detail,
    }
    if problem.errors:
        # clients that read `message` alone learn what to put right as well
        errors = problem.errors if speaks_english(scope) else [_translated(error) for error in problem.errors]
        document |= {"errors": errors, "message": f"{detail} ({errors[0].field}: {errors[0].message})"}
    headers = {"Cache-Control": "no-store", "Content-Language": "en" if speaks_english(scope) else "id"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = msgspec.json.encode(document | problem.members)
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers | problem.headers)


def _translated(error: FieldError) -> FieldError:
    return FieldError(error.field, in_indonesian(error.message))


def _of_problem(request: Request[Any, Any, Any], error: Problem) -> Response[bytes]:
    return render(request, error)


def _of_validation(request: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    """Litestar answers 400 for everything; here unreadable is 400 and readable but wrong is 422."""
    problems = error.extra if isinstance(error.extra, list) else []
    errors = [
        FieldError(_field(item), str(item.get("message", ""))[:300]) for item in problems if isinstance(item, dict)
    ]
    if not errors:
        errors = [FieldError("", error.detail.partition(" for ")[0][:300])]
    words = ("Periksa isian berikut", "Check these fields")
    return render(request, Problem("validation", words, errors=errors))


_SENT_AS = {"since": "from", "until": "to", "violation_type": "type", "open_only": "open"}
"""Query parameters whose name is a word of Python's, or says too little in it."""


def _field(item: dict[str, Any]) -> str:
    name, source = str(item.get("key", "")), item.get("source", "body")
    return (_SENT_AS.get(name, name) if source == "query" else name) or str(source)


def _of_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    slug = _BY_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "malformed")
    if slug == "internal":
        return _of_any(request, error)
    kept = {k: v for k, v in (error.headers or {}).items() if k.lower() in ("allow", "retry-after")}
    words = None
    if slug == "malformed" and "json" not in request.headers.get("content-type", "json"):
        words = ("Jenis isi ini tidak dibaca di sini: kirim JSON, atau multipart untuk berkas",
                 "This content type is not read here: send JSON, or multipart for files")  # fmt: skip
    return render(request, Problem(slug, words, headers=kept))


def _of_recursion(request: Request[Any, Any, Any], error: RecursionError) -> Response[bytes]:
    words = ("JSON bersarang terlalu dalam", "The JSON is nested too deeply")
    return render(request, Problem("malformed", words))


def _of_text(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Text that PostgreSQL cannot hold (NUL, lone surrogates) or a number out of its range: theirs, not ours."""
    words = ("Ada nilai yang tidak dapat disimpan atau dicari", "A value cannot be stored or searched for")
    return render(request, Problem("validation", words))


def _of_database(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("database_not_available", trace=trace_of(request.scope), error=type(error).__name__)
    words = ("Basis data sedang tidak dapat dihubungi", "The database cannot be reached at the moment")
    return render(request, Problem("not-available", words, headers={"Retry-After": "5"}))


def _of_any(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A bug of ours: the log has the traceback, the client the request's id and nothing else."""
    log.error("request_failed", trace=trace_of(request.scope), error=type(error).__name__, exc_info=error)
    words = (
        "Terjadi kesalahan; sebutkan id permintaan ini kepada pengelola",
        "Something went wrong; give this request's id to the operator",
    )
    return render(request, Problem("internal", words))


EXCEPTION_HANDLERS: dict[Any, Any] = {
    Problem: _of_problem,
    ValidationException: _of_validation,
    HTTPException: _of_http,
    RecursionError: _of_recursion,
    UnicodeEncodeError: _of_text,
    sqlalchemy.exc.DataError: _of_text,
    sqlalchemy.exc.OperationalError: _of_database,
    sqlalchemy.exc.InterfaceError: _of_database,
    sqlalchemy.exc.TimeoutError: _of_database,
    psycopg.OperationalError: _of_database,
    Exception: _of_any,
}

JSON = MediaType.JSON
