#include "kernels/cuda/emulation/fiber.h"

#include <sys/mman.h>

#ifndef __x86_64__
#include <ucontext.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace pydl::emulation {
namespace {

constexpr size_t kGuard = 4096;
constexpr size_t kStack = 256 * 1024;  // committed as it is touched

thread_local Fiber* entering = nullptr;

}  // namespace

// Switching keeps the callee-saved registers on the stack that is left. `swapcontext` does the same
// with a system call each time, which makes a barrier of 1024 threads cost a millisecond.
#ifdef __x86_64__

extern "C" void pydl_switch_stack(void** left, void* entered);
asm(R"(
.text
.globl pydl_switch_stack
.hidden pydl_switch_stack
.type pydl_switch_stack, @function
pydl_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size pydl_switch_stack, .-pydl_switch_stack
)");

void fiber_entry() { Fiber::enter(entering); }

namespace {

void* first_context(unsigned char* stack) {
  constexpr int kSavedRegisters = 6;
  void** top = reinterpret_cast<void**>(stack + kStack);
  *--top = nullptr;  // where fiber_entry would return to
  *--top = reinterpret_cast<void*>(&fiber_entry);
  for (int i = 0; i < kSavedRegisters; ++i) *--top = nullptr;
  return top;
}

void switch_stack(void** left, void* entered) { pydl_switch_stack(left, entered); }
void drop_context(void*) {}

}  // namespace

#else

void fiber_entry() { Fiber::enter(entering); }

namespace {

void* first_context(unsigned char* stack) {
  ucontext_t* context = new ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = kStack;
  context->uc_link = nullptr;
  makecontext(context, fiber_entry, 0);
  return context;
}

void switch_stack(void** left, void* entered) {
  if (*left == nullptr) *left = new ucontext_t;
  swapcontext(static_cast<ucontext_t*>(*left), static_cast<ucontext_t*>(entered));
}

void drop_context(void* context) { delete static_cast<ucontext_t*>(context); }

}  // namespace

#endif

Fiber::Fiber(void (*body)(void*), void* argument) : body_(body), argument_(argument) {
  void* memory = mmap(nullptr, kGuard + kStack, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  mprotect(memory, kGuard, PROT_NONE);
  stack_ = static_cast<unsigned char*>(memory) + kGuard;
  context_ = first_context(stack_);
#ifdef __SANITIZE_THREAD__
  race_context_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  drop_context(context_);
#ifndef __x86_64__
  drop_context(resumer_);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_destroy_fiber(race_context_);
#endif
  if (stack_ == nullptr) return;
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(stack_, kStack);
#endif
  munmap(stack_ - kGuard, kGuard + kStack);
}

void Fiber::restart() {
  drop_context(context_);
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(stack_, kStack);
  fake_stack_ = nullptr;
#endif
  context_ = first_context(stack_);
}

void Fiber::enter(Fiber* self) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &self->resumer_bottom_, &self->resumer_size_);
#endif
  self->body_(self->argument_);
  __builtin_trap();  // a body does not return
}

void Fiber::resume() {
  entering = this;
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, stack_, kStack);
#endif
#ifdef __SANITIZE_THREAD__
  race_resumer_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(race_context_, 0);
#endif
  switch_stack(&resumer_, context_);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

void Fiber::suspend() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&fake_stack_, resumer_bottom_, resumer_size_);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(race_resumer_, 0);
#endif
  switch_stack(&context_, resumer_);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack_, &resumer_bottom_, &resumer_size_);
#endif
}

}  // namespace pydl::emulation
