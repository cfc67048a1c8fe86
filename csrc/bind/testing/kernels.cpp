// The kernels over numpy arrays, any instruction set and any number of threads.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "base/mlx_type.h"
#include "bind/register.h"
#include "kernels/asking_ahead.h"
#include "kernels/table.h"

namespace fluxmlx::bind {
namespace {

using namespace kernels;  // NOLINT: this file is about nothing else
using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Ints = nb::ndarray<const int32_t, nb::c_contig, nb::device::cpu>;

const Table& table_named(const std::string& isa) { return isa.empty() ? active_table() : find_table(isa); }

template <class T>
nb::object new_array(std::unique_ptr<T[]> values, std::vector<size_t> shape) {
  T* memory = values.release();
  nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, T>(memory, shape.size(), shape.data(), owner));
}

const float* floats_or_null(nb::handle value) { return value.is_none() ? nullptr : nb::cast<Floats>(value).data(); }

// A type of GGUF's or of MLX's.
const TensorTypeInfo& type_info(uint32_t id) {
  if (find_mlx_type(static_cast<TensorType>(id)) != nullptr) return tensor_type_info(static_cast<TensorType>(id));
  const TensorTypeInfo* info = find_tensor_type(id);
  if (info == nullptr) fail(ErrorCode::invalid_argument, "no tensor type has this id: take it from tensor_types()");
  return *info;
}

// The rows of MLX's types: name -> (id, weights in one block, bytes of one block).
nb::dict mlx_types_of() {
  nb::dict rows;
  for (const TensorTypeInfo& info : mlx_types()) {
    rows[info.name] = nb::make_tuple(static_cast<uint32_t>(info.type), info.block_size, info.block_bytes);
  }
  return rows;
}

// A tuple (type id, data, n_rows, n_cols), and True behind them where the data are packed.
Matrix matrix_of(nb::handle value) {
  const auto fields = nb::cast<nb::tuple>(value);
  const auto data = nb::cast<nb::bytes>(fields[1]);
  const TensorTypeInfo& info = type_info(nb::cast<uint32_t>(fields[0]));
  Matrix w{info.type, static_cast<const std::byte*>(data.data()), nb::cast<int64_t>(fields[2]),
           nb::cast<int64_t>(fields[3])};
  if (fields.size() > 4 && nb::cast<bool>(fields[4])) w.form = Form::packed;
  const bool packed = w.form == Form::packed && has_packed(w.type);
  const auto needed = static_cast<size_t>(packed ? packed_bytes(w.type, w.n_rows, w.n_cols)
                                                 : w.n_rows * w.n_cols / info.block_size * info.block_bytes);
  if (data.size() < needed) fail(ErrorCode::invalid_argument, "matrix data too short: ", data.size(), " of ", needed);
  return w;
}

// The same matrix, packed.
nb::tuple pack_of(nb::handle matrix) {
  const Matrix w = matrix_of(matrix);
  std::vector<std::byte> packed(static_cast<size_t>(packed_bytes(w.type, w.n_rows, w.n_cols)));
  pack(w.type, w.data, w.n_rows, w.n_cols, packed.data());
  return nb::make_tuple(static_cast<uint32_t>(w.type), nb::bytes(packed.data(), packed.size()), w.n_rows, w.n_cols,
                        true);
}

// The blocks of one row of a packed matrix.
nb::bytes unpack_row_of(nb::handle matrix, int64_t row) {
  const Matrix w = matrix_of(matrix);
  const TensorTypeInfo& info = tensor_type_info(w.type);
  std::vector<std::byte> blocks(static_cast<size_t>(w.n_cols / info.block_size * info.block_bytes));
  unpack_row(w, row, blocks.data());
  return nb::bytes(blocks.data(), blocks.size());
}

// products: tuples (matrix, bias or None, residual or None[, scale]).
nb::list linear_of(ThreadPool& pool, const std::string& isa, const Floats& x, const nb::list& products, nb::handle norm,
                   float eps, bool asks_ahead) {
  const auto n_tokens = static_cast<int64_t>(x.shape(0));
  std::vector<Linear> work;
  nb::list results;
  for (nb::handle item : products) {
    const auto fields = nb::cast<nb::tuple>(item);
    Linear product{matrix_of(fields[0]), floats_or_null(fields[1]), floats_or_null(fields[2])};
    if (fields.size() > 3) product.scale = nb::cast<float>(fields[3]);
    const auto n = static_cast<size_t>(n_tokens * product.w.n_rows);
    auto y = std::make_unique<float[]>(n);
    product.y = y.get();
    work.push_back(product);
    results.append(new_array(std::move(y), {x.shape(0), static_cast<size_t>(product.w.n_rows)}));
  }
  linear(table_named(isa), pool, x.data(), n_tokens, {floats_or_null(norm), eps}, work, asks_ahead);
  return results;
}

nb::object gated_linear_of(ThreadPool& pool, const std::string& isa, const Floats& x, nb::handle gate, nb::handle up,
                           const std::string& activation, nb::handle norm, float eps, nb::handle gate_bias,
                           nb::handle up_bias, bool asks_ahead) {
  const Matrix w = matrix_of(gate);
  auto y = std::make_unique<float[]>(x.shape(0) * static_cast<size_t>(w.n_rows));
  Gated products{w, matrix_of(up)};
  products.activation = activation == "silu"      ? Activation::silu
                        : activation == "clamped" ? Activation::clamped
                                                  : Activation::gelu_tanh;
  products.y = y.get();
  products.gate_bias = floats_or_null(gate_bias), products.up_bias = floats_or_null(up_bias);
  gated_linear(table_named(isa), pool, x.data(), static_cast<int64_t>(x.shape(0)), {floats_or_null(norm), eps},
               products, asks_ahead);
  return new_array(std::move(y), {x.shape(0), static_cast<size_t>(w.n_rows)});
}

// in_place: y is the memory that x is read from.
nb::object norm_rows_of(ThreadPool& pool, const std::string& isa, const Floats& x, const Floats& weight, float eps,
                        bool in_place, bool centred) {
  auto y = std::make_unique<float[]>(x.size());
  if (in_place) std::copy_n(x.data(), x.size(), y.get());
  norm_rows(table_named(isa), pool, in_place ? y.get() : x.data(), static_cast<int64_t>(x.shape(0)),
            static_cast<int64_t>(x.shape(1)), {weight.data(), eps, centred}, y.get());
  return new_array(std::move(y), {x.shape(0), x.shape(1)});
}

nb::object add_normed_of(ThreadPool& pool, const std::string& isa, const Floats& x, const Floats& weight, float eps,
                         const Floats& base) {
  auto y = std::make_unique<float[]>(x.size());
  std::vector<float> rows(x.data(), x.data() + x.size());
  add_normed(table_named(isa), pool, rows.data(), static_cast<int64_t>(x.shape(0)), static_cast<int64_t>(x.shape(1)),
             {weight.data(), eps}, base.data(), y.get());
  return new_array(std::move(y), {x.shape(0), x.shape(1)});
}

nb::object scale_logits_of(ThreadPool& pool, const std::string& isa, const Floats& x, float scale, float softcap) {
  auto y = std::make_unique<float[]>(x.size());
  std::copy_n(x.data(), x.size(), y.get());
  scale_logits(table_named(isa), pool, y.get(), static_cast<int64_t>(x.size()), scale, softcap);
  return new_array(std::move(y), {x.size()});
}

nb::object embedding_of(const std::string& isa, nb::handle matrix, const Ints& tokens) {
  const Matrix w = matrix_of(matrix);
  const auto n_cols = static_cast<size_t>(w.n_cols);
  auto y = std::make_unique<float[]>(tokens.size() * n_cols);
  embedding(table_named(isa), w, tokens.data(), static_cast<int64_t>(tokens.size()), y.get());
  return new_array(std::move(y), {tokens.size(), n_cols});
}

nb::object rope_table_of(const Ints& positions, const Floats& inv_freq, float magnitude) {
  auto y = std::make_unique<float[]>(positions.size() * inv_freq.size() * 2);
  rope_table(positions.data(), static_cast<int64_t>(positions.size()), inv_freq.data(),
             static_cast<int>(inv_freq.size()), magnitude, y.get());
  return new_array(std::move(y), {positions.size(), inv_freq.size(), 2});
}

nb::object exp_of(const std::string& isa, const Floats& x) {
  auto y = std::make_unique<float[]>(x.size());
  table_named(isa).exp(x.data(), static_cast<int64_t>(x.size()), y.get());
  return new_array(std::move(y), {x.size()});
}

nb::object to_half_of(const std::string& isa, const Floats& x) {
  if (x.size() % 8 != 0) fail(ErrorCode::invalid_argument, "to_half takes a multiple of 8 numbers");
  auto y = std::make_unique<uint16_t[]>(x.size());
  table_named(isa).to_half(x.data(), static_cast<int64_t>(x.size()), y.get());
  return new_array(std::move(y), {x.size()});
}

nb::object dequantize_of(const std::string& isa, nb::handle matrix) {
  const Matrix w = matrix_of(matrix);
  const auto n = w.n_rows * w.n_cols;
  auto y = std::make_unique<float[]>(static_cast<size_t>(n));
  table_named(isa).find_dequantize(w.type)(w.data, n, y.get());
  return new_array(std::move(y), {static_cast<size_t>(n)});
}

// Seconds of one pass over all matrices, the best of `repeats`; each is one call of linear().
double time_linear(ThreadPool& pool, const std::string& isa, const nb::list& matrices, int64_t n_tokens, int repeats) {
  std::vector<Linear> work;
  int64_t most_rows = 0, most_cols = 0;
  for (nb::handle item : matrices) {
    work.push_back({matrix_of(item)});
    most_rows = std::max(most_rows, work.back().w.n_rows);
    most_cols = std::max(most_cols, work.back().w.n_cols);
  }
  const std::vector<float> x(static_cast<size_t>(n_tokens * most_cols), 0.5f);
  std::vector<float> y(static_cast<size_t>(n_tokens * most_rows));
  const Table& table = table_named(isa);  // asks the processor, which takes microseconds in a virtual machine
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (Linear& product : work) {
      product.y = y.data();
      linear(table, pool, x.data(), n_tokens, {}, {&product, 1}, /*asks_ahead=*/false);
    }
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

void register_testing_kernels(nb::module_& m) {
  m.def("available_isas", &available_isas);
  m.def("active_isa", &active_isa);
  m.def("linear", &linear_of, nb::arg("pool"), nb::arg("isa"), nb::arg("x"), nb::arg("products"),
        nb::arg("norm").none() = nb::none(), nb::arg("eps") = 0.0f, nb::arg("asks_ahead") = false);
  m.def("gated_linear", &gated_linear_of, nb::arg("pool"), nb::arg("isa"), nb::arg("x"), nb::arg("gate"), nb::arg("up"),
        nb::arg("activation"), nb::arg("norm").none() = nb::none(), nb::arg("eps") = 0.0f,
        nb::arg("gate_bias").none() = nb::none(), nb::arg("up_bias").none() = nb::none(),
        nb::arg("asks_ahead") = false);
  nb::class_<AskingAhead>(m, "AskingAhead")
      .def(nb::init<>())
      .def("asks", &AskingAhead::asks)
      .def("took", &AskingAhead::took);
  m.def("has_packed", [](uint32_t type) { return has_packed(static_cast<TensorType>(type)); });
  m.def("mlx_types", &mlx_types_of);
  m.def("pack", &pack_of);
  m.def("unpack_row", &unpack_row_of);
  m.def("norm_rows", &norm_rows_of, nb::arg("pool"), nb::arg("isa"), nb::arg("x"), nb::arg("weight"), nb::arg("eps"),
        nb::arg("in_place") = false, nb::arg("centred") = false);
  m.def("add_normed", &add_normed_of);
  m.def("scale_logits", &scale_logits_of);
  m.def("embedding", &embedding_of);
  m.def("rope_table", &rope_table_of);
  m.def("exp", &exp_of);
  m.def("to_half", &to_half_of);
  m.def("dequantize", &dequantize_of);
  m.def("time_linear", &time_linear);
}

}  // namespace fluxmlx::bind
