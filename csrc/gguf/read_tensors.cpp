#include "gguf/read_tensors.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>

#include "base/checked.h"
#include "base/text.h"
#include "gguf/limits.h"

namespace fluxmlx::gguf {
namespace {

constexpr auto kMaxSize = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

std::string label(uint64_t index, std::string_view name) { return concat("tensor ", index, " ", quoted(name)); }

std::string shape_text(const std::vector<uint64_t>& ne) {
  std::string out = "(";
  for (const uint64_t size : ne) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
  return out + ")";
}

std::string read_name(Cursor& cursor) {
  const uint64_t start = cursor.offset();
  const std::string_view name = cursor.read_string("name", kMaxNameBytes);
  if (name.empty()) cursor.fail_at(start, "the name is empty; expected 1 to ", kMaxNameBytes, " bytes");
  if (!is_utf8(name) || has_control_byte(name)) {
    cursor.fail_at(start, "the name ", quoted(name), " is not printable UTF-8; expected text without control bytes");
  }
  return std::string(name);
}

std::vector<uint64_t> read_shape(Cursor& cursor) {
  const uint64_t start = cursor.offset();
  const auto n_dims = cursor.read<uint32_t>("n_dims");
  if (n_dims < 1 || n_dims > kMaxDims) cursor.fail_at(start, "n_dims is ", n_dims, "; expected 1 to ", kMaxDims);
  std::vector<uint64_t> ne(n_dims);
  for (uint32_t i = 0; i < n_dims; ++i) {
    const uint64_t at = cursor.offset();
    ne[i] = cursor.read<uint64_t>("dimension");
    if (ne[i] == 0) cursor.fail_at(at, "ne[", i, "] is 0; expected every dimension to be at least 1");
    if (ne[i] > kMaxSize) cursor.fail_at(at, "ne[", i, "] is ", ne[i], "; expected at most ", kMaxSize);
  }
  return ne;
}

TensorType read_tensor_type(Cursor& cursor) {
  const uint64_t start = cursor.offset();
  const auto id = cursor.read<uint32_t>("type");
  const TensorTypeInfo* info = find_tensor_type(id);
  if (info == nullptr) {
    cursor.unsupported_at(start, "unsupported tensor type ", id,
                          ": it is unknown or was removed from the format; quantize the model again in a current type");
  }
  return info->type;
}

// The bytes of the data, with every product checked: sizes that wrap are how such files break readers.
uint64_t count_bytes(const Cursor& cursor, uint64_t start, const Tensor& tensor) {
  const TensorTypeInfo& info = tensor_type_info(tensor.type);
  uint64_t n = 1;
  for (const uint64_t size : tensor.ne) {
    if (!checked_mul(n, size, n) || n > kMaxSize) {
      cursor.fail_at(start, "the shape ", shape_text(tensor.ne), " overflows: more than ", kMaxSize, " elements");
    }
  }
  if (tensor.ne[0] % info.block_size != 0) {
    cursor.fail_at(start, "ne[0] is ", tensor.ne[0], ", but of type ", info.name,
                   " the row length must be a multiple of ", info.block_size);
  }
  if (!checked_mul(n / info.block_size, info.block_bytes, n)) {
    cursor.fail_at(start, "the size of ", info.name, " ", shape_text(tensor.ne), " overflows 64 bits");
  }
  if (n > cursor.n_bytes()) {
    cursor.fail_at(start, info.name, " ", shape_text(tensor.ne), " takes ", n,
                   " bytes, which exceeds the whole file of ", cursor.n_bytes(),
                   " bytes; the file is truncated or damaged");
  }
  return n;
}

Tensor read_tensor(Cursor& cursor, uint64_t index, uint64_t alignment) {
  cursor.set_subject(concat("tensor ", index));
  const uint64_t start = cursor.offset();
  Tensor tensor;
  tensor.name = read_name(cursor);
  cursor.set_subject(label(index, tensor.name));
  tensor.ne = read_shape(cursor);
  tensor.type = read_tensor_type(cursor);
  tensor.n_bytes = count_bytes(cursor, start, tensor);
  const uint64_t at = cursor.offset();
  tensor.offset = cursor.read<uint64_t>("data offset");
  if (tensor.offset % alignment != 0) {
    cursor.fail_at(at, "the data offset is ", tensor.offset, "; expected a multiple of the alignment ", alignment);
  }
  return tensor;
}

void place(const Cursor& cursor, uint64_t index, uint64_t data_offset, Tensor& tensor) {
  const uint64_t available = cursor.n_bytes() - std::min(cursor.n_bytes(), data_offset);
  uint64_t end = 0;
  if (!checked_add(tensor.offset, tensor.n_bytes, end)) {
    fail(ErrorCode::invalid_file, cursor.file_name(), ": ", label(index, tensor.name), ": data offset ", tensor.offset,
         " + ", tensor.n_bytes, " bytes overflows 64 bits; the data section has ", available, " bytes");
  }
  if (end > available) {
    fail(ErrorCode::invalid_file, cursor.file_name(), ": ", label(index, tensor.name),
         ": truncated data: it ends at byte ", end, " of the data section at offset ", data_offset, ", which has ",
         available, " bytes; the file is truncated or damaged, fetch it again");
  }
  tensor.offset += data_offset;  // cannot wrap: the end lies inside the file
}

void check_overlap(const Cursor& cursor, const std::vector<Tensor>& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return tensors[a].offset < tensors[b].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const Tensor& low = tensors[order[i - 1]];
    const Tensor& high = tensors[order[i]];
    if (low.offset + low.n_bytes <= high.offset) continue;
    fail(ErrorCode::invalid_file, cursor.file_name(), ": ", label(order[i], high.name), " at offset ", high.offset,
         " overlaps ", label(order[i - 1], low.name), ", which takes ", low.n_bytes, " bytes at offset ", low.offset,
         "; expected every tensor to have bytes of its own");
  }
}

}  // namespace

std::vector<Tensor> read_tensors(Cursor& cursor, uint64_t n, uint64_t alignment) {
  std::vector<Tensor> tensors;
  tensors.reserve(n);
  std::map<std::string, uint64_t> seen;
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t start = cursor.offset();
    tensors.push_back(read_tensor(cursor, i, alignment));
    const auto [first, is_new] = seen.try_emplace(tensors.back().name, i);
    if (!is_new) {
      cursor.fail_at(start, "duplicate name: tensor ", first->second, " has it already; expected every name once");
    }
  }
  return tensors;
}

void place_tensors(const Cursor& cursor, uint64_t data_offset, std::vector<Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) place(cursor, i, data_offset, tensors[i]);
  check_overlap(cursor, tensors);
}

}  // namespace fluxmlx::gguf
