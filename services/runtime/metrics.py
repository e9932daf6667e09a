"""What Prometheus reads at /metrics. Names carry no personal data and no case."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One institution's counters, in a registry of its own so that several can live in one test."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter("daiya_records", "Records of the inbox handled", registry=self.registry)
        self.batch_size = Histogram(
            "daiya_batch_records", "Records in one turn", buckets=(1, 2, 5, 10, 50, 100, 500), registry=self.registry
        )
        self.turn_seconds = Histogram("daiya_turn_seconds", "Time of one turn", registry=self.registry)
        self.dead_letters = Counter("daiya_dead_letters", "Records that could not be accepted", registry=self.registry)
        self.known_again = Counter("daiya_known_again", "Records that were on file already", registry=self.registry)
        self.sent_late = Counter(
            "daiya_sent_late", "Records that a topic did not take at first, and took since", registry=self.registry
        )
        self.asked_after = Counter(
            "daiya_payments_asked_after",
            "Times that the rail was asked what became of a payment",
            registry=self.registry,
        )
        self.conflicts = Counter(
            "daiya_conflicts", "Entries that another worker had written first", registry=self.registry
        )
        self.lag = Gauge("daiya_lag_records", "Records not yet handled", ["partition"], registry=self.registry)
        self.open_rows = Gauge(
            "daiya_open",
            "Open rows: incident, held, struck, stopped, leftover, lost, payment, wait",
            ["kind"],
            registry=self.registry,
        )

    def set_lag(self, lag: Mapping[int, int]) -> None:
        """The records not yet handled by partition, in the partitions held now. What has moved away shows no more."""
        self.lag.clear()
        for partition, records in lag.items():
            self.lag.labels(partition).set(records)

    def text(self) -> bytes:
        """The metrics in Prometheus' text form."""
        return generate_latest(self.registry)
