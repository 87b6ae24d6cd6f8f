#include "runtime/device/loader.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <mutex>

#include "plan/op.h"

namespace pydl {
namespace {

constexpr const char* kLibrary = "libpydl_cuda.so";

struct Found {
  Status status;
  const DeviceTable* table = nullptr;
  std::string path;
};

bool find_named_opcode(const char* name, size_t length, Opcode* op) {
  return find_opcode({name, length}, op);
}

constexpr HostServices kServices = {kDeviceTableVersion, attr_int,   attr_float,       attr_string,
                                    attr_ints,           bind_alloc, find_named_opcode};

// Beside the library that this code is in.
std::string default_path() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&kServices), &info) == 0 || info.dli_fname == nullptr) {
    return kLibrary;
  }
  const std::string here = info.dli_fname;
  const size_t slash = here.rfind('/');
  return slash == std::string::npos ? kLibrary : here.substr(0, slash + 1) + kLibrary;
}

Status missing(std::string message) { return Status(Code::kNotFound, std::move(message)); }

std::string last_dl_error() {
  const char* text = dlerror();
  return text == nullptr ? "unknown error" : text;
}

Status load(const std::string& path, const DeviceTable** table) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return missing("this build cannot use GPUs: " + last_dl_error() +
                   " (built with PYDL_CUDA=ON? PYDL_CUDA_LIBRARY names another file)");
  }
  void* symbol = dlsym(library, kDeviceTableSymbol);
  if (symbol == nullptr) return missing(path + " is not a library of pydl's: " + last_dl_error());
  DeviceTableFn make = nullptr;
  static_assert(sizeof(make) == sizeof(symbol));
  std::memcpy(&make, &symbol, sizeof(make));
  *table = make(&kServices);
  if (*table != nullptr && (*table)->version == kDeviceTableVersion) return {};
  *table = nullptr;
  return missing(path + " belongs to another version of pydl; reinstall both");
}

Status count_devices(const DeviceTable& table, const std::string& path) {
  int count = 0;
  const int error = table.device_count(&count);
  if (error != kDeviceOk) {
    return missing("no GPU can be used (" + path + "): " + table.error_text(error));
  }
  return count > 0 ? Status() : missing("no GPU can be used (" + path + "): there is none");
}

Found find() {
  Found found;
  const char* chosen = std::getenv("PYDL_CUDA");
  if (chosen != nullptr && std::strcmp(chosen, "emulated") == 0) {
#ifdef PYDL_HAVE_EMULATED
    found.table = emulated_device_table();
#else
    found.status = missing("PYDL_CUDA=emulated: this build has no emulation (PYDL_EMULATION=ON)");
#endif
    return found;
  }
  if (chosen != nullptr && std::strcmp(chosen, "off") == 0) {
    found.status = missing("PYDL_CUDA=off: GPUs are not used");
    return found;
  }
  const char* named = std::getenv("PYDL_CUDA_LIBRARY");
  found.path = named == nullptr || *named == '\0' ? default_path() : named;
  found.status = load(found.path, &found.table);
  if (found.status.ok()) found.status = count_devices(*found.table, found.path);
  return found;
}

// Leaked on purpose, as the library is: programs may run while static objects are destroyed.
const Found& found_once() {
  static const Found* found = new Found(find());
  return *found;
}

}  // namespace

Status find_device_table(const DeviceTable** table) {
  const Found& found = found_once();
  *table = found.status.ok() ? found.table : nullptr;
  return found.status;
}

std::string device_library_path() { return found_once().path; }

CudaVersions cuda_versions() {
  CudaVersions versions;
  const DeviceTable* table = found_once().table;
  if (table == nullptr) return versions;
  if (table->driver_version(&versions.driver) != kDeviceOk) versions.driver = 0;
  if (table->runtime_version(&versions.runtime) != kDeviceOk) versions.runtime = 0;
  return versions;
}

}  // namespace pydl
