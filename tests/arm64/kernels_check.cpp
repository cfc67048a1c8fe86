// Runs the kernels on fixed inputs, checks products against float64, and prints a hash of the bits of each result:
// the same lines must come out on every processor. Exits with 1 where a product is wrong.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/half.h"
#include "kernels/kernels.h"
#include "quant/dequantize.h"

namespace {

using namespace fluxmlx;
using Floats = std::vector<float>;

int n_wrong = 0;

// SplitMix64, so that inputs depend on nothing of the platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  float unit() { return static_cast<float>(static_cast<int64_t>(bits() >> 40) - (1 << 23)) / (1 << 23); }

  Floats floats(int64_t n) {
    Floats values(static_cast<size_t>(n));
    for (float& value : values) value = unit();
    return values;
  }

 private:
  uint64_t state_;
};

void print_hash(const char* what, const char* detail, const Floats& values) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a over the bits
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3u;
  }
  std::printf("%-14s %-8s %016llx\n", what, detail, static_cast<unsigned long long>(hash));
}

// Bytes of a block that hold a half-precision scale.
std::vector<int> scale_offsets(TensorType type) {
  switch (type) {
    case TensorType::Q4_1:
    case TensorType::Q5_1:
    case TensorType::Q4_K:
    case TensorType::Q5_K:
      return {0, 2};
    case TensorType::Q2_K:
      return {80, 82};
    case TensorType::Q3_K:
      return {108};
    case TensorType::TQ1_0:
      return {52};
    case TensorType::TQ2_0:
      return {64};
    case TensorType::Q6_K:
      return {208};
    case TensorType::IQ1_M:
    case TensorType::MXFP4:
    case TensorType::NVFP4:
      return {};
    default:
      return {0};
  }
}

void set_block(const TensorTypeInfo& info, Random& random, std::byte* block) {
  for (uint32_t i = 0; i < info.block_bytes; ++i) block[i] = static_cast<std::byte>(random.bits() >> 56);
  if (info.type == TensorType::MXFP4) block[0] = static_cast<std::byte>(118 + random.bits() % 6);
  for (int i = 0; info.type == TensorType::NVFP4 && i < 4; ++i) block[i] = static_cast<std::byte>(random.bits() % 40);
  const uint16_t half = f32_to_f16(0.02f * random.unit());
  for (const int offset : scale_offsets(info.type)) std::memcpy(block + offset, &half, sizeof half);
  for (int i = 0; info.type == TensorType::IQ1_M && i < 4; ++i) {
    block[49 + 2 * i] = (block[49 + 2 * i] & std::byte{15}) | static_cast<std::byte>((half >> (4 * i) & 15) << 4);
  }
}

std::vector<std::byte> random_blocks(const TensorTypeInfo& info, int64_t n_weights, Random& random) {
  const auto n_blocks = static_cast<size_t>(n_weights) / info.block_size;
  std::vector<std::byte> data(n_blocks * info.block_bytes);
  for (size_t i = 0; i < n_blocks; ++i) {
    std::byte* block = data.data() + i * info.block_bytes;
    if (info.type == TensorType::F32) {
      const float value = random.unit();
      std::memcpy(block, &value, sizeof value);
    } else if (info.type == TensorType::BF16) {
      const uint16_t value = f32_to_f16(random.unit()) & 0xbfffu;  // any finite pattern below 2
      std::memcpy(block, &value, sizeof value);
    } else {
      set_block(info, random, block);
    }
  }
  return data;
}

struct Product {
  std::vector<std::byte> data;
  kernels::Matrix w;
  Floats weights;  // by the definition

  Product(const TensorTypeInfo& info, int64_t n_rows, int64_t n_cols, Random& random)
      : data(random_blocks(info, n_rows * n_cols, random)),
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

// Activations in 8 bits: within half a step of 1/127 each, and terms may all be as large as the largest.
void check_packed(const TensorTypeInfo& info, ThreadPool& pool, const Product& product, const Floats& x,
                  int64_t n_tokens) {
  const int64_t n_rows = product.w.n_rows, n_cols = product.w.n_cols;
  std::vector<std::byte> packed(static_cast<size_t>(kernels::packed_bytes(info.type, n_rows, n_cols)));
  kernels::pack(info.type, product.data.data(), n_rows, n_cols, packed.data());
  Floats y(static_cast<size_t>(n_tokens * n_rows));
  kernels::Linear work{product.w, nullptr, nullptr, y.data()};
  work.w.data = packed.data();
  work.w.form = kernels::Form::packed;
  kernels::linear(pool, x.data(), n_tokens, {}, std::span(&work, 1));
  check(info.name, product, x, n_tokens, y, 0.01);
  print_hash("packed linear", info.name, y);
}

void check_linear(const TensorTypeInfo& info, ThreadPool& pool) {
  Random random(static_cast<uint64_t>(info.type));
  for (const int64_t n_cols : {256, 768, 1024}) {
    const Product product(info, 13, n_cols, random);
    for (const int64_t n_tokens : {1, 5, 40}) {
      const Floats x = random.floats(n_tokens * n_cols);
      Floats y(static_cast<size_t>(n_tokens * product.w.n_rows));
      const kernels::Linear work{product.w, nullptr, nullptr, y.data()};
      kernels::linear(pool, x.data(), n_tokens, {}, std::span(&work, 1));
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
  kernels::gated_linear(pool, x.data(), 7, {}, products);
  print_hash("gated silu", info.name, y);
  products.activation = kernels::Activation::gelu_tanh;
  kernels::gated_linear(pool, x.data(), 7, {}, products);
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

void check_attention(ThreadPool& pool, kernels::CacheType type, const char* name) {
  constexpr int64_t n = 300;  // two spans
  constexpr int heads = 6, kv_heads = 2, width = 64;
  Random random(300);
  const Floats q = random.floats(n * heads * width), k = random.floats(n * kv_heads * width);
  const Floats v = random.floats(n * kv_heads * width), rope = random.floats(n * width);
  constexpr int64_t n_blocks = (n + kernels::kBlockPositions - 1) / kernels::kBlockPositions;
  const auto block_bytes = static_cast<size_t>(kv_heads * kernels::cache_head_bytes(type, width));
  std::vector<std::byte> memory(block_bytes * n_blocks);
  std::byte* blocks[n_blocks];
  for (size_t i = 0; i < n_blocks; ++i) blocks[i] = memory.data() + i * block_bytes;
  const kernels::Sequence sequence{0, n, 0, blocks, n_blocks};
  Floats out(q.size());
  kernels::Attention args{};
  args.n_tokens = n;
  args.n_heads = heads;
  args.n_kv_heads = kv_heads;
  args.head_dim = width;
  args.scale = 0.125f;
  args.q = q.data();
  args.k = k.data();
  args.v = v.data();
  args.rope = rope.data();
  args.n_rot = width;
  args.cache_type = type;
  args.sequences = std::span(&sequence, 1);
  args.out = out.data();
  kernels::attention(pool, args);
  print_hash("attention", name, out);
}

}  // namespace

int main() {
  ThreadPool pool(2);
  for (const TensorTypeInfo& info : tensor_types()) {
    if (kernels::is_supported(info.type)) check_linear(info, pool);
  }
  check_gated(pool);
  check_norm(pool);
  check_attention(pool, kernels::CacheType::f16, "F16");
  check_attention(pool, kernels::CacheType::f32, "F32");
  check_attention(pool, kernels::CacheType::q8_0, "Q8_0");
  return n_wrong == 0 ? 0 : 1;
}
