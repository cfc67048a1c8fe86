#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace fluxmlx::checkpoint {

// The matrices that were turned last: their rows are asked for a few at a time, by threads that are near each other.
class Columns {
 public:
  using Key = std::pair<size_t, uint64_t>;  // tensor, matrix of it
  using Bytes = std::shared_ptr<const std::vector<std::byte>>;

  Bytes get(Key key, const std::function<std::vector<std::byte>()>& make);

 private:
  std::mutex mutex_;
  std::vector<std::pair<Key, Bytes>> recent_;
};

// (n_rows, n_columns) elements -> (n_columns, n_rows).
std::vector<std::byte> turned(const std::vector<std::byte>& matrix, uint64_t n_rows, uint64_t n_columns,
                              uint64_t element_bytes);

}  // namespace fluxmlx::checkpoint
