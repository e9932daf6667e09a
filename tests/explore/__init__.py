"""Every interleaving of a small world: the real rules and the real fold, turn by turn (docs/decisions/0017)."""
