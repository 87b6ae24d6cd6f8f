// Finds the table of device functions: libpydl_cuda.so, loaded when a GPU is first asked for, or
// the emulation where PYDL_CUDA=emulated asks for it.
#pragma once

#include <string>

#include "plan/export.h"
#include "plan/status.h"
#include "runtime/device/table.h"

namespace pydl {

// kNotFound, with what is missing, where no GPU can be used. Loaded once and never unloaded; a
// failure is remembered too.
PYDL_EXPORT Status find_device_table(const DeviceTable** table);

// The file that was loaded, "" for none or for the emulation.
PYDL_EXPORT std::string device_library_path();

// Versions of CUDA, 12040 for 12.4, and 0 for what is not there: known where the library is, even
// when it finds no GPU.
struct CudaVersions {
  int driver = 0;
  int runtime = 0;
};
PYDL_EXPORT CudaVersions cuda_versions();

}  // namespace pydl
