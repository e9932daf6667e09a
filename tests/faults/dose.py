"""How much of a fault a run takes: `make faults` a little, with DAIYA_FAULTS=all all of it."""

import os


def dose(little: int, everything: int) -> int:
    """How many, in this run."""
    return everything if os.environ.get("DAIYA_FAULTS") == "all" else little
