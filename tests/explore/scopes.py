"""Which small worlds are explored: each whole from a moment on, up to which the case is played in one fixed order."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.explore.canonical import TakenForOne, comparisons_noted
from tests.explore.search import Explored, Progress, explore, forward, ids_without_their_cause
from tests.explore.world import State, World
from tests.simulation.auditor import Violation
from tests.simulation.city import SEATS, Seat


@dataclass(frozen=True)
class Scope:
    """A small world. `after`: the case is played in one order until these words have been said. `extras`: what may
    happen besides, each at most once. `joins`: the lender is not named at the opening."""

    name: str
    procedure: str
    extras: tuple[str, ...]
    after: tuple[str, ...] = ()
    joins: bool = True

    @property
    def says(self) -> str:
        """What it is, in words."""
        begins = f"from {' and '.join(self.after)} on" if self.after else "from the signatures on"
        lender = ", a lender joins" if self.joins and self.procedure == "LC-LOAN" else ""
        return f"{self.procedure} {begins}{lender}; at any moment: {', '.join(self.extras) or 'nothing else'}"


SCOPES = (
    Scope("full", "LC-FULL", ("withdrawal",)),
    Scope("loan-quiet", "LC-LOAN", ()),
    Scope("full-freeze", "LC-FULL", ("withdrawal", "freeze")),
    Scope("loan", "LC-LOAN", ("withdrawal",)),
    Scope("loan-second-no", "LC-LOAN", ("second no",), ("AdvanceNoticeRegistered",)),
    Scope("full-own-money", "LC-FULL", ("own money",)),
)


def run(
    scope: Scope,
    seats: tuple[Seat, ...] | None = None,
    *,
    twice: bool = True,
    reduced: bool = True,
    until: float = float("inf"),
    progress: Progress | None = None,
) -> Explored:
    """Explore one until that moment of the monotonic clock; anew as long as an order turns out to make a difference
    that was not kept."""
    with ids_without_their_cause(), comparisons_noted():
        while True:
            world = World(scope.procedure, seats or SEATS[scope.procedure], scope.extras, scope.joins, twice)
            try:
                start = forward(world, world.begin(), said(scope.after))
                return explore(world, start, reduced=reduced, until=until, progress=progress)
            except TakenForOne:
                continue
            except Violation as broken:  # before anything was left open
                return Explored(broken=broken, story=[f"up to the beginning: {broken}"])


def said(words: tuple[str, ...]) -> Callable[[World, State], bool]:
    """Whether all these words have been said by somebody."""
    return lambda world, state: all(world.watch.kept[state[-1]].case(world.case).has(word) for word in words)
