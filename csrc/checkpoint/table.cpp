#include "checkpoint/table.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/mlx_type.h"
#include "base/text.h"

namespace fluxmlx::checkpoint {
namespace {

// Says which tensor of which checkpoint a check is about.
class Checks {
 public:
  Checks(const Entry& entry, const std::string& path) : name_(entry.tensor.name), path_(path) {}

  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    if (!condition) {
      fail(ErrorCode::invalid_file, printable(path_), ": tensor ", quoted(name_), ": ", concat(parts...));
    }
  }

 private:
  const std::string& name_;
  const std::string& path_;
};

uint64_t shape_bytes(const gguf::Tensor& tensor, const Checks& checks) {
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  checks.require(!tensor.ne.empty() && tensor.ne.size() <= 4, "it has ", tensor.ne.size(),
                 " dimensions; expected 1 to 4");
  uint64_t n = 1;
  for (const uint64_t size : tensor.ne) {
    checks.require(size > 0 && checked_mul(n, size, n), "its shape is empty, or beyond 64 bits");
  }
  checks.require(tensor.ne[0] % info.block_size == 0, "rows of ", tensor.ne[0], " weights are no blocks of ",
                 info.block_size);
  checks.require(checked_mul(n / info.block_size, info.block_bytes, n), "its size is beyond 64 bits");
  return n;
}

// What parts may be of.
struct Bytes {
  const std::vector<uint64_t>& files;
  uint64_t held;
};

uint64_t plane_rows(const Plane& plane, const Bytes& bytes, const Checks& checks) {
  uint64_t n_bytes = 0;
  for (const Part& part : plane.parts) {
    checks.require(part.file == Part::kHeld || part.file < bytes.files.size(), "it is of file ", part.file,
                   ", but there are ", bytes.files.size());
    const uint64_t size = part.file == Part::kHeld ? bytes.held : bytes.files[part.file];
    checks.require(part.offset <= size && part.n_bytes <= size - part.offset, "its ", part.n_bytes, " bytes at offset ",
                   part.offset, " are not all in the file, which has ", size);
    checks.require(checked_add(n_bytes, part.n_bytes, n_bytes), "its parts are beyond 64 bits");
  }
  uint64_t unit = 0;
  checks.require(checked_mul(plane.row_bytes, std::max<uint64_t>(plane.n_columns, 1), unit) && unit > 0,
                 "its rows have ", plane.row_bytes, " bytes");
  checks.require(n_bytes % unit == 0, "its parts have ", n_bytes, " bytes, which are no rows of ", unit);
  return n_bytes / plane.row_bytes;
}

// The rows of a tensor, and those that are there.
struct Rows {
  uint64_t wanted, there;
};

Rows plain_rows(const Entry& entry, uint64_t n_bytes, const Bytes& bytes, const Checks& checks) {
  checks.require(entry.planes.size() == 1, "it is in ", entry.planes.size(), " pieces; its type is in one");
  const Plane& plane = entry.planes[0];
  const uint64_t there = plane_rows(plane, bytes, checks);
  checks.require(n_bytes % plane.row_bytes == 0, "its ", n_bytes, " bytes are no rows of ", plane.row_bytes);
  return {n_bytes / plane.row_bytes, there};
}

// Codes, scales, and biases where the type has any.
Rows mlx_rows(const Entry& entry, const MlxType& type, uint64_t n_bytes, const Bytes& bytes, const Checks& checks) {
  const TensorTypeInfo& info = tensor_type_info(entry.tensor.type);
  const uint64_t n_blocks = entry.tensor.ne[0] / info.block_size;
  const int of_block[] = {type.code_bytes, type.scale_bytes, type.bias_bytes};
  const size_t n_planes = type.bias_bytes > 0 ? 3 : 2;
  checks.require(entry.planes.size() == n_planes, "it is in ", entry.planes.size(), " pieces; its type is in ",
                 n_planes);
  uint64_t there = UINT64_MAX;
  for (size_t p = 0; p < n_planes; ++p) {
    const Plane& plane = entry.planes[p];
    const uint64_t row_bytes = n_blocks * static_cast<uint64_t>(of_block[p]);
    checks.require(plane.n_columns == 0 && plane.row_bytes == row_bytes, "piece ", p, " has rows of ", plane.row_bytes,
                   " bytes; expected ", row_bytes);
    there = std::min(there, plane_rows(plane, bytes, checks));
  }
  return {n_bytes / (n_blocks * info.block_bytes), there};
}

}  // namespace

void check(const Entry& entry, const std::vector<uint64_t>& sizes, uint64_t n_held, const std::string& path) {
  const Checks checks(entry, path);
  const uint64_t n_bytes = shape_bytes(entry.tensor, checks);
  const Bytes bytes = {sizes, n_held};
  const MlxType* mlx = find_mlx_type(entry.tensor.type);
  const auto [n_rows, n_there] =
      mlx == nullptr ? plain_rows(entry, n_bytes, bytes, checks) : mlx_rows(entry, *mlx, n_bytes, bytes, checks);
  const RowOrder& order = entry.order;
  checks.require(!order.rows.empty() && order.step > 0 && n_rows % order.rows.size() == 0, "its ", n_rows,
                 " rows are no groups of ", order.rows.size());
  uint64_t end = 0;
  checks.require(checked_mul(n_rows / order.rows.size() - 1, order.step, end) &&
                     checked_add(end, *std::max_element(order.rows.begin(), order.rows.end()), end) && end < n_there,
                 "it wants row ", end, ", and its files have ", n_there, " rows");
}

}  // namespace fluxmlx::checkpoint
