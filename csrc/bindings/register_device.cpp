#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>

#include "bindings/convert.h"
#include "bindings/device_array.h"
#include "bindings/register.h"
#include "runtime/device/loader.h"

namespace pydl {
namespace {

Device* device_named(const std::string& name) {
  Device* device = nullptr;
  Status status;
  {
    const py::gil_scoped_release release;  // the first use of a device takes its time
    status = Device::find(name, &device);
  }
  throw_if_error(status);
  return device;
}

// "12.4", or "" for what is not there.
std::string version_text(int version) {
  if (version == 0) return "";
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

py::dict devices() {
  const DeviceTable* table = nullptr;
  int count = 0;
  CudaVersions versions;
  Status status;
  {
    const py::gil_scoped_release release;  // may load the library and the driver
    status = count_devices(&count);
    if (status.ok()) status = find_device_table(&table);
    versions = cuda_versions();
  }
  py::dict found;
  found["count"] = status.ok() ? count : 0;
  found["missing"] = status.message();
  found["filler"] = table == nullptr ? "" : table->filler;
  found["library"] = device_library_path();
  found["driver"] = version_text(versions.driver);
  found["runtime"] = version_text(versions.runtime);
  return found;
}

py::dict device_info(const std::string& name) {
  Device* device = device_named(name);
  const DeviceProperties& properties = device->properties();
  int64_t available = 0;
  int64_t total = 0;
  TransferStatistics transfers;
  Status status;
  {
    const py::gil_scoped_release release;  // touches nothing of Python's
    const std::lock_guard<std::recursive_mutex> lock(device->mutex());
    const DeviceScope scope(*device);
    transfers = device->staging().statistics();
    status = scope.status();
    if (status.ok()) {
      status = device->check(device->table().memory_info(&available, &total), "read its memory");
    }
  }
  throw_if_error(status);
  const MemoryStatistics memory = device->pool().statistics();
  py::dict found;
  found["name"] = properties.name;
  found["device"] = device->name();
  found["compute_capability"] = py::make_tuple(properties.limits.major, properties.limits.minor);
  found["processors"] = properties.limits.processors;
  found["shared_bytes"] = properties.limits.shared_bytes;
  found["conditional_nodes"] = properties.conditional_nodes;
  found["total_bytes"] = total;
  found["free_bytes"] = available;
  found["in_use_bytes"] = memory.in_use;
  found["pooled_bytes"] = memory.pooled;
  found["peak_bytes"] = memory.peak;
  found["uploads"] = transfers.uploads;
  found["uploaded_bytes"] = transfers.uploaded_bytes;
  found["downloads"] = transfers.downloads;
  found["downloaded_bytes"] = transfers.downloaded_bytes;
  found["stream"] = reinterpret_cast<uintptr_t>(device->stream());
  return found;
}

// Runs `work` on the device without the GIL, which it must not need.
template <class Work>
void on_device(const std::string& name, Work work) {
  Device* device = device_named(name);
  Status status;
  {
    const py::gil_scoped_release release;
    const std::lock_guard<std::recursive_mutex> lock(device->mutex());
    const DeviceScope scope(*device);
    status = scope.status();
    if (status.ok()) status = work(*device);
  }
  throw_if_error(status);
}

void synchronize(const std::string& name) {
  on_device(name, [](Device& device) { return device.synchronize(); });
}

void release_memory(const std::string& name) {
  on_device(name, [](Device& device) { return device.pool().release_waiting(); });
}

void wait_for_stream(const std::string& name, uintptr_t stream) {
  on_device(name,
            [stream](Device& device) { return device.wait_for(reinterpret_cast<void*>(stream)); });
}

void make_stream_wait(const std::string& name, uintptr_t stream) {
  on_device(name,
            [stream](Device& device) { return device.make_wait(reinterpret_cast<void*>(stream)); });
}

}  // namespace

void register_device(py::module_& m) {
  py::class_<DeviceArray>(m, "DeviceArray")
      .def(py::init<const std::string&, py::handle, py::handle>(), py::arg("device"),
           py::arg("dtype"), py::arg("shape"))
      .def_property_readonly("device", [](const DeviceArray& a) { return a.device().name(); })
      .def_property_readonly("dtype",
                             [](const DeviceArray& a) { return dtype_name(a.spec().dtype); })
      .def_property_readonly("shape",
                             [](const DeviceArray& a) { return shape_to_python(a.spec()); })
      .def_property_readonly("nbytes", &DeviceArray::bytes)
      .def_property_readonly("ptr", &DeviceArray::pointer)
      .def_property_readonly("__cuda_array_interface__", &DeviceArray::interface)
      .def("upload", &DeviceArray::upload, py::arg("array"), py::arg("beside") = false)
      .def("download", &DeviceArray::download, py::arg("array"))
      .def("rows", &DeviceArray::rows, py::arg("begin"), py::arg("end"))
      .def("reshape", &DeviceArray::reshape, py::arg("shape"));

  py::class_<PyMirror>(m, "Mirror")
      .def(py::init<py::object>(), py::arg("array"))
      .def("on_device", &PyMirror::on_device, py::arg("device"))
      .def("to_host", &PyMirror::to_host)
      .def("host_written", [](const PyMirror& mirror) { mirror.mirror()->host_written(); })
      .def("device_written", [](const PyMirror& mirror) { mirror.mirror()->device_written(); })
      .def_property_readonly("host_is_stale",
                             [](const PyMirror& m) { return m.mirror()->host_is_stale(); })
      .def_property_readonly("device_is_stale",
                             [](const PyMirror& m) { return m.mirror()->device_is_stale(); });

  m.def("devices", &devices);
  m.def("device_info", &device_info, py::arg("device"));
  m.def("synchronize", &synchronize, py::arg("device"));
  m.def("release_memory", &release_memory, py::arg("device"));
  m.def("wait_for_stream", &wait_for_stream, py::arg("device"), py::arg("stream"));
  m.def("make_stream_wait", &make_stream_wait, py::arg("device"), py::arg("stream"));
}

}  // namespace pydl
