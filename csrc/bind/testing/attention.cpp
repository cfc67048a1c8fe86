// Attention over numpy arrays and cache blocks, any instruction set and any number of threads.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

#include "base/pages.h"
#include "bind/register.h"
#include "kernels/table.h"

namespace fluxmlx::bind {
namespace {

using namespace kernels;  // NOLINT: this file is about nothing else
using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;

const Table& table_named(const std::string& isa) { return isa.empty() ? active_table() : find_table(isa); }

const float* floats_or_null(nb::handle value) { return value.is_none() ? nullptr : nb::cast<Floats>(value).data(); }

CacheType cache_type_named(const std::string& name) {
  if (name == "f16") return CacheType::f16;
  if (name == "f32") return CacheType::f32;
  if (name == "q8_0") return CacheType::q8_0;
  fail(ErrorCode::invalid_argument, "no cache type is called ", name);
}

// The cache blocks of one sequence, in memory that is NaN where nobody has written.
class CacheBlocks {
 public:
  CacheBlocks(const std::string& type, int n_kv_heads, int head_dim, int n_positions, int n_layers)
      : type(cache_type_named(type)), layer_bytes(n_kv_heads * cache_head_bytes(this->type, head_dim)) {
    const size_t n = static_cast<size_t>((n_positions + kBlockPositions - 1) / kBlockPositions);
    const size_t bytes = static_cast<size_t>(layer_bytes * n_layers);
    memory_ = map_pages(n * bytes);
    std::memset(memory_.get(), 0xff, n * bytes);
    for (size_t i = n; i-- > 0;) blocks.push_back(memory_.get() + i * bytes);  // in no order that a kernel may rely on
  }

  Sequence sequence(int64_t row_begin, int64_t n_rows, int64_t n_past) const {
    return {row_begin, n_rows, n_past, blocks.data(), static_cast<int64_t>(blocks.size())};
  }

  CacheType type;
  int64_t layer_bytes;
  std::vector<std::byte*> blocks;

 private:
  std::shared_ptr<std::byte> memory_;
};

// sequences: tuples (row_begin, n_rows, n_past, blocks).
nb::object attention_of(ThreadPool& pool, const std::string& isa, const Floats& q, const Floats& k, const Floats& v,
                        const nb::list& sequences, float scale, nb::handle q_norm, nb::handle k_norm, float norm_eps,
                        nb::handle rope, int n_rot, bool interleaved, int64_t layer, int64_t window, float softcap,
                        nb::handle q_scale, nb::handle sinks) {
  Attention args{};
  std::vector<Sequence> rows;
  for (nb::handle item : sequences) {
    const auto fields = nb::cast<nb::tuple>(item);
    const auto& blocks = nb::cast<CacheBlocks&>(fields[3]);
    args.cache_type = blocks.type;
    args.layer_offset = layer * blocks.layer_bytes;
    rows.push_back(
        blocks.sequence(nb::cast<int64_t>(fields[0]), nb::cast<int64_t>(fields[1]), nb::cast<int64_t>(fields[2])));
  }
  args.n_tokens = static_cast<int64_t>(q.shape(0));
  args.n_heads = static_cast<int>(q.shape(1));
  args.n_kv_heads = static_cast<int>(k.shape(1));
  args.head_dim = static_cast<int>(q.shape(2));
  args.scale = scale;
  args.q = q.data(), args.k = k.data(), args.v = v.data();
  args.q_norm = floats_or_null(q_norm), args.k_norm = floats_or_null(k_norm), args.norm_eps = norm_eps;
  args.rope = floats_or_null(rope), args.n_rot = n_rot, args.rope_interleaved = interleaved;
  args.window = window, args.softcap = softcap, args.q_scale = floats_or_null(q_scale);
  args.sinks = floats_or_null(sinks);
  args.sequences = rows;
  auto out = std::make_unique<float[]>(q.size());
  std::fill_n(out.get(), q.size(), 0.0f / 0.0f);  // what a kernel forgets to write shows
  args.out = out.get();
  attention(table_named(isa), pool, args);
  const size_t shape[] = {q.shape(0), q.shape(1), q.shape(2)};
  float* memory = out.release();
  nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, float>(memory, 3, shape, owner));
}

// Seconds of one pass over all layers, the best of `repeats`: n_rows new rows behind n_past of one sequence.
double time_attention(ThreadPool& pool, const std::string& isa, const std::string& type, int n_heads, int n_kv_heads,
                      int head_dim, int n_layers, int n_rows, int n_past, int repeats) {
  CacheBlocks cache(type, n_kv_heads, head_dim, n_past + n_rows, n_layers);
  for (std::byte* block : cache.blocks) std::memset(block, 0, static_cast<size_t>(cache.layer_bytes * n_layers));
  const Sequence sequence = cache.sequence(0, n_rows, n_past);
  const std::vector<float> x(static_cast<size_t>(n_rows * n_heads * head_dim), 0.5f);
  const std::vector<float> rope(static_cast<size_t>(n_rows * head_dim), 0.5f);
  std::vector<float> out(x.size());
  Attention args{};
  args.n_tokens = n_rows, args.n_heads = n_heads, args.n_kv_heads = n_kv_heads, args.head_dim = head_dim;
  args.scale = 0.125f, args.cache_type = cache.type;
  args.q = args.k = args.v = x.data();
  args.rope = rope.data(), args.n_rot = head_dim;
  args.sequences = {&sequence, 1};
  args.out = out.data();
  const Table& table = table_named(isa);  // asks the processor, which takes microseconds in a virtual machine
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (int layer = 0; layer < n_layers; ++layer) {
      args.layer_offset = layer * cache.layer_bytes;
      attention(table, pool, args);
    }
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

void register_testing_attention(nb::module_& m) {
  nb::class_<CacheBlocks>(m, "CacheBlocks")
      .def(nb::init<const std::string&, int, int, int, int>(), nb::arg("type"), nb::arg("n_kv_heads"),
           nb::arg("head_dim"), nb::arg("n_positions"), nb::arg("n_layers") = 1);
  m.def("attention", &attention_of, nb::arg("pool"), nb::arg("isa"), nb::arg("q"), nb::arg("k"), nb::arg("v"),
        nb::arg("sequences"), nb::arg("scale"), nb::arg("q_norm").none() = nb::none(),
        nb::arg("k_norm").none() = nb::none(), nb::arg("norm_eps") = 0.0f, nb::arg("rope").none() = nb::none(),
        nb::arg("n_rot") = 0, nb::arg("interleaved") = false, nb::arg("layer") = 0, nb::arg("window") = 0,
        nb::arg("softcap") = 0.0f, nb::arg("q_scale").none() = nb::none(), nb::arg("sinks").none() = nb::none());
  m.def("time_attention", &time_attention);
}

}  // namespace fluxmlx::bind
