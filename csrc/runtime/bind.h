// Choosing kernels: once per instruction, in C++, the same from Python and C.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernel.h"
#include "kernels/registry.h"
#include "plan/plan.h"

namespace pydl {

// Memory the candidates asked for, freed with the program.
class Binder {
 public:
  void* alloc(size_t bytes);
  bool failed() const { return failed_; }

 private:
  struct Free {
    void operator()(void* p) const;
  };
  std::vector<std::unique_ptr<void, Free>> blocks_;
  bool failed_ = false;
};

struct BoundInstruction {
  Opcode op = Opcode::copy;
  Bound bound;
  const char* kernel = "";  // the candidate taken
  const char* isa = "";     // of that candidate: the program's or "ref"
  bool through_float32 = false;  // on float32 copies of 16-bit operands (widened.h)
  std::vector<std::pair<std::string, std::string>> refused;  // candidate, reason
  double flops = 0;
  int64_t bytes = 0;        // of all operands
};

struct BindRequest {
  Opcode op = Opcode::copy;
  const std::vector<Spec>* inputs = nullptr;
  const std::vector<Spec>* outputs = nullptr;
  const std::vector<bool>* constant = nullptr;  // per input
  const Attrs* attrs = nullptr;
  std::string_view kernel = {};  // only this candidate, for tests; "" any
  Precision precision = Precision::kFloat32;
  const DeviceLimits* device = nullptr;
};

class Device;

// find_bundle, or for "cuda" and "cuda:1" that of the device; kNotFound with the name asked for and
// those there are. `device`, when given: null on the CPU.
PYDL_EXPORT Status choose_bundle(std::string_view isa, const Bundle** out,
                                 Device** device = nullptr);

// Walks the candidates of `bundle`, then of "ref". The error names the op, the dtypes and every
// refusal.
Status bind_instruction(const BindRequest& request, const Bundle& bundle, Binder* binder,
                        BoundInstruction* out);

}  // namespace pydl
