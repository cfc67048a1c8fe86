#include "kernels/neon/dequantize.h"
#include "kernels/neon/wide.h"
#include "kernels/neon_dotprod/products.h"

// The bodies come after the vector type that they are written over.
#include "kernels/body/table.h"
#include "kernels/neon/bfloats.h"

namespace fluxmlx::kernels {

extern const Table kNeonDotprodTable;
constinit const Table kNeonDotprodTable =
    neon_dotprod::make_table("neon_dotprod", neon_dotprod::multiply_bfloats_exactly);

}  // namespace fluxmlx::kernels
