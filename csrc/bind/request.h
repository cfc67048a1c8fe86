#pragma once

#include "bind/register.h"
#include "engine/request.h"

namespace fluxmlx::bind {

std::vector<int32_t> to_tokens(const nb::sequence& values);

// A request of prompt token ids and the fields that SamplingParams.to_native() writes.
engine::Request to_request(const nb::sequence& prompt, const nb::dict& params);

}  // namespace fluxmlx::bind
