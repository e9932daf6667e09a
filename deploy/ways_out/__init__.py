"""Every way in which a sale in Liaocheng goes otherwise, by name: played by `make demo WAY_OUT=<name>`.

Importing this starts nothing.
"""

import difflib
from collections.abc import Mapping

from deploy.ways_out import catalogue
from deploy.ways_out.way import WayOut

WAYS_OUT: Mapping[str, WayOut] = catalogue.WAYS_OUT


class UnknownWayOut(ValueError):
    """No way out has this name; the text names the nearest."""


def way_out(name: str) -> WayOut:
    """The way out of this name. Raises UnknownWayOut."""
    if name in WAYS_OUT:
        return WAYS_OUT[name]
    near = difflib.get_close_matches(name, WAYS_OUT, n=5, cutoff=0.4)
    hint = f"the nearest are {', '.join(near)}" if near else "`make demo WAY_OUT=list` names them all"
    raise UnknownWayOut(f"{name} is no way out: {hint}")
