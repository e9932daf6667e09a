"""Stand-ins for what lies outside the institutions: HTTP services with their own books, imported by none."""
