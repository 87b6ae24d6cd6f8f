// The opcode numbers. POD only: kernels compiled per instruction set include this file.
#pragma once

#include <cstdint>

namespace pydl {

enum class Opcode : uint16_t {
#define PYDL_OPCODE(name, family) name,
#include "plan/opcodes.def"
#undef PYDL_OPCODE
};
constexpr int kOpcodeCount = 0
#define PYDL_OPCODE(name, family) +1
#include "plan/opcodes.def"
#undef PYDL_OPCODE
    ;

}  // namespace pydl
