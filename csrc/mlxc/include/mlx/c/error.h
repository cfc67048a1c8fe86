/* Where the text of a failed call goes. Without a handler nothing is printed and nothing ends. */
#ifndef FLUXMLX_MLXC_ERROR_H
#define FLUXMLX_MLXC_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*mlx_error_handler_func)(const char* msg, void* data);

#define mlx_error(...) _mlx_error(__FILE__, __LINE__, __VA_ARGS__)

/* The handler gets every message; data is passed back to it, and dtor(data) runs when it is replaced. */
void mlx_set_error_handler(mlx_error_handler_func handler, void* data, void (*dtor)(void*));
void _mlx_error(const char* file, const int line, const char* fmt, ...);

#ifdef __cplusplus
}
#endif

#endif
