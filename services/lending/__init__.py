"""What any lender in a sale does, the buyer's bank and the fund centre alike. It knows no institution."""
