#include "load/scaled_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/half.h"
#include "quant/dequantize.h"

namespace fluxmlx::load {
namespace {

constexpr std::string_view kWeight = ".weight", kScale = ".scale", kInputScale = ".input_scale";
constexpr uint64_t kHalfBytes = 2;
constexpr uint64_t kPieceBytes = 2048 * kHalfBytes;  // of halves whose weights are floats at a time
constexpr float kLargestHalf = 65504;

// A matrix, or one for each expert, in the file.
struct Scaled {
  gguf::Tensor stored;
  std::vector<float> factors;  // one for all, or one for each expert
};

// `blk.0.ffn_up.scale` -> `blk.0.ffn_up.weight`; empty for a name with another end.
std::string weight_of(const std::string& name, std::string_view end) {
  if (name.size() <= end.size() || name.compare(name.size() - end.size(), end.size(), end) != 0) return "";
  return name.substr(0, name.size() - end.size()) + std::string(kWeight);
}

std::vector<float> factors_of(const gguf::TensorSource& source, const gguf::Tensor& scale, const gguf::Tensor& weight) {
  const uint64_t n = scale.n_elements(), n_experts = weight.ne.size() > 2 ? weight.ne[2] : 1;
  if (scale.type != TensorType::F32 || (n != 1 && n != n_experts)) {
    fail(ErrorCode::invalid_file, source.path(), ": tensor '", scale.name, "' has ", n, " numbers of type ",
         tensor_type_info(scale.type).name, "; expected one of F32, or ", n_experts);
  }
  std::vector<float> factors(n);
  source.read(scale, 0, std::as_writable_bytes(std::span(factors)));
  for (const float factor : factors) {
    if (!std::isfinite(factor))
      fail(ErrorCode::invalid_file, source.path(), ": tensor '", scale.name, "' has ", factor);
  }
  return factors;
}

class ScaledSource final : public gguf::TensorSource {
 public:
  ScaledSource(std::shared_ptr<const gguf::TensorSource> source, std::map<std::string, Scaled, std::less<>> scaled)
      : source_(std::move(source)), scaled_(std::move(scaled)), n_bytes_(source_->n_bytes()) {
    for (gguf::Tensor tensor : source_->tensors()) {
      if (is_factor(tensor.name)) continue;
      if (scaled_.contains(tensor.name)) {
        const uint64_t n_bytes = tensor.n_elements() * kHalfBytes;
        n_bytes_ += n_bytes - std::min(n_bytes, tensor.n_bytes);
        tensor.type = TensorType::F16;
        tensor.n_bytes = n_bytes;
      }
      tensors_.push_back(std::move(tensor));
    }
    for (size_t i = 0; i < tensors_.size(); ++i) index_.try_emplace(tensors_[i].name, i);
  }

  const std::string& path() const noexcept override { return source_->path(); }
  uint64_t n_bytes() const noexcept override { return n_bytes_; }
  const gguf::Metadata& metadata() const noexcept override { return source_->metadata(); }
  const std::vector<gguf::Tensor>& tensors() const noexcept override { return tensors_; }
  const gguf::Tensor* find(std::string_view name) const override {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }

  void read(const gguf::Tensor& tensor, uint64_t offset, std::span<std::byte> into) const override {
    const auto found = scaled_.find(tensor.name);
    if (found == scaled_.end()) return source_->read(tensor, offset, into);
    if (offset > tensor.n_bytes || into.size() > tensor.n_bytes - offset) {
      fail(ErrorCode::invalid_argument, path(), ": cannot read ", into.size(), " bytes at offset ", offset,
           " of tensor '", tensor.name, "', which has ", tensor.n_bytes);
    }
    while (!into.empty()) {
      const std::span<std::byte> piece = into.first(std::min<uint64_t>(into.size(), kPieceBytes));
      read_piece(found->second, offset, piece);
      into = into.subspan(piece.size());
      offset += piece.size();
    }
  }

 private:
  bool is_factor(const std::string& name) const {
    return scaled_.contains(weight_of(name, kScale)) || scaled_.contains(weight_of(name, kInputScale));
  }

  // Reads the whole blocks around at most kPieceBytes of halves.
  void read_piece(const Scaled& scaled, uint64_t offset, std::span<std::byte> into) const {
    const gguf::Tensor& stored = scaled.stored;
    const TensorTypeInfo& info = tensor_type_info(stored.type);
    const uint64_t begin = offset / kHalfBytes / info.block_size;
    const uint64_t end = ((offset + into.size() - 1) / kHalfBytes) / info.block_size + 1;
    std::vector<std::byte> blocks((end - begin) * info.block_bytes);
    std::vector<float> values((end - begin) * info.block_size);
    source_->read(stored, begin * info.block_bytes, blocks);
    quant::dequantize(stored.type, blocks, values);
    const uint64_t first = begin * info.block_size, n_of_expert = stored.n_elements() / scaled.factors.size();
    std::vector<uint16_t> halves(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const float value = values[i] * scaled.factors[(first + i) / n_of_expert];
      if (!(std::abs(value) <= kLargestHalf)) {
        fail(ErrorCode::unsupported, path(), ": tensor '", stored.name, "' has the number ", value,
             " with its scale; this version holds up to ", kLargestHalf);
      }
      halves[i] = f32_to_f16(value);
    }
    std::memcpy(into.data(), std::as_bytes(std::span(halves)).data() + (offset - first * kHalfBytes), into.size());
  }

  std::shared_ptr<const gguf::TensorSource> source_;
  std::map<std::string, Scaled, std::less<>> scaled_;  // by the name of the weight
  uint64_t n_bytes_;
  std::vector<gguf::Tensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
};

}  // namespace

std::shared_ptr<const gguf::TensorSource> with_scales(std::shared_ptr<const gguf::TensorSource> source) {
  std::map<std::string, Scaled, std::less<>> scaled;
  for (const gguf::Tensor& tensor : source->tensors()) {
    const gguf::Tensor* weight = source->find(weight_of(tensor.name, kScale));
    if (weight == nullptr || weight->type != TensorType::NVFP4) continue;
    scaled.try_emplace(weight->name, Scaled{*weight, factors_of(*source, tensor, *weight)});
  }
  if (scaled.empty()) return source;
  return std::make_shared<ScaledSource>(std::move(source), std::move(scaled));
}

}  // namespace fluxmlx::load
