#pragma once

// The numbers of e^x = 2^n e^r with x = n ln 2 + r, and e^r = 1 + r + r^2 p(r): a minimax polynomial of
// (e^r - 1 - r) / r^2 over |r| <= ln 2 / 2 (fitted by Lawson's iteration, 5e-11).
namespace fluxmlx::exponential {

inline constexpr float kPerLn2 = 1.44269504f;
inline constexpr float kRound = 12582912.0f;       // 1.5 * 2^23: adding it rounds to an integer
inline constexpr float kLn2High = 0.693359375f;    // ln 2 in two parts: n times the first is exact
inline constexpr float kLn2Low = -2.12194440e-4f;  // what is added to it
inline constexpr float kP5 = 1.979029767e-04f, kP4 = 1.394470339e-03f, kP3 = 8.333497681e-03f;
inline constexpr float kP2 = 4.166629538e-02f, kP1 = 1.666666567e-01f, kP0 = 0.5f;

}  // namespace fluxmlx::exponential
