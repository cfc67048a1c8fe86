#include "model/families/families.h"

namespace fluxmlx::model {
namespace {

constexpr const Family* kFamilies[] = {
    &kLlama,  &kMistral3, &kQwen2, &kQwen2Moe, &kQwen3,   &kQwen3Moe, &kPhi3,   &kGemma,
    &kGemma2, &kGemma3,   &kOlmo2, &kGranite,  &kSmollm3, &kCohere2,  &kGptOss,
};

}  // namespace

const Family* find_family(const std::string& architecture) {
  for (const Family* family : kFamilies) {
    if (architecture == family->name) return family;
  }
  return nullptr;
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family* family : kFamilies) names.emplace_back(family->name);
  return names;
}

}  // namespace fluxmlx::model
