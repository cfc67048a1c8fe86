"""What /metrics shows: what the server counts itself, and what the engines say of themselves when they are asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from fluxmlx.server.loaded import LoadedModel
    from fluxmlx.server.pool import ModelPool

__all__ = ["Metrics"]

_FIRST_TOKEN = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BETWEEN = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_REQUEST = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The numbers of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        here = self.registry
        self.requests = Counter(
            "fluxmlx_requests_total",
            "Requests by route and status",
            ["method", "route", "status"],
            registry=here,
        )
        self.seconds = Histogram(
            "fluxmlx_request_seconds", "Whole requests, by route", ["route"], buckets=_REQUEST, registry=here
        )
        self.in_flight = Gauge("fluxmlx_requests_in_flight", "Requests that have not ended", registry=here)
        self.prompt_tokens = Counter(
            "fluxmlx_prompt_tokens_total", "Tokens of prompts", ["model"], registry=here
        )
        self.completion_tokens = Counter(
            "fluxmlx_completion_tokens_total", "Tokens written", ["model"], registry=here
        )
        self.first_token = Histogram(
            "fluxmlx_time_to_first_token_seconds",
            "From submission",
            ["model"],
            buckets=_FIRST_TOKEN,
            registry=here,
        )
        self.between_tokens = Histogram(
            "fluxmlx_inter_token_seconds", "Mean of each answer", ["model"], buckets=_BETWEEN, registry=here
        )
        ProcessCollector(registry=self.registry)

    def watch(self, pool: ModelPool) -> None:
        """Adds the engines of a pool, asked when the page is."""
        self.registry.register(_Engines(pool))

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


def _numbers(model: LoadedModel) -> dict[str, Any]:
    """An engine's statistics, its places, its blocks of keys and values, and the bytes of its model."""
    engine = model.engine
    info, stats, slots = engine.info, engine.stats(), engine.capabilities.max_sequences
    more = {"slots": slots, "slots_free": max(slots - stats.running, 0), "model_bytes": model.size}
    if block := info.get("cache_block_positions", 0) * info.get("cache_bytes_per_position", 0):
        more |= {
            "blocks": -(-stats.cache_bytes // block),
            "blocks_kept": -(-stats.prefix_bytes // block),
            "blocks_most": info.get("max_memory", 0) // block,
        }
    return dataclasses.asdict(stats) | more


class _Engines:
    """The statistics of loaded engines."""

    def __init__(self, pool: ModelPool) -> None:
        self._pool = pool

    def describe(self) -> Iterable[Any]:
        """Nothing: the names are known once an engine is there."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """A gauge for each statistic, with a sample for each engine."""
        models = self._pool.loaded()
        loaded = GaugeMetricFamily("fluxmlx_models_loaded", "Models in memory")
        loaded.add_metric([], len(models))
        yield loaded
        gauges: dict[str, GaugeMetricFamily] = {}
        for model in models:
            for name, value in _numbers(model).items():
                if isinstance(value, (int, float)):
                    gauge = gauges.setdefault(
                        name,
                        GaugeMetricFamily(f"fluxmlx_engine_{name}", name.replace("_", " "), labels=["model"]),
                    )
                    gauge.add_metric([model.name], value)
        yield from gauges.values()
