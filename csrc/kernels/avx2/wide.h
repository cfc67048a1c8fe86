#pragma once

#include "kernels/avx2/vec.h"

// Sixteen lanes are two vectors of eight.
#include "kernels/body/wide.h"
