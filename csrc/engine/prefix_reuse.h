#pragma once

#include <list>

#include "engine/sequence.h"
#include "engine/stats.h"

namespace fluxmlx::engine {

// Lets no prompt be read twice: a sequence begins behind what another one has in common with it, one that runs or one
// that ended. Its results are those of a sequence that reads everything itself, because rows are independent to the
// bit.
class PrefixReuse {
 public:
  PrefixReuse(cache::KvStore& store, const Options& options, Counters& counters);

  // Before a step: gives those that have not begun what there is for them. One that needs what another is about to read
  // waits for it.
  void prepare(std::list<Sequence>& running) noexcept;

  // After the end of a sequence, or before it loses its cache: keeps what was read for those that come later.
  void keep(Sequence& sequence) noexcept;

 private:
  struct Source;

  bool reuses(const Sequence& sequence) const noexcept;
  bool may_share(Sequence& a, Sequence& b) const noexcept;
  Source find(Sequence& sequence, std::list<Sequence>& running) const;
  void begin(Sequence& sequence, std::list<Sequence>& running);

  cache::KvStore& store_;
  const Options& options_;
  Counters& counters_;
};

}  // namespace fluxmlx::engine
