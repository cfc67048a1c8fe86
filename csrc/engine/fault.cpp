#include "engine/fault.h"

#include <new>

namespace fluxmlx::engine {

Error to_error(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::out_of_memory,
            "the system gave no more memory; use a shorter prompt, fewer requests at once, "
            "or a smaller model"};
  } catch (const std::exception& error) {
    return {ErrorCode::runtime, error.what()};
  } catch (...) {
    return {ErrorCode::runtime, "an exception of an unknown type"};
  }
}

}  // namespace fluxmlx::engine
