#include "runtime/device/transfer.h"

#include "runtime/device/device.h"

namespace pydl {

Status allocate(Device* device, int64_t bytes, const std::string& purpose,
                std::shared_ptr<DeviceMemory>* out) {
  PYDL_RETURN_IF_ERROR(device->check_process());
  const DeviceScope scope(*device);
  PYDL_RETURN_IF_ERROR(scope.status());
  return device->pool().allocate(bytes, purpose, out);
}

Status upload(const DeviceMemory& to, const void* from, int64_t bytes) {
  return upload(&to.device(), to.data(), from, bytes);
}

Status upload(Device* device, void* to, const void* from, int64_t bytes, bool beside) {
  PYDL_RETURN_IF_ERROR(device->check_process());
  const std::lock_guard<std::recursive_mutex> lock(device->mutex());
  const DeviceScope scope(*device);
  PYDL_RETURN_IF_ERROR(scope.status());
  return device->staging().upload(static_cast<unsigned char*>(to),
                                  {{0, const_cast<void*>(from), bytes}}, beside);
}

Status download(const DeviceMemory& from, void* to, int64_t bytes) {
  return download(&from.device(), from.data(), to, bytes);
}

Status download(Device* device, const void* from, void* to, int64_t bytes) {
  PYDL_RETURN_IF_ERROR(device->check_process());
  const std::lock_guard<std::recursive_mutex> lock(device->mutex());
  const DeviceScope scope(*device);
  PYDL_RETURN_IF_ERROR(scope.status());
  return device->staging().download(static_cast<const unsigned char*>(from), {{0, to, bytes}});
}

}  // namespace pydl
