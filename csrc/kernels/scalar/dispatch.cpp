#include "kernels/scalar/dequantize.h"
#include "kernels/scalar/products.h"
#include "kernels/scalar/vec.h"
#include "kernels/scalar/wide.h"

// The bodies come after the vector type that they are written over.
#include "kernels/body/table.h"

namespace fluxmlx::kernels {

extern const Table kScalarTable;
constinit const Table kScalarTable = scalar::make_table("scalar", scalar::multiply_bfloats<scalar::WideBfloatPairs>);

}  // namespace fluxmlx::kernels
