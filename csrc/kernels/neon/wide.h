#pragma once

#include "kernels/neon/flushed.h"

// Sixteen lanes are two vectors of eight.
#include "kernels/body/wide.h"
