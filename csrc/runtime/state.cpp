#include "runtime/state.h"

#include <atomic>

namespace pydl {
namespace {

uint64_t next_stamp() {
  static std::atomic<uint64_t> counter{0};
  return ++counter;
}

}  // namespace

void State::set(int index, void* data, int64_t bytes, DType dtype) {
  slots_[static_cast<size_t>(index)] = {data, bytes, dtype, next_stamp()};
}

void State::touch(int index) { slots_[static_cast<size_t>(index)].stamp = next_stamp(); }

}  // namespace pydl
