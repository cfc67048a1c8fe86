#include <array>

#include "model/config.h"

namespace fluxmlx::model {
namespace {

using ops::Activation;

// name, interleaved rotation, biases on q k v, norms on q k heads, activation
constexpr std::array kFamilies = {
    Family{"llama", true, true, false, Activation::silu},   // also Mistral, SmolLM2, TinyLlama, Yi
    Family{"qwen2", false, true, false, Activation::silu},  // also Qwen2.5
    Family{"qwen3", false, true, true, Activation::silu},
};

}  // namespace

const Family* find_family(const std::string& architecture) {
  for (const Family& family : kFamilies) {
    if (architecture == family.name) return &family;
  }
  return nullptr;
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) names.emplace_back(family.name);
  return names;
}

}  // namespace fluxmlx::model
