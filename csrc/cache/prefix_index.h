#pragma once

#include <list>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "cache/block_pool.h"

namespace fluxmlx::cache {

// Blocks of sequences that were read, found by the tokens in them and before them: a tree, each of whose nodes is the
// block of up to kernels::kBlockPositions tokens that follow those of its parent. Tokens are compared, never hashed.
// Keeps its blocks in the pool. For one thread.
class PrefixIndex {
 public:
  explicit PrefixIndex(std::shared_ptr<BlockPool> pool);
  ~PrefixIndex();
  PrefixIndex(const PrefixIndex&) = delete;
  PrefixIndex& operator=(const PrefixIndex&) = delete;

  // Most blocks that it keeps, 0 at first; the least recently used ones go where there are more.
  void set_max_blocks(int n) noexcept;

  struct Match {
    int n_tokens = 0;
    std::vector<int> blocks;  // the last may hold other tokens behind those
  };

  // The longest beginning of `tokens` that is kept, which now counts as used. The blocks are there until the index or
  // the pool is called again.
  Match find(std::span<const int32_t> tokens);

  // Keeps blocks[i], which holds tokens 64 i to 64 (i + 1) as far as there are any, where there is none with as many.
  void insert(std::span<const int32_t> tokens, std::span<const int> blocks);

  // Frees the least recently used block that nobody else uses; false where there is none.
  bool evict_idle() noexcept;
  void clear() noexcept { drop_to(0); }

  int n_blocks() const noexcept { return static_cast<int>(nodes_.size()); }

  // Throws Error where the tree is not what it should be.
  void check_integrity() const;

 private:
  struct Node;
  struct Before {
    using is_transparent = void;
    bool operator()(const Node* a, const Node* b) const noexcept;
    bool operator()(const Node* a, std::span<const int32_t> b) const noexcept;
    bool operator()(std::span<const int32_t> a, const Node* b) const noexcept;
  };
  struct Node {
    std::vector<int32_t> tokens;  // at most kBlockPositions; children follow only as many
    int block = -1;
    Node* parent = nullptr;
    std::set<Node*, Before> children;  // none has all the tokens of another
    std::list<Node>::iterator place;
  };

  static Node* nearest_child(const Node& parent, std::span<const int32_t> tokens);
  Node* add(Node& parent, std::span<const int32_t> tokens, int block);
  void replace(Node& node, std::span<const int32_t> tokens, int block);
  void use(Node* deepest) noexcept;
  void remove(Node& leaf) noexcept;
  void drop_to(int n_blocks) noexcept;
  static void check_node(const Node& node);

  std::shared_ptr<BlockPool> pool_;
  int max_blocks_ = 0;
  Node root_;              // of no tokens
  std::list<Node> nodes_;  // the last is the least recently used and a leaf: whoever uses a node uses its parents
};

}  // namespace fluxmlx::cache
