// The .pydl file: a safetensors file whose tensors are the state of the plan in its header.
//
// 1. 8 bytes: the length of the header, little-endian. Then the header, JSON, padded with spaces so
//    that the data begins at a multiple of 64 bytes. Then the data, to the end of the file.
// 2. Header: {"__metadata__": {"format": "pydl", "version": "1", "plan": plan text, "crc32c": hex},
//             name: {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, ...}
//    with one tensor per state slot, in any order.
// 3. safetensors allows no byte outside tensors, so a tensor whose size is not a multiple of 64 is
//    followed by a uint8 tensor "__pad_<n>" of zeros, at most 63 long: every state tensor then
//    begins at a multiple of 64 bytes in the file and may be mapped. Readers need not rely on it.
// 4. "crc32c": CRC-32C of the plan text followed by the data, 8 hexadecimal digits. It may be
// absent;
//    when present it must match.
// 5. Read strictly: tensors in order of begin cover the data without hole or overlap; each slot's
//    dtype and shape are the plan's; sizes are checked against the file before memory is asked for;
//    header at most 100 MB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plan/dtype.h"

namespace pydl {

constexpr int64_t kFileAlignment = 64;
constexpr int64_t kMaxHeaderBytes = 100'000'000;
constexpr std::string_view kPadPrefix = "__pad_";

// safetensors' names, in enum order.
constexpr const char* kFileDtypes[kDTypeCount] = {"F32", "F64", "F16", "BF16", "I8",  "I16",
                                                  "I32", "I64", "U8",  "U16",  "U32", "BOOL"};

// CRC-32C (Castagnoli) of more bytes; begin with 0.
uint32_t crc32c(uint32_t crc, const void* data, size_t bytes);
std::string crc_text(uint32_t crc);  // 8 lower-case hexadecimal digits

}  // namespace pydl
