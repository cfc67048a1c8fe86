# What a person may set, and the flags that every target shares.

# The one place that names the MLX version; pyproject.toml repeats it and ci/check-version compares.
set(FLUXMLX_MLX_VERSION "0.32.4")

option(ENABLE_MLX "Build the engine on MLX" ON)
option(FLUXMLX_REQUIRE_MLX "Stop when ENABLE_MLX is on and no MLX is found" ON)
option(FLUXMLX_EMBED_MLXC "Build external/mlx-c instead of csrc/mlxc" OFF)
option(FLUXMLX_DEVELOPER "Warnings as errors and the private test bindings" OFF)
option(FLUXMLX_AVX_VNNI_BY_AVX512 "Test the kernels for AVX-VNNI with the same instructions of AVX-512" OFF)
set(FLUXMLX_SANITIZE "" CACHE STRING "Sanitizers of a developer build, for example address,undefined")
set(MLX_C_ROOT "$ENV{MLX_C_ROOT}" CACHE PATH "Prefix of an installed mlx-c; MLX is then taken from there as well")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Results are promised to the bit, so the compiler may not fuse a multiply with an add on its own.
add_compile_options(-ffp-contract=off -fstack-protector-strong)
add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)

if(FLUXMLX_DEVELOPER)
  if(FLUXMLX_SANITIZE)
    add_compile_options(-fsanitize=${FLUXMLX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    add_link_options(-fsanitize=${FLUXMLX_SANITIZE})
  endif()
endif()

# Our own targets only: headers of MLX, nanobind and upstream mlx-c are not ours to warn about.
function(fluxmlx_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${FLUXMLX_DEVELOPER}>:-Werror>)
endfunction()
