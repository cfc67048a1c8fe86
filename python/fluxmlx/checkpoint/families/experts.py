"""Mixtures of experts."""

from __future__ import annotations

from typing import Any

from fluxmlx.checkpoint.options import Options

__all__ = ["SWITCHED", "expert_keys"]

# Experts that were stacked when the checkpoint was converted for MLX.
SWITCHED = {
    "switch_mlp.gate_proj": "ffn_gate_exps",
    "switch_mlp.up_proj": "ffn_up_exps",
    "switch_mlp.down_proj": "ffn_down_exps",
}


def expert_keys(options: Options) -> dict[str, Any]:
    """How many experts there are, and how many each token goes to."""
    n = options.integer(
        "num_local_experts" if options.has("num_local_experts") else "num_experts", high=1 << 16
    )
    options.expect("num_experts", n)
    name = "num_experts_per_tok" if options.has("num_experts_per_tok") else "experts_per_token"
    n_used = options.integer(name, high=n)
    options.expect("experts_per_token", n_used)
    return {"expert_count": n, "expert_used_count": n_used}
