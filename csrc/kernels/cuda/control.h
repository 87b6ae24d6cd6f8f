// The small kernels that let a loop move on without the host: they count passes, copy the slices of
// stepped operands and set the conditions of a graph's IF and WHILE nodes.
#pragma once

#include "kernels/cuda/bundle.h"
#include "runtime/device/table.h"

namespace pydl::PYDL_GPU {

void set_if(const int64_t* flag, uint64_t condition, void* stream);
void begin_loop(const LoopCall& loop, uint64_t condition, void* stream);
void begin_pass(const LoopCall& loop, void* stream);
void end_pass(const LoopCall& loop, uint64_t condition, void* stream);

// Loads the kernels: loading is not allowed while a graph is captured. 0 or an error.
int load_control_kernels();

}  // namespace pydl::PYDL_GPU
