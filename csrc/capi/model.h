// What a pydl_model is.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"
#include "plan/text.h"
#include "pydl/pydl.h"
#include "runtime/program.h"

struct pydl_model {
  explicit pydl_model(pydl::Model read);

  // The program of an entry, bound at its first use. Safe from several threads.
  pydl::Status find_program(std::string_view entry, const pydl::Program** program);

  // Programs are bound anew for "cpu", "cuda" or "cuda:1".
  pydl::Status set_device(std::string_view device);

  // Runs it and marks the state it writes as changed. Refuses misaligned pointers.
  pydl::Status run(const pydl::Program& program, const std::vector<pydl::Buffer>& inputs,
                   const std::vector<pydl::Buffer>& outputs, int64_t* passes);

  pydl::Model model;
  pydl::State state;

 private:
  std::mutex mutex_;  // over programs_
  std::string isa_;   // what they are bound for: "" the CPU's best, or a device
  std::map<std::string, std::unique_ptr<pydl::Program>, std::less<>> programs_;
};

namespace pydl::capi {

// The index of the port with this name, -1 when there is none.
int find_port(const std::vector<Port>& ports, std::string_view name);

// The caller's bytes are read only; Program::run takes one type for both directions.
inline Buffer input_buffer(const void* data, int64_t bytes, DType dtype) {
  return {const_cast<void*>(data), bytes, dtype};
}

template <typename... Parts>
Status not_found(const Parts&... parts) {
  return Status(Code::kNotFound, cat(parts...));
}

}  // namespace pydl::capi
