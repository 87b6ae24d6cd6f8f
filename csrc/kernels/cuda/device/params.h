// Host code every GPU family needs: its parameters, its one piece, the size of the device.
#pragma once

#include "kernels/cuda/launch.h"

namespace pydl::PYDL_GPU {

template <class T>
T* alloc_params(Binder* binder, int64_t count = 1) {
  return static_cast<T*>(bind_alloc(binder, sizeof(T) * static_cast<size_t>(count)));
}

// Streaming multiprocessors to fill; the emulation has none.
static inline int processor_count(const OpView& op) {
  constexpr int kEmulated = 4;
  return op.device == nullptr ? kEmulated : op.device->processors;
}

static inline const char* bind_enqueue(const void* params, PieceFn enqueue, Bound* bound) {
  bound->params = params;
  bound->phases[0] = {enqueue, 1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::PYDL_GPU
