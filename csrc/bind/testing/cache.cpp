// The pool of cache blocks.
#include <cstring>

#include "bind/register.h"
#include "cache/block_pool.h"

namespace fluxmlx::bind {

void register_testing_cache(nb::module_& m) {
  using cache::BlockPool;
  nb::class_<BlockPool>(m, "BlockPool")
      .def(nb::init<size_t>())
      .def_prop_ro("block_bytes", &BlockPool::block_bytes)
      .def_prop_ro("n_used", &BlockPool::n_used)
      .def_prop_ro("n_held", &BlockPool::n_held)
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

}  // namespace fluxmlx::bind
