"""What any institution does with money that goes back to its payer, and with a payment that failed. It knows none of
them."""
