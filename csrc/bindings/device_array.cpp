#include "bindings/device_array.h"

#include <pybind11/stl.h>

#include "bindings/buffers.h"
#include "bindings/convert.h"
#include "plan/plan.h"
#include "runtime/device/loader.h"
#include "runtime/device/transfer.h"

namespace pydl {
namespace {

Device* device_from(const std::string& name) {
  Device* device = nullptr;
  Status status;
  {
    const py::gil_scoped_release release;  // the first use of a device takes its time
    status = Device::find(name, &device);
  }
  throw_if_error(status);
  return device;
}

Spec known_spec(py::handle dtype, py::handle shape) {
  Spec spec = spec_from(dtype, shape);
  for (const int64_t dim : spec.shape) {
    if (dim < 0) throw py::value_error("shape: expected dimensions >= 0");
  }
  const int64_t count = element_count(spec.shape);
  if (count < 0 || count > INT64_MAX / 16 || spec.shape.size() > kMaxRank) {
    throw py::value_error("shape: " + shape_string(spec.shape) + " is too large for a device");
  }
  return spec;
}

std::string typestr(DType dtype) {
  if (dtype == DType::kBFloat16) return "<V2";
  const int size = dtype_size(dtype);
  std::string text = size == 1 ? "|" : "<";
  if (dtype == DType::kBool) {
    text += "b";
  } else if (is_float(dtype)) {
    text += "f";
  } else {
    text += dtype >= DType::kUInt8 ? "u" : "i";
  }
  return text + std::to_string(size);
}

DType dtype_from_typestr(const std::string& text) {
  for (int i = 0; i < kDTypeCount; ++i) {
    if (typestr(static_cast<DType>(i)) == text) return static_cast<DType>(i);
  }
  throw py::value_error("__cuda_array_interface__: dtype '" + text + "' is none of pydl's");
}

bool is_dense(const Spec& spec, const py::object& strides) {
  if (strides.is_none()) return true;
  const auto given = strides.cast<std::vector<int64_t>>();
  int64_t expected = dtype_size(spec.dtype);
  for (size_t i = spec.shape.size(); i-- > 0;) {
    if (spec.shape[i] == 0) return true;
    if (spec.shape[i] != 1 && given[i] != expected) return false;
    expected *= spec.shape[i];
  }
  return true;
}

// The one buffer of an array in host memory with this many bytes of this dtype.
const Buffer& host_buffer(const BufferList& list, const Spec& spec) {
  const Buffer& buffer = list.buffers()[0];
  if (list.spec(0) == spec) return buffer;
  throw py::value_error("expected an array " + to_string(spec) + ", received " +
                        to_string(list.spec(0)));
}

}  // namespace

DeviceArray::DeviceArray(const std::string& device, py::handle dtype, py::handle shape)
    : spec_(known_spec(dtype, shape)) {
  Device* found = device_from(device);
  Status status;
  {
    const py::gil_scoped_release release;
    status = allocate(found, byte_size(spec_), "an array " + to_string(spec_), &memory_);
  }
  throw_if_error(status);
}

int64_t DeviceArray::bytes() const { return byte_size(spec_); }

void DeviceArray::upload(const py::object& array, bool beside) const {
  const BufferList list(py::make_tuple(array), false, "array");
  const Buffer& buffer = host_buffer(list, spec_);
  Status status;
  {
    const py::gil_scoped_release release;  // `list` holds the array's memory
    status = pydl::upload(&device(), data(), buffer.data, buffer.bytes, beside);
  }
  throw_if_error(status);
}

void DeviceArray::download(const py::object& array) const {
  const BufferList list(py::make_tuple(array), true, "array");
  const Buffer& buffer = host_buffer(list, spec_);
  Status status;
  {
    const py::gil_scoped_release release;  // `list` holds the array's memory
    status = pydl::download(&device(), data(), buffer.data, buffer.bytes);
  }
  throw_if_error(status);
}

DeviceArray DeviceArray::rows(int64_t begin, int64_t end) const {
  if (spec_.shape.empty() || begin < 0 || end < begin || end > spec_.shape[0]) {
    throw py::value_error("rows: expected 0 <= begin <= end <= the number of rows of " +
                          to_string(spec_) + ", received " + std::to_string(begin) + " and " +
                          std::to_string(end));
  }
  Spec spec = spec_;
  spec.shape[0] = 1;
  const int64_t row = byte_size(spec);
  spec.shape[0] = end - begin;
  return {std::move(spec), memory_, offset_ + begin * row};
}

DeviceArray DeviceArray::reshape(py::handle shape) const {
  Spec spec = known_spec(py::str(dtype_name(spec_.dtype)), shape);
  if (element_count(spec.shape) != element_count(spec_.shape)) {
    throw py::value_error("reshape: expected a shape of as many elements as " + to_string(spec_) +
                          ", received " + shape_string(spec.shape));
  }
  return {std::move(spec), memory_, offset_};
}

uintptr_t DeviceArray::pointer() const {
  memory_->share();
  return bytes() == 0 ? 0 : reinterpret_cast<uintptr_t>(data());
}

py::dict DeviceArray::interface() const {
  py::dict found;
  found["shape"] = shape_to_python(spec_);
  found["typestr"] = typestr(spec_.dtype);
  found["data"] = py::make_tuple(pointer(), false);
  found["strides"] = py::none();
  found["stream"] = reinterpret_cast<uintptr_t>(device().stream());
  found["version"] = 3;
  return found;
}

PyMirror::PyMirror(py::object array) : array_(std::move(array)) {
  const BufferList list(py::make_tuple(array_), true, "array");
  spec_ = list.spec(0);
  mirror_ = std::make_shared<Mirror>(list.buffers()[0].data, list.buffers()[0].bytes);
}

DeviceArray PyMirror::on_device(const std::string& device) const {
  Device* found = device_from(device);
  std::shared_ptr<DeviceMemory> memory;
  Status status;
  {
    const py::gil_scoped_release release;  // `array_` is held
    status = mirror_->on_device(found, "a variable " + to_string(spec_), &memory);
  }
  throw_if_error(status);
  return {spec_, std::move(memory), 0};
}

void PyMirror::to_host() const {
  Status status;
  {
    const py::gil_scoped_release release;  // `array_` is held
    status = mirror_->to_host();
  }
  throw_if_error(status);
}

Buffer buffer_from_interface(py::handle object, bool writable, Spec* spec) {
  const py::dict found = object.attr("__cuda_array_interface__");
  spec->dtype = dtype_from_typestr(found["typestr"].cast<std::string>());
  spec->shape = found["shape"].cast<std::vector<int64_t>>();
  const py::object none = py::none();
  const auto get = [&](const char* key) {
    return found.contains(key) ? py::object(found[key]) : none;
  };
  if (spec->shape.size() > kMaxRank || !is_dense(*spec, get("strides"))) {
    throw py::value_error("expected a row-major array of at most 8 axes");
  }
  const auto data = found["data"].cast<std::pair<uintptr_t, bool>>();
  if (writable && data.second) throw py::value_error("expected a writable array");
  Buffer buffer = {reinterpret_cast<void*>(data.first), byte_size(*spec), spec->dtype, 0, nullptr};
  const py::object stream = get("stream");
  if (!stream.is_none()) buffer.stream = reinterpret_cast<void*>(stream.cast<uintptr_t>());
  if (buffer.bytes == 0) return buffer;
  const DeviceTable* table = nullptr;
  throw_if_error(find_device_table(&table));
  if (table->device_of(buffer.data, &buffer.device) != kDeviceOk || buffer.device < 0) {
    throw py::value_error("__cuda_array_interface__: the address is in no device's memory");
  }
  return buffer;
}

}  // namespace pydl
