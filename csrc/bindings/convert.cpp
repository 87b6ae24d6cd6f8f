#include "bindings/convert.h"

#include <utility>

namespace pydl {
namespace {

std::string type_name(py::handle value) { return Py_TYPE(value.ptr())->tp_name; }

std::string utf8(py::handle value) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text == nullptr) throw py::error_already_set();
  return std::string(text, static_cast<size_t>(size));
}

// Throws Python's error, but calls a number beyond its C type what it is: a wrong value.
[[noreturn]] void throw_conversion_error(const char* range) {
  if (!PyErr_ExceptionMatches(PyExc_OverflowError)) throw py::error_already_set();
  PyErr_Clear();
  throw py::value_error(std::string("expected ") + range + ", received a number beyond it");
}

int64_t int_from(py::handle value) {
  static_assert(sizeof(long long) == sizeof(int64_t));
  const py::object number =
      py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));  // NumPy integers too
  if (!number) throw py::error_already_set();
  const long long result = PyLong_AsLongLong(number.ptr());
  if (result == -1 && PyErr_Occurred()) throw_conversion_error("an integer of 64 bits");
  return result;
}

double float_from(py::handle value) {
  const double result = PyFloat_AsDouble(value.ptr());
  if (result == -1.0 && PyErr_Occurred()) throw_conversion_error("a number of type float64");
  return result;
}

bool is_sequence(py::handle value) {
  return PyList_Check(value.ptr()) || PyTuple_Check(value.ptr());
}

bool is_number(py::handle value) {
  return PyIndex_Check(value.ptr()) || PyFloat_Check(value.ptr());
}

AttrValue list_from(const std::string& name, py::handle value) {
  const py::object items =
      py::reinterpret_steal<py::object>(PySequence_Fast(value.ptr(), "expected a list"));
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(items.ptr());
  bool floats = false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    const py::handle item = PySequence_Fast_GET_ITEM(items.ptr(), i);
    if (!is_number(item)) {
      throw py::type_error("attribute '" + name + "': expected a list of numbers, received a " +
                           type_name(item) + " at index " + std::to_string(i));
    }
    floats |= !PyIndex_Check(item.ptr());
  }
  std::vector<int64_t> ints;
  std::vector<double> reals;
  for (Py_ssize_t i = 0; i < n; ++i) {
    const py::handle item = PySequence_Fast_GET_ITEM(items.ptr(), i);
    if (floats) {
      reals.push_back(float_from(item));
    } else {
      ints.push_back(int_from(item));
    }
  }
  if (floats) return reals;
  return ints;
}

AttrValue attr_from(const std::string& name, py::handle value) {
  if (PyUnicode_Check(value.ptr())) return utf8(value);
  if (PyFloat_Check(value.ptr())) return float_from(value);
  if (is_sequence(value)) return list_from(name, value);
  if (PyIndex_Check(value.ptr())) return int_from(value);
  throw py::type_error("attribute '" + name +
                       "': expected an int, float, str or a list of numbers, received a " +
                       type_name(value));
}

}  // namespace

Attrs attrs_from_dict(const py::dict& attrs) {
  Attrs result;
  for (const auto& [key, value] : attrs) {
    if (!PyUnicode_Check(key.ptr())) {
      throw py::type_error("attribute names must be str, received a " + type_name(key));
    }
    std::string name = utf8(key);
    AttrValue converted = attr_from(name, value);
    result.set(std::move(name), std::move(converted));
  }
  return result;
}

DType dtype_from(py::handle name) {
  if (!PyUnicode_Check(name.ptr())) {
    throw py::type_error("dtype: expected a name such as 'float32', received a " + type_name(name));
  }
  const std::string text = utf8(name);
  DType dtype = DType::kFloat32;
  if (find_dtype(text, &dtype)) return dtype;
  std::string known;
  for (const char* each : kDTypeNames) known += std::string(known.empty() ? "" : ", ") + each;
  throw py::value_error("dtype: expected one of " + known + ", received '" + text + "'");
}

Precision precision_from(const std::string& name) {
  if (name == "float32") return Precision::kFloat32;
  if (name == "exact") return Precision::kExact;
  if (name == "tensorfloat32") return Precision::kTensorFloat32;
  if (name == "bfloat16") return Precision::kBFloat16;
  throw py::value_error(
      "precision: expected 'exact', 'float32', 'tensorfloat32' or 'bfloat16', received '" + name +
      "'");
}

Spec spec_from(py::handle dtype_name, py::handle shape) {
  Spec spec;
  spec.dtype = dtype_from(dtype_name);
  if (!is_sequence(shape)) {
    throw py::type_error("shape: expected a tuple of ints, received a " + type_name(shape));
  }
  const py::object items =
      py::reinterpret_steal<py::object>(PySequence_Fast(shape.ptr(), "expected a tuple"));
  const Py_ssize_t rank = PySequence_Fast_GET_SIZE(items.ptr());
  spec.shape.reserve(static_cast<size_t>(rank));
  for (Py_ssize_t i = 0; i < rank; ++i) {
    const py::handle item = PySequence_Fast_GET_ITEM(items.ptr(), i);
    spec.shape.push_back(item.is_none() ? kUnknown : int_from(item));
  }
  return spec;
}

std::vector<Spec> specs_from(py::handle pairs) {
  if (!is_sequence(pairs)) {
    throw py::type_error("expected a list of (dtype, shape) pairs, received a " + type_name(pairs));
  }
  const py::object items =
      py::reinterpret_steal<py::object>(PySequence_Fast(pairs.ptr(), "expected a list"));
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(items.ptr());
  std::vector<Spec> specs;
  specs.reserve(static_cast<size_t>(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    const py::handle pair = PySequence_Fast_GET_ITEM(items.ptr(), i);
    if (!PyTuple_Check(pair.ptr()) || PyTuple_GET_SIZE(pair.ptr()) != 2) {
      throw py::type_error("expected (dtype, shape) pairs, received a " + type_name(pair) +
                           " at index " + std::to_string(i));
    }
    specs.push_back(spec_from(PyTuple_GET_ITEM(pair.ptr(), 0), PyTuple_GET_ITEM(pair.ptr(), 1)));
  }
  return specs;
}

py::tuple shape_to_python(const Spec& spec) {
  py::tuple shape(spec.shape.size());
  for (size_t i = 0; i < spec.shape.size(); ++i) shape[i] = py::int_(spec.shape[i]);
  return shape;
}

py::tuple spec_to_python(const Spec& spec) {
  return py::make_tuple(py::str(dtype_name(spec.dtype)), shape_to_python(spec));
}

void throw_if_error(const Status& status) {
  if (status.ok()) return;
  PyObject* type = PyExc_ValueError;
  if (status.code() == Code::kIo) type = PyExc_OSError;
  if (status.code() == Code::kOutOfMemory) type = PyExc_MemoryError;
  if (status.code() == Code::kInternal) type = PyExc_RuntimeError;
  const std::string& text = status.message();
  const py::object message = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
  PyErr_SetObject(type, message.ptr());
  throw py::error_already_set();
}

}  // namespace pydl
