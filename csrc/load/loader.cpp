#include "load/loader.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "kernels/kernels.h"
#include "load/affine.h"
#include "quant/dequantize.h"

namespace fluxmlx::load {
namespace {

bool is_float(TensorType type) {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

std::string shape_text(const std::vector<uint64_t>& ne) {
  std::string text = "[";
  for (size_t i = 0; i < ne.size(); ++i) text += concat(i != 0 ? ", " : "", ne[i]);
  return text + "]";
}

// A trailing dimension of one says nothing.
std::vector<uint64_t> trimmed(std::vector<uint64_t> ne) {
  while (ne.size() > 1 && ne.back() == 1) ne.pop_back();
  return ne;
}

uint64_t count_elements(const gguf::Tensor& tensor) {
  uint64_t n = 1;
  for (const uint64_t size : tensor.ne) n *= size;  // the reader has checked the product
  return n;
}

// A matrix of a block type, in MLX's form with scales of `scale_bytes` each.
uint64_t quantized_bytes(TensorType type, uint64_t n, uint64_t scale_bytes) {
  if (type == TensorType::MXFP4) return n / 2 + n / kGroupSize;
  return n * static_cast<uint64_t>(affine_plan(type).bits) / 8 + n / kGroupSize * 2 * scale_bytes;
}

// Tests hold weights as blocks to reach the kernels that take float activations.
bool may_pack() {
  const char* layout = std::getenv("FLUXMLX_FORCE_LAYOUT");
  return layout == nullptr || std::string_view(layout) != "blocks";
}

}  // namespace

Loader::Loader(const gguf::File& file, const ops::Ops& ops, Progress progress)
    : file_(file), ops_(ops), progress_(std::move(progress)), arena_(file.n_bytes()) {}

uint64_t Loader::n_bytes_held() const {
  const bool as_blocks = ops_.weight_layout() == ops::Layout::packed;  // which is as large, give or take a twentieth
  const uint64_t number = mlx_dtype_size(ops_.dtype());
  uint64_t held = 0;
  for (const gguf::Tensor& tensor : file_.tensors()) {
    const uint64_t n = count_elements(tensor);
    held += as_blocks ? tensor.n_bytes : is_float(tensor.type) ? n * number : quantized_bytes(tensor.type, n, number);
  }
  return held;
}

bool Loader::has(const std::string& name) const { return file_.find(name) != nullptr; }

const gguf::Tensor& Loader::find(const std::string& name, const std::vector<uint64_t>& ne) {
  const gguf::Tensor* tensor = file_.find(name);
  if (tensor == nullptr) {
    fail(ErrorCode::invalid_file, file_.path(), ": tensor '", name, "' is missing; the model's metadata asks for it");
  }
  if (trimmed(tensor->ne) != trimmed(ne)) {
    fail(ErrorCode::invalid_file, file_.path(), ": tensor '", name, "' has the shape ", shape_text(tensor->ne),
         ", and the model's metadata asks for ", shape_text(ne));
  }
  if (quant::find_dequantize(tensor->type) == nullptr) {
    fail(ErrorCode::unsupported, file_.path(), ": tensor '", name, "' has the type ",
         tensor_type_info(tensor->type).name, ", which this version cannot read; use a file of another quantisation");
  }
  used_[name] = true;
  return *tensor;
}

void Loader::count(const gguf::Tensor& tensor, const std::string& held_as) {
  const std::string type = tensor_type_info(tensor.type).name;
  ReportRow& row = report_[type + " -> " + held_as];
  row.type = type;
  row.held_as = held_as;
  row.n_tensors += 1;
  row.n_bytes += tensor.n_bytes;
}

// In pieces, so that a load can be watched and stopped inside a tensor of gigabytes.
void Loader::read(const gguf::Tensor& tensor, uint64_t offset, std::span<std::byte> into) {
  constexpr size_t piece_bytes = size_t{4} << 20;
  while (!into.empty()) {
    const std::span<std::byte> piece = into.first(std::min(piece_bytes, into.size()));
    file_.read(tensor, offset, piece);
    into = into.subspan(piece.size());
    offset += piece.size();
    done_ += piece.size();
    if (progress_) progress_(done_, file_.n_bytes());
  }
}

std::vector<float> Loader::read_floats(const gguf::Tensor& tensor) {
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  const uint64_t n_row = tensor.ne[0], row_bytes = n_row / info.block_size * info.block_bytes;
  std::vector<float> values(count_elements(tensor));
  std::vector<std::byte> row(row_bytes);
  for (uint64_t r = 0; r * n_row < values.size(); ++r) {
    read(tensor, r * row_bytes, row);
    quant::dequantize(tensor.type, row, std::span(values).subspan(r * n_row, n_row));
  }
  return values;
}

ops::Weight Loader::matrix(const std::string& name, int n_out, int n_in) {
  const gguf::Tensor& tensor = find(name, {static_cast<uint64_t>(n_in), static_cast<uint64_t>(n_out)});
  ops::Weight weight;
  weight.type = tensor.type;
  weight.n_out = n_out;
  weight.n_in = n_in;
  weight.layout = ops_.weight_layout();
  if (weight.layout == ops::Layout::packed) return take_in(tensor, std::move(weight));
  return is_float(tensor.type) ? load_dense(tensor, std::move(weight)) : load_quantized(tensor, std::move(weight));
}

ops::Weight Loader::take_in(const gguf::Tensor& tensor, ops::Weight weight) {
  const bool packed = kernels::has_packed(tensor.type) && may_pack();
  weight.layout = packed ? ops::Layout::packed : ops::Layout::blocks;
  const std::shared_ptr<std::byte> memory = arena_.allocate(
      packed ? static_cast<size_t>(kernels::packed_bytes(tensor.type, weight.n_out, weight.n_in)) : tensor.n_bytes);
  intake_.add(tensor, weight.n_out, weight.n_in, packed, memory.get());
  weight.bytes = memory;
  count(tensor, packed ? "packed" : "the file's blocks");
  return weight;
}

void Loader::finish() {
  if (ops_.pool() == nullptr) return;  // each tensor was read when it was asked for
  const uint64_t before = done_;
  intake_.run(file_, *ops_.pool(), [&](uint64_t n_bytes) {
    done_ = before + n_bytes;
    if (progress_) progress_(done_, file_.n_bytes());
  });
}

ops::Weight Loader::load_dense(const gguf::Tensor& tensor, ops::Weight weight) {
  weight.layout = ops::Layout::dense;
  const Array wide = Array::from(read_floats(tensor), {weight.n_out, weight.n_in});
  weight.data = mx::astype(wide, ops_.dtype(), ops_.stream());
  mx::eval(weight.data);
  count(tensor, concat("plain ", dtype_name(ops_.dtype())));
  return weight;
}

ops::Weight Loader::load_quantized(const gguf::Tensor& tensor, ops::Weight weight) {
  const bool mxfp4 = tensor.type == TensorType::MXFP4;
  const AffinePlan plan = mxfp4 ? AffinePlan{4, true} : affine_plan(tensor.type);
  const int64_t n_out = weight.n_out, n_in = weight.n_in, n_groups = n_in / kGroupSize;
  const int64_t row_bytes = static_cast<int64_t>(tensor.n_bytes) / n_out, packed_bytes = n_in * plan.bits / 8;
  std::vector<std::byte> row(row_bytes);
  std::vector<uint8_t> packed(n_out * packed_bytes), codes(n_in), exponents(mxfp4 ? n_out * n_groups : 0);
  std::vector<float> scales(mxfp4 ? 0 : n_out * n_groups), biases(scales.size());
  for (int64_t r = 0; r < n_out; ++r) {
    read(tensor, static_cast<uint64_t>(r * row_bytes), row);
    if (mxfp4) {
      to_mxfp4(row.data(), n_in, &packed[r * packed_bytes], &exponents[r * n_groups]);
      continue;
    }
    to_affine(tensor.type, row.data(), n_in, codes.data(), &scales[r * n_groups], &biases[r * n_groups]);
    pack_codes(codes.data(), n_in, plan.bits, &packed[r * packed_bytes]);
  }
  const Shape groups = {weight.n_out, static_cast<int>(n_groups)};
  weight.quantization = {mxfp4 ? "mxfp4" : "affine", plan.bits, kGroupSize};
  weight.data = Array::from(packed.data(), {weight.n_out, static_cast<int>(packed_bytes / 4)}, MLX_UINT32);
  if (mxfp4) {
    weight.scales = Array::from(exponents.data(), groups, MLX_UINT8);
  } else {
    weight.scales = mx::astype(Array::from(scales, groups), ops_.dtype(), ops_.stream());
    weight.biases = mx::astype(Array::from(biases, groups), ops_.dtype(), ops_.stream());
    mx::eval(std::vector<Array>{weight.scales, weight.biases});
  }
  count(tensor, mxfp4 ? std::string("mxfp4")
                      : concat("affine ", plan.bits, " bit", plan.exact ? ", the file's codes" : ", nearest level"));
  return weight;
}

std::vector<float> Loader::floats(const std::string& name, int n) {
  const gguf::Tensor& tensor = find(name, {static_cast<uint64_t>(n)});
  if (!is_float(tensor.type)) {
    fail(ErrorCode::invalid_file, file_.path(), ": tensor '", name, "' has the type ",
         tensor_type_info(tensor.type).name, "; a norm, bias or frequency table must be F32, F16 or BF16");
  }
  count(tensor, "plain vector");
  return read_floats(tensor);
}

Array Loader::vector(const std::string& name, int n) {
  const Array wide = Array::from(floats(name, n), {n});
  const Array result = mx::astype(wide, ops_.dtype(), ops_.stream());
  mx::eval(result);
  return result;
}

std::vector<ReportRow> Loader::report() const {
  std::vector<ReportRow> rows;
  for (const auto& [key, row] : report_) rows.push_back(row);
  return rows;
}

std::vector<std::string> Loader::unused() const {
  std::vector<std::string> names;
  for (const gguf::Tensor& tensor : file_.tensors()) {
    if (!used_.contains(tensor.name)) names.push_back(tensor.name);
  }
  return names;
}

}  // namespace fluxmlx::load
