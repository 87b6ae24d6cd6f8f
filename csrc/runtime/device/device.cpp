#include "runtime/device/device.h"

#include <unistd.h>

#include <charconv>

#include "runtime/device/loader.h"

namespace pydl {
namespace {

constexpr std::string_view kPrefix = "cuda";

// Those opened so far, and the process that did. Leaked on purpose: programs may run while static
// objects are destroyed.
struct Opened {
  std::mutex mutex;
  pid_t process = getpid();
  std::vector<Device*> devices;
};

Opened& opened() {
  static Opened* instance = new Opened;
  return *instance;
}

Status not_found(std::string message) { return Status(Code::kNotFound, std::move(message)); }

}  // namespace

Status count_devices(int* count) {
  *count = 0;
  const DeviceTable* table = nullptr;
  PYDL_RETURN_IF_ERROR(find_device_table(&table));
  const int error = table->device_count(count);
  return error == kDeviceOk ? Status() : not_found(table->error_text(error));
}

bool Device::is_name(std::string_view name) {
  return name.substr(0, kPrefix.size()) == kPrefix &&
         (name.size() == kPrefix.size() || name[kPrefix.size()] == ':');
}

Status Device::find(std::string_view name, Device** out) {
  int index = 0;
  bool number = is_name(name);
  if (number && name.size() > kPrefix.size()) {
    const char* first = name.data() + kPrefix.size() + 1;
    const char* last = name.data() + name.size();
    const auto [end, error] = std::from_chars(first, last, index);
    number = error == std::errc() && end == last && index >= 0;
  }
  if (number) return find(index, out);
  return not_found("device: expected 'cuda' or 'cuda:<number>', received '" +
                   std::string(name.substr(0, 80)) + "'");
}

Status Device::find(int index, Device** out) {
  Opened& all = opened();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (!all.devices.empty()) PYDL_RETURN_IF_ERROR(all.devices.front()->check_process());
  for (Device* device : all.devices) {
    if (device->index_ != index) continue;
    *out = device;
    return {};
  }
  const DeviceTable* table = nullptr;
  PYDL_RETURN_IF_ERROR(find_device_table(&table));
  int count = 0;
  PYDL_RETURN_IF_ERROR(count_devices(&count));
  if (index < 0 || index >= count) {
    return not_found("there is no device cuda:" + std::to_string(index) + ", there are " +
                     std::to_string(count));
  }
  std::unique_ptr<Device> device(new Device(*table, index));
  PYDL_RETURN_IF_ERROR(device->open());
  all.process = getpid();
  *out = device.release();
  all.devices.push_back(*out);
  return {};
}

Device::Device(const DeviceTable& table, int index)
    : table_(table),
      index_(index),
      name_("cuda:" + std::to_string(index)),
      pool_(this),
      staging_(this) {}

Status Device::open() {
  const DeviceScope scope(*this);
  PYDL_RETURN_IF_ERROR(scope.status());
  PYDL_RETURN_IF_ERROR(check(table_.properties(index_, &properties_), "read its properties"));
  PYDL_RETURN_IF_ERROR(check(table_.create_stream(&stream_), "make a stream"));
  PYDL_RETURN_IF_ERROR(check(table_.create_event(&ordering_, false), "make an event"));
  return staging_.open();
}

Status Device::check_process() const {
  if (opened().process == getpid()) return {};
  return Status(Code::kInternal, name_ +
                                     " cannot be used in a process made by fork after its parent "
                                     "has used it; start processes with 'spawn'");
}

Status Device::check(int error, const std::string& operation) const {
  if (error == kDeviceOk) return {};
  const Code code = error == kDeviceNoMemory ? Code::kOutOfMemory : Code::kInternal;
  return Status(code, name_ + ": " + operation + ": " + table_.error_text(error) + " (" +
                          std::to_string(error) + ")");
}

Status Device::capture_stream(size_t depth, void** out) {
  while (capture_streams_.size() <= depth) {
    void* stream = nullptr;
    PYDL_RETURN_IF_ERROR(check(table_.create_stream(&stream), "make a stream"));
    capture_streams_.push_back(stream);
  }
  *out = capture_streams_[depth];
  return {};
}

Status Device::synchronize() {
  const DeviceScope scope(*this);
  PYDL_RETURN_IF_ERROR(scope.status());
  return check(table_.synchronize_stream(stream_), "wait for the programs");
}

Status Device::order(void* first, void* second) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  const DeviceScope scope(*this);
  PYDL_RETURN_IF_ERROR(scope.status());
  PYDL_RETURN_IF_ERROR(check(table_.record_event(ordering_, first), "record an event"));
  return check(table_.wait_event(second, ordering_), "wait for a stream");
}

Status Device::wait_for(void* stream) { return order(stream, stream_); }
Status Device::make_wait(void* stream) { return order(stream_, stream); }

Status Device::workspace(int64_t bytes, const std::string& purpose, unsigned char** out) {
  if (workspace_ == nullptr || workspace_->bytes() < bytes) {
    workspace_ = nullptr;  // its memory may be what the larger one needs
    PYDL_RETURN_IF_ERROR(pool_.allocate(bytes, purpose, &workspace_));
  }
  *out = workspace_->data();
  return {};
}

DeviceScope::DeviceScope(const Device& device)
    : device_(device), status_(device.check(device.table().enter(device.index()), "enter")) {}

DeviceScope::~DeviceScope() {
  if (status_.ok()) static_cast<void>(device_.table().leave());
}

}  // namespace pydl
