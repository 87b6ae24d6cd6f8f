// Devices, below programs: memory, copies, mirrors, errors. Runs over the emulation, or a GPU.
#include "runtime/device/device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "runtime/device/loader.h"
#include "runtime/device/mirror.h"
#include "runtime/device/transfer.h"
#include "runtime/state.h"

namespace pydl::test {
namespace {

std::vector<unsigned char> pattern(int64_t bytes, int seed) {
  std::vector<unsigned char> data(static_cast<size_t>(bytes));
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<unsigned char>((i * 131 + i / 251 + static_cast<size_t>(seed)) % 253);
  }
  return data;
}

void names(Device* device) {
  Device* found = nullptr;
  expect_ok(Device::find("cuda", &found), "'cuda' is a device");
  expect(found == device, "'cuda' is 'cuda:0'");
  for (const char* name : {"cuda:", "cuda:x", "cuda:-1", "cuda:99", "cuda:0x", "cuda: 1", "gpu"}) {
    const Status status = Device::find(name, &found);
    expect(status.code() == Code::kNotFound, std::string("there is no device ") + name);
  }
  expect(!Device::is_name("cudax") && Device::is_name("cuda:7") && !Device::is_name("emulated"),
         "names of devices");
}

// Sizes around those of the pinned buffers.
void copies(Device* device) {
  constexpr int64_t kChunk = int64_t{8} << 20;
  for (const int64_t bytes : {int64_t{0}, int64_t{1}, int64_t{1000}, kChunk - 1, kChunk, kChunk + 1,
                              2 * kChunk + 12345, 3 * kChunk}) {
    std::shared_ptr<DeviceMemory> memory;
    expect_ok(allocate(device, bytes, "a test", &memory), "allocate");
    const std::vector<unsigned char> data = pattern(bytes, 3);
    std::vector<unsigned char> back(data.size());
    expect_ok(upload(*memory, data.data(), bytes), "upload");
    expect_ok(download(*memory, back.data(), bytes), "download");
    expect(back == data, std::to_string(bytes) + " bytes come back as they were");
  }
}

// Several parts with gaps, small and large, which stay as they are.
void parts(Device* device) {
  constexpr int64_t kBytes = int64_t{20} << 20;
  std::shared_ptr<DeviceMemory> memory;
  expect_ok(allocate(device, kBytes, "a test", &memory), "allocate");
  std::vector<unsigned char> content = pattern(kBytes, 1);
  expect_ok(upload(*memory, content.data(), kBytes), "upload");
  const std::vector<unsigned char> data = pattern(kBytes, 77);
  std::vector<HostPart> list;
  for (const auto& [offset, bytes] : {std::pair<int64_t, int64_t>{256, 10},
                                      {9000, 1 << 20},
                                      {3 << 20, 9 << 20},
                                      {13 << 20, 5},
                                      {kBytes - 7, 7}}) {
    list.push_back({offset, const_cast<unsigned char*>(data.data()) + offset, bytes});
    std::memcpy(content.data() + offset, data.data() + offset, static_cast<size_t>(bytes));
  }
  const std::lock_guard<std::recursive_mutex> lock(device->mutex());
  const DeviceScope scope(*device);
  // Gaps that travel along hold garbage, so parts are compared, not gaps.
  expect_ok(device->staging().upload(memory->data(), list), "upload parts");
  std::vector<unsigned char> back(content.size());
  std::vector<HostPart> returned = list;
  for (HostPart& part : returned) part.host = back.data() + part.offset;
  expect_ok(device->staging().download(memory->data(), returned), "download parts");
  for (const HostPart& part : list) {
    expect(std::memcmp(back.data() + part.offset, part.host, static_cast<size_t>(part.bytes)) == 0,
           "a part comes back as it was");
  }
}

void pool(Device* device) {
  expect_ok(device->pool().release_waiting(), "release");
  const MemoryStatistics before = device->pool().statistics();
  std::shared_ptr<DeviceMemory> first;
  expect_ok(allocate(device, 5000, "a test", &first), "allocate");
  const void* address = first->data();
  const MemoryStatistics with = device->pool().statistics();
  expect(with.in_use >= before.in_use + 5000 && with.peak >= with.in_use, "memory is counted");
  first = nullptr;
  expect(device->pool().statistics().in_use == before.in_use, "a block that is given back is not");
  expect(device->pool().statistics().pooled >= 5000, "it waits in the pool");
  expect_ok(allocate(device, 4000, "a test", &first), "allocate again");
  expect(first->data() == address, "a block is used again");
  first = nullptr;
  const Status status = allocate(device, -1, "a test", &first);
  expect(status.code() == Code::kInvalidArgument, "a negative size is refused");
}

// Asks for more than there is, then for all of it: what waits is released first.
void out_of_memory(Device* device) {
  expect_ok(device->pool().release_waiting(), "release");
  const int64_t used = device->pool().statistics().in_use;  // by the suites before
  setenv("PYDL_EMULATED_MEMORY", std::to_string(100000000 + used).c_str(), 1);
  std::shared_ptr<DeviceMemory> memory;
  Status status = allocate(device, 90 << 20, "a test", &memory);
  expect_ok(status, "most of the memory");
  std::shared_ptr<DeviceMemory> more;
  status = allocate(device, 50 << 20, "one test too many", &more);
  expect(status.code() == Code::kOutOfMemory, "there is not enough for another");
  for (const char* words : {"cuda:0", "out of memory", "52.4 MB", "one test too many", "free"}) {
    expect(status.message().find(words) != std::string::npos, status.message() + " says " + words);
  }
  memory = nullptr;
  expect_ok(allocate(device, 85 << 20, "a test", &more), "what waited made room");
  more = nullptr;
  unsetenv("PYDL_EMULATED_MEMORY");
}

void mirrors(Device* device) {
  std::vector<unsigned char> host = pattern(1000, 5);
  Mirror mirror(host.data(), 1000);
  std::shared_ptr<DeviceMemory> memory;
  expect(mirror.device_is_stale() && !mirror.host_is_stale(), "the host's content is the first");
  expect_ok(mirror.on_device(device, "x", &memory), "to the device");
  expect(!mirror.device_is_stale() && !mirror.host_is_stale(), "both sides are the newest");
  const std::vector<unsigned char> other = pattern(1000, 9);
  expect_ok(upload(*memory, other.data(), 1000), "a write on the device");
  mirror.device_written();
  expect(mirror.host_is_stale() && host != other, "the host's content is stale");
  expect_ok(mirror.to_host(), "to the host");
  expect(host == other && !mirror.host_is_stale(), "the device's content came over");
  std::ranges::copy(pattern(1000, 11), host.begin());
  mirror.host_written();
  expect(mirror.device_is_stale(), "the device's content is stale");
  std::vector<unsigned char> back(1000);
  expect_ok(mirror.on_device(device, "x", &memory), "to the device again");
  expect_ok(download(*memory, back.data(), 1000), "download");
  expect(back == host, "the host's content came over");
}

// The newest content moves from device to device.
void two_devices(Device* device) {
  Device* second = nullptr;
  if (!Device::find(1, &second).ok()) return;
  std::vector<unsigned char> host = pattern(500, 1);
  Mirror mirror(host.data(), 500);
  std::shared_ptr<DeviceMemory> memory;
  expect_ok(mirror.on_device(device, "x", &memory), "on the first");
  const std::vector<unsigned char> other = pattern(500, 2);
  expect_ok(upload(*memory, other.data(), 500), "a write on the first");
  mirror.device_written();
  expect_ok(mirror.on_device(second, "x", &memory), "on the second");
  std::vector<unsigned char> back(500);
  expect_ok(download(*memory, back.data(), 500), "download");
  expect(&memory->device() == second && back == other, "the second has what the first wrote");
}

// Copies from two threads share the pinned buffers.
void two_threads(Device* device) {
  const auto work = [&](int seed) {
    for (int turn = 0; turn < 10; ++turn) {
      const std::vector<unsigned char> data = pattern(300000 + turn, seed + turn);
      std::shared_ptr<DeviceMemory> memory;
      expect_ok(allocate(device, 300000 + turn, "a test", &memory), "allocate");
      std::vector<unsigned char> back(data.size());
      expect_ok(upload(*memory, data.data(), 300000 + turn), "upload");
      expect_ok(download(*memory, back.data(), 300000 + turn), "download");
      expect(back == data, "each thread gets its own bytes back");
    }
  };
  std::thread other(work, 10);
  work(50);
  other.join();
}

// Host memory is not taken for a device's, nor the other way round.
void wrong_memory(Device* device) {
  const DeviceTable& table = device->table();
  if (table.check_memory == nullptr) return;
  std::shared_ptr<DeviceMemory> memory;
  expect_ok(allocate(device, 256, "a test", &memory), "allocate");
  unsigned char host[256] = {};
  const DeviceScope scope(*device);
  void* stream = device->stream();
  expect(table.copy(host, host, 256, CopyKind::kToDevice, stream) == kDeviceInvalid, "to a host");
  expect(table.copy(memory->data(), memory->data(), 8, CopyKind::kToHost, stream) != kDeviceOk,
         "to a device, as if to a host");
  expect(table.copy(memory->data() + 200, host, 5000, CopyKind::kToDevice, stream) != kDeviceOk,
         "beyond a block");
  expect(table.check_memory(host, 1) != kDeviceOk, "host memory is no device's");
  expect(table.check_memory(memory->data(), 256) == kDeviceOk, "device memory is");
}

}  // namespace

bool use_device() {
#ifdef PYDL_EMULATION
  setenv("PYDL_CUDA", "emulated", 0);
#endif
  const DeviceTable* table = nullptr;
  const Status status = find_device_table(&table);
  if (!status.ok()) std::printf("    skipped: %s\n", status.message().c_str());
  return status.ok();
}

void check_devices() {
  if (!use_device()) return;
  Device* device = nullptr;
  expect_ok(Device::find(0, &device), "the first device");
  if (device == nullptr) return;
  names(device);
  copies(device);
  parts(device);
  pool(device);
  if (device->table().check_memory != nullptr) out_of_memory(device);
  mirrors(device);
  two_devices(device);
  two_threads(device);
  wrong_memory(device);
}

}  // namespace pydl::test
