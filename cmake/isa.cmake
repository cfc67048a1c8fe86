# csrc/kernels/: the shared interface, and one object library per instruction set with its own flags.
# The bodies are written once over a vector type; each folder only says what that vector is.
target_compile_definitions(fluxmlx_quant PRIVATE FLUXMLX_ISA=portable)

fluxmlx_rung(kernels DEPENDS quant)

fluxmlx_rung(kernels_scalar SOURCES kernels/scalar DEPENDS quant)
target_compile_definitions(fluxmlx_kernels_scalar PRIVATE FLUXMLX_ISA=scalar)

# GCC would put off long integer sums or turn them into trees, and spill what is yet to be added.
set(in_order $<$<CXX_COMPILER_ID:GNU>:-fno-tree-reassoc$<SEMICOLON>-fno-tree-ter>)

# By the compiler's own word: the system may be another, and a Mac builds for two at once.
include(CheckCXXSourceCompiles)
foreach(name x86_64 aarch64)
  check_cxx_source_compiles("#ifndef __${name}__\n#error\n#endif\nint main() {}" FLUXMLX_FOR_${name})
endforeach()

if(FLUXMLX_FOR_x86_64)
  set(avx2 -mavx2 -mfma -mf16c)
  set(avx_vnni ${avx2} $<IF:$<BOOL:${FLUXMLX_AVX_VNNI_BY_AVX512}>,-mavx512vl$<SEMICOLON>-mavx512vnni,-mavxvnni>)
  set(avx512 ${avx2} -mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx512vnni)
  set(avx512_bf16 ${avx512} -mavx512bf16)  # the products of BF16 alone; all else is that of avx512
  foreach(isa avx2 avx_vnni avx512 avx512_bf16)
    fluxmlx_rung(kernels_${isa} SOURCES kernels/${isa} DEPENDS quant OPTIONS ${${isa}} ${in_order})
    target_compile_definitions(fluxmlx_kernels_${isa} PRIVATE FLUXMLX_ISA=${isa})
  endforeach()
  foreach(target kernels kernels_avx_vnni)
    target_compile_definitions(fluxmlx_${target} PRIVATE
      FLUXMLX_AVX_VNNI_BY_AVX512=$<BOOL:${FLUXMLX_AVX_VNNI_BY_AVX512}>)
  endforeach()
  # GCC 12 takes the registers that its own header leaves undefined on purpose for mistakes of ours (PR 105593).
  foreach(isa avx512 avx512_bf16)
    target_compile_options(fluxmlx_kernels_${isa} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized$<SEMICOLON>-Wno-maybe-uninitialized>)
  endforeach()
  target_compile_definitions(fluxmlx_kernels PRIVATE FLUXMLX_HAS_X86=1)
endif()

if(FLUXMLX_FOR_aarch64)
  # GCC would move instructions before it has given them registers, and keep sums in memory.
  list(APPEND in_order $<$<CXX_COMPILER_ID:GNU>:-fno-schedule-insns>)
  set(neon)  # a part of every processor of 64 bits
  set(neon_dotprod -march=armv8.2-a+dotprod)
  foreach(isa neon neon_dotprod)
    fluxmlx_rung(kernels_${isa} SOURCES kernels/${isa} DEPENDS quant OPTIONS ${${isa}} ${in_order})
    target_compile_definitions(fluxmlx_kernels_${isa} PRIVATE FLUXMLX_ISA=${isa})
  endforeach()
  target_compile_definitions(fluxmlx_kernels PRIVATE FLUXMLX_HAS_ARM64=1)
endif()
