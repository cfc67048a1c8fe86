#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/arena.h"
#include "gguf/tensor_source.h"
#include "load/intake.h"
#include "ops/ops.h"

namespace fluxmlx::load {

// Called as bytes arrive; it may throw to stop the load.
using Progress = std::function<void(uint64_t done, uint64_t total)>;

// What became of the tensors of one type.
struct ReportRow {
  std::string type;     // in the file
  std::string held_as;  // "packed", "affine 4 bit, exact", "float32", ...
  int n_tensors = 0;
  uint64_t n_bytes = 0;  // in the file
};

inline bool is_float(TensorType type) noexcept {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

uint64_t count_elements(const gguf::Tensor& tensor) noexcept;

// Reads the tensors of a model into arrays of the layout that `ops` wants, and keeps count.
class Loader {
 public:
  Loader(const gguf::TensorSource& source, const ops::Ops& ops, Progress progress);

  // Memory that the file's tensors take in the layout of `ops`; the largest passes through once more while it is
  // converted.
  uint64_t n_bytes_held() const;

  // Types whose strips are much larger than the file's blocks stay in blocks, which are slower.
  void keep_small() { small_ = true; }

  bool has(const std::string& name) const;

  // Each fails with the tensor's name if it is missing, or its shape or type is not as expected.
  ops::Weight matrix(const std::string& name, int n_out, int n_in);
  ops::Weight rows(const std::string& name, int n_rows, int first, int n_out, int n_in);  // some of a matrix of n_rows
  ops::Linear linear(const std::string& name, int n_out, int n_in);  // <name>.weight, and <name>.bias if there is one
  ops::Linear stack(const std::string& name, int n, int n_out, int n_in);  // n matrices, and n biases if there are
  Array vector(const std::string& name, int n);                            // in the dtype of the activations
  std::vector<float> floats(const std::string& name, int n);               // for the host

  // A tensor that this load can do without.
  void skip(const std::string& name) { used_.insert(name); }

  // Reads the matrices that matrix() gave in packed or block layout: until then their memory is not written.
  void finish();

  std::vector<ReportRow> report() const;

  // Names of tensors in the file that nobody asked for.
  std::vector<std::string> unused() const;

  // Fails with the name of such a tensor, unless the model can do without it.
  void refuse_unused() const;

 private:
  bool packs(TensorType type) const;
  static bool fills_strips(const gguf::Tensor& tensor);  // true but for floats of too few rows
  uint64_t kernel_bytes(TensorType type, uint64_t n) const;
  const gguf::Tensor& find(const std::string& name, const std::vector<uint64_t>& ne);
  std::vector<float> vector_values(const gguf::Tensor& tensor);
  Array load_vector(const gguf::Tensor& tensor);
  ops::Weight load_rows(const gguf::Tensor& tensor, int first, int n_out, int n_in);
  ops::Weight take_in(const gguf::Tensor& tensor, int first, ops::Weight weight);
  ops::Weight load_quantized(const gguf::Tensor& tensor, int first, ops::Weight weight);
  ops::Weight load_mlx(const gguf::Tensor& tensor, int first, ops::Weight weight);
  ops::Weight load_microscaled(const gguf::Tensor& tensor, int first, ops::Weight weight);
  ops::Weight load_dense(const gguf::Tensor& tensor, int first, ops::Weight weight);
  void read(const gguf::Tensor& tensor, uint64_t offset, std::span<std::byte> into);
  std::vector<float> read_floats(const gguf::Tensor& tensor, uint64_t first_row, uint64_t n_rows);
  void count(const gguf::Tensor& tensor, const std::string& held_as);

  const gguf::TensorSource& source_;
  const ops::Ops& ops_;
  Progress progress_;
  uint64_t done_ = 0;
  Arena arena_;
  std::map<std::string, ReportRow> report_;
  std::set<std::string> used_, counted_;
  Intake intake_;
  bool small_ = false;
};

}  // namespace fluxmlx::load
