"""Structured logs, one JSON object a line: case, subject and event id, and no personal data."""

import logging
import sys
from typing import Any

import structlog

Log = Any  # structlog's bound logger takes whatever level and fields it is given


def configure(role: str, institution: str, level: str = "info") -> None:
    """All logs of this process from `level` on as JSON lines on standard error; the libraries' own from warnings on."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(role=role, institution=institution)


def log() -> Log:
    """The log of this process."""
    return structlog.get_logger()
