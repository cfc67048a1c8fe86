#pragma once

#include "kernels/scalar/vec.h"

// Sixteen lanes are two vectors of eight.
#include "kernels/body/wide.h"
