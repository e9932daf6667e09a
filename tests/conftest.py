"""What the tests that need a real Kafka and a real MongoDB run on: one of each for the whole run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import choose

CACHE = Path(__file__).parent.parent / "build" / "cache"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "live: needs a real Kafka or a real MongoDB")


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[choose.Infrastructure]:
    """Kafka and MongoDB by the way that is open here; `.kafka` and `.mongodb` are their addresses."""
    with choose.infrastructure(tmp_path_factory.mktemp("infrastructure"), CACHE) as chosen:
        yield chosen
