#include "mlx/version.h"

#include "handles.h"

using namespace fluxmlx::mlxc;

int mlx_version(mlx_string* str_) {
  return store(str_, [] { return std::string(mx::version()); });
}
