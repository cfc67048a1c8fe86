# csrc/kernels/: the shared interface, and one object library per instruction set with its own flags.
# The bodies are written once over a vector type; each folder only says what that vector is.
target_compile_definitions(fluxmlx_quant PRIVATE FLUXMLX_ISA=portable)

fluxmlx_rung(kernels DEPENDS quant)

fluxmlx_rung(kernels_scalar SOURCES kernels/scalar DEPENDS quant)
target_compile_definitions(fluxmlx_kernels_scalar PRIVATE FLUXMLX_ISA=scalar)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  # GCC would put off long integer sums or turn them into trees, and spill what is yet to be added.
  fluxmlx_rung(kernels_avx2 SOURCES kernels/avx2 DEPENDS quant OPTIONS -mavx2 -mfma -mf16c
    $<$<CXX_COMPILER_ID:GNU>:-fno-tree-reassoc$<SEMICOLON>-fno-tree-ter>)
  target_compile_definitions(fluxmlx_kernels_avx2 PRIVATE FLUXMLX_ISA=avx2)
  target_compile_definitions(fluxmlx_kernels PRIVATE FLUXMLX_HAS_AVX2=1)
endif()
