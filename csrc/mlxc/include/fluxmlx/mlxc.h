/* What this implementation of mlx/c has beyond the interface; only tests may use it. */
#ifndef FLUXMLX_MLXC_EXTRA_H
#define FLUXMLX_MLXC_EXTRA_H

#ifdef __cplusplus
extern "C" {
#endif

/* The text of the calling thread's last failure that no handler took; "" before the first. */
const char* fluxmlx_mlxc_last_error(void);

#ifdef __cplusplus
}
#endif

#endif
