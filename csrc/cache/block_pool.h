#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

namespace fluxmlx::cache {

// Blocks of host memory of one size, counted by their users. Memory comes from the system in slabs of several blocks,
// takes none before it is written, and goes back with the last block of a slab. For one thread.
class BlockPool {
 public:
  explicit BlockPool(size_t block_bytes);

  size_t block_bytes() const noexcept { return block_bytes_; }

  // What allocate() calls while there is no room for a block: frees what can be done without, or returns false.
  using Reclaim = std::function<bool()>;
  void set_reclaim(Reclaim reclaim) { reclaim_ = std::move(reclaim); }

  // Most blocks that may be used at once.
  void set_max_blocks(int n) noexcept { max_blocks_ = n; }
  int max_blocks() const noexcept { return max_blocks_; }

  // A block with one user, what is in it left as it was; throws std::bad_alloc.
  int allocate();

  // One user more, one less; the block of no user is free.
  void share(int block) noexcept;
  void release(int block) noexcept;

  // The same for the one user that keeps blocks in case they are wanted again.
  void keep(int block) noexcept;
  void drop(int block) noexcept;
  int n_users(int block) const noexcept { return users_[block]; }

  // The block's memory, which whoever keeps the pointer keeps from the system.
  std::shared_ptr<std::byte> memory(int block) const;

  int n_used() const noexcept { return n_used_; }
  int n_idle() const noexcept { return n_idle_; }  // of those, kept and used by nobody else
  int n_held() const noexcept;                     // used or free, in memory

  // Throws Error where the books do not balance.
  void check_integrity() const;

 private:
  struct Slab {
    std::shared_ptr<std::byte> memory;  // none: the slab was given back
    int n_used = 0;
  };

  void add_slab();
  void drop_slab(int slab) noexcept;
  void make_room();

  size_t block_bytes_;
  int slab_blocks_;
  std::vector<Slab> slabs_;
  int max_blocks_ = std::numeric_limits<int>::max();
  int n_used_ = 0, n_idle_ = 0;
  std::vector<int> users_;  // of each block of each slab
  std::vector<bool> kept_;  // whether one of these is the one that keeps it
  std::vector<int> free_;   // the last is taken next
  Reclaim reclaim_;
};

}  // namespace fluxmlx::cache
