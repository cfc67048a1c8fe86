// Many threads submit, read, wait for, cancel and drop requests of a stub model whose memory is too small for them,
// while others look at the statistics and close the engine. Every answer must be the right one, every request must end,
// and a sanitizer must have nothing to say. Usage: churn [OPERATIONS] [SEED]
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "engine/engine.h"
#include "stub_model.h"

namespace fluxmlx {
namespace {

using engine::Engine;
using engine::Event;
using engine::Handle;
using engine::Mailbox;
using Random = std::mt19937_64;
using Seconds = std::chrono::duration<double>;

constexpr int kThreads = 6;
constexpr std::chrono::seconds kPatience{60};

std::atomic<int> n_wrong = 0;

void expect(bool is_so, const char* what) {
  if (is_so) return;
  ++n_wrong;
  std::fprintf(stderr, "wrong: %s\n", what);
}

int pick(Random& random, int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); }

engine::Options options_of(int round) {
  engine::Options options;
  options.prefill_chunk = 8 << round % 3;
  options.max_sequences = 5;
  options.target_latency = 0.01;
  options.max_memory = 700;
  options.speculation = round % 2 == 0;
  return options;
}

engine::Request request_of(Random& random) {
  engine::Request request;
  for (int i = pick(random, 1, 200); i > 0; --i) request.prompt.push_back(pick(random, 0, stub::kVocabulary - 1));
  request.sampling.temperature = 0;
  request.max_tokens = pick(random, 1, 200);
  request.n = pick(random, 1, 3);
  request.prompt_logprobs = pick(random, 0, 3) == 0 ? 0 : -1;
  return request;
}

// The tokens of each answer so far, which are known.
class Answers {
 public:
  explicit Answers(const engine::Request& request)
      : n_expected_(static_cast<size_t>(request.max_tokens)), texts_(static_cast<size_t>(request.n), request.prompt) {}

  void add(const Event& event) {
    std::vector<int32_t>& text = texts_[static_cast<size_t>(event.index)];
    if (event.kind == Event::Kind::end) {
      expect(static_cast<size_t>(event.usage.completion_tokens) == n_expected_, "the length of an answer");
      ++n_ended_;
      return;
    }
    const auto position = static_cast<int32_t>(text.size()) - 1;
    expect(event.choice.token == stub::next_token(text.back(), position), "a token of an answer");
    text.push_back(event.choice.token);
  }
  bool complete() const { return n_ended_ == texts_.size(); }

 private:
  size_t n_expected_, n_ended_ = 0;
  std::vector<std::vector<int32_t>> texts_;
};

void read_some(Handle& handle, Answers& answers) {
  for (const Event& event : handle.take(Seconds(1))) answers.add(event);
}

void read_all(Handle& handle, Answers& answers) {
  const auto end = engine::Clock::now() + kPatience;
  while (!answers.complete() && engine::Clock::now() < end) read_some(handle, answers);
  expect(answers.complete(), "the end of a request");
}

void one_operation(Engine& engine, Random& random, const std::shared_ptr<Mailbox>& mailbox) {
  const engine::Request request = request_of(random);
  Answers answers(request);
  const bool by_mail = pick(random, 0, 2) == 0;
  const auto handle = engine.submit(request, by_mail ? engine::Delivery{mailbox, 1, true} : engine::Delivery{});
  switch (pick(random, 0, 3)) {
    case 0:
      read_all(*handle, answers);
      break;
    case 1:
      read_some(*handle, answers);
      handle->cancel();
      break;
    case 2:
      handle->cancel();
      break;
    default:
      if (by_mail) (void)mailbox->wait(Seconds(0.001));
      read_some(*handle, answers);
      handle->cancel();  // as the owner of a dropped stream does
  }
  (void)engine.stats();
}

// -> how many operations were done before the engine was closed.
int work(Engine& engine, int n, Random random) {
  const auto mailbox = std::make_shared<Mailbox>();
  for (int i = 0; i < n; ++i) {
    try {
      one_operation(engine, random, mailbox);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::closed) return i;
      expect(false, error.what());
    }
  }
  return n;
}

void settle(Engine& engine) {
  for (int i = 0; i < 6000; ++i) {
    const engine::Stats stats = engine.stats();
    if (stats.running + stats.queued == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  expect(false, "requests that never end");
}

uint64_t round(int index, int n, uint64_t seed, bool closes_early) {
  const std::shared_ptr<Engine> engine = Engine::start(options_of(index), stub::load);
  expect(engine->wait_loaded(kPatience), "the load");
  engine::TokenBytes words;
  for (int i = 0; i < stub::kVocabulary; ++i) words.add(std::string(1, static_cast<char>('0' + i)));
  engine->set_vocabulary({words, {}});
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&engine, n, i, index, seed] {
      work(*engine, n / kThreads, Random(seed * 1000 + static_cast<uint64_t>(index * kThreads + i)));
    });
  }
  if (closes_early) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    engine->close();
  }
  for (std::thread& thread : threads) thread.join();
  settle(*engine);
  engine->close();
  const engine::Stats stats = engine->stats();
  expect(stats.cache_bytes == 0, "memory that stays");
  expect(closes_early || stats.failed == 0, "a request that failed");
  return stats.preemptions;
}

}  // namespace
}  // namespace fluxmlx

int main(int n_arguments, char** arguments) {
  const int n = n_arguments > 1 ? std::atoi(arguments[1]) : 1200;
  const uint64_t seed = n_arguments > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  uint64_t n_preemptions = 0;
  for (int i = 0; i < 4; ++i) n_preemptions += fluxmlx::round(i, n / 4, seed, false);
  for (int i = 4; i < 6; ++i) fluxmlx::round(i, 1 << 30, seed, true);
  fluxmlx::expect(n_preemptions > 0, "a memory that was never full");
  std::printf("%d operations, %llu preemptions, %d wrong\n", n, static_cast<unsigned long long>(n_preemptions),
              fluxmlx::n_wrong.load());
  return fluxmlx::n_wrong == 0 ? 0 : 1;
}
