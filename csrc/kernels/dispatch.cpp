#include <cstdlib>

#include "base/error.h"
#include "kernels/table.h"

#if FLUXMLX_HAS_X86
#include <cpuid.h>
#elif FLUXMLX_HAS_ARM64 && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace fluxmlx::kernels {

extern const Table kScalarTable;
#if FLUXMLX_HAS_X86
extern const Table kAvx2Table;
extern const Table kAvxVnniTable;
extern const Table kAvx512Table;
extern const BfloatKernels kAvx512Bf16Kernels;
#elif FLUXMLX_HAS_ARM64
extern const Table kNeonTable;
extern const Table kNeonDotprodTable;
#endif

namespace {

#if FLUXMLX_HAS_X86
bool has_avx2() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool has_half = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
  return has_half && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

// The 256-bit forms of AVX2, and integer products (VNNI) in vectors of every length.
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}

// The same products in vectors of AVX2's length and encoding: Intel's processors without AVX-512 since Alder Lake.
bool has_avx_vnni() {
#if FLUXMLX_AVX_VNNI_BY_AVX512
  return has_avx512();
#else
  unsigned a = 0, b = 0, c = 0, d = 0;
  return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1u << 4) != 0;
#endif
}

bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }

const Table& avx512_bf16_table() {
  static const Table table = [] {
    Table with_bfloats = kAvx512Table;
    with_bfloats.name = "avx512_bf16";
    with_bfloats.bfloats = kAvx512Bf16Kernels;
    return with_bfloats;
  }();
  return table;
}
#elif FLUXMLX_HAS_ARM64
bool has_dotprod() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#elif defined(__APPLE__)
  return true;
#else
  return false;
#endif
}
#endif

// Best last.
std::vector<const Table*> tables() {
  std::vector<const Table*> found = {&kScalarTable};
#if FLUXMLX_HAS_X86
  if (has_avx2()) found.push_back(&kAvx2Table);
  if (has_avx_vnni()) found.push_back(&kAvxVnniTable);
  if (has_avx512()) found.push_back(&kAvx512Table);
  if (has_avx512_bf16()) found.push_back(&avx512_bf16_table());
#elif FLUXMLX_HAS_ARM64
  found.push_back(&kNeonTable);
  if (has_dotprod()) found.push_back(&kNeonDotprodTable);
#endif
  return found;
}

const Table& choose_table() {
  const char* forced = std::getenv("FLUXMLX_FORCE_ISA");
  return forced == nullptr || *forced == '\0' ? *tables().back() : find_table(forced);
}

}  // namespace

const Table& find_table(std::string_view isa) {
  std::string names;
  for (const Table* table : tables()) {
    if (isa == table->name) return *table;
    names += names.empty() ? table->name : concat(", ", table->name);
  }
  fail(ErrorCode::invalid_argument, "instruction set '", isa, "' (FLUXMLX_FORCE_ISA) is not in this build or not on ",
       "this processor: take one of ", names);
}

const Table& active_table() {
  static const Table& table = choose_table();
  return table;
}

bool is_supported(TensorType type) noexcept { return kScalarTable.find_dequantize(type) != nullptr; }

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Table* table : tables()) names.emplace_back(table->name);
  return names;
}

std::string active_isa() { return active_table().name; }

}  // namespace fluxmlx::kernels
