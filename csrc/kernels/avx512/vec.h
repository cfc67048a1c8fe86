#pragma once

// Eight float lanes as AVX2 has them, compiled with this folder's flags.
#include "kernels/avx2/vec.h"
