"""What a clerk of any institution with an account decides about money at the desk."""

from services.runtime.core.facts import Command


class ReturnOrdered(Command):
    """A clerk sends money that no article covers back to whoever paid it. `money` is the receipt's id."""

    money: str
