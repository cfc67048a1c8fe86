// These replace the process's error handler, so each runs in a process of its own.
#if __has_include("fluxmlx/mlxc.h")
#include "fluxmlx/mlxc.h"
#endif

#include "bind/testing/mlxc_check.h"

namespace fluxmlx::bind::mlxc {
namespace {

void keep(const char* message, void* data) { *static_cast<std::string*>(data) = message; }

void nothing(void*) {}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

int bad_matmul() {
  const Stream s = stream();
  Array result;
  const int code = mlx_matmul(result.out(), floats({1, 2}, {1, 2}), floats({1, 2, 3}, {3, 1}), s);
  expect(result.empty(), "a failed call left a result");
  return code;
}

void handler() {
  std::string message;
  mlx_set_error_handler(keep, &message, nothing);
  expect(bad_matmul() != 0, "a matmul of shapes that do not fit returned 0");
  expect(contains(message, "[matmul]") && contains(message, "(1,2)"), concat("the message is '", message, "'"));
  mlx_set_error_handler(nullptr, nullptr, nullptr);
}

void empty_handle() {
  std::string message;
  mlx_set_error_handler(keep, &message, nothing);
  const Stream s = stream();
  Array result;
  expect(mlx_exp(result.out(), mlx_array_empty, s) != 0, "an empty handle was taken");
  expect(!message.empty() && result.empty(), "an empty handle gave no message");
  message.clear();
  expect(mlx_exp(result.out(), floats({1}), mlx_stream_new()) != 0, "an empty stream was taken");
  expect(!message.empty(), "an empty stream gave no message");
  mlx_set_error_handler(nullptr, nullptr, nullptr);
}

void formatted() {
  std::string message;
  mlx_set_error_handler(keep, &message, nothing);
  _mlx_error("file.c", 12, "%s is %d", "x", 3);
  expect(contains(message, "x is 3") && contains(message, "file.c:12"), concat("the message is '", message, "'"));
  mlx_error("%d%%", 50);
  expect(contains(message, "50%"), concat("the message is '", message, "'"));
  mlx_set_error_handler(nullptr, nullptr, nullptr);
}

void destructor() {
  int freed = 0;
  const auto count = [](void* data) { *static_cast<int*>(data) += 1; };
  mlx_set_error_handler([](const char*, void*) {}, &freed, count);
  expect(freed == 0, "the handler's data were freed at once");
  mlx_set_error_handler(nullptr, nullptr, nullptr);
  expect(freed == 1, "the handler's data were not freed when it was replaced");
}

#if __has_include("fluxmlx/mlxc.h")  // what upstream does not promise
void default_handler() {
  mlx_set_error_handler(nullptr, nullptr, nullptr);
  expect(std::string(fluxmlx_mlxc_last_error()).empty(), "there is a message before the first failure");
  expect(bad_matmul() != 0, "a matmul of shapes that do not fit returned 0");
  expect(contains(fluxmlx_mlxc_last_error(), "[matmul]"), "the text of the failure is lost");
}

void misread() {
  mlx_set_error_handler(nullptr, nullptr, nullptr);
  const Stream s = stream();
  int64_t wide = 0;
  expect(mlx_array_item_int64(&wide, ints({1})) != 0, "an int32 was read as an int64");
  Array lazy;
  ok(mlx_exp(lazy.out(), floats({1}), s), "mlx_exp");
  expect(mlx_array_data_float32(lazy) == nullptr, "an array that is not evaluated has data");
  const int negative[] = {-1};
  expect(mlx_array_new_data(&wide, negative, 1, MLX_INT64).ctx == nullptr, "a negative size was taken");
  expect(mlx_array_new_data(nullptr, nullptr, 0, MLX_INT64).ctx == nullptr, "no data were taken for a scalar");
}

void no_gpu() {
  int gpus = 0;
  ok(mlx_device_count(&gpus, MLX_GPU), "mlx_device_count");
  const Stream s(mlx_default_gpu_stream_new());
  expect(s.empty() == (gpus == 0), "mlx_default_gpu_stream_new does not fit the number of GPUs");
}
#endif

}  // namespace

Cases error_cases() {
  Cases cases = {{"error_handler", handler},
                 {"error_empty_handle", empty_handle},
                 {"error_formatted", formatted},
                 {"error_destructor", destructor}};
#if __has_include("fluxmlx/mlxc.h")  // what upstream does not promise
  cases.push_back({"error_default_handler", default_handler});
  cases.push_back({"error_misread", misread});
  cases.push_back({"error_no_gpu", no_gpu});
#endif
  return cases;
}

}  // namespace fluxmlx::bind::mlxc
