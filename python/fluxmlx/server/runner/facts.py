"""What a runner tells its parent: how far its model is, what machine it is on, what memory the model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluxmlx.server.runner.dialects import Dialect

if TYPE_CHECKING:
    from fluxmlx.server.context import ServerContext
    from fluxmlx.server.loaded import LoadedModel

__all__ = ["devices", "health", "memory", "plain_device", "status"]

_READY, _BUSY, _LAUNCHED, _LOADING, _ERROR = 0, 1, 2, 3, 5


def health(server: ServerContext, model: str, dialect: Dialect) -> dict[str, Any]:
    """The answer of /health."""
    found = server.pool.find(model)
    if dialect == "plain":
        is_loaded = found is not None and found.engine is not None
        return {"status": "ok", "model_loaded": is_loaded, "current_model": model if is_loaded else None}
    code, progress = _state(found)
    return {"status": code, "progress": progress}


def status(server: ServerContext, model: str) -> dict[str, Any]:
    """The answer of /v1/status."""
    found = server.pool.find(model)
    code, progress = _state(found)
    engine = None if found is None else found.engine
    n_ctx = 0 if engine is None else engine.capabilities.n_ctx
    return {
        "Status": code,
        "Progress": round(100 * progress),
        "ContextLength": n_ctx,
        "Memory": _bytes(found),
    }


def _state(found: LoadedModel | None) -> tuple[int, float]:
    """The number for a state, and how much of the load is done."""
    if found is None:
        return _LAUNCHED, 0.0
    if found.engine is None:
        if found.loading is not None and found.loading.done():
            return _ERROR, 0.0
        done, total = found.progress
        return _LOADING, done / total if total else 0.0
    stats = found.engine.stats()
    is_full = stats.queued > 0 and stats.running >= found.engine.capabilities.max_sequences
    return (_BUSY if is_full else _READY), 1.0


def devices() -> list[dict[str, Any]]:
    """The GPUs that are used, as Ollama describes them; none where the model runs on the CPU."""
    from fluxmlx._native import info

    name = str(info()["default_device"])
    if name == "cpu":
        return []
    return [
        {"id": "0", "backend": "MLX", "name": name, "description": name, "total_memory": 0, "free_memory": 0,
         "ComputeMajor": -1, "ComputeMinor": -1, "LibraryPath": []},
    ]  # fmt: skip


def plain_device() -> dict[str, Any]:
    """The same for parents of the plain dialect."""
    from fluxmlx._native import info

    name = str(info()["default_device"])
    return {"gpu": name != "cpu", "compute_capability": None, "device": name}


def memory(found: LoadedModel | None) -> dict[str, Any]:
    """What a loaded model takes, in Ollama's words: all of it as weights of the one device."""
    weights = {"Weights": [_bytes(found)], "Cache": [], "Graph": 0}
    on_gpu = [{**one, **weights} for one in devices()]
    on_cpu = {"id": "cpu", "Name": "CPU", **({"Weights": [], "Cache": [], "Graph": 0} if on_gpu else weights)}
    return {"InputWeights": 0, "CPU": on_cpu, "GPUs": on_gpu}


def _bytes(found: LoadedModel | None) -> int:
    return 0 if found is None else found.size
