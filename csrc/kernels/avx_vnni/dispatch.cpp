#include "kernels/avx2/dequantize.h"
#include "kernels/avx2/vec.h"
#include "kernels/avx2/wide.h"
#include "kernels/avx_vnni/products.h"

// The bodies come after the vector type that they are written over.
#include "kernels/body/table.h"

namespace fluxmlx::kernels {

extern const Table kAvxVnniTable;
constinit const Table kAvxVnniTable =
    avx_vnni::make_table("avx_vnni", avx_vnni::multiply_bfloats<avx_vnni::WideBfloatPairs>);

}  // namespace fluxmlx::kernels
