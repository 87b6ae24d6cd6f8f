// Graphs, and their IF and WHILE nodes (CUDA 12.4 and later), by capture.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace pydl::cuda {

int begin_capture(void* stream);
int end_capture(void* stream, void** graph);
int launch_graph(void* graph, void* stream);
int destroy_graph(void* graph);
int create_condition(void* stream, uint64_t* condition);
int begin_conditional(void* stream, uint64_t condition, bool loop, void* body);
int end_conditional(void* body);

}  // namespace pydl::cuda
