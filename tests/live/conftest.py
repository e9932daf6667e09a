"""Kafka and MongoDB for the live tests, once per run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from _pytest.capture import CaptureManager

from deploy.embedded.choose import Infrastructure, infrastructure
from deploy.stack import CHECKOUT


@pytest.fixture(scope="session")
def infra(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Infrastructure]:
    """Addresses of a Kafka and a MongoDB; which ones were taken is said on the terminal."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert isinstance(capture, CaptureManager)

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", flush=True)

    with infrastructure(tmp_path_factory.mktemp("infra"), CHECKOUT / "build" / "cache", say) as chosen:
        yield chosen
