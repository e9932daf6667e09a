"""Sentences about money that institutions share: each puts into its own chapters those that it needs."""
