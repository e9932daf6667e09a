"""What keeps the lines between two institutions whole. No case waits for these; the runtime says and hears them."""

from pydantic import PositiveInt

from contracts.event import ALL_ROLES, Event


class RepeatRequested(Event, by=ALL_ROLES, to=ALL_ROLES, article="architecture, decision 6", numbered=False):
    """The speaker holds a later number of the hearer's line and asks for the ones missing before it.

    The line is that of one subject; the record's key names it.
    """

    first_missing: PositiveInt
    last_missing: PositiveInt
