// Single blocks of device memory made, filled and read by callers that hold no lock and have
// entered no device.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/device/memory.h"

namespace pydl {

PYDL_EXPORT Status allocate(Device* device, int64_t bytes, const std::string& purpose,
                            std::shared_ptr<DeviceMemory>* out);
PYDL_EXPORT Status upload(const DeviceMemory& to, const void* from, int64_t bytes);
// `beside`: no program uses the memory any more, the copy need not wait for them.
PYDL_EXPORT Status upload(Device* device, void* to, const void* from, int64_t bytes,
                          bool beside = false);
// Waits for the device's programs. The address may be any in the device's memory.
PYDL_EXPORT Status download(const DeviceMemory& from, void* to, int64_t bytes);
PYDL_EXPORT Status download(Device* device, const void* from, void* to, int64_t bytes);

}  // namespace pydl
