"""One institution's process with the rail in its own log: `python -m benchmarks.serve serve ROLE --institution NAME`.

All of it is the process that `daiya serve` runs, but for the rail.
"""

import argparse
import importlib
import sys

from benchmarks.log_rail import LogRail
from services.runtime.log.kafka import KafkaLog
from services.runtime.service import serve
from services.runtime.settings import Settings


def main(given: list[str]) -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve")
    parser.add_argument("what", choices=["serve"])
    parser.add_argument("role")
    parser.add_argument("--institution", required=True)
    asked = parser.parse_args(given)
    settings = Settings()  # pyright: ignore[reportCallIssue] (the environment gives them)
    part = importlib.import_module(f"services.{asked.role}.service").PART
    serve(part, asked.institution, settings, LogRail(KafkaLog(settings.kafka_addresses)))


if __name__ == "__main__":
    main(sys.argv[1:])
