// The pool of cache blocks, the index of those that are kept, and caches that share them.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/vector.h>

#include <cstring>

#include "bind/register.h"
#include "cache/block_store.h"

namespace fluxmlx::bind {
namespace {

using cache::BlockPool;
using cache::BlockStore;
using cache::PrefixIndex;
using Tokens = std::vector<int32_t>;

// A cache that a test writes into as attention would: one byte for a position.
class Cache {
 public:
  explicit Cache(BlockStore& store) : store_(store), cache_(store.open()) {}

  int length() const { return cache_->length(); }
  void truncate(int n) { cache_->truncate(n); }
  uint64_t n_bytes() const { return cache_->n_bytes(); }
  void share(const Cache& from, int n) { store_.share(*from.cache_, n, *cache_); }
  void keep(const Tokens& tokens) const { store_.keep(*cache_, tokens); }
  int take(const Tokens& tokens) { return store_.take(tokens, *cache_); }

  void append(const nb::bytes& values) {
    const int n = static_cast<int>(values.size());
    cache_->reserve(length() + n);
    for (int i = 0; i < n; ++i) at(length() + i) = static_cast<std::byte>(values.c_str()[i]);
    cache_->advance(n);
  }
  nb::bytes read() const {
    std::vector<std::byte> values;
    for (int i = 0; i < length(); ++i) values.push_back(at(i));
    return nb::bytes(values.data(), values.size());
  }

 private:
  std::byte& at(int position) const {
    const auto& blocks = static_cast<const cache::BlockCache&>(*cache_).view()->blocks;
    return blocks[position / kernels::kBlockPositions][position % kernels::kBlockPositions];
  }

  BlockStore& store_;
  std::unique_ptr<cache::KvCache> cache_;
};

void register_pool(nb::module_& m) {
  nb::class_<BlockPool>(m, "BlockPool")
      .def(nb::init<size_t>())
      .def_prop_ro("block_bytes", &BlockPool::block_bytes)
      .def_prop_ro("n_used", &BlockPool::n_used)
      .def_prop_ro("n_idle", &BlockPool::n_idle)
      .def_prop_ro("n_held", &BlockPool::n_held)
      .def("set_max_blocks", &BlockPool::set_max_blocks)
      .def("allocate", &BlockPool::allocate)
      .def("share", &BlockPool::share)
      .def("release", &BlockPool::release)
      .def("n_users", &BlockPool::n_users)
      .def("check_integrity", &BlockPool::check_integrity)
      .def("fill", [](const BlockPool& pool, int block,
                      int byte) { std::memset(pool.memory(block).get(), byte, pool.block_bytes()); })
      .def("read",
           [](const BlockPool& pool, int block) { return nb::bytes(pool.memory(block).get(), pool.block_bytes()); });
}

void register_index(nb::module_& m) {
  nb::class_<PrefixIndex>(m, "PrefixIndex")
      .def(nb::init<std::shared_ptr<BlockPool>>())
      .def_prop_ro("n_blocks", &PrefixIndex::n_blocks)
      .def("set_max_blocks", &PrefixIndex::set_max_blocks)
      .def("find",
           [](PrefixIndex& index, const Tokens& tokens) {
             PrefixIndex::Match match = index.find(tokens);
             return std::pair(match.n_tokens, std::move(match.blocks));
           })
      .def("insert", [](PrefixIndex& index, const Tokens& tokens,
                        const std::vector<int>& blocks) { index.insert(tokens, blocks); })
      .def("evict_idle", &PrefixIndex::evict_idle)
      .def("check_integrity", &PrefixIndex::check_integrity);
}

}  // namespace

void register_testing_cache(nb::module_& m) {
  register_pool(m);
  register_index(m);
  nb::class_<BlockStore>(m, "BlockStore")
      .def("__init__", [](BlockStore* self, int head_dim) { new (self) BlockStore({1, 1, head_dim}); })
      .def_prop_ro("position_bytes", &BlockStore::position_bytes)
      .def_prop_ro("used_bytes", &BlockStore::used_bytes)
      .def_prop_ro("idle_bytes", &BlockStore::idle_bytes)
      .def_prop_ro("room_bytes", &BlockStore::room_bytes)
      .def("set_limit", &BlockStore::set_limit)
      .def("drop_kept", &BlockStore::drop_kept)
      .def("set_kept_bytes", &BlockStore::set_kept_bytes)
      .def("find", [](BlockStore& store, const Tokens& tokens) { return store.find(tokens); })
      .def("check_integrity", &BlockStore::check_integrity);
  nb::class_<Cache>(m, "BlockCache")
      .def(nb::init<BlockStore&>(), nb::keep_alive<1, 2>())
      .def_prop_ro("length", &Cache::length)
      .def_prop_ro("n_bytes", &Cache::n_bytes)
      .def("append", &Cache::append)
      .def("read", &Cache::read)
      .def("truncate", &Cache::truncate)
      .def("share", &Cache::share)
      .def("keep", &Cache::keep)
      .def("take", &Cache::take);
}

}  // namespace fluxmlx::bind
