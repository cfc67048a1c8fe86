// Runs the kernels on fixed inputs, checks products against float64, and prints a hash of the bits of each result:
// the same lines must come out on every processor. The instruction set goes to stderr. Exits with 1 where a product is
// wrong.
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels/kernels.h"
#include "quant/dequantize.h"
#include "random_blocks.h"

namespace {

using namespace fluxmlx;

int n_wrong = 0;

void print_hash(const char* what, const char* detail, const Floats& values) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a over the bits
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3u;
  }
  std::printf("%-14s %-8s %016llx\n", what, detail, static_cast<unsigned long long>(hash));
}

struct Product {
  std::vector<std::byte> data;
  kernels::Matrix w;
  Floats weights;  // by the definition

  Product(const TensorTypeInfo& info, int64_t n_rows, int64_t n_cols, Random& random, int fill = -1)
      : data(random_blocks(info, n_rows * n_cols, random, fill)),
        w{info.type, data.data(), n_rows, n_cols},
        weights(static_cast<size_t>(n_rows * n_cols)) {
    quant::dequantize(info.type, data, weights);
  }
};

// Within `tolerance` of the sum of the sizes of all terms.
void check(const char* name, const Product& product, const Floats& x, int64_t n_tokens, const Floats& y,
           double tolerance = 2e-6) {
  for (int64_t t = 0; t < n_tokens; ++t) {
    for (int64_t r = 0; r < product.w.n_rows; ++r) {
      double sum = 0, size = 0;
      for (int64_t c = 0; c < product.w.n_cols; ++c) {
        const double term =
            static_cast<double>(product.weights[r * product.w.n_cols + c]) * x[t * product.w.n_cols + c];
        sum += term;
        size += std::fabs(term);
      }
      const double got = y[t * product.w.n_rows + r];
      if (std::fabs(got - sum) <= tolerance * size) continue;
      std::printf("%s: row %lld of token %lld is %g, expected %g\n", name, static_cast<long long>(r),
                  static_cast<long long>(t), got, sum);
      ++n_wrong;
    }
  }
}

Floats packed_linear(const TensorTypeInfo& info, ThreadPool& pool, const Product& product, const Floats& x,
                     int64_t n_tokens) {
  const int64_t n_rows = product.w.n_rows, n_cols = product.w.n_cols;
  std::vector<std::byte> packed(static_cast<size_t>(kernels::packed_bytes(info.type, n_rows, n_cols)));
  kernels::pack(info.type, product.data.data(), n_rows, n_cols, packed.data());
  Floats y(static_cast<size_t>(n_tokens * n_rows));
  kernels::Linear work{product.w, nullptr, nullptr, y.data()};
  work.w.data = packed.data();
  work.w.form = kernels::Form::packed;
  kernels::linear(pool, x.data(), n_tokens, {}, std::span(&work, 1), /*asks_ahead=*/n_tokens == 1);
  return y;
}

// Activations in 8 bits: within half a step of 1/127 each, and terms may all be as large as the largest.
void check_packed(const TensorTypeInfo& info, ThreadPool& pool, const Product& product, const Floats& x,
                  int64_t n_tokens) {
  const Floats y = packed_linear(info, pool, product, x, n_tokens);
  check(info.name, product, x, n_tokens, y, 0.01);
  print_hash("packed linear", info.name, y);
}

// Codes that are all alike, the largest among them, with activations that are all 127 or -127.
void check_extremes(const TensorTypeInfo& info, ThreadPool& pool) {
  if (!kernels::has_packed(info.type) || info.type == TensorType::F32) return;
  if (info.type == TensorType::F16 || info.type == TensorType::BF16) return;
  Random random(400);
  for (const int fill : {0x00, 0x77, 0x7f, 0x80, 0xff}) {
    const Product product(info, 16, 512, random, fill);
    Floats x(13 * 512, 1.0f);
    for (size_t i = 512; i < x.size(); ++i) x[i] = random.bits() % (2 + i / 512) == 0 ? 1.0f : -1.0f;
    check_packed(info, pool, product, x, 13);
  }
}

// BF16 whose products are about the smallest normal number.
void check_tiny(ThreadPool& pool) {
  Random random(500);
  const TensorTypeInfo& info = tensor_type_info(TensorType::BF16);
  Product product(info, 40, 64, random);
  const auto tiny = [&] { return static_cast<uint32_t>(random.bits() % 2 << 15 | (62 + random.bits() % 4) << 7); };
  for (size_t i = 0; i < product.data.size(); i += 2) {
    const auto bits = static_cast<uint16_t>(tiny() | random.bits() % 128);
    std::memcpy(&product.data[i], &bits, sizeof bits);
  }
  Floats x(7 * 64);
  for (float& value : x) value = std::bit_cast<float>((tiny() | static_cast<uint32_t>(random.bits() % 128)) << 16);
  print_hash("tiny linear", info.name, packed_linear(info, pool, product, x, 7));
  // 2^-126 less 2^-152, which rounds to 2^-126: arm64 alone would make it zero
  Product pair(info, 1, 2, random);
  const uint16_t weights[] = {0x1980, 0x2000};
  std::memcpy(pair.data.data(), weights, sizeof weights);
  const Floats y = packed_linear(info, pool, pair, {-0x1p-76f, 0x1p-63f}, 1);
  if (y[0] != 0x1p-126f) {
    std::printf("2^-126 less 2^-152 is %g\n", y[0]);
    ++n_wrong;
  }
  print_hash("tiny linear", info.name, y);
}

void check_linear(const TensorTypeInfo& info, ThreadPool& pool) {
  Random random(static_cast<uint64_t>(info.type));
  for (const int64_t n_cols : {256, 768, 1024}) {
    const Product product(info, 13, n_cols, random);
    for (const int64_t n_tokens : {1, 5, 7, 40}) {
      const Floats x = random.floats(n_tokens * n_cols);
      Floats y(static_cast<size_t>(n_tokens * product.w.n_rows));
      const kernels::Linear work{product.w, nullptr, nullptr, y.data()};
      kernels::linear(pool, x.data(), n_tokens, {}, std::span(&work, 1), /*asks_ahead=*/n_tokens == 1);
      check(info.name, product, x, n_tokens, y);
      print_hash("linear", info.name, y);
      if (kernels::has_packed(info.type)) check_packed(info, pool, product, x, n_tokens);
    }
  }
}

void check_gated(ThreadPool& pool) {
  Random random(100);
  const TensorTypeInfo& info = tensor_type_info(TensorType::Q4_0);
  const Product gate(info, 24, 512, random), up(info, 24, 512, random);
  const Floats x = random.floats(7 * 512);
  Floats y(7 * 24);
  kernels::Gated products{gate.w, up.w};
  products.y = y.data();
  kernels::gated_linear(pool, x.data(), 7, {}, products, /*asks_ahead=*/false);
  print_hash("gated silu", info.name, y);
  products.activation = kernels::Activation::gelu_tanh;
  kernels::gated_linear(pool, x.data(), 7, {}, products, /*asks_ahead=*/false);
  print_hash("gated gelu", info.name, y);
}

void check_norm(ThreadPool& pool) {
  Random random(200);
  const Floats x = random.floats(19 * 576), weight = random.floats(576);
  Floats y(x.size());
  kernels::norm_rows(pool, x.data(), 19, 576, {weight.data(), 1e-5f}, y.data());
  print_hash("rms_norm", "F32", y);
  kernels::norm_rows(pool, x.data(), 19, 576, {weight.data(), 1e-5f, true}, y.data());
  print_hash("layer_norm", "F32", y);
  kernels::scale_logits(pool, y.data(), 19 * 576, 2.0f, 3.0f);
  print_hash("logits", "F32", y);
}

constexpr int kHeads = 6, kKvHeads = 2, kWidth = 64;

void check_attention(ThreadPool& pool, const char* what, kernels::Attention args, const char* name) {
  constexpr int64_t n = 300;  // two spans
  Random random(300);
  const Floats q = random.floats(n * kHeads * kWidth), k = random.floats(n * kKvHeads * kWidth);
  const Floats v = random.floats(n * kKvHeads * kWidth), rope = random.floats(n * kWidth);
  constexpr int64_t n_blocks = (n + kernels::kBlockPositions - 1) / kernels::kBlockPositions;
  const auto block_bytes = static_cast<size_t>(kKvHeads * kernels::cache_head_bytes(args.cache_type, kWidth));
  std::vector<std::byte> memory(block_bytes * n_blocks);
  std::byte* blocks[n_blocks];
  for (size_t i = 0; i < n_blocks; ++i) blocks[i] = memory.data() + i * block_bytes;
  const kernels::Sequence sequence{0, n, 0, blocks, n_blocks};
  Floats out(q.size());
  args.n_tokens = n;
  args.n_heads = kHeads;
  args.n_kv_heads = kKvHeads;
  args.head_dim = kWidth;
  args.scale = 0.125f;
  args.q = q.data();
  args.k = k.data();
  args.v = v.data();
  args.rope = rope.data();
  args.n_rot = kWidth;
  args.sequences = std::span(&sequence, 1);
  args.out = out.data();
  kernels::attention(pool, args);
  print_hash(what, name, out);
}

void check_attention(ThreadPool& pool, kernels::CacheType type, const char* name) {
  kernels::Attention args{};
  args.cache_type = type;
  check_attention(pool, "attention", args, name);
  Random random(301);
  const Floats norm = random.floats(kWidth), sinks = random.floats(kHeads);
  args.q_norm = args.k_norm = norm.data();
  args.norm_eps = 1e-5f;
  args.rope_interleaved = true;
  args.window = 100;
  args.softcap = 2;
  args.sinks = sinks.data();
  check_attention(pool, "all of it", args, name);
}

}  // namespace

int main() {
  std::fprintf(stderr, "%s\n", kernels::active_isa().c_str());
  ThreadPool pool(2);
  for (const auto types : {tensor_types(), mlx_types()}) {
    for (const TensorTypeInfo& info : types) {
      if (!kernels::is_supported(info.type)) continue;
      check_linear(info, pool);
      check_extremes(info, pool);
    }
  }
  check_tiny(pool);
  check_gated(pool);
  check_norm(pool);
  check_attention(pool, kernels::CacheType::f16, "F16");
  check_attention(pool, kernels::CacheType::f32, "F32");
  check_attention(pool, kernels::CacheType::q8_0, "Q8_0");
  return n_wrong == 0 ? 0 : 1;
}
