"""Logs: events with fields, one line each, on standard error; JSON for machines or a console form for people.

`log = structlog.get_logger(__name__)`, then `log.info("case_opened", case=…)`. The standard library's logging goes the
same way.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from core.redact import redact, redact_text

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_BLOCKS = ("exception", "stack")


def configure(format: Literal["json", "console"] = "json", level: str = "info", stream: TextIO | None = None) -> None:
    """Set up logging for this process; may be called again. `stream` defaults to standard error."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        # Formatted here, so that the traceback is text when it is redacted.
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=False,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if format == "json"
        else structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty(), timestamp_key="time")
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redaction, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    # By default uvicorn writes its lines itself, past the redaction, and at a level of its own.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        own = logging.getLogger(name)
        own.handlers.clear()
        own.setLevel(logging.NOTSET)
        own.propagate = True
    logging.captureWarnings(True)


def redaction(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The processor that keeps secrets out of every line, and plates and places out of info and above."""
    plates = event.get("level", "info") != "debug"
    for key, value in list(event.items()):
        if key in _BLOCKS and isinstance(value, str):
            event[key] = redact_text(value, plates=plates)
        else:
            event[key] = redact(value, key, plates=plates)
    return event


class _Handler(logging.StreamHandler[TextIO]):
    """A stream handler whose own errors never show the record: logging would print its raw arguments."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"log line lost ({record.name} {record.levelname}): {type(error).__name__}\n")
