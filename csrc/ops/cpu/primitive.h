#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "array/array.h"
#include "array/stream.h"
#include "mlx/array.h"
#include "mlx/primitives.h"

// The one place where MLX's C++ headers are used: our kernels become nodes of MLX's graph.
namespace fluxmlx::ops::cpu {

using mlx::core::array;

// An mlx-c handle is a pointer to MLX's own array.
inline const array& unwrap(const Array& a) { return *static_cast<const array*>(a.handle().ctx); }
Array wrap(array a);

// Whether a node may write its result over its first input, of the same shape, where nobody else wants that.
enum class Result { own_memory, over_input };

// A graph node that runs one function on the stream's thread.
class KernelPrimitive final : public mlx::core::UnaryPrimitive {
 public:
  using Kernel = std::function<void(const std::vector<array>& inputs, float* output)>;

  KernelPrimitive(mlx::core::Stream stream, const char* name, Result result, Kernel kernel)
      : UnaryPrimitive(stream),
        name_(name),
        result_(result),
        kernel_(std::make_shared<const Kernel>(std::move(kernel))) {}

  void eval_cpu(const std::vector<array>& inputs, array& output) override;
  void eval_gpu(const std::vector<array>& inputs, array& output) override;
  const char* name() const override { return name_; }

 private:
  const char* name_;
  Result result_;
  std::shared_ptr<const Kernel> kernel_;  // of this node and of its task
};

// Adds one node whose result is float32. All inputs must be row-contiguous, as the results of these nodes are.
Array add_node(const Stream& stream, const char* name, std::vector<array> inputs, const Shape& shape,
               KernelPrimitive::Kernel kernel, Result result = Result::own_memory);

}  // namespace fluxmlx::ops::cpu
