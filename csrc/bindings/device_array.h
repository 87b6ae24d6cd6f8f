// Arrays in the memory of a device, and variables that have a place on both sides.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "plan/op.h"
#include "runtime/device/device.h"
#include "runtime/device/mirror.h"
#include "runtime/program.h"

namespace pydl {

// Row-major memory of a device; several arrays may be views of one block.
class DeviceArray {
 public:
  DeviceArray(const std::string& device, pybind11::handle dtype, pybind11::handle shape);
  DeviceArray(Spec spec, std::shared_ptr<DeviceMemory> memory, int64_t offset)
      : spec_(std::move(spec)), memory_(std::move(memory)), offset_(offset) {}

  const Spec& spec() const { return spec_; }
  Device& device() const { return memory_->device(); }
  unsigned char* data() const { return memory_->data() + offset_; }
  int64_t bytes() const;
  Buffer buffer() const { return {data(), bytes(), spec_.dtype, device().index(), nullptr}; }

  void upload(const pybind11::object& array, bool beside) const;
  void download(const pybind11::object& array) const;
  DeviceArray rows(int64_t begin, int64_t end) const;
  DeviceArray reshape(pybind11::handle shape) const;
  // The address, for others: from now on the block waits for all work before it is used again.
  uintptr_t pointer() const;
  pybind11::dict interface() const;

 private:
  Spec spec_;
  std::shared_ptr<DeviceMemory> memory_;
  int64_t offset_ = 0;
};

// A Mirror over a NumPy array, which it keeps alive.
class PyMirror {
 public:
  explicit PyMirror(pybind11::object array);

  const std::shared_ptr<Mirror>& mirror() const { return mirror_; }
  DeviceArray on_device(const std::string& device) const;
  void to_host() const;

 private:
  pybind11::object array_;
  Spec spec_;
  std::shared_ptr<Mirror> mirror_;
};

// Memory of a device behind an object with __cuda_array_interface__ (version 2 or 3): address,
// device, stream; spec. Raises TypeError or ValueError.
Buffer buffer_from_interface(pybind11::handle object, bool writable, Spec* spec);

}  // namespace pydl
