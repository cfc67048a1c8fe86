#include "load/loader.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/kernels.h"
#include "load/affine.h"
#include "quant/dequantize.h"

namespace fluxmlx::load {
namespace {

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

// Tables that are computed here, encoders of images.
bool is_dispensable(const std::string& name) {
  const auto ends_with = [&](std::string_view end) {
    return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  return ends_with("rope_freqs.weight") || ends_with("rotary_emb.inv_freq") || ends_with("attn_rot_embd.weight") ||
         name.rfind("v.", 0) == 0 || name.rfind("mm.", 0) == 0;
}

}  // namespace

Loader::Loader(const gguf::TensorSource& source, const ops::Ops& ops, Progress progress)
    : source_(source), ops_(ops), progress_(std::move(progress)), arena_(source.n_bytes()) {}

bool Loader::has(const std::string& name) const { return source_.find(name) != nullptr; }

const gguf::Tensor& Loader::find(const std::string& name, const std::vector<uint64_t>& ne) {
  const gguf::Tensor* tensor = source_.find(name);
  if (tensor == nullptr) {
    fail(ErrorCode::invalid_file, source_.path(), ": tensor '", name, "' is missing; the model's metadata asks for it");
  }
  if (trimmed(tensor->ne) != trimmed(ne)) {
    fail(ErrorCode::invalid_file, source_.path(), ": tensor '", name, "' has the shape ", shape_text(tensor->ne),
         ", and the model's metadata asks for ", shape_text(ne));
  }
  if (quant::find_dequantize(tensor->type) == nullptr) {
    fail(ErrorCode::unsupported, source_.path(), ": tensor '", name, "' has the type ",
         tensor_type_info(tensor->type).name, ", which this version cannot read; use a file of another quantisation");
  }
  used_.insert(name);
  return *tensor;
}

void Loader::count(const gguf::Tensor& tensor, const std::string& held_as) {
  const std::string type = tensor_type_info(tensor.type).name;
  if (!counted_.insert(tensor.name).second) return;  // another part of it
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
    source_.read(tensor, offset, piece);
    into = into.subspan(piece.size());
    offset += piece.size();
    done_ += piece.size();
    if (progress_) progress_(done_, source_.n_bytes());
  }
}

std::vector<float> Loader::read_floats(const gguf::Tensor& tensor, uint64_t first_row, uint64_t n_rows) {
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  const uint64_t n_row = tensor.ne[0], row_bytes = n_row / info.block_size * info.block_bytes;
  std::vector<float> values(n_rows * n_row);
  std::vector<std::byte> row(row_bytes);
  for (uint64_t r = 0; r < n_rows; ++r) {
    read(tensor, (first_row + r) * row_bytes, row);
    quant::dequantize(tensor.type, row, std::span(values).subspan(r * n_row, n_row));
  }
  return values;
}

ops::Weight Loader::matrix(const std::string& name, int n_out, int n_in) { return rows(name, n_out, 0, n_out, n_in); }

ops::Weight Loader::rows(const std::string& name, int n_rows, int first, int n_out, int n_in) {
  return load_rows(find(name, {static_cast<uint64_t>(n_in), static_cast<uint64_t>(n_rows)}), first, n_out, n_in);
}

ops::Linear Loader::linear(const std::string& name, int n_out, int n_in) {
  ops::Linear result{matrix(name + ".weight", n_out, n_in), {}};
  if (has(name + ".bias")) result.bias = vector(name + ".bias", n_out);
  return result;
}

ops::Weight Loader::load_rows(const gguf::Tensor& tensor, int first, int n_out, int n_in) {
  ops::Weight weight;
  weight.type = tensor.type;
  weight.n_out = n_out;
  weight.n_in = n_in;
  weight.layout = ops_.weight_layout();
  if (weight.layout == ops::Layout::packed) return take_in(tensor, first, std::move(weight));
  return is_float(tensor.type) ? load_dense(tensor, first, std::move(weight))
                               : load_quantized(tensor, first, std::move(weight));
}

ops::Weight Loader::take_in(const gguf::Tensor& tensor, int first, ops::Weight weight) {
  const bool packed = packs(tensor.type) && fills_strips(tensor);
  weight.layout = packed ? ops::Layout::packed : ops::Layout::blocks;
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  const int64_t block_bytes = int64_t{weight.n_out} * (weight.n_in / info.block_size) * info.block_bytes;
  const std::shared_ptr<std::byte> memory = arena_.allocate(
      static_cast<size_t>(packed ? kernels::packed_bytes(tensor.type, weight.n_out, weight.n_in) : block_bytes));
  intake_.add(tensor, first, weight.n_out, weight.n_in, packed, memory.get());
  weight.bytes = memory;
  count(tensor, packed ? "packed" : "the file's blocks");
  return weight;
}

void Loader::finish() {
  if (ops_.pool() == nullptr) return;  // each tensor was read when it was asked for
  const uint64_t before = done_;
  intake_.run(source_, *ops_.pool(), [&](uint64_t n_bytes) {
    done_ = before + n_bytes;
    if (progress_) progress_(done_, source_.n_bytes());
  });
}

std::vector<float> Loader::vector_values(const gguf::Tensor& tensor) {
  if (!is_float(tensor.type)) {
    fail(ErrorCode::invalid_file, source_.path(), ": tensor '", tensor.name, "' has the type ",
         tensor_type_info(tensor.type).name, "; a norm, bias or frequency table must be F32, F16 or BF16");
  }
  count(tensor, "plain vector");
  return read_floats(tensor, 0, count_elements(tensor) / tensor.ne[0]);
}

std::vector<float> Loader::floats(const std::string& name, int n) {
  return vector_values(find(name, {static_cast<uint64_t>(n)}));
}

Array Loader::load_vector(const gguf::Tensor& tensor) {
  const std::vector<float> values = vector_values(tensor);
  const Array result = mx::astype(Array::from(values, {static_cast<int>(values.size())}), ops_.dtype(), ops_.stream());
  mx::eval(result);
  return result;
}

Array Loader::vector(const std::string& name, int n) { return load_vector(find(name, {static_cast<uint64_t>(n)})); }

ops::Linear Loader::stack(const std::string& name, int n, int n_out, int n_in) {
  const auto size = [](int k) { return static_cast<uint64_t>(k); };
  const gguf::Tensor& tensor = find(name + ".weight", {size(n_in), size(n_out), size(n)});
  if (packs(tensor.type) && !is_float(tensor.type) && n_out % 8 != 0) {
    fail(ErrorCode::unsupported, source_.path(), ": tensor '", tensor.name, "' has experts of ", n_out,
         " rows; this version runs multiples of 8");
  }
  ops::Linear result{load_rows(tensor, 0, n * n_out, n_in), {}};
  if (has(name + ".bias")) result.bias = load_vector(find(name + ".bias", {size(n_out), size(n)}));
  return result;
}

std::vector<ReportRow> Loader::report() const {
  std::vector<ReportRow> rows;
  for (const auto& [key, row] : report_) rows.push_back(row);
  return rows;
}

std::vector<std::string> Loader::unused() const {
  std::vector<std::string> names;
  for (const gguf::Tensor& tensor : source_.tensors()) {
    if (!used_.contains(tensor.name)) names.push_back(tensor.name);
  }
  return names;
}

void Loader::refuse_unused() const {
  for (const std::string& name : unused()) {
    if (!is_dispensable(name)) {
      fail(ErrorCode::unsupported, source_.path(), ": this version does not know what the tensor '",
           name.substr(0, 128), "' is for, and does not run the model without it");
    }
  }
}

}  // namespace fluxmlx::load
