// CUDA for the C++ compiler: kernels run on host memory, thread by thread. Include launch.h.
//
// A launch runs its blocks one after another. Threads of a block take turns: each runs until it
// waits at a barrier, a shuffle or a vote (threads that never wait run straight through), in
// descending order in odd blocks, so that results which depend on the order show. Shared memory
// starts out as 0xff bytes (NaN, -1). Mistakes that hang or corrupt a device are launch errors
// here: barriers not every living thread reaches, or reached at different places; masks that name
// lanes which have ended; impossible launch dimensions; too much shared memory.
//
// Any OS thread may launch; each has its own blocks, shared memory and error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/cuda/bundle.h"
#include "kernels/cuda/emulation/machine.h"
#include "kernels/cuda/emulation/words.h"

#define PYDL_SHARED(type, name, count) \
  auto& name = ::pydl::emulation::shared_array<type, (count)>([] {})
#define PYDL_DYNAMIC_SHARED(type, name) \
  type* name = reinterpret_cast<type*>(::pydl::emulation::dynamic_shared())

namespace pydl::emulation {

using Work = std::function<void()>;

// What a recording stream was given, in order. Runs any number of times, on any thread.
class Recording {
 public:
  void add(Work work) { works_.push_back(std::move(work)); }
  void run() const {
    for (const Work& work : works_) work();
  }
  size_t size() const { return works_.size(); }

 private:
  std::vector<Work> works_;
};

// What `launch` takes as void* stream; a null stream runs at once too. Used by one thread at a
// time.
class Stream {
 public:
  // Runs `work` now, or adds it to the recording. Copies and fills go this way too.
  void enqueue(Work work) {
    if (recording_) return recorded_.add(std::move(work));
    work();
  }
  void begin_recording() {
    recorded_ = Recording();
    recording_ = true;
  }
  Recording end_recording() {
    recording_ = false;
    return std::move(recorded_);
  }
  bool recording() const { return recording_; }

 private:
  bool recording_ = false;
  Recording recorded_;
};

// The type of the lambda is another one for each place in the text and each instantiation.
template <class T, size_t count, class Place>
T (&shared_array(Place))
[count] {
  static thread_local SharedPlace place;
  return *reinterpret_cast<T(*)[count]>(place_shared(&place, sizeof(T) * count));
}

}  // namespace pydl::emulation

namespace pydl::emulated {

// The first error since the last look, of this thread; launches after it still happen. 0: none.
int take_launch_error();
void note_launch_error(int error);

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, void* stream,
            Arguments... arguments) {
  static_assert((sizeof(Parameters) + ... + 0) <= kMaxArguments, "too many bytes of arguments");
  auto thread = [=] { kernel(static_cast<Parameters>(arguments)...); };
  auto run = [=] {
    using Thread = decltype(thread);
    emulation::run_grid(
        {grid, block, shared_bytes},
        [](const void* call) { (*static_cast<const Thread*>(call))(); }, &thread);
  };
  if (stream == nullptr) return run();
  static_cast<emulation::Stream*>(stream)->enqueue(run);
}

}  // namespace pydl::emulated
