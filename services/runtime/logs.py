"""Structured logs, one JSON object a line: case, subject and event id, and no personal data."""

import logging
import sys
from typing import Any

import structlog

from services.runtime.settings import Settings

Log = Any  # structlog's bound logger takes whatever level and fields it is given


def configure(role: str, institution: str, settings: Settings) -> None:
    """All logs of this process from the settings' level on as JSON lines on standard error; the libraries' own from
    warnings on. The first says where the clock is a sandbox's."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(role=role, institution=institution)
    if settings.sandbox_clock is not None:
        log().warning("the clock is a sandbox's", now=settings.sandbox_clock.now().isoformat())


def log() -> Log:
    """The log of this process."""
    return structlog.get_logger()
