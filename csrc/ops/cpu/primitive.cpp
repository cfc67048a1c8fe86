#include "ops/cpu/primitive.h"

#include <new>
#include <stdexcept>

#include "mlx/allocator.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/ops.h"

namespace fluxmlx::ops::cpu {
namespace {

namespace core = mlx::core;

// MLX hands on what malloc gave, also where that is nothing.
void allocate(array& output) {
  output.set_data(core::allocator::malloc(output.nbytes()));
  if (output.buffer().ptr() == nullptr && output.nbytes() != 0) throw std::bad_alloc();
}

}  // namespace

Array wrap(array a) { return Array::adopt(mlx_array{new array(std::move(a))}); }

void KernelPrimitive::eval_cpu(const std::vector<array>& inputs, array& output) {
  if (result_ == Result::over_input && inputs.front().is_donatable()) {
    output.copy_shared_buffer(inputs.front());
  } else {
    allocate(output);
  }
  auto& encoder = core::cpu::get_command_encoder(stream());
  for (const array& input : inputs) encoder.set_input_array(input);
  encoder.set_output_array(output);
  // The task outlives this call; unsafe_weak_copy keeps the buffers' addresses without owning the graph.
  std::vector<array> in;
  in.reserve(inputs.size());
  for (const array& input : inputs) in.push_back(array::unsafe_weak_copy(input));
  encoder.dispatch([kernel = kernel_, in = std::move(in), out = output.data<float>()] { (*kernel)(in, out); });
}

void KernelPrimitive::eval_gpu(const std::vector<array>&, array&) {
  throw std::runtime_error("a CPU kernel of fluxmlx was placed on a GPU stream");
}

Array add_node(const Stream& stream, const char* name, std::vector<array> inputs, const Shape& shape,
               KernelPrimitive::Kernel kernel, Result result) {
  const auto& core_stream = *static_cast<const core::Stream*>(stream.handle().ctx);
  auto node = std::make_shared<KernelPrimitive>(core_stream, name, result, std::move(kernel));
  return wrap(array(core::Shape(shape.begin(), shape.end()), core::float32, std::move(node), std::move(inputs)));
}

}  // namespace fluxmlx::ops::cpu
