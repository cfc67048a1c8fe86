#pragma once

// As AVX2 has it, compiled with this folder's flags.
#include "kernels/avx2/dequantize.h"
