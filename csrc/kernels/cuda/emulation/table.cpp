// The emulation as a device: what libpydl_cuda.so does on GPUs, on host memory that is kept apart,
// with streams that run at once and graphs that are recordings. PYDL_EMULATED_DEVICES says how many
// there are (2), PYDL_EMULATED_MEMORY how many bytes each has.
#include "runtime/device/table.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/cuda/control.h"
#include "kernels/cuda/emulation/device_memory.h"
#include "kernels/cuda/launch.h"

namespace pydl::emulation {
namespace {

constexpr int kNotCapturing = 401;  // cudaErrorIllegalState
constexpr int kInvalidDevice = 101;
constexpr int kDefaultDevices = 2;

using Conditions = std::vector<std::shared_ptr<int>>;

// A stream, and what the graph captured on it consists of beside launches.
struct DeviceStream : Stream {
  std::shared_ptr<Conditions> conditions;  // of the whole graph
  DeviceStream* parent = nullptr;  // of a body being captured
  std::shared_ptr<int> condition;
  bool loop = false;
};

struct Graph {
  Recording recording;
  Conditions conditions;
};

struct Event {
  std::chrono::steady_clock::time_point time;
};

DeviceStream& as_stream(void* stream) {
  return *static_cast<DeviceStream*>(static_cast<Stream*>(stream));
}

thread_local std::vector<int> entered;

int current_device() { return entered.empty() ? 0 : entered.back(); }

int device_total() {
  const char* text = std::getenv("PYDL_EMULATED_DEVICES");
  const int count = text == nullptr ? 0 : std::atoi(text);
  return count > 0 ? count : kDefaultDevices;
}

int driver_version(int* version) {
  *version = 13000;
  return kNoError;
}

int runtime_version(int* version) { return driver_version(version); }

int device_count(int* count) {
  *count = device_total();
  return kNoError;
}

int properties(int device, DeviceProperties* out) {
  if (device < 0 || device >= device_total()) return kInvalidDevice;
  *out = {};
  std::snprintf(out->name, sizeof(out->name), "emulated GPU");
  out->limits = {0, 0, 4, 227 * 1024, memory_limit()};
  out->conditional_nodes = true;
  return kNoError;
}

const char* error_text(int error) {
  switch (error) {
    case kNoError: return "no error";
    case kInvalidValue: return "invalid argument";
    case kNoMemory: return "out of memory";
    case kInvalidDevice: return "invalid device ordinal";
    case kNotCapturing: return "the stream is not being captured";
    case kIllegalAddress: return "an illegal memory access was encountered";
    default: return "a kernel failed; the emulation has told why on stderr";
  }
}

int enter(int device) {
  if (device < 0 || device >= device_total()) return kInvalidDevice;
  entered.push_back(device);
  return kNoError;
}

int leave() {
  if (entered.empty()) return kInvalidDevice;
  entered.pop_back();
  return kNoError;
}

int memory_info(int64_t* available, int64_t* total) {
  *total = memory_limit();
  *available = *total - memory_in_use(current_device());
  return kNoError;
}

int allocate(void** memory, int64_t bytes) {
  return allocate_memory(current_device(), memory, bytes);
}

int allocate_pinned(void** memory, int64_t bytes) {
  *memory = std::malloc(static_cast<size_t>(bytes));
  return *memory == nullptr ? kNoMemory : kNoError;
}

int release_pinned(void* memory) {
  std::free(memory);
  return kNoError;
}

int copy(void* to, const void* from, int64_t bytes, CopyKind kind, void* stream) {
  const bool to_device = kind != CopyKind::kToHost;
  const bool from_device = kind != CopyKind::kToDevice;
  const bool right =
      (to_device ? is_device_memory(-1, to, bytes) : !touches_device_memory(to, bytes)) &&
      (from_device ? is_device_memory(-1, from, bytes) : !touches_device_memory(from, bytes));
  if (!right) return kInvalidValue;
  as_stream(stream).enqueue([=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
  return kNoError;
}

int fill(void* to, int byte, int64_t bytes, void* stream) {
  if (!is_device_memory(-1, to, bytes)) return kInvalidValue;
  as_stream(stream).enqueue([=] { std::memset(to, byte, static_cast<size_t>(bytes)); });
  return kNoError;
}

int device_of(const void* memory, int* device) {
  *device = owner_of(memory);
  return kNoError;
}

int check_memory(const void* memory, int64_t bytes) {
  return is_device_memory(current_device(), memory, bytes) ? kNoError : kIllegalAddress;
}

int create_stream(void** stream) {
  *stream = static_cast<Stream*>(new DeviceStream);
  return kNoError;
}

int destroy_stream(void* stream) {
  delete &as_stream(stream);
  return kNoError;
}

int create_event(void** event, bool) {
  *event = new Event;
  return kNoError;
}

int destroy_event(void* event) {
  delete static_cast<Event*>(event);
  return kNoError;
}

int record_event(void* event, void*) {
  static_cast<Event*>(event)->time = std::chrono::steady_clock::now();
  return kNoError;
}

int do_nothing(void*) { return kNoError; }  // all work is done when it is enqueued
int wait_event(void*, void*) { return kNoError; }

int elapsed(void* start, void* end, double* seconds) {
  const auto& first = static_cast<Event*>(start)->time;
  const auto& last = static_cast<Event*>(end)->time;
  *seconds = std::chrono::duration<double>(last - first).count();
  return kNoError;
}

int begin_capture(void* stream) {
  DeviceStream& s = as_stream(stream);
  if (s.recording()) return kNotCapturing;
  s.conditions = std::make_shared<Conditions>();
  s.begin_recording();
  return kNoError;
}

int end_capture(void* stream, void** graph) {
  DeviceStream& s = as_stream(stream);
  if (!s.recording()) return kNotCapturing;
  Recording recording = s.end_recording();
  const std::shared_ptr<Conditions> conditions = std::exchange(s.conditions, nullptr);
  if (graph != nullptr) *graph = new Graph{std::move(recording), std::move(*conditions)};
  return kNoError;
}

int launch_graph(void* graph, void* stream) {
  const auto* g = static_cast<const Graph*>(graph);
  as_stream(stream).enqueue([g] {
    for (const auto& condition : g->conditions) *condition = 0;
    g->recording.run();
  });
  return kNoError;
}

int destroy_graph(void* graph) {
  delete static_cast<Graph*>(graph);
  return kNoError;
}

int create_condition(void* stream, uint64_t* condition) {
  DeviceStream& s = as_stream(stream);
  if (s.conditions == nullptr) return kNotCapturing;
  s.conditions->push_back(std::make_shared<int>(0));
  *condition = reinterpret_cast<uint64_t>(s.conditions->back().get());
  return kNoError;
}

int begin_conditional(void* stream, uint64_t condition, bool loop, void* body) {
  DeviceStream& s = as_stream(stream);
  DeviceStream& b = as_stream(body);
  if (s.conditions == nullptr || b.recording()) return kNotCapturing;
  for (const auto& known : *s.conditions) {
    if (reinterpret_cast<uint64_t>(known.get()) != condition) continue;
    b.conditions = s.conditions;
    b.parent = &s;
    b.condition = known;
    b.loop = loop;
    b.begin_recording();
    return kNoError;
  }
  return kInvalidValue;
}

int end_conditional(void* body) {
  DeviceStream& b = as_stream(body);
  if (!b.recording() || b.parent == nullptr) return kNotCapturing;
  const auto recording = std::make_shared<const Recording>(b.end_recording());
  const std::shared_ptr<int> condition = std::exchange(b.condition, nullptr);
  b.conditions = nullptr;
  std::exchange(b.parent, nullptr)->enqueue([recording, condition, loop = b.loop] {
    while (*condition != 0) {
      recording->run();
      if (!loop) return;
    }
  });
  return kNoError;
}

// The families of the bundle "emulated", as a device has them.
const Bundle kDeviceBundle = {"cuda", emulated::kBundle.families, emulated::kBundle.count, true};

const DeviceTable kTable = {
    .version = kDeviceTableVersion,
    .filler = "emulated",
    .bundle = &kDeviceBundle,
    .driver_version = driver_version,
    .runtime_version = runtime_version,
    .device_count = device_count,
    .properties = properties,
    .error_text = error_text,
    .enter = enter,
    .leave = leave,
    .memory_info = memory_info,
    .allocate = allocate,
    .release = release_memory,
    .allocate_pinned = allocate_pinned,
    .release_pinned = release_pinned,
    .copy = copy,
    .fill = fill,
    .device_of = device_of,
    .check_memory = check_memory,
    .create_stream = create_stream,
    .destroy_stream = destroy_stream,
    .synchronize_stream = do_nothing,
    .synchronize_device = [] { return kNoError; },
    .create_event = create_event,
    .destroy_event = destroy_event,
    .record_event = record_event,
    .wait_event = wait_event,
    .synchronize_event = do_nothing,
    .elapsed = elapsed,
    .take_launch_error = emulated::take_launch_error,
    .begin_capture = begin_capture,
    .end_capture = end_capture,
    .launch_graph = launch_graph,
    .destroy_graph = destroy_graph,
    .create_condition = create_condition,
    .begin_conditional = begin_conditional,
    .end_conditional = end_conditional,
    .set_if = emulated::set_if,
    .begin_loop = emulated::begin_loop,
    .begin_pass = emulated::begin_pass,
    .end_pass = emulated::end_pass,
    .push_range = nullptr,
    .pop_range = nullptr,
};

}  // namespace
}  // namespace pydl::emulation

namespace pydl {

const DeviceTable* emulated_device_table() { return &emulation::kTable; }

}  // namespace pydl
