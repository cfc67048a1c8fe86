#pragma once

// Codes of one strip as AVX2 has them, compiled with this folder's flags.
#include "kernels/avx2/ints.h"
