// Arrays as they cross the border: Python's buffer protocol, held for as long as C++ looks at them,
// and arrays in the memory of devices.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "runtime/program.h"

namespace pydl {

// Where the arrays of a list may lie: host memory, or that of a device too (DeviceArray, or
// anything with __cuda_array_interface__).
enum class Memory { kHost, kAny };

// C-contiguous views of a sequence of arrays. Raises TypeError or ValueError naming the array.
class BufferList {
 public:
  BufferList(pybind11::sequence arrays, bool writable, const char* what,
             Memory memory = Memory::kHost);
  ~BufferList();
  BufferList(const BufferList&) = delete;
  BufferList& operator=(const BufferList&) = delete;

  const std::vector<Buffer>& buffers() const { return buffers_; }
  const Spec& spec(size_t index) const { return specs_[index]; }

 private:
  void add_host(const pybind11::object& array, bool writable, const std::string& name);
  void add_device(const pybind11::object& array, bool writable, const std::string& name);
  void release();

  std::vector<Py_buffer> views_;
  std::vector<pybind11::object> held_;  // arrays of devices
  std::vector<Buffer> buffers_;
  std::vector<Spec> specs_;
};

}  // namespace pydl
