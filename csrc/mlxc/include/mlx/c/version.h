/* The version of the MLX library that is running. */
#ifndef FLUXMLX_MLXC_VERSION_H
#define FLUXMLX_MLXC_VERSION_H

#include "mlx/c/string.h"

#ifdef __cplusplus
extern "C" {
#endif

int mlx_version(mlx_string* str_);

#ifdef __cplusplus
}
#endif

#endif
