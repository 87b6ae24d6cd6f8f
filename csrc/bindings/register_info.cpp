#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/register.h"
#include "kernels/registry.h"
#include "runtime/arena.h"
#include "runtime/crew.h"
#include "runtime/limits.h"

namespace pydl {
namespace {

namespace py = pybind11;

py::dict info() {
  const ThreadLimits limits = find_thread_limits();
  std::vector<std::string> bundles;
  for (const Bundle* bundle : available_bundles()) bundles.emplace_back(bundle->isa);
  const Bundle* chosen = find_bundle("");
  py::dict found;
  found["version"] = PYDL_VERSION;
  found["compiler"] = PYDL_COMPILER;
  found["build_type"] = PYDL_BUILD_TYPE;
  found["sanitize"] = PYDL_SANITIZE;
  found["bundles"] = bundles;
  found["isa"] = chosen == nullptr ? "" : chosen->isa;
  found["threads"] = thread_count();
  found["affinity_threads"] = limits.affinity;
  found["cgroup_threads"] = limits.cgroup;
  found["environment_threads"] = limits.environment;
  found["arena_pool_bytes"] = arena_pool_bytes();
  return found;
}

void set_threads(int count) {
  if (count < 0 || count > 256) {
    throw py::value_error("count: expected 0 (automatic) to 256, received " +
                          std::to_string(count));
  }
  const py::gil_scoped_release release;  // joins the old workers, which never take the GIL
  set_thread_count(count);
}

}  // namespace

void register_info(py::module_& m) {
  m.def("info", &info);
  m.def("set_threads", &set_threads, py::arg("count"));
  m.def("get_threads", &thread_count);
  m.def("delay_worker", &delay_worker, py::arg("index"), py::arg("microseconds"));
}

}  // namespace pydl
