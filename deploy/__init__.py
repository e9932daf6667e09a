"""How Daiya is put on a machine: the embedded stack, topics, cities, sandboxes."""
