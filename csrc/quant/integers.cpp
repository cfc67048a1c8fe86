#include "quant/integers.h"

#include "quant/body/iq1.h"
#include "quant/body/iq2.h"
#include "quant/body/iq3.h"
#include "quant/body/ternary.h"

namespace fluxmlx::quant {

IntegersFn find_integers(TensorType type) noexcept {
  using namespace FLUXMLX_ISA;
  switch (type) {
    case TensorType::IQ1_S:
      return read_iq1_s;
    case TensorType::IQ1_M:
      return read_iq1_m;
    case TensorType::IQ2_XXS:
      return read_iq2_xxs;
    case TensorType::IQ2_XS:
      return read_iq2_xs;
    case TensorType::IQ2_S:
      return read_iq2_s;
    case TensorType::IQ3_XXS:
      return read_iq3_xxs;
    case TensorType::IQ3_S:
      return read_iq3_s;
    case TensorType::TQ1_0:
      return read_tq1_0;
    case TensorType::TQ2_0:
      return read_tq2_0;
    default:
      return nullptr;
  }
}

}  // namespace fluxmlx::quant
