#include "bindings/buffers.h"

#include <string>

#include "bindings/device_array.h"

namespace pydl {

namespace py = pybind11;

namespace {

// One of NumPy's native, single-character formats. False for anything else.
bool dtype_from_format(const Py_buffer& view, DType* dtype) {
  const char* format = view.format == nullptr ? "B" : view.format;
  if (*format == '=' || *format == '@' || *format == '<') ++format;
  if (format[0] == '\0' || format[1] != '\0') return false;
  const auto sized = [&](DType two, DType four, DType eight) {
    *dtype = view.itemsize == 8 ? eight : view.itemsize == 4 ? four : two;
    return true;
  };
  switch (*format) {
    case 'f': *dtype = DType::kFloat32; return true;
    case 'd': *dtype = DType::kFloat64; return true;
    case 'e': *dtype = DType::kFloat16; return true;
    case 'b': *dtype = DType::kInt8; return true;
    case 'B': *dtype = DType::kUInt8; return true;
    case '?': *dtype = DType::kBool; return true;
    case 'h':
    case 'i':
    case 'l':
    case 'q': return sized(DType::kInt16, DType::kInt32, DType::kInt64);
    case 'H':
    case 'I': return sized(DType::kUInt16, DType::kUInt32, DType::kUInt32);
    case 'L': *dtype = DType::kUInt32; return view.itemsize == 4;
    default: return false;
  }
}

// NumPy's buffers have no format for bfloat16: its arrays are looked at as uint16.
py::object words_of_bfloat16(const py::object& array) {
  if (!py::hasattr(array, "dtype") || !py::hasattr(array, "view")) return py::none();
  const py::object name = py::getattr(array.attr("dtype"), "name", py::none());
  if (!py::isinstance<py::str>(name) || name.cast<std::string>() != "bfloat16") return py::none();
  return array.attr("view")("uint16");
}

}  // namespace

BufferList::BufferList(py::sequence arrays, bool writable, const char* what, Memory memory) {
  const size_t count = arrays.size();
  views_.reserve(count);
  buffers_.reserve(count);
  specs_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const py::object array = arrays[i];
    const std::string name = std::string(what) + " " + std::to_string(i);
    try {
      const bool host = memory == Memory::kHost || PyObject_CheckBuffer(array.ptr()) != 0;
      host ? add_host(array, writable, name) : add_device(array, writable, name);
    } catch (...) {
      release();  // no destructor runs
      throw;
    }
  }
}

void BufferList::add_host(const py::object& array, bool writable, const std::string& name) {
  const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
  Py_buffer view;
  bool is_bfloat16 = false;
  if (PyObject_GetBuffer(array.ptr(), &view, flags) != 0) {
    const py::error_already_set cause;
    const py::object words = words_of_bfloat16(array);
    is_bfloat16 = !words.is_none() && PyObject_GetBuffer(words.ptr(), &view, flags) == 0;
    if (!is_bfloat16) {
      PyErr_Clear();
      throw py::value_error(name + ": expected a C-contiguous" + (writable ? ", writable" : "") +
                            " array: " + cause.what());
    }
  }
  views_.push_back(view);
  DType dtype = DType::kBFloat16;
  if (is_bfloat16 && view.ndim <= kMaxRank) {
    buffers_.push_back({view.buf, view.len, dtype});
    specs_.push_back({dtype, {view.shape, view.shape + view.ndim}});
    return;
  }
  if (!dtype_from_format(view, &dtype) || view.ndim > kMaxRank) {
    const std::string format = view.format == nullptr ? "?" : view.format;
    throw py::value_error(
        name + ": expected an array of a plain dtype and at most 8 axes, received format '" +
        format + "' with " + std::to_string(view.ndim) + " axes");
  }
  buffers_.push_back({view.buf, view.len, dtype});
  specs_.push_back({dtype, {view.shape, view.shape + view.ndim}});
}

void BufferList::add_device(const py::object& array, bool writable, const std::string& name) {
  if (py::isinstance<DeviceArray>(array)) {
    const auto& known = array.cast<const DeviceArray&>();
    buffers_.push_back(known.buffer());
    specs_.push_back(known.spec());
  } else if (py::hasattr(array, "__cuda_array_interface__")) {
    Spec spec;
    try {
      buffers_.push_back(buffer_from_interface(array, writable, &spec));
    } catch (const py::value_error& error) {
      throw py::value_error(name + ": " + error.what());
    }
    specs_.push_back(std::move(spec));
  } else {
    throw py::value_error(name + ": expected an array, received a " +
                          std::string(Py_TYPE(array.ptr())->tp_name));
  }
  held_.push_back(array);
}

void BufferList::release() {
  for (Py_buffer& view : views_) PyBuffer_Release(&view);
  views_.clear();
}

BufferList::~BufferList() { release(); }

}  // namespace pydl
