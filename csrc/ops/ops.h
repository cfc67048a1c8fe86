#pragma once

#include <memory>
#include <span>
#include <vector>

#include "array/stream.h"
#include "base/thread_pool.h"
#include "cache/kv_cache.h"
#include "ops/layer.h"

namespace fluxmlx::ops {

// The rows of one sequence in a ragged batch, and its cache, which holds the new rows once the result is evaluated.
struct Rows {
  int begin = 0;  // first row in the batch
  int count = 0;  // new rows
  cache::KvCache* cache = nullptr;
};

// The layers of a decoder, made ready for the device once.
class Stack {
 public:
  virtual ~Stack() = default;

  // x (T, n_embd) at positions (T,) -> the same through all layers. Appends the new keys and values to the caches of
  // `sequences`.
  virtual Array run(const Array& x, std::span<const int32_t> positions, std::span<const Rows> sequences) const = 0;
};

// The operations of a decoder, so coarse that a step is three of them. One implementation composes them from mlx-c
// and runs on every device, one runs our CPU kernels as MLX primitives; the composed form is the oracle of the other.
// T is the number of rows of the batch.
class Ops {
 public:
  virtual ~Ops() = default;

  virtual const Stream& stream() const = 0;
  virtual Layout weight_layout() const = 0;  // what quantised matrices must be loaded as
  virtual mlx_dtype dtype() const = 0;       // of the activations
  virtual ThreadPool* pool() const = 0;      // of our kernels; null where they do not run

  // tokens (T,) int32 -> (T, n_in) rows of the table, times scale.
  virtual Array embedding(const Weight& table, const Array& tokens, float scale) const = 0;

  virtual std::unique_ptr<Stack> stack(LayerStack layers) const = 0;

  // Where the caches come from that the stack takes. The store is used no longer than these ops.
  virtual std::unique_ptr<cache::KvStore> make_store(const cache::KvShape& shape) const = 0;

  // x (T, n) -> norm(x), (T, n).
  virtual Array norm(const Array& x, const Norm& norm) const = 0;

  // x (T, n_in) -> norm(x) w + bias, scaled: (T, n_out).
  virtual Array head(const Array& x, const Norm& norm, const Linear& linear, const LogitScale& scale) const = 0;
};

// wide: activations are float32 also where the device would rather have float16.
std::unique_ptr<Ops> make_composed_ops(DeviceKind device, bool wide);
std::unique_ptr<Ops> make_cpu_ops(std::shared_ptr<ThreadPool> pool);

// Whether the CPU kernels run heads of this size; the composed form runs any.
bool cpu_ops_take(int head_dim) noexcept;

}  // namespace fluxmlx::ops
