#include "handles.h"

using namespace fluxmlx::mlxc;

namespace {

// MLX would read past the end of a narrower element.
template <class T>
int item(T* res, const mlx_array& a) noexcept {
  return guard([&] {
    if (get(a).itemsize() != sizeof(T)) {
      throw std::invalid_argument("an element of " + std::to_string(get(a).itemsize()) + " bytes is read as one of " +
                                  std::to_string(sizeof(T)) + ": convert the array first");
    }
    *res = get(a).item<T>();
  });
}

template <class T>
const T* elements(const mlx_array& a) noexcept {
  return value_or<const T*>(nullptr, [&]() -> const T* {
    if (get(a).data_shared_ptr() == nullptr) {
      throw std::invalid_argument("the elements of an array are read before it is evaluated: evaluate it first");
    }
    return get(a).data<T>();
  });
}

}  // namespace

int mlx_array_eval(mlx_array arr) {
  return guard([&] { get(arr).eval(); });
}

int mlx_array_item_bool(bool* res, const mlx_array arr) { return item(res, arr); }

int mlx_array_item_uint8(uint8_t* res, const mlx_array arr) { return item(res, arr); }

int mlx_array_item_int32(int32_t* res, const mlx_array arr) { return item(res, arr); }

int mlx_array_item_uint32(uint32_t* res, const mlx_array arr) { return item(res, arr); }

int mlx_array_item_int64(int64_t* res, const mlx_array arr) { return item(res, arr); }

int mlx_array_item_float32(float* res, const mlx_array arr) { return item(res, arr); }

const bool* mlx_array_data_bool(const mlx_array arr) { return elements<bool>(arr); }

const uint8_t* mlx_array_data_uint8(const mlx_array arr) { return elements<uint8_t>(arr); }

const uint16_t* mlx_array_data_uint16(const mlx_array arr) { return elements<uint16_t>(arr); }

const uint32_t* mlx_array_data_uint32(const mlx_array arr) { return elements<uint32_t>(arr); }

const int8_t* mlx_array_data_int8(const mlx_array arr) { return elements<int8_t>(arr); }

const int16_t* mlx_array_data_int16(const mlx_array arr) { return elements<int16_t>(arr); }

const int32_t* mlx_array_data_int32(const mlx_array arr) { return elements<int32_t>(arr); }

const int64_t* mlx_array_data_int64(const mlx_array arr) { return elements<int64_t>(arr); }

const float* mlx_array_data_float32(const mlx_array arr) { return elements<float>(arr); }

#ifdef HAS_FLOAT16
const float16_t* mlx_array_data_float16(const mlx_array arr) { return elements<float16_t>(arr); }
#endif

#ifdef HAS_BFLOAT16
const bfloat16_t* mlx_array_data_bfloat16(const mlx_array arr) { return elements<bfloat16_t>(arr); }
#endif

int _mlx_array_is_available(bool* res, const mlx_array arr) {
  return guard([&] { *res = get(arr).is_available(); });
}

int _mlx_array_is_contiguous(bool* res, const mlx_array arr) {
  return guard([&] { *res = get(arr).flags().contiguous; });
}

int _mlx_array_is_row_contiguous(bool* res, const mlx_array arr) {
  return guard([&] { *res = get(arr).flags().row_contiguous; });
}
