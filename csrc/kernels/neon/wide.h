#pragma once

#include "kernels/neon/flushed.h"

// Sixteen lanes are two vectors of eight; the twelve sums of a tile are 24 of the 32 registers.
#include "kernels/body/wide.h"
