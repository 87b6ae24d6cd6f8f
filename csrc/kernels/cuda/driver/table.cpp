// libpydl_cuda.so's table.
#include "runtime/device/table.h"

#include <cuda_runtime.h>

#include <cstdio>

#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define PYDL_HAVE_NVTX
#endif

#include "kernels/cuda/control.h"
#include "kernels/cuda/driver/conditional.h"
#include "kernels/cuda/driver/context.h"
#include "kernels/cuda/driver/services.h"
#include "kernels/cuda/launch.h"

namespace pydl::cuda {
namespace {

static_assert(kDeviceNoMemory == cudaErrorMemoryAllocation);
static_assert(kDeviceInvalid == cudaErrorInvalidValue);

constexpr int kConditionalDriver = 12040;

cudaStream_t as_stream(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t as_event(void* event) { return static_cast<cudaEvent_t>(event); }

// An error is told once: the runtime's own memory of it would come up in an innocent call.
int told(cudaError_t error) {
  if (error != cudaSuccess) cudaGetLastError();
  return error;
}

int driver_version(int* version) { return told(cudaDriverGetVersion(version)); }
int runtime_version(int* version) { return told(cudaRuntimeGetVersion(version)); }
int device_count(int* count) { return told(cudaGetDeviceCount(count)); }

int properties(int device, DeviceProperties* out) {
  cudaDeviceProp found;
  int error = told(cudaGetDeviceProperties(&found, device));
  if (error != 0) return error;
  *out = {};
  std::snprintf(out->name, sizeof(out->name), "%s", found.name);
  out->limits = {found.major, found.minor, found.multiProcessorCount,
                 static_cast<int64_t>(found.sharedMemPerBlockOptin),
                 static_cast<int64_t>(found.totalGlobalMem)};
  int version = 0;
  error = driver_version(&version);
  out->conditional_nodes = CUDART_VERSION >= kConditionalDriver && version >= kConditionalDriver;
  return error;
}

// Numbers of the driver's are the runtime's.
const char* error_text(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

int enter_ready(int device) {
  const int error = enter(device);
  if (error != 0) return error;
  static const int loaded = load_control_kernels();
  return loaded;
}

int memory_info(int64_t* available, int64_t* total) {
  size_t free_bytes = 0, all = 0;
  const int error = told(cudaMemGetInfo(&free_bytes, &all));
  *available = static_cast<int64_t>(free_bytes);
  *total = static_cast<int64_t>(all);
  return error;
}

int allocate(void** memory, int64_t bytes) {
  return told(cudaMalloc(memory, static_cast<size_t>(bytes)));
}
int release(void* memory) { return told(cudaFree(memory)); }
int allocate_pinned(void** memory, int64_t bytes) {
  return told(cudaHostAlloc(memory, static_cast<size_t>(bytes), cudaHostAllocPortable));
}
int release_pinned(void* memory) { return told(cudaFreeHost(memory)); }

int copy(void* to, const void* from, int64_t bytes, CopyKind kind, void* stream) {
  constexpr cudaMemcpyKind kKinds[] = {cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost,
                                       cudaMemcpyDeviceToDevice};
  return told(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), kKinds[static_cast<int>(kind)],
                              as_stream(stream)));
}
int fill(void* to, int byte, int64_t bytes, void* stream) {
  return told(cudaMemsetAsync(to, byte, static_cast<size_t>(bytes), as_stream(stream)));
}

int device_of(const void* memory, int* device) {
  cudaPointerAttributes found;
  const int error = told(cudaPointerGetAttributes(&found, memory));
  const bool on_device =
      error == 0 && (found.type == cudaMemoryTypeDevice || found.type == cudaMemoryTypeManaged);
  *device = on_device ? found.device : -1;
  return error;
}

int create_stream(void** stream) {
  return told(
      cudaStreamCreateWithFlags(reinterpret_cast<cudaStream_t*>(stream), cudaStreamNonBlocking));
}
int destroy_stream(void* stream) { return told(cudaStreamDestroy(as_stream(stream))); }
int synchronize_stream(void* stream) { return told(cudaStreamSynchronize(as_stream(stream))); }
int synchronize_device() { return told(cudaDeviceSynchronize()); }
int create_event(void** event, bool timed) {
  return told(cudaEventCreateWithFlags(reinterpret_cast<cudaEvent_t*>(event),
                                       timed ? cudaEventDefault : cudaEventDisableTiming));
}
int destroy_event(void* event) { return told(cudaEventDestroy(as_event(event))); }
int record_event(void* event, void* stream) {
  return told(cudaEventRecord(as_event(event), as_stream(stream)));
}
int wait_event(void* stream, void* event) {
  return told(cudaStreamWaitEvent(as_stream(stream), as_event(event), 0));
}
int synchronize_event(void* event) { return told(cudaEventSynchronize(as_event(event))); }
int elapsed(void* start, void* end, double* seconds) {
  float milliseconds = 0.0f;
  const int error = told(cudaEventElapsedTime(&milliseconds, as_event(start), as_event(end)));
  *seconds = milliseconds * 1e-3;
  return error;
}

int take_error() {
  const int error = take_launch_error();
  return error != 0 ? error : cudaGetLastError();
}

#ifdef PYDL_HAVE_NVTX
void push_range(const char* name) { nvtxRangePushA(name); }
void pop_range() { nvtxRangePop(); }
#else
constexpr void (*push_range)(const char*) = nullptr;
constexpr void (*pop_range)() = nullptr;
#endif

}  // namespace

const DeviceTable kTable = {
    .version = kDeviceTableVersion,
    .filler = "cuda",
    .bundle = &kBundle,
    .driver_version = driver_version,
    .runtime_version = runtime_version,
    .device_count = device_count,
    .properties = properties,
    .error_text = error_text,
    .enter = enter_ready,
    .leave = leave,
    .memory_info = memory_info,
    .allocate = allocate,
    .release = release,
    .allocate_pinned = allocate_pinned,
    .release_pinned = release_pinned,
    .copy = copy,
    .fill = fill,
    .device_of = device_of,
    .check_memory = nullptr,
    .create_stream = create_stream,
    .destroy_stream = destroy_stream,
    .synchronize_stream = synchronize_stream,
    .synchronize_device = synchronize_device,
    .create_event = create_event,
    .destroy_event = destroy_event,
    .record_event = record_event,
    .wait_event = wait_event,
    .synchronize_event = synchronize_event,
    .elapsed = elapsed,
    .take_launch_error = take_error,
    .begin_capture = begin_capture,
    .end_capture = end_capture,
    .launch_graph = launch_graph,
    .destroy_graph = destroy_graph,
    .create_condition = create_condition,
    .begin_conditional = begin_conditional,
    .end_conditional = end_conditional,
    .set_if = set_if,
    .begin_loop = begin_loop,
    .begin_pass = begin_pass,
    .end_pass = end_pass,
    .push_range = push_range,
    .pop_range = pop_range,
};

}  // namespace pydl::cuda

extern "C" __attribute__((visibility("default"))) const pydl::DeviceTable* pydl_cuda_table(
    const pydl::HostServices* services) {
  if (services == nullptr || services->version != pydl::kDeviceTableVersion) return nullptr;
  pydl::cuda::set_services(services);
  return &pydl::cuda::kTable;
}
