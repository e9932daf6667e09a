"""The real rules and the real runtime over a log, a store, a rail and a clock of the simulation's own, by seed."""
