"""All interleavings, breadth first: so the first path that breaks something is one of the shortest."""

import struct
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import services.runtime.core.fold
from services.runtime.core.facts import NumberAllotted
from services.runtime.core.fold import derived_id
from tests.explore.table import Table
from tests.explore.world import Move, State, World, must
from tests.simulation.auditor import Violation


@contextmanager
def ids_without_their_cause() -> Iterator[None]:
    """An id here says whose word it is, of which kind, by which rule and for which mark, and not which letter led to
    it: so the same word is the same whichever of its conditions was met last. Nothing reads an id but for being the
    same. A number has one cause alone, the draft that wants it, and keeps it."""

    def without(*parts: str) -> str:
        is_word = len(parts) == 5 and parts[0].startswith("/") and parts[2] != NumberAllotted.type_name
        return derived_id(parts[0], *parts[2:]) if is_word else derived_id(*parts)

    fold = services.runtime.core.fold
    fold.derived_id = without  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        fold.derived_id = derived_id


@dataclass
class Explored:
    """What an exploration found. `whole`: all was looked at; `at_rest`: what lies on all files at each end, in whatever
    order; `over`: how the case ended there; `broken`: the first violation, with its story."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    ends: int = 0
    whole: bool = True
    seconds: float = 0
    incidents: Counter[str] = field(default_factory=Counter[str])
    at_rest: set[bytes] = field(default_factory=set[bytes])
    over: Counter[str] = field(default_factory=Counter[str])
    broken: Violation | None = None
    story: list[str] = field(default_factory=list[str])


Progress = Callable[[Explored, int], None]


def explore(
    world: World,
    start: State,
    *,
    reduced: bool = True,
    until: float = float("inf"),
    progress: Progress | None = None,
) -> Explored:
    """Every state that can be reached from `start`, each once; cut short at that moment of the monotonic clock."""
    found = Explored()
    began = told = time.monotonic()
    pack = struct.Struct(f"{len(start)}I").pack
    seen = {pack(*start)}
    parents, how, moves = array("I", [0]), array("I", [0]), Table[Move]()
    level = [(0, start)]

    def path(n: int, last: Move | None) -> list[str]:
        steps = [last] if last is not None else []
        while n:
            steps.append(moves[how[n]])
            n = parents[n]
        state, lines = start, list[str]()
        for move in reversed(steps):
            lines += world.story(state, move)
            came = world.do(state, move)
            if came is None or isinstance(came, Violation):
                break
            state = came
        return lines

    while level:
        following: list[tuple[int, State]] = []
        for n, state in level:
            at_rest = True
            free = world.free(state) if reduced else None
            for move in world.moves(state) if free is None else (free,):
                came = world.do(state, move)
                if came is None:
                    continue
                at_rest = at_rest and move.extra
                found.transitions += 1
                if isinstance(came, Violation):
                    found.broken, found.story = came, path(n, move)
                    break
                key = pack(*came)
                if key not in seen:
                    seen.add(key)
                    following.append((len(parents), came))
                    parents.append(n)
                    how.append(moves.number(move, move))
            if at_rest and found.broken is None:
                found.ends += 1
                found.at_rest.add(world.at_rest(state))
                try:
                    found.incidents.update(set(world.look_at_the_end(state)))
                    found.over[world.watch.kept[state[-1]].case(world.case).over] += 1
                except Violation as broken:
                    found.broken, found.story = broken, path(n, None)
            if found.broken is not None:
                world.check()  # that it is no other file's story
                break
            if time.monotonic() > until:
                found.whole = False
                break
            if progress is not None and time.monotonic() - told > 5:
                told = time.monotonic()
                found.states, found.seconds = len(parents), told - began
                progress(found, len(level))
        if found.broken is not None or not found.whole:
            break
        world.check()
        found.depth += bool(following)
        level = following
    found.states, found.seconds = len(parents), time.monotonic() - began
    return found


def forward(world: World, state: State, until: Callable[[World, State], bool]) -> State:
    """The case played in one order, always the first thing that can happen and must, until something is so."""
    while not until(world, state):
        for move in world.moves(state):
            came = None if move.extra else world.do(state, move)
            if came is not None:
                state = must(came)
                break
        else:
            raise RuntimeError("the case has come to rest before")
    return state
