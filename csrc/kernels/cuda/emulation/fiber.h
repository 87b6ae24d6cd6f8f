// A stack of its own, entered and left by the thread that owns it. A device thread that waits at a
// barrier keeps its frames on one.
#pragma once

#include <cstddef>

namespace pydl::emulation {

class Fiber {
 public:
  // `body` must not return.
  Fiber(void (*body)(void*), void* argument);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  bool ok() const { return stack_ != nullptr; }  // false: no memory for the stack
  void resume();   // runs the fiber until it suspends
  void suspend();  // on the fiber: back to who resumed it
  void restart();  // forgets the frames: the next resume begins `body` anew

 private:
  static void enter(Fiber* self);
  friend void fiber_entry();

  void (*body_)(void*);
  void* argument_;
  unsigned char* stack_ = nullptr;
  void* context_ = nullptr;  // of the fiber, while it is suspended
  void* resumer_ = nullptr;  // of the thread, while the fiber runs
  // What the sanitizers want to know of both.
  void* fake_stack_ = nullptr;
  const void* resumer_bottom_ = nullptr;
  size_t resumer_size_ = 0;
  void* race_context_ = nullptr;
  void* race_resumer_ = nullptr;
};

}  // namespace pydl::emulation
