"""What the tests that need a real Kafka and a real MongoDB run on: one of each for the whole run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from _pytest.capture import CaptureManager
from hypothesis import HealthCheck, settings

from deploy.embedded import choose

CACHE = Path(__file__).parent.parent / "build" / "cache"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "live: needs a real Kafka or a real MongoDB")
    config.addinivalue_line("markers", "way_out(name): the story of this way out of the catalogue in deploy/ways_out")


# How long an example takes is the machine's affair: no test may fail for it.
settings.register_profile("daiya", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("daiya")

# What a service logs is for its operators; a test that wants to see it configures its own.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A test's own way of logging ends with it: what it wrote to, a captured stream, is closed then."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def loud() -> None:
    """Everything is logged, for `structlog.testing.capture_logs` to see."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("debug"))


@pytest.fixture(scope="session")
def infrastructure(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[choose.Infrastructure]:
    """Kafka and MongoDB by the way that is open here; `.kafka` and `.mongodb` are their addresses. Which ones were
    taken is said on the terminal."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert isinstance(capture, CaptureManager)

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", flush=True)

    with choose.infrastructure(tmp_path_factory.mktemp("infrastructure"), CACHE, say) as chosen:
        yield chosen
