"""How much of a fault a run takes: `make test` a little, `make faults` all of it (DAIYA_FAULTS=all)."""

import os


def dose(little: int, everything: int) -> int:
    """How many, in this run."""
    return everything if os.environ.get("DAIYA_FAULTS") == "all" else little
