#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"
#include "gguf/tensor.h"

namespace fluxmlx::gguf {

// What a model is loaded from: a GGUF file, or other files whose tensors go by the names and types of one. Const
// members are safe from many threads.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  virtual const std::string& path() const noexcept = 0;
  virtual uint64_t n_bytes() const noexcept = 0;  // that a whole load reads, or a little more
  virtual const Metadata& metadata() const noexcept = 0;
  virtual const std::vector<Tensor>& tensors() const noexcept = 0;
  virtual const Tensor* find(std::string_view name) const = 0;

  // Copies bytes of one of tensors() from an offset inside it. A file that shrank meanwhile is an error.
  virtual void read(const Tensor& tensor, uint64_t offset, std::span<std::byte> into) const = 0;

 protected:
  TensorSource() = default;
  TensorSource(const TensorSource&) = default;
  TensorSource(TensorSource&&) = default;
  TensorSource& operator=(const TensorSource&) = default;
  TensorSource& operator=(TensorSource&&) = default;
};

}  // namespace fluxmlx::gguf
