"""The log: one JSON object a line on standard error.

One rule: a request's lines carry its id, and no line a token, a password or a field's value.
"""

import asyncio
import logging
import sys
from traceback import format_tb
from types import TracebackType
from typing import Any

import structlog

Raised = tuple[type[BaseException], BaseException, TracebackType | None]


def configure() -> None:
    """Sets up structlog, and the libraries' own loggers with it."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(trace),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # Its warnings are of what strangers send: broken requests, WebSockets.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def forgotten(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Logs what the event loop was left with; its own words would quote the exception's."""
    structlog.get_logger("loop").error("unforeseen_error", what=context["message"], exc_info=context.get("exception"))


def trace(exc_info: Raised) -> str:
    """What was raised where, and what that came of, in a traceback without the exceptions' own words.

    Those may quote what somebody has sent: Postgres' words of a check that fails have the whole row.
    """
    error: BaseException | None = exc_info[1]
    lines, seen = list[str](), set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        lines[:0] = [*format_tb(error.__traceback__), f"{type(error).__module__}.{type(error).__qualname__}\n"]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(lines)
