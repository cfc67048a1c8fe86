#include "kernels/avx512/dequantize.h"
#include "kernels/avx512/products.h"
#include "kernels/avx512/vec.h"
#include "kernels/avx512/wide.h"

// The bodies come after the vector type that they are written over.
#include "kernels/body/table.h"

namespace fluxmlx::kernels {

extern const Table kAvx512Table;
constinit const Table kAvx512Table = avx512::make_table("avx512", avx512::multiply_bfloats<avx512::WideBfloatPairs>);

}  // namespace fluxmlx::kernels
