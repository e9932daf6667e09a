"""The fund centre (住房公积金管理中心): a lender like the buyer's bank, which lends by quota and ability, and out of a
pool."""
