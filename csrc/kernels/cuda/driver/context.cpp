#include "kernels/cuda/driver/context.h"

#include <cuda.h>
#include <cuda_runtime.h>

#include <mutex>

namespace pydl::cuda {
namespace {

constexpr int kMostDevices = 64;

// Fetched at run time, so that the library loads without a driver.
struct Driver {
  CUresult (*init)(unsigned) = nullptr;
  CUresult (*retain)(CUcontext*, CUdevice) = nullptr;
  CUresult (*push)(CUcontext) = nullptr;
  CUresult (*pop)(CUcontext*) = nullptr;
  int error = 0;
};

template <class Function>
int fetch(const char* name, Function* function) {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
#if CUDART_VERSION >= 12050
  const cudaError_t error =
      cudaGetDriverEntryPointByVersion(name, &found, 12000, cudaEnableDefault, &result);
#else
  const cudaError_t error = cudaGetDriverEntryPoint(name, &found, cudaEnableDefault, &result);
#endif
  *function = reinterpret_cast<Function>(found);
  if (error != cudaSuccess) return error;
  return result == cudaDriverEntryPointSuccess ? 0 : cudaErrorSymbolNotFound;
}

Driver find_driver() {
  Driver driver;
  driver.error = fetch("cuInit", &driver.init);
  if (driver.error == 0) driver.error = driver.init(0);
  if (driver.error == 0) driver.error = fetch("cuDevicePrimaryCtxRetain", &driver.retain);
  if (driver.error == 0) driver.error = fetch("cuCtxPushCurrent", &driver.push);
  if (driver.error == 0) driver.error = fetch("cuCtxPopCurrent", &driver.pop);
  return driver;
}

const Driver& driver() {
  static const Driver found = find_driver();
  return found;
}

// Retained once, for as long as the process lives. Device numbers of the runtime are the driver's.
int primary_context(int device, CUcontext* context) {
  static std::mutex mutex;
  static CUcontext contexts[kMostDevices] = {};
  if (device < 0 || device >= kMostDevices) return cudaErrorInvalidDevice;
  const std::lock_guard<std::mutex> lock(mutex);
  int error = 0;
  if (contexts[device] == nullptr) error = driver().retain(&contexts[device], device);
  *context = contexts[device];
  return error;
}

}  // namespace

int enter(int device) {
  if (driver().error != 0) return driver().error;
  CUcontext context = nullptr;
  const int error = primary_context(device, &context);
  return error != 0 ? error : driver().push(context);
}

int leave() {
  CUcontext left = nullptr;
  return driver().pop(&left);
}

}  // namespace pydl::cuda
