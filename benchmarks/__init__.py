"""How fast Daiya is, measured beside what others would use. README.md says how, and has the figures."""
