#include "engine/model_loader.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/memory.h"
#include "engine/decoder_runner.h"
#include "gguf/file.h"
#include "load/scaled_source.h"

namespace fluxmlx::engine {
namespace {

constexpr int kLeastPositions = 64;  // below it no model says anything

constexpr uint64_t kMostPrefixMemory = uint64_t{2} << 30;  // unless the caller says otherwise

DeviceKind choose_device(const Options& options) {
  if (options.device == "cpu") return DeviceKind::cpu;
  const DeviceKind best = default_device();
  if (options.device == "auto") return best;
  if (options.device != "gpu") {
    fail(ErrorCode::invalid_argument, "device is '", options.device, "'; expected auto, cpu or gpu");
  }
  if (best != DeviceKind::gpu) {
    fail(ErrorCode::unsupported,
         "device is gpu, but this MLX has none; install fluxmlx[cuda13] or fluxmlx[cuda12] "
         "for an NVIDIA card, or use device='cpu'");
  }
  return best;
}

std::shared_ptr<const ops::Ops> choose_ops(Options& options, DeviceKind device, const model::Config& config) {
  const bool fits = ops::cpu_ops_take(config.head_dim);
  if (options.ops == "auto") options.ops = device == DeviceKind::cpu && fits ? "kernels" : "composed";
  if (options.ops == "composed") return ops::make_composed_ops(device, config.wide_activations);
  if (options.ops != "kernels") {
    fail(ErrorCode::invalid_argument, "ops is '", options.ops, "'; expected auto, kernels or composed");
  }
  if (device != DeviceKind::cpu) {
    fail(ErrorCode::invalid_argument, "ops is 'kernels', which run on the CPU only; use device='cpu' as well");
  }
  if (!fits) {
    fail(ErrorCode::unsupported, "ops is 'kernels', which cannot run this model's heads of ", config.head_dim,
         " dimensions; use ops='composed'");
  }
  if (options.n_threads <= 0) options.n_threads = available_threads();
  return ops::make_cpu_ops(std::make_shared<ThreadPool>(options.n_threads));
}

std::vector<std::string> cache_types(const Options& options) {
  if (options.ops == "kernels") return {"f16", "f32", "q8_0"};
  return {"f16", "f32"};
}

kernels::CacheType choose_cache_type(const Options& options) {
  if (options.cache_type == "f16") return kernels::CacheType::f16;
  if (options.cache_type == "f32") return kernels::CacheType::f32;
  if (options.cache_type != "q8_0") {
    fail(ErrorCode::invalid_argument, "cache_type is '", options.cache_type, "'; expected f16, f32 or q8_0");
  }
  if (options.ops != "kernels") {
    fail(ErrorCode::invalid_argument, "cache_type is 'q8_0', which only ops='kernels' can keep, and ops is '",
         options.ops, "'; use f16 or f32");
  }
  return kernels::CacheType::q8_0;
}

void choose_context(Options& options, const model::Config& config) {
  constexpr int kMaxContext = 1 << 27;
  if (options.n_ctx < 0 || options.n_ctx > kMaxContext) {
    fail(ErrorCode::invalid_argument, "ctx is ", options.n_ctx, "; expected 1 to ", kMaxContext,
         ", or 0 for the model's own ", config.n_ctx_train);
  }
  if (options.n_ctx == 0) options.n_ctx = config.n_ctx_train;
}

// A GPU computes many rows in the time of one, a CPU few; docs/decisions/018 has the numbers.
void choose_batching(Options& options, DeviceKind device) {
  const bool on_gpu = device == DeviceKind::gpu;
  if (options.prefill_chunk == 0) options.prefill_chunk = on_gpu ? 2048 : 512;
  if (options.max_sequences == 0) options.max_sequences = on_gpu ? 64 : 16;
  if (options.target_latency == 0) options.target_latency = on_gpu ? 0.1 : 0.25;
  if (!options.speculation) options.speculation = options.ops == "kernels";
}

// By default what the system has left after the weights, less something for itself and for the work of a step.
void choose_memory(Options& options, cache::KvStore& store, DeviceKind device) {
  if (options.max_memory == 0) options.max_memory = available_memory(device) / 10 * 8;
  store.set_limit(options.max_memory);
  const int64_t most = store.most_positions();
  if (most < kLeastPositions) {
    fail(ErrorCode::out_of_memory, "max_memory is ", options.max_memory, " bytes, which hold ", most,
         " positions of key/value cache, of ", store.position_bytes(), " bytes each; expected at least ",
         kLeastPositions);
  }
  options.n_positions = static_cast<int>(std::min<int64_t>(most, options.n_ctx));
  if (!options.prefix_memory) options.prefix_memory = std::min(options.max_memory / 4, kMostPrefixMemory);
}

void check_memory(const gguf::TensorSource& file, const load::Loader& loader) {
  const uint64_t needed = loader.n_bytes_held();
  const uint64_t available = available_memory();
  if (needed > available) {
    fail(ErrorCode::out_of_memory, file.path(), " needs ", needed >> 20, " MiB for its weights, and ", available >> 20,
         " MiB are available; use a smaller model or quantisation");
  }
}

uint64_t embedding_rows(const gguf::TensorSource& file) {
  const gguf::Tensor* embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->ne.size() < 2) {
    fail(ErrorCode::invalid_file, file.path(), ": tensor 'token_embd.weight' is missing or not a matrix");
  }
  return embedding->ne[1];
}

struct Opened {
  std::shared_ptr<const gguf::TensorSource> source;
  model::Config config;
};

Opened open(Options& options) {
  const auto config_of = [](const gguf::TensorSource& source) {
    return model::Config::from_metadata(source.metadata(), embedding_rows(source));
  };
  if (options.source != nullptr) {
    const model::Config config = config_of(*options.source);
    return {load::with_scales(std::exchange(options.source, nullptr)), config};
  }
  auto file = std::make_shared<gguf::File>(gguf::File::open(options.path));
  const model::Config config = config_of(*file);
  file->drop_metadata();
  return {load::with_scales(std::move(file)), config};
}

load::Progress report_to(LoadProgress& progress) {
  return [&progress](uint64_t done, uint64_t total) {
    progress.done = done;
    progress.total = total;
    if (progress.stop) fail(ErrorCode::cancelled, "the load was stopped");
  };
}

Capabilities capabilities_of(const Options& options, const model::Config& config) {
  Capabilities result;
  result.batch_invariant = options.ops == "kernels";
  result.supports_speculative_decoding = result.batch_invariant;
  result.cache_types = cache_types(options);
  result.n_ctx = options.n_ctx;
  result.n_ctx_train = config.n_ctx_train;
  result.max_sequences = options.max_sequences;
  return result;
}

ModelInfo describe(const Options& options, const model::Config& config, DeviceKind device) {
  ModelInfo info;
  info.path = options.path;
  info.architecture = config.family->name;
  info.ops = options.ops;
  info.device = device == DeviceKind::gpu ? "gpu" : "cpu";
  info.cache_type = options.cache_type;
  info.n_vocab = config.n_vocab;
  info.n_layers = config.n_layers;
  info.n_embd = config.n_embd;
  info.n_heads = config.n_heads;
  info.n_kv_heads = config.n_kv_heads;
  info.head_dim = config.head_dim;
  info.n_ctx = options.n_ctx;
  info.n_ctx_train = config.n_ctx_train;
  info.n_threads = options.n_threads;
  info.capabilities = capabilities_of(options, config);
  return info;
}

}  // namespace

LoadedModel load_model(Options& options, LoadProgress& progress) {
  const auto begin = std::chrono::steady_clock::now();
  const DeviceKind device = choose_device(options);
  LoadedModel loaded;
  const auto [source, config] = open(options);
  choose_context(options, config);
  const std::shared_ptr<const ops::Ops> ops = choose_ops(options, device, config);
  const kernels::CacheType type = choose_cache_type(options);
  load::Loader loader(*source, *ops, report_to(progress));
  if (loader.n_bytes_held() > available_memory()) loader.keep_small();
  check_memory(*source, loader);
  auto decoder = std::make_unique<model::Decoder>(config, model::load_weights(config, loader, options.n_ctx), ops);
  loaded.runner = std::make_unique<DecoderRunner>(std::move(decoder), device == DeviceKind::gpu);
  loaded.cache_store = ops->make_store({config.n_layers, config.n_kv_heads, config.head_dim, type});
  choose_memory(options, *loaded.cache_store, device);
  progress.done = progress.total = source->n_bytes();
  choose_batching(options, device);
  loaded.info = describe(options, config, device);
  loaded.info.capabilities.supports_kv_prefix_copy = loaded.cache_store->can_share();
  loaded.info.file_bytes = source->n_bytes();
  loaded.info.cache_block_positions = kernels::kBlockPositions;
  loaded.info.cache_bytes_per_position = loaded.cache_store->position_bytes();
  loaded.info.tensors = loader.report();
  loaded.info.unused_tensors = loader.unused();
  loaded.info.max_memory = options.max_memory;
  loaded.info.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return loaded;
}

}  // namespace fluxmlx::engine
