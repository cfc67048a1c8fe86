#include <string>
#include <variant>

#include "handles.h"

using namespace fluxmlx::mlxc;

namespace {

// The result of a look-up that finds no value of the wanted kind; it is no error and has no message.
constexpr int not_found = 2;

template <class T>
const T* find(mlx_device_info info, const char* key) {
  const DeviceInfo& known = get(info);
  const auto found = known.find(text(key));
  return found == known.end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

mlx_device_info mlx_device_info_new(void) { return mlx_device_info{nullptr}; }

int mlx_device_info_get(mlx_device_info* info, mlx_device dev) {
  return store(info, [&] { return DeviceInfo(mx::device_info(get(dev))); });
}

int mlx_device_info_free(mlx_device_info info) { return destroy(info); }

int mlx_device_info_has_key(bool* exists, mlx_device_info info, const char* key) {
  return guard([&] { *exists = get(info).count(text(key)) != 0; });
}

int mlx_device_info_is_string(bool* is_string, mlx_device_info info, const char* key) {
  return value_or(1, [&] {
    const bool as_text = find<std::string>(info, key) != nullptr;
    if (!as_text && find<size_t>(info, key) == nullptr) {
      return not_found;
    }
    *is_string = as_text;
    return 0;
  });
}

int mlx_device_info_get_string(const char** value, mlx_device_info info, const char* key) {
  return value_or(1, [&] {
    const std::string* found = find<std::string>(info, key);
    if (found == nullptr) {
      return not_found;
    }
    *value = found->c_str();
    return 0;
  });
}

int mlx_device_info_get_size(size_t* value, mlx_device_info info, const char* key) {
  return value_or(1, [&] {
    const size_t* found = find<size_t>(info, key);
    if (found == nullptr) {
      return not_found;
    }
    *value = *found;
    return 0;
  });
}
