// Eager ops. A call is known by its op, precision, operands' dtypes and shapes and attributes; the
// program bound for the first such call runs all others. NumPy arrays are read and made through
// NumPy's own structures, since its buffer protocol costs as much as a small op.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bindings/convert.h"
#include "bindings/register.h"
#include "runtime/program.h"

namespace pydl {
namespace {

using py::detail::npy_api;

constexpr int kMostOperands = 16;
constexpr size_t kMostPrograms = 1024;
// Below, a run is over before another thread could use the interpreter lock.
constexpr int64_t kShortBytes = 32 * 1024;
constexpr double kShortFlops = 100e3;

// What a call is known by, as bytes that no other call has. Calls too long for it stay unknown.
class Signature {
 public:
  void add(const void* data, size_t bytes) {
    fits_ = fits_ && bytes <= sizeof text_ - size_;
    if (!fits_ || bytes == 0) return;  // a scalar's dimensions may be at no address
    std::memcpy(text_ + size_, data, bytes);
    size_ += bytes;
  }
  template <class T>
  void add(T number) {
    add(&number, sizeof number);
  }
  void add_text(PyObject* text) {
    Py_ssize_t size = 0;
    const char* characters = PyUnicode_AsUTF8AndSize(text, &size);
    if (characters == nullptr) throw py::error_already_set();
    add(size);
    add(characters, static_cast<size_t>(size));
  }
  void give_up() { fits_ = false; }
  bool fits() const { return fits_; }
  std::string_view text() const { return {text_, size_}; }

 private:
  char text_[512];
  size_t size_ = 0;
  bool fits_ = true;
};

void add_value(Signature* signature, PyObject* value, bool nested = false) {
  if (PyLong_Check(value)) {
    int overflow = 0;
    signature->add('i');
    signature->add(PyLong_AsLongLongAndOverflow(value, &overflow));
    if (overflow != 0) signature->give_up();
  } else if (PyFloat_Check(value)) {
    signature->add('f');
    signature->add(PyFloat_AS_DOUBLE(value));
  } else if (PyUnicode_Check(value)) {
    signature->add('s');
    signature->add_text(value);
  } else if (!nested && (PyList_Check(value) || PyTuple_Check(value))) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(value);
    signature->add('l');
    signature->add(n);
    for (Py_ssize_t i = 0; i < n; ++i) {
      add_value(signature, PySequence_Fast_GET_ITEM(value, i), true);
    }
  } else {
    signature->give_up();
  }
}

void add_attrs(Signature* signature, const py::dict& attrs) {
  PyObject *name = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(attrs.ptr(), &at, &name, &value) != 0) {
    if (!PyUnicode_Check(name)) return signature->give_up();
    signature->add_text(name);
    add_value(signature, value);
  }
}

// NumPy's one object for each dtype; none for bfloat16, which is not NumPy's own.
const std::array<PyObject*, kDTypeCount>& descriptors() {
  static const auto* const found = [] {
    auto* table = new std::array<PyObject*, kDTypeCount>{};
    for (int i = 0; i < kDTypeCount; ++i) {
      if (static_cast<DType>(i) == DType::kBFloat16) continue;
      (*table)[static_cast<size_t>(i)] = py::dtype(kDTypeNames[i]).release().ptr();
    }
    return table;
  }();
  return *found;
}

bool find_dtype(const PyObject* descriptor, DType* dtype) {
  for (int i = 0; i < kDTypeCount; ++i) {
    if (descriptors()[static_cast<size_t>(i)] != descriptor) continue;
    *dtype = static_cast<DType>(i);
    return true;
  }
  return false;
}

// The arrays of a call, held while it runs.
struct Operands {
  int count = 0;
  py::object held[kMostOperands];
  void* data[2 * kMostOperands];  // the results' behind the operands'

  // False for what is not a row-major array of a dtype that NumPy has itself.
  bool add(PyObject* array, Signature* signature) {
    if (Py_TYPE(array) != npy_api::get().PyArray_Type_) return false;
    constexpr int kPlain = npy_api::NPY_ARRAY_C_CONTIGUOUS_ | npy_api::NPY_ARRAY_ALIGNED_;
    const auto* view = py::detail::array_proxy(array);
    DType dtype;
    if ((view->flags & kPlain) != kPlain || view->nd > kMaxRank) return false;
    if (!find_dtype(view->descr, &dtype)) return false;
    signature->add(dtype);
    signature->add(static_cast<char>(view->nd));
    signature->add(view->dimensions, sizeof(ssize_t) * static_cast<size_t>(view->nd));
    data[count] = view->data;
    held[count++] = py::reinterpret_borrow<py::object>(array);
    return true;
  }
  std::vector<Spec> specs() const {
    std::vector<Spec> found;
    for (int i = 0; i < count; ++i) {
      const auto* view = py::detail::array_proxy(held[i].ptr());
      DType dtype = DType::kFloat32;
      find_dtype(view->descr, &dtype);
      found.push_back({dtype, {view->dimensions, view->dimensions + view->nd}});
    }
    return found;
  }
};

struct Remembered {
  std::unique_ptr<Program> program;
  std::vector<Spec> results;
  bool is_short = false;
};
using Found = std::shared_ptr<const Remembered>;  // outlives its place in the table

struct Hash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using Table = std::unordered_map<std::string, Found, Hash, std::equal_to<>>;

// Guarded by the interpreter lock. Leaked: ops may run while static objects are destroyed.
Table& table() {
  static Table* const instance = new Table;
  return *instance;
}

bool has_descriptors(const std::vector<Spec>& specs) {
  for (const Spec& spec : specs) {
    if (descriptors()[static_cast<size_t>(spec.dtype)] == nullptr) return false;
  }
  return specs.size() <= kMostOperands;
}

// Binds a call that was not met before. Null: its results are not for NumPy alone.
Found remember(const std::string& name, const py::dict& attrs, const Operands& operands,
               const std::string& precision, std::string_view signature) {
  Opcode op;
  if (!find_opcode(name, &op)) throw py::value_error("unknown op '" + name + "'");
  const Attrs native = attrs_from_dict(attrs);
  const Precision wanted = precision_from(precision);
  const std::vector<Spec> inputs = operands.specs();
  auto made = std::make_shared<Remembered>();
  throw_if_error(infer(op, inputs, native, &made->results));
  if (!has_descriptors(made->results)) return nullptr;
  throw_if_error(
      Program::bind_op(op, inputs, made->results, native, {}, {}, &made->program, wanted));
  const BoundInstruction& bound = made->program->instructions()[0];
  made->is_short = bound.bytes <= kShortBytes && bound.flops <= kShortFlops;
  if (table().size() >= kMostPrograms) table().clear();
  table().emplace(signature, made);
  return made;
}

py::object new_array(const Spec& spec) {
  static_assert(sizeof(ssize_t) == sizeof(int64_t));
  const npy_api& numpy = npy_api::get();
  PyObject* descriptor = descriptors()[static_cast<size_t>(spec.dtype)];
  Py_INCREF(descriptor);  // the array takes one
  const auto* shape = reinterpret_cast<const Py_intptr_t*>(spec.shape.data());
  PyObject* array = numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, descriptor,
                                                static_cast<int>(spec.shape.size()), shape, nullptr,
                                                nullptr, 0, nullptr);
  if (array == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(array);
}

py::object run_remembered(const Remembered& call, Operands* operands) {
  py::list arrays(call.results.size());
  for (size_t i = 0; i < call.results.size(); ++i) {
    py::object array = new_array(call.results[i]);
    operands->data[static_cast<size_t>(operands->count) + i] =
        py::detail::array_proxy(array.ptr())->data;
    PyList_SET_ITEM(arrays.ptr(), static_cast<Py_ssize_t>(i), array.release().ptr());
  }
  if (call.is_short) {
    throw_if_error(call.program->run_op(operands->data));
    return arrays;
  }
  Status status;
  {
    const py::gil_scoped_release release;  // `operands` and `arrays` hold the memory
    status = call.program->run_op(operands->data);
  }
  throw_if_error(status);
  return arrays;
}

// None: a call for `run_op`, which takes arrays of every kind.
py::object run_eager(const py::str& name, const py::sequence& inputs, const py::dict& attrs,
                     const py::str& precision) {
  Signature signature;
  Operands operands;
  const auto items =
      py::reinterpret_steal<py::object>(PySequence_Fast(inputs.ptr(), "expected a list"));
  if (!items) throw py::error_already_set();
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(items.ptr());
  if (n > kMostOperands) return py::none();
  signature.add_text(name.ptr());
  signature.add_text(precision.ptr());
  signature.add(static_cast<char>(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!operands.add(PySequence_Fast_GET_ITEM(items.ptr(), i), &signature)) return py::none();
  }
  add_attrs(&signature, attrs);
  if (!signature.fits()) return py::none();
  const auto place = table().find(signature.text());
  Found found = place != table().end()
                    ? place->second
                    : remember(name, attrs, operands, precision, signature.text());
  if (found == nullptr) return py::none();
  return run_remembered(*found, &operands);
}

}  // namespace

void register_eager(py::module_& m) {
  m.def("run_eager", &run_eager, py::arg("op"), py::arg("inputs"), py::arg("attrs"),
        py::arg("precision") = "float32");
}

}  // namespace pydl
