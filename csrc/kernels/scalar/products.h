#pragma once

#include "kernels/scalar/ints.h"

// What is over its vectors.
#include "kernels/body/lanes.h"

// Products of the codes of eight rows with G tokens, whose bytes lie together; the other instruction sets have the same
// functions with the same results.
namespace fluxmlx::kernels::scalar {

inline constexpr int kGroup = 4;   // most tokens together
inline constexpr int kChains = 1;  // most sums of one part of one token together

// Sums of products, unfinished: kMostProducts<kBits> of codes of kBits bits fit, with |x| <= 127.
template <int kBits, int G>
struct Dots {
  I8 v[G];
};
template <int kBits>
inline constexpr int kMostProducts = 8;

// What products take off codes of kBits bits by themselves.
template <int kBits>
inline constexpr int kTakenOff = 0;

// Codes of kBits bits from a table, in whatever form add_products takes.
template <int kBits>
inline B32 look_up_codes(const B32& nibbles, const uint8_t (&table)[16]) {
  return look_up(nibbles, table);
}

// A factor for each row.
struct Scale {
  I8 v;
};
inline Scale first_of_pairs(const Pairs& a) {
  return {each_int([&](int i) { return a.first[i]; })};
}
inline Scale second_of_pairs(const Pairs& a) {
  return {each_int([&](int i) { return a.second[i]; })};
}

// dots += unsigned codes times signed x, four columns
template <int kBits, int G>
inline void add_products(Dots<kBits, G>& dots, const B32& codes, const int8_t (&x)[G][4]) {
  for (int t = 0; t < G; ++t) {
    for (int i = 0; i < 32; ++i) dots.v[t].lane[i / 4] += codes.lane[i] * x[t][i % 4];
  }
}
template <int kBits, int G>
inline void add_total(Sums<G>& sums, const Dots<kBits, G>& dots) {
  for (int t = 0; t < G; ++t) sums.v[t] = add(sums.v[t], dots.v[t]);
}
template <int kBits, int G>
inline void add_scaled(Sums<G>& sums, const Dots<kBits, G>& dots, const Scale& scale) {
  for (int t = 0; t < G; ++t) {
    sums.v[t] = each_int([&](int i) { return sums.v[t].lane[i] + dots.v[t].lane[i] * scale.v.lane[i]; });
  }
}
// sums += first times x[t][0] + second times x[t][1]
template <int G>
inline void add_multiples(Sums<G>& sums, const Pairs& a, const int16_t (&x)[G][2]) {
  for (int t = 0; t < G; ++t) {
    sums.v[t] = each_int([&](int i) { return sums.v[t].lane[i] + a.first[i] * x[t][0] + a.second[i] * x[t][1]; });
  }
}

}  // namespace fluxmlx::kernels::scalar
