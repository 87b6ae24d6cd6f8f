// Arrays as they cross the border: Python's buffer protocol, held for as long as C++ looks at them.
#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "runtime/program.h"

namespace pydl {

// C-contiguous views of a sequence of arrays. Raises TypeError or ValueError naming the array.
class BufferList {
 public:
  BufferList(pybind11::sequence arrays, bool writable, const char* what);
  ~BufferList();
  BufferList(const BufferList&) = delete;
  BufferList& operator=(const BufferList&) = delete;

  const std::vector<Buffer>& buffers() const { return buffers_; }
  Spec spec(size_t index) const;

 private:
  void release();

  std::vector<Py_buffer> views_;
  std::vector<Buffer> buffers_;
};

}  // namespace pydl
