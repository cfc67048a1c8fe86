#pragma once

#include <memory>

#include "gguf/tensor_source.h"

namespace fluxmlx::load {

// Some matrices of NVFP4 have a factor, or one for each expert, in a tensor of its own: `<name>.scale` beside
// `<name>.weight`. Here they are F16 with the factor in their numbers, and the factors are gone; so are the
// `<name>.input_scale`, which say how activations could be quantised. The source itself where it has none of these.
std::shared_ptr<const gguf::TensorSource> with_scales(std::shared_ptr<const gguf::TensorSource> source);

}  // namespace fluxmlx::load
