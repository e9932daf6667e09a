"""The own inbox on Kafka: read in batches, in order, and never past what was not written. `inbox.py` is the whole."""
