#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/pooled.h"
#include "sample/logprobs.h"
#include "sample/params.h"

namespace fluxmlx::engine {

// Changes the logits (n_vocab,) of the token after `tokens`, prompt and answer so far. Runs on the engine's thread, in
// its step; what it throws fails its request alone.
using LogitsProcessor = std::function<void(std::span<const int32_t> tokens, std::span<float> logits)>;

// What travels in: one prompt and what is wanted of it.
struct Request {
  std::vector<int32_t> prompt;
  sample::Params sampling;
  std::vector<std::string> stop;  // byte strings that end the answer, and are not part of it
  std::vector<int32_t> stop_token_ids;
  bool ignore_eos = false;
  int min_tokens = 0;
  int max_tokens = -1;              // -1: until the context is full
  int prompt_logprobs = -1;         // -1: none, n: of each prompt token and the n most likely
  int n = 1;                        // answers to this prompt
  std::optional<bool> speculation;  // whether tokens may be guessed; not set: as the engine was started
  bool cache_prompt = true;         // may begin with what others read, and leave what it read to them
  LogitsProcessor logits_processor;
  Pooling pooling = Pooling::none;                         // else the answer is one vector, and no text
  bool saves_prompt = false;                               // the end has the memory of the prompt's whole cache blocks
  std::shared_ptr<const std::vector<std::byte>> restored;  // what that was, in place of reading the prompt
  int index = 0;                                           // which of the n answers; the engine sets it

  // Makes this the i-th of the n: each draws with a seed of its own, and the prompt is scored once.
  void make_answer(int i) {
    index = i;
    sampling.seed += static_cast<uint64_t>(i);
    if (i > 0) prompt_logprobs = -1;
  }
};

struct Usage {
  int prompt_tokens = 0;
  int completion_tokens = 0;
  int cached_tokens = 0;    // of the prompt, that did not have to be computed
  int drafted_tokens = 0;   // guessed by speculation
  int accepted_tokens = 0;  // of those, part of the answer
};

struct Timings {  // seconds
  double queued = 0;
  double prompt = 0;
  double decode = 0;
};

inline sample::Choice no_token() { return {-1, std::numeric_limits<float>::quiet_NaN(), {}}; }

// What comes out: tokens, then one end.
struct Event {
  enum class Kind { token, end };
  Kind kind = Kind::token;
  int index = 0;     // of the answer
  std::string text;  // whole characters that are certain by now
  // of a token; of the end, the token that ended the answer, or no_token()
  sample::Choice choice{};
  std::string bytes;  // nothing at the end
  // of the end
  std::string finish_reason;  // "stop", "length"
  std::string stop_string;    // the one that matched, or nothing
  Usage usage;
  Timings timings;
  std::vector<sample::Choice> prompt_logprobs;  // for each prompt token but the first
  std::vector<std::byte> saved;                 // of a request that saves_prompt
  std::vector<float> embedding;                 // (n_embd,) where the request has a pooling
};

}  // namespace fluxmlx::engine
