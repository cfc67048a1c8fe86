#include "kernels/avx2/dequantize.h"
#include "kernels/avx2/products.h"
#include "kernels/avx2/vec.h"
#include "kernels/avx2/wide.h"

// The bodies come after the vector type that they are written over.
#include "kernels/body/table.h"

namespace fluxmlx::kernels {

extern const Table kAvx2Table;
constinit const Table kAvx2Table = avx2::make_table("avx2", avx2::multiply_bfloats<avx2::WideBfloatPairs>);

}  // namespace fluxmlx::kernels
