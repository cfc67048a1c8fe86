#include "kernels/neon/dequantize.h"
#include "kernels/neon/products.h"
#include "kernels/neon/wide.h"

// The bodies come after the vector type that they are written over.
#include "kernels/body/table.h"
#include "kernels/neon/bfloats.h"

namespace fluxmlx::kernels {

extern const Table kNeonTable;
constinit const Table kNeonTable = neon::make_table("neon", neon::multiply_bfloats_exactly);

}  // namespace fluxmlx::kernels
