"""Structured logs, one JSON object a line: case, subject and event id, and no personal data."""

import logging
import sys
from typing import Any

import structlog


def configure(role: str, institution: str) -> None:
    """All logs of this process as JSON lines on standard error; the libraries' own from warnings on."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(role=role, institution=institution)


def log() -> Any:
    """The log of this process."""
    return structlog.get_logger()
