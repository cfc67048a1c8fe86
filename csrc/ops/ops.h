#pragma once

#include <memory>
#include <span>
#include <vector>

#include "array/stream.h"
#include "base/thread_pool.h"
#include "ops/weights.h"

namespace fluxmlx::ops {

enum class Activation { silu, gelu_tanh };

struct AttentionConfig {
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  float scale = 1;
  Norm q_norm;  // of each head before the rotation; empty weight: none
  Norm k_norm;
  Rope rope;
};

// The rows of one sequence in a ragged batch, and where its keys and values of one layer are kept.
struct Rows {
  int begin = 0;       // first row in the batch
  int count = 0;       // new rows
  int n_past = 0;      // positions already in the cache
  Array* k = nullptr;  // (n_kv_heads, capacity, head_dim); holds the new rows once the result is evaluated
  Array* v = nullptr;
};

// The operations of a decoder, coarse enough that a layer is five of them. One implementation composes
// them from mlx-c and runs on every device, one runs our CPU kernels as MLX primitives; the composed
// form is the oracle of the other. T is the number of rows of the batch.
class Ops {
 public:
  virtual ~Ops() = default;

  virtual const Stream& stream() const = 0;
  virtual Layout weight_layout() const = 0;  // what quantised matrices must be loaded as
  virtual mlx_dtype dtype() const = 0;       // of the activations

  // tokens (T,) int32 -> (T, n_in) rows of the table.
  virtual Array embedding(const Weight& table, const Array& tokens) const = 0;

  // x (T, n_in) -> norm(x) times each weight: (T, n_out) for each.
  virtual std::vector<Array> norm_linear(const Array& x, const Norm& norm, std::span<const Linear> linears) const = 0;

  // x (T, n_in) -> activation(norm(x) gate) * (norm(x) up): (T, n_out).
  virtual Array norm_gated(const Array& x, const Norm& norm, const Weight& gate, const Weight& up,
                           Activation activation) const = 0;

  // x (T, n_in), residual (T, n_out) -> x w + bias + residual.
  virtual Array linear_add(const Array& x, const Linear& linear, const Array& residual) const = 0;

  // positions (T,) int32 -> what attention() needs of them, computed once for all layers.
  virtual Array rope_positions(const Rope& rope, const Array& positions) const = 0;

  // q (T, n_heads * head_dim), k and v (T, n_kv_heads * head_dim) -> (T, n_heads * head_dim).
  // Rotates q and k, appends k and v to the caches of `sequences`, attends causally.
  virtual Array attention(const AttentionConfig& config, const Array& q, const Array& k, const Array& v,
                          const Array& rope_positions, std::span<const Rows> sequences) const = 0;
};

std::unique_ptr<Ops> make_composed_ops(DeviceKind device);
std::unique_ptr<Ops> make_cpu_ops(std::shared_ptr<ThreadPool> pool);

// Whether the CPU kernels run heads of this size; the composed form runs any.
bool cpu_ops_take(int head_dim) noexcept;

}  // namespace fluxmlx::ops
