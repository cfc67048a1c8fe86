#include "cache/prefix_index.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/kernels.h"

namespace fluxmlx::cache {
namespace {

using Tokens = std::span<const int32_t>;

constexpr size_t kFull = kernels::kBlockPositions;

bool comes_before(Tokens a, Tokens b) noexcept {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

size_t n_common(Tokens a, Tokens b) noexcept {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

bool PrefixIndex::Before::operator()(const Node* a, const Node* b) const noexcept {
  return comes_before(a->tokens, b->tokens);
}
bool PrefixIndex::Before::operator()(const Node* a, Tokens b) const noexcept { return comes_before(a->tokens, b); }
bool PrefixIndex::Before::operator()(Tokens a, const Node* b) const noexcept { return comes_before(a, b->tokens); }

PrefixIndex::PrefixIndex(std::shared_ptr<BlockPool> pool) : pool_(std::move(pool)) {}

PrefixIndex::~PrefixIndex() {
  for (const Node& node : nodes_) pool_->drop(node.block);
}

void PrefixIndex::set_max_blocks(int n) noexcept {
  max_blocks_ = n;
  drop_to(max_blocks_);
}

void PrefixIndex::drop_to(int n_blocks) noexcept {
  while (this->n_blocks() > n_blocks) remove(nodes_.back());
}

// The child that has most tokens in common with these, or none at all: in their order it is next to where they are.
PrefixIndex::Node* PrefixIndex::nearest_child(const Node& parent, Tokens tokens) {
  const auto behind = parent.children.lower_bound(tokens);
  Node* best = behind == parent.children.end() ? nullptr : *behind;
  if (behind == parent.children.begin()) return best;
  Node* before = *std::prev(behind);
  if (best == nullptr || n_common(before->tokens, tokens) > n_common(best->tokens, tokens)) best = before;
  return best;
}

PrefixIndex::Match PrefixIndex::find(Tokens tokens) {
  Match match;
  Node* at = &root_;
  for (size_t n = kFull; n == kFull; tokens = tokens.subspan(n)) {
    Node* next = nearest_child(*at, tokens);
    n = next == nullptr ? 0 : n_common(next->tokens, tokens);
    if (n == 0) break;
    at = next;
    match.blocks.push_back(at->block);
    match.n_tokens += static_cast<int>(n);
  }
  use(at);
  return match;
}

void PrefixIndex::insert(Tokens tokens, std::span<const int> blocks) {
  Node* at = &root_;
  for (size_t i = 0; i < blocks.size() && !tokens.empty(); ++i) {
    const Tokens here = tokens.first(std::min(kFull, tokens.size()));
    tokens = tokens.subspan(here.size());
    Node* nearest = nearest_child(*at, here);
    const size_t n = nearest == nullptr ? 0 : n_common(nearest->tokens, here);
    if (nearest == nullptr || (n < here.size() && n < nearest->tokens.size())) {
      at = add(*at, here, blocks[i]);
    } else {
      if (n < here.size()) replace(*nearest, here, blocks[i]);
      at = nearest;
    }
  }
  use(at);
  drop_to(max_blocks_);
}

PrefixIndex::Node* PrefixIndex::add(Node& parent, Tokens tokens, int block) {
  const auto behind_parent = &parent == &root_ ? nodes_.begin() : std::next(parent.place);
  const auto place = nodes_.emplace(behind_parent);
  try {
    place->tokens.assign(tokens.begin(), tokens.end());
    place->parent = &parent;
    parent.children.insert(&*place);
  } catch (...) {
    nodes_.erase(place);
    throw;
  }
  place->place = place;
  place->block = block;
  pool_->keep(block);
  return &*place;
}

void PrefixIndex::replace(Node& node, Tokens tokens, int block) {
  std::vector<int32_t> more(tokens.begin(), tokens.end());
  auto own = node.parent->children.extract(&node);
  node.tokens = std::move(more);
  node.parent->children.insert(std::move(own));
  if (node.block == block) return;
  pool_->keep(block);
  pool_->drop(node.block);
  node.block = block;
}

void PrefixIndex::use(Node* deepest) noexcept {
  for (Node* node = deepest; node != &root_; node = node->parent) nodes_.splice(nodes_.begin(), nodes_, node->place);
}

void PrefixIndex::remove(Node& leaf) noexcept {
  leaf.parent->children.erase(&leaf);
  pool_->drop(leaf.block);
  nodes_.erase(leaf.place);
}

bool PrefixIndex::evict_idle() noexcept {
  while (pool_->n_idle() > 0) {
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
      if (!node->children.empty() || pool_->n_users(node->block) > 1) continue;
      remove(*node);
      return true;
    }
    remove(nodes_.back());  // all that is idle has somebody's block behind it
  }
  return false;
}

void PrefixIndex::check_node(const Node& node) {
  const size_t n_tokens = node.tokens.size();
  if (n_tokens == 0 || n_tokens > kFull || (n_tokens < kFull && !node.children.empty())) {
    fail(ErrorCode::runtime, "cache block ", node.block, " is kept for ", n_tokens, " tokens, with ",
         node.children.size(), " blocks behind it");
  }
  if (node.parent->children.count(const_cast<Node*>(&node)) != 1) {
    fail(ErrorCode::runtime, "cache block ", node.block, " is not found where it is kept");
  }
}

void PrefixIndex::check_integrity() const {
  std::set<const Node*> seen = {&root_};
  size_t n_children = root_.children.size();
  std::vector<int> blocks;
  for (const Node& node : nodes_) {
    check_node(node);
    if (seen.count(node.parent) == 0) {
      fail(ErrorCode::runtime, "cache block ", node.block, " was used after the one before it");
    }
    const auto next = node.parent->children.upper_bound(&node);
    if (next != node.parent->children.end() && n_common((*next)->tokens, node.tokens) == node.tokens.size()) {
      fail(ErrorCode::runtime, "cache block ", node.block, " is kept, and so is one with all of its tokens");
    }
    seen.insert(&node);
    n_children += node.children.size();
    blocks.push_back(node.block);
  }
  std::sort(blocks.begin(), blocks.end());
  const bool twice = std::adjacent_find(blocks.begin(), blocks.end()) != blocks.end();
  if (n_children != nodes_.size() || n_blocks() > max_blocks_ || twice) {
    fail(ErrorCode::runtime, "of ", nodes_.size(), " kept cache blocks ", n_children, " are found, ", max_blocks_,
         " are allowed", twice ? ", and one is there twice" : "");
  }
}

}  // namespace fluxmlx::cache
