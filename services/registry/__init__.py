"""The real-estate registry (不动产登记机构): it keeps the register, and it alone orders entry against
closing."""
