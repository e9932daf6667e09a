"""The buyer's bank (买方贷款银行): a lender like any other, with its own desk, settings and accounts."""
