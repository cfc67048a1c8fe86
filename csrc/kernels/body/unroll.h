#pragma once

#include <utility>

// Loops whose index is a constant in every turn, so that shifts and places are immediate.
namespace fluxmlx::kernels::FLUXMLX_ISA {

template <int I>
struct Index {
  constexpr operator int() const { return I; }
};

template <class Body, int... I>
[[gnu::always_inline]] inline void for_each_index(const Body& body, std::integer_sequence<int, I...>) {
  (body(Index<I>{}), ...);
}

// body(Index<0>), ..., body(Index<N - 1>)
template <int N, class Body>
[[gnu::always_inline]] inline void for_each_index(const Body& body) {
  for_each_index(body, std::make_integer_sequence<int, N>{});
}

}  // namespace fluxmlx::kernels::FLUXMLX_ISA
