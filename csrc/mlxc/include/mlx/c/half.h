/* float16_t and bfloat16_t where the compiler has them; elsewhere read such data as uint16_t. */
#ifndef FLUXMLX_MLXC_HALF_H
#define FLUXMLX_MLXC_HALF_H

#if defined(__aarch64__) || defined(__ARM_FEATURE_FP16_SCALAR_ARITHMETIC)
#define HAS_FLOAT16
#include <arm_fp16.h>
typedef __fp16 float16_t;
#endif

#if defined(__aarch64__) || defined(__ARM_FEATURE_BF16)
#define HAS_BFLOAT16
#include <arm_bf16.h>
typedef __bf16 bfloat16_t;
#endif

#endif
