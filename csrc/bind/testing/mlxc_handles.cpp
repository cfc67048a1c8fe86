#include <cstring>

#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

Device cpu() { return Device(mlx_device_new_type(MLX_CPU, 0)); }

void strings() {
  String a(mlx_string_new_data("one"));
  String b(mlx_string_new());
  expect(b.empty() && std::strcmp(mlx_string_data(a), "one") == 0, "mlx_string_new_data");
  ok(mlx_string_set(b.out(), a), "mlx_string_set");
  expect(std::strcmp(mlx_string_data(b), "one") == 0, "mlx_string_set");
  ok(mlx_string_free(mlx_string_new()), "mlx_string_free");
}

void version() {
  String text;
  ok(mlx_version(text.out()), "mlx_version");
  expect(std::strncmp(mlx_string_data(text), "0.", 2) == 0, "mlx_version gave no version");
}

void vectors() {
  const Array a = floats({1});
  const Array b = floats({2});
  const mlx_array both[] = {a, b};
  Arrays list(mlx_vector_array_new_value(a));
  ok(mlx_vector_array_append_value(list, b), "mlx_vector_array_append_value");
  ok(mlx_vector_array_append_data(list, both, 2), "mlx_vector_array_append_data");
  Arrays copy(mlx_vector_array_new());
  expect(mlx_vector_array_size(copy) == 0, "mlx_vector_array_new has arrays");
  ok(mlx_vector_array_set(copy.out(), list), "mlx_vector_array_set");
  expect(mlx_vector_array_size(copy) == 4, "mlx_vector_array_set lost arrays");
  Array last;
  ok(mlx_vector_array_get(last.out(), copy, 3), "mlx_vector_array_get");
  equal(last, {2}, "mlx_vector_array_get");
  const Arrays pair(mlx_vector_array_new_data(both, 2));
  expect(mlx_vector_array_size(pair) == 2, "mlx_vector_array_new_data");
  ok(mlx_vector_array_free(mlx_vector_array_new()), "mlx_vector_array_free");
}

void eval() {
  const Stream s = stream();
  Array a, b;
  ok(mlx_square(a.out(), floats({3}), s), "mlx_square");
  ok(mlx_square(b.out(), floats({4}), s), "mlx_square");
  ok(mlx_async_eval(Arrays(mlx_vector_array_new_value(a))), "mlx_async_eval");
  ok(mlx_eval(Arrays(mlx_vector_array_new_value(b))), "mlx_eval");
  ok(mlx_synchronize(s), "mlx_synchronize");
  expect(mlx_array_data_float32(a)[0] == 9 && mlx_array_data_float32(b)[0] == 16, "evaluation gave other values");
}

void devices() {
  const Device c = cpu();
  const Device gpu(mlx_device_new_type(MLX_GPU, 0));
  Device copy(mlx_device_new());
  int index = -1;
  mlx_device_type type = MLX_GPU;
  String text;
  ok(mlx_device_set(copy.out(), c), "mlx_device_set");
  expect(mlx_device_equal(copy, c) && !mlx_device_equal(c, gpu), "mlx_device_equal");
  ok(mlx_device_get_index(&index, c), "mlx_device_get_index");
  ok(mlx_device_get_type(&type, c), "mlx_device_get_type");
  expect(index == 0 && type == MLX_CPU, "a CPU device says that it is another");
  ok(mlx_device_tostring(text.out(), c), "mlx_device_tostring");
  expect(std::strstr(mlx_string_data(text), "cpu") != nullptr, "mlx_device_tostring");
  ok(mlx_device_free(mlx_device_new()), "mlx_device_free");
}

void default_device() {
  Device before, now;
  ok(mlx_get_default_device(before.out()), "mlx_get_default_device");
  ok(mlx_set_default_device(cpu()), "mlx_set_default_device");
  ok(mlx_get_default_device(now.out()), "mlx_get_default_device");
  expect(mlx_device_equal(now, cpu()), "mlx_set_default_device changed nothing");
  ok(mlx_set_default_device(before), "mlx_set_default_device");
}

void present_devices() {
  bool available = false, gpu_available = true, metal = true, cuda = true;
  int cpus = 0, gpus = -1;
  ok(mlx_device_is_available(&available, cpu()), "mlx_device_is_available");
  ok(mlx_device_is_available(&gpu_available, Device(mlx_device_new_type(MLX_GPU, 0))), "mlx_device_is_available");
  ok(mlx_device_count(&cpus, MLX_CPU), "mlx_device_count");
  ok(mlx_device_count(&gpus, MLX_GPU), "mlx_device_count");
  ok(mlx_metal_is_available(&metal), "mlx_metal_is_available");
  ok(mlx_cuda_is_available(&cuda), "mlx_cuda_is_available");
  expect(available && cpus == 1, "there is no CPU");
  expect((gpus > 0) == gpu_available && gpu_available == (metal || cuda), "the answers about a GPU contradict");
}

void device_info() {
  Info info(mlx_device_info_new());
  expect(info.empty(), "mlx_device_info_new is not empty");
  ok(mlx_device_info_get(info.out(), cpu()), "mlx_device_info_get");
  bool present = false, is_string = false, absent = true;
  const char* name = nullptr;
  size_t size = 0;
  ok(mlx_device_info_has_key(&present, info, "device_name"), "mlx_device_info_has_key");
  ok(mlx_device_info_has_key(&absent, info, "no such key"), "mlx_device_info_has_key");
  expect(present && !absent, "mlx_device_info_has_key");
  ok(mlx_device_info_is_string(&is_string, info, "device_name"), "mlx_device_info_is_string");
  ok(mlx_device_info_get_string(&name, info, "device_name"), "mlx_device_info_get_string");
  expect(is_string && name != nullptr && name[0] != '\0', "the CPU has no name");
  expect(mlx_device_info_get_size(&size, info, "device_name") == 2, "a text was read as a size");
  expect(mlx_device_info_get_string(&name, info, "no such key") == 2, "a missing key was read");
}

void streams() {
  const Device c = cpu();
  Stream made(mlx_stream_new_device(c));
  const Stream usual(mlx_default_cpu_stream_new());
  Stream copy(mlx_stream_new());
  Device device;
  String text;
  int index = -1, usual_index = -1;
  ok(mlx_stream_set(copy.out(), made), "mlx_stream_set");
  expect(mlx_stream_equal(copy, made) && !mlx_stream_equal(made, usual), "mlx_stream_equal");
  ok(mlx_stream_get_device(device.out(), made), "mlx_stream_get_device");
  expect(mlx_device_equal(device, c), "mlx_stream_get_device");
  ok(mlx_stream_get_index(&index, made), "mlx_stream_get_index");
  ok(mlx_stream_get_index(&usual_index, usual), "mlx_stream_get_index");
  expect(index != usual_index, "two streams share an index");
  ok(mlx_stream_tostring(text.out(), made), "mlx_stream_tostring");
  expect(std::strstr(mlx_string_data(text), std::to_string(index).c_str()) != nullptr, "mlx_stream_tostring");
  ok(mlx_stream_free(mlx_stream_new()), "mlx_stream_free");
}

void default_stream() {
  const Device c = cpu();
  const Stream made(mlx_stream_new_device(c));
  Stream before, now;
  ok(mlx_get_default_stream(before.out(), c), "mlx_get_default_stream");
  ok(mlx_set_default_stream(made), "mlx_set_default_stream");
  ok(mlx_get_default_stream(now.out(), c), "mlx_get_default_stream");
  expect(mlx_stream_equal(now, made), "mlx_set_default_stream changed nothing");
  ok(mlx_set_default_stream(before), "mlx_set_default_stream");
}

void memory() {
  size_t before = 0, active = 0, peak = 0, cached = 1, limit = 0, old = 0;
  ok(mlx_get_active_memory(&before), "mlx_get_active_memory");
  ok(mlx_reset_peak_memory(), "mlx_reset_peak_memory");
  const Array a = floats(Floats(1 << 18, 1.0f));
  ok(mlx_get_active_memory(&active), "mlx_get_active_memory");
  ok(mlx_get_peak_memory(&peak), "mlx_get_peak_memory");
  expect(active >= before + (1 << 20) && peak >= (1 << 20), "a megabyte was not counted");
  ok(mlx_clear_cache(), "mlx_clear_cache");
  ok(mlx_get_cache_memory(&cached), "mlx_get_cache_memory");
  expect(cached == 0, "mlx_clear_cache left a cache");
  ok(mlx_get_memory_limit(&limit), "mlx_get_memory_limit");
  ok(mlx_set_memory_limit(&old, limit), "mlx_set_memory_limit");
  expect(old == limit, "mlx_set_memory_limit gave back another limit");
}

void cache_limit() {
  size_t first = 0, second = 1, wired = 1, unused = 0;
  ok(mlx_set_cache_limit(&first, 4096), "mlx_set_cache_limit");
  ok(mlx_set_cache_limit(&second, first), "mlx_set_cache_limit");
  expect(second == 4096 || second == first, "mlx_set_cache_limit gave back another limit");
  ok(mlx_set_wired_limit(&wired, 0), "mlx_set_wired_limit");
  ok(mlx_set_wired_limit(&unused, wired), "mlx_set_wired_limit");
  expect(unused == 0, "mlx_set_wired_limit gave back another limit");
}

}  // namespace

Cases handle_cases() {
  return {{"string", strings},
          {"version", version},
          {"vector", vectors},
          {"eval", eval},
          {"device", devices},
          {"device_default", default_device},
          {"device_present", present_devices},
          {"device_info", device_info},
          {"stream", streams},
          {"stream_default", default_stream},
          {"memory", memory},
          {"memory_limits", cache_limit}};
}

}  // namespace fluxmlx::bind::mlxc
