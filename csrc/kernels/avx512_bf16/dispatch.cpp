#include "kernels/avx512_bf16/bfloats.h"

namespace fluxmlx::kernels {

extern const BfloatKernels kAvx512Bf16Kernels;
constinit const BfloatKernels kAvx512Bf16Kernels = {sizeof(uint32_t), avx512_bf16::pair_bfloats,
                                                    avx512_bf16::multiply_bfloats<avx512_bf16::WideBfloatPairs>};

}  // namespace fluxmlx::kernels
