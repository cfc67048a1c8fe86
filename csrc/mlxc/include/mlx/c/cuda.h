/* The CUDA back end. */
#ifndef FLUXMLX_MLXC_CUDA_H
#define FLUXMLX_MLXC_CUDA_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

int mlx_cuda_is_available(bool* res);

#ifdef __cplusplus
}
#endif

#endif
