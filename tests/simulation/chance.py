"""Where all chance of a simulated city comes from: one seed, in streams of their own, so that leaving one thing out
leaves the others as they are.

Whatever is not as it should be, a fault of the outside or an unusual act of a person, is drawn under a number. A number
that the plan leaves out does not happen: so a failing seed is shrunk.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

T = TypeVar("T")

Happening = tuple[str, int]
"""What was drawn: its stream and its number there."""


@dataclass(frozen=True)
class Plan:
    """All that a run depends on. `without`: what does not happen though it was drawn; `calm_after`: the number of the
    step from which on nothing fails any more and everybody does what is usual."""

    seed: int
    procedure: str = "LC-FULL"
    without: frozenset[Happening] = frozenset()
    calm_after: int | None = None
    in_order: bool = False

    def leaving_out(self, *happenings: Happening) -> "Plan":
        """The same without these."""
        return replace(self, without=self.without | frozenset(happenings))


@dataclass
class Chances:
    """The streams of one run. `happened` is what went wrong or was unusual, `counted` how often each kind of it."""

    plan: Plan
    happened: list[tuple[Happening, str]] = field(default_factory=list[tuple[Happening, str]])
    counted: Counter[str] = field(default_factory=Counter[str])
    calm: bool = False

    def __post_init__(self) -> None:
        seed = f"{self.plan.procedure}/{self.plan.seed}"
        self.order = random.Random(f"{seed}/order")
        self.city = random.Random(f"{seed}/city")
        self.people = random.Random(f"{seed}/people")
        self._faults = random.Random(f"{seed}/faults")
        self._drawn = Counter[str]()
        # Some cities are quiet, most are not, and some fall from one fault into the next.
        self.storm = random.Random(f"{seed}/storm").choice((0.0, 0.3, 0.6, 1.0, 2.0, 4.0))

    def fault(self, kinds: Sequence[tuple[str, float]]) -> str | None:
        """At most one of these kinds of fault, each with its chance in a quiet hour."""
        self._drawn["fault"] += 1
        roll = self._faults.random()
        if self.calm:
            return None
        for kind, chance in kinds:
            roll -= chance * self.storm
            if roll < 0:
                return kind if self._let("fault", kind) else None
        return None

    def unusual(self, kind: str, chance: float) -> bool:
        """Whether somebody does something unusual."""
        self._drawn["act"] += 1
        drawn = self.people.random() < chance
        return drawn and not self.calm and self._let("act", kind)

    def _let(self, stream: str, kind: str) -> bool:
        happening = (stream, self._drawn[stream])
        if happening in self.plan.without:
            return False
        self.happened.append((happening, kind))
        self.counted[f"{stream}: {kind}"] += 1
        return True
