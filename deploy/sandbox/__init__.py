"""Stand-ins for what lies outside the institutions: small HTTP services with books of their own, never imported by a service."""
