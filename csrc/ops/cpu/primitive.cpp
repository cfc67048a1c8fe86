#include "ops/cpu/primitive.h"

#include <new>
#include <stdexcept>

#include "mlx/allocator.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/ops.h"

namespace fluxmlx::ops::cpu {
namespace {

namespace core = mlx::core;

core::Dtype to_core(mlx_dtype dtype) {
  switch (dtype) {
    case MLX_FLOAT16:
      return core::float16;
    case MLX_UINT8:
      return core::uint8;
    default:
      return core::float32;
  }
}

// MLX hands on what malloc gave, also where that is nothing.
void allocate(array& output) {
  output.set_data(core::allocator::malloc(output.nbytes()));
  if (output.buffer().ptr() == nullptr && output.nbytes() != 0) throw std::bad_alloc();
}

}  // namespace

Array wrap(array a) { return Array::adopt(mlx_array{new array(std::move(a))}); }

void KernelPrimitive::eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) {
  for (array& output : outputs) allocate(output);
  auto& encoder = core::cpu::get_command_encoder(stream());
  for (const array& input : inputs) encoder.set_input_array(input);
  for (array& output : outputs) encoder.set_output_array(output);
  // The task outlives this call; unsafe_weak_copy keeps the buffers' addresses without owning the graph.
  std::vector<array> in;
  std::vector<array> out;
  in.reserve(inputs.size());
  out.reserve(outputs.size());
  for (const array& input : inputs) in.push_back(array::unsafe_weak_copy(input));
  for (const array& output : outputs) out.push_back(array::unsafe_weak_copy(output));
  encoder.dispatch([kernel = kernel_, in = std::move(in), out = std::move(out)]() mutable { (*kernel)(in, out); });
}

void KernelPrimitive::eval_gpu(const std::vector<array>&, std::vector<array>&) {
  throw std::runtime_error("a CPU kernel of fluxmlx was placed on a GPU stream");
}

std::vector<Array> add_node(const Stream& stream, const char* name, std::vector<array> inputs,
                            const std::vector<OutputSpec>& outputs, KernelPrimitive::Kernel kernel) {
  const auto& core_stream = *static_cast<const core::Stream*>(stream.handle().ctx);
  std::vector<core::Shape> shapes;
  std::vector<core::Dtype> dtypes;
  for (const OutputSpec& output : outputs) {
    shapes.emplace_back(output.shape.begin(), output.shape.end());
    dtypes.push_back(to_core(output.dtype));
  }
  auto node = std::make_shared<KernelPrimitive>(core_stream, name, std::move(kernel));
  std::vector<Array> results;
  for (array& result : array::make_arrays(std::move(shapes), dtypes, node, std::move(inputs))) {
    results.push_back(wrap(std::move(result)));
  }
  return results;
}

}  // namespace fluxmlx::ops::cpu
