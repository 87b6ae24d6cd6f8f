// What libpydl asks of GPUs: one table of functions, filled by libpydl_cuda.so and, in test builds,
// by the emulation. libpydl itself knows nothing of CUDA.
//
// Functions return 0 or an error number of CUDA's, for which error_text has words; the numbers
// named below are the only ones libpydl looks at. Streams, events and graphs are opaque. All work
// is asynchronous, in the order of its stream. Between `enter` and `leave` the calling thread works
// on that device; the calls nest and leave the caller's own choice of device as it was.
#pragma once

#include <cstdint>

#include "kernels/kernel.h"

namespace pydl {

constexpr uint32_t kDeviceTableVersion = 2;

constexpr int kDeviceOk = 0;
constexpr int kDeviceInvalid = 1;
constexpr int kDeviceNoMemory = 2;

struct DeviceProperties {
  char name[256];
  DeviceLimits limits;
  bool conditional_nodes;  // graphs may hold IF and WHILE nodes
};

enum class CopyKind : int { kToDevice, kToHost, kOnDevice };

// A loop's place, in device memory.
struct LoopControl {
  int64_t pass;  // the running one; after the loop, how many were made; 0 when it begins
  int64_t count;
  int64_t running;  // whether another pass follows
};

// A stepped input or output of a loop, in device memory: `window` holds the slice of the running
// pass, which begins at `base + pass * step`.
struct Slice {
  unsigned char* base;
  unsigned char* window;
  int64_t step;
  int64_t bytes;
  int64_t load;  // flags: copied into the window before a pass, out of it after
  int64_t store;
};

// What the kernels that move a loop on are given. `many_bytes`: the slices deserve a launch of
// their own, over the whole device; else the launches of begin_loop and end_pass move them too.
struct LoopCall {
  LoopControl* control;
  const Slice* slices;
  int n_slices;
  bool many_bytes;
  const int64_t* stop;  // null: none
  const int64_t* count;  // of an inner loop, where the program has it; null: it stands in control
  int64_t most;  // passes
};

// What the device library needs of libpydl.
struct HostServices {
  uint32_t version;
  int64_t (*attr_int)(const OpView& op, const char* name, int64_t otherwise);
  double (*attr_float)(const OpView& op, const char* name, double otherwise);
  const char* (*attr_string)(const OpView& op, const char* name);
  int (*attr_ints)(const OpView& op, const char* name, const int64_t** values);
  void* (*bind_alloc)(Binder* binder, size_t bytes);
  bool (*find_opcode)(const char* name, size_t length, Opcode* op);
};

struct DeviceTable {
  uint32_t version;
  const char* filler;  // "cuda" or "emulated"
  const Bundle* bundle;

  // 12040 is 12.4. The driver's: the CUDA it was made for, 0 where there is none; the runtime's:
  // the CUDA the filler was built with.
  int (*driver_version)(int* version);
  int (*runtime_version)(int* version);
  int (*device_count)(int* count);
  int (*properties)(int device, DeviceProperties* out);
  const char* (*error_text)(int error);
  int (*enter)(int device);
  int (*leave)();

  int (*memory_info)(int64_t* available, int64_t* total);
  int (*allocate)(void** memory, int64_t bytes);
  int (*release)(void* memory);
  int (*allocate_pinned)(void** memory, int64_t bytes);
  int (*release_pinned)(void* memory);
  int (*copy)(void* to, const void* from, int64_t bytes, CopyKind kind, void* stream);
  int (*fill)(void* to, int byte, int64_t bytes, void* stream);
  // The device whose memory this is, -1 for the host's.
  int (*device_of)(const void* memory, int* device);
  // Whether so many bytes from here on are device memory in use. Null where nobody can tell.
  int (*check_memory)(const void* memory, int64_t bytes);

  int (*create_stream)(void** stream);
  int (*destroy_stream)(void* stream);
  int (*synchronize_stream)(void* stream);
  int (*synchronize_device)();
  int (*create_event)(void** event, bool timed);
  int (*destroy_event)(void* event);
  int (*record_event)(void* event, void* stream);
  int (*wait_event)(void* stream, void* event);  // the stream waits
  int (*synchronize_event)(void* event);  // the caller waits
  int (*elapsed)(void* start, void* end, double* seconds);

  // The first error of a launch of this thread since the last look.
  int (*take_launch_error)();

  // Between them launches on `stream` are written down, not run. end_capture without a place for
  // the result drops what was written.
  int (*begin_capture)(void* stream);
  int (*end_capture)(void* stream, void** graph);
  int (*launch_graph)(void* graph, void* stream);
  int (*destroy_graph)(void* graph);

  // A condition of the graph that `stream` is being captured into, false unless a kernel sets it.
  int (*create_condition)(void* stream, uint64_t* condition);
  // Between them what is launched on `body` becomes the body of an IF or WHILE node of the graph
  // that `stream` is being captured into.
  int (*begin_conditional)(void* stream, uint64_t condition, bool loop, void* body);
  int (*end_conditional)(void* body);

  // Small kernels. `condition` 0: none to set.
  void (*set_if)(const int64_t* flag, uint64_t condition, void* stream);  // true where flag is 0
  void (*begin_loop)(const LoopCall& loop, uint64_t condition, void* stream);
  void (*begin_pass)(const LoopCall& loop, void* stream);
  void (*end_pass)(const LoopCall& loop, uint64_t condition, void* stream);

  void (*push_range)(const char* name);  // for profilers; null where there is none
  void (*pop_range)();
};

// The one symbol of libpydl_cuda.so, of this type. Null when the versions do not fit.
constexpr const char* kDeviceTableSymbol = "pydl_cuda_table";
using DeviceTableFn = const DeviceTable* (*)(const HostServices* services);

#ifdef PYDL_HAVE_EMULATED
// The emulation's filler, in libpydl of builds with PYDL_EMULATION.
const DeviceTable* emulated_device_table();
#endif

}  // namespace pydl
