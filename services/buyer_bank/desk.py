"""What the bank's people do at their desk: what any lender's do."""

from services.lending.desk import lender_desk

router = lender_desk()
