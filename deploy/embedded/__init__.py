"""A real Apache Kafka and a real MongoDB from package registries alone, as child processes."""
