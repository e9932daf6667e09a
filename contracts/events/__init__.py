"""What the institutions say, one file per speaker; `case` has what whoever opens or keeps a case says.

Importing this package fills contracts.event.EVENTS.
"""

from contracts.events import case, escrow, lender, line, registry, seller_bank

__all__ = ["case", "escrow", "lender", "line", "registry", "seller_bank"]
