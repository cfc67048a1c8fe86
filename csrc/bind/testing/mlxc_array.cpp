#include <cstring>

#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

const int two[] = {2};

void dtypes() {
  const std::vector<size_t> sizes = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 2, 8};
  for (size_t i = 0; i < sizes.size(); ++i) {
    expect(mlx_dtype_size(static_cast<mlx_dtype>(i)) == sizes[i], concat("mlx_dtype_size of type ", i));
  }
  const Array a = floats({1, 2});
  expect(mlx_array_dtype(a) == MLX_FLOAT32, "mlx_array_dtype");
}

void scalars() {
  const Array truth(mlx_array_new_bool(true));
  const Array whole(mlx_array_new_int(-7));
  const Array single(mlx_array_new_float32(1.5f));
  const Array other(mlx_array_new_float(2.5f));
  bool b = false;
  int32_t i = 0;
  float f = 0;
  ok(mlx_array_item_bool(&b, truth), "mlx_array_item_bool");
  ok(mlx_array_item_int32(&i, whole), "mlx_array_item_int32");
  expect(b && i == -7, "scalars differ");
  ok(mlx_array_item_float32(&f, single), "mlx_array_item_float32");
  expect(f == 1.5f && mlx_array_ndim(single) == 0, "mlx_array_new_float32");
  equal(other, {2.5f}, {}, "mlx_array_new_float");
}

template <class T, int (*Item)(T*, mlx_array)>
void item(mlx_dtype type, T number) {
  const Array a(mlx_array_new_data(&number, nullptr, 0, type));
  T got = 0;
  ok(Item(&got, a), concat("item of type ", type));
  expect(got == number, concat("item of type ", type, " differs"));
}

void items() {
  item<uint8_t, mlx_array_item_uint8>(MLX_UINT8, 200);
  item<uint32_t, mlx_array_item_uint32>(MLX_UINT32, 4000000000u);
  item<int64_t, mlx_array_item_int64>(MLX_INT64, -5000000000);
}

template <class T, const T* (*Data)(mlx_array)>
void data(mlx_dtype type, const T& first, const T& second) {
  const T numbers[] = {first, second};
  const Array a(mlx_array_new_data(numbers, two, 1, type));
  const T* got = Data(a);
  expect(got != nullptr && std::memcmp(got, numbers, sizeof numbers) == 0, concat("data of type ", type, " differ"));
}

void pointers() {
  data<bool, mlx_array_data_bool>(MLX_BOOL, true, false);
  data<uint8_t, mlx_array_data_uint8>(MLX_UINT8, 1, 255);
  data<uint16_t, mlx_array_data_uint16>(MLX_UINT16, 1, 65535);
  data<uint32_t, mlx_array_data_uint32>(MLX_UINT32, 1, 4294967295u);
  data<int8_t, mlx_array_data_int8>(MLX_INT8, 1, -128);
  data<int16_t, mlx_array_data_int16>(MLX_INT16, 1, -32768);
  data<int32_t, mlx_array_data_int32>(MLX_INT32, 1, -2);
  data<int64_t, mlx_array_data_int64>(MLX_INT64, 1, -2);
  data<float, mlx_array_data_float32>(MLX_FLOAT32, 1, -0.5f);
  data<uint16_t, mlx_array_data_uint16>(MLX_BFLOAT16, 0x3f80, 0xbf80);
#ifdef HAS_FLOAT16
  data<float16_t, mlx_array_data_float16>(MLX_FLOAT16, 1, 2);
#endif
#ifdef HAS_BFLOAT16
  const uint16_t half[] = {0x3f80, 0xbf80};
  const Array a(mlx_array_new_data(half, two, 1, MLX_BFLOAT16));
  expect(std::memcmp(mlx_array_data_bfloat16(a), half, sizeof half) == 0, "data of type bfloat16 differ");
#endif
}

void geometry() {
  const Array a = floats({1, 2, 3, 4, 5, 6}, {2, 3});
  expect(mlx_array_itemsize(a) == 4 && mlx_array_size(a) == 6 && mlx_array_nbytes(a) == 24, "sizes differ");
  expect(mlx_array_ndim(a) == 2 && mlx_array_shape(a)[1] == 3 && mlx_array_dim(a, -2) == 2, "shape differs");
  expect(mlx_array_strides(a)[0] == 3 && mlx_array_strides(a)[1] == 1, "strides differ");
  bool contiguous = false;
  bool row = false;
  ok(_mlx_array_is_contiguous(&contiguous, a), "_mlx_array_is_contiguous");
  ok(_mlx_array_is_row_contiguous(&row, a), "_mlx_array_is_row_contiguous");
  expect(contiguous && row, "new data are not row-contiguous");
}

void assign() {
  const float numbers[] = {5, 6};
  Array a = floats({1});
  ok(mlx_array_set(a.out(), floats({2, 3})), "mlx_array_set");
  equal(a, {2, 3}, "mlx_array_set");
  ok(mlx_array_set_data(a.out(), numbers, two, 1, MLX_FLOAT32), "mlx_array_set_data");
  equal(a, {5, 6}, "mlx_array_set_data");
  Array fresh(mlx_array_new());
  expect(fresh.empty(), "mlx_array_new is not empty");
  ok(mlx_array_set(fresh.out(), a), "mlx_array_set of an empty handle");
  equal(fresh, {5, 6}, "mlx_array_set of an empty handle");
  ok(mlx_array_free(mlx_array_new()), "mlx_array_free of an empty handle");
}

void lazy() {
  const Stream s = stream();
  Array sum;
  bool available = true;
  ok(mlx_add(sum.out(), floats({1}), floats({2}), s), "mlx_add");
  ok(_mlx_array_is_available(&available, sum), "_mlx_array_is_available");
  expect(!available, "an array is available before it is evaluated");
  ok(mlx_array_eval(sum), "mlx_array_eval");
  ok(_mlx_array_is_available(&available, sum), "_mlx_array_is_available");
  expect(available && mlx_array_data_float32(sum)[0] == 3, "an evaluated array has no values");
}

void managed() {
  static int freed = 0;  // the destructor below has no other way to report
  freed = 0;
  std::vector<float> numbers(1024, 2.0f);
  const int sizes[] = {1024};
  const auto count = [](void* p) { freed += *static_cast<float*>(p) == 2.0f ? 1 : 10; };
  {
    const Array a(mlx_array_new_data_managed(numbers.data(), sizes, 1, MLX_FLOAT32, count));
    expect(mlx_array_data_float32(a)[1023] == 2.0f, "mlx_array_new_data_managed");
  }
  expect(freed == 1, concat("the owner of the data was called ", freed, " times"));
  {
    const auto add = [](void* p) { *static_cast<int*>(p) += 1; };
    const Array a(mlx_array_new_data_managed_payload(numbers.data(), sizes, 1, MLX_FLOAT32, &freed, add));
    expect(mlx_array_data_float32(a)[0] == 2.0f, "mlx_array_new_data_managed_payload");
  }
  expect(freed == 2, "the payload's owner was not called once");
}

void printed() {
  String text;
  ok(mlx_array_tostring(text.out(), ints({1, 2})), "mlx_array_tostring");
  expect(std::string(mlx_string_data(text)) == "array([1, 2], dtype=int32)", "mlx_array_tostring");
}

}  // namespace

Cases array_cases() {
  return {{"array_dtypes", dtypes}, {"array_scalars", scalars},   {"array_items", items},
          {"array_data", pointers}, {"array_geometry", geometry}, {"array_assign", assign},
          {"array_lazy", lazy},     {"array_managed", managed},   {"array_tostring", printed}};
}

}  // namespace fluxmlx::bind::mlxc
