// The memory of emulated devices: host memory that libpydl must not take for its own. Every block
// has guards around it; what lies in which block is known.
#pragma once

#include <cstdint>

namespace pydl::emulation {

// Numbers of CUDA's.
constexpr int kNoError = 0;
constexpr int kInvalidValue = 1;
constexpr int kNoMemory = 2;
constexpr int kIllegalAddress = 700;

constexpr int64_t kDefaultMemory = int64_t{1} << 36;

// What a device has: PYDL_EMULATED_MEMORY, read at each call.
int64_t memory_limit();
int64_t memory_in_use(int device);

// Garbage that shows: NaN in every float.
int allocate_memory(int device, void** memory, int64_t bytes);
// kIllegalAddress when something wrote beyond the block.
int release_memory(void* memory);
// Whether the bytes lie in one block in use, of any device for -1.
bool is_device_memory(int device, const void* memory, int64_t bytes);
int owner_of(const void* memory);  // a device, -1 for none
// Whether any of the bytes belong to a block or to its guards.
bool touches_device_memory(const void* memory, int64_t bytes);

}  // namespace pydl::emulation
