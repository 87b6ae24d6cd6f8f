#include "kernels/cuda/driver/conditional.h"

#include <cstddef>
#include <memory>
#include <new>

namespace pydl::cuda {
namespace {

// Launches of other threads are no concern of a capture, and CUDA may load a kernel during one.
constexpr cudaStreamCaptureMode kMode = cudaStreamCaptureModeRelaxed;

cudaStream_t as_stream(void* stream) { return static_cast<cudaStream_t>(stream); }

// What a stream is being captured into, and the nodes its next node depends on.
struct Capture {
  cudaGraph_t graph = nullptr;
  const cudaGraphNode_t* nodes = nullptr;
  size_t n_nodes = 0;
};

cudaError_t find_capture(cudaStream_t stream, Capture* capture) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
#if CUDART_VERSION >= 13000
  const cudaGraphEdgeData* edges = nullptr;
  const cudaError_t error = cudaStreamGetCaptureInfo(stream, &status, nullptr, &capture->graph,
                                                     &capture->nodes, &edges, &capture->n_nodes);
#else
  const cudaError_t error = cudaStreamGetCaptureInfo_v2(stream, &status, nullptr, &capture->graph,
                                                        &capture->nodes, &capture->n_nodes);
#endif
  if (error != cudaSuccess) return error;
  return status == cudaStreamCaptureStatusActive ? cudaSuccess : cudaErrorIllegalState;
}

#if CUDART_VERSION >= 12040

cudaError_t add_node(const Capture& capture, cudaGraphNodeParams* params, cudaGraphNode_t* node) {
#if CUDART_VERSION >= 13000
  return cudaGraphAddNode(node, capture.graph, capture.nodes, nullptr, capture.n_nodes, params);
#else
  return cudaGraphAddNode(node, capture.graph, capture.nodes, capture.n_nodes, params);
#endif
}

// What follows on the stream waits for the node.
cudaError_t continue_after(cudaStream_t stream, cudaGraphNode_t node) {
#if CUDART_VERSION >= 13000
  return cudaStreamUpdateCaptureDependencies(stream, &node, nullptr, 1,
                                             cudaStreamSetCaptureDependencies);
#else
  return cudaStreamUpdateCaptureDependencies(stream, &node, 1, cudaStreamSetCaptureDependencies);
#endif
}

#endif

// The handles of conditional nodes belong to the graph that was captured: it is kept.
struct Graph {
  cudaGraph_t captured = nullptr;
  cudaGraphExec_t ready = nullptr;
};

int destroy(const Graph& graph) {
  const cudaError_t error =
      graph.ready == nullptr ? cudaSuccess : cudaGraphExecDestroy(graph.ready);
  if (graph.captured != nullptr) cudaGraphDestroy(graph.captured);
  return error;
}

}  // namespace

int begin_capture(void* stream) { return cudaStreamBeginCapture(as_stream(stream), kMode); }

int end_capture(void* stream, void** graph) {
  Graph made;
  cudaError_t error = cudaStreamEndCapture(as_stream(stream), &made.captured);
  if (graph != nullptr) *graph = nullptr;
  if (error == cudaSuccess && graph != nullptr) {
    error = cudaGraphInstantiate(&made.ready, made.captured, 0);
  }
  if (error == cudaSuccess && graph != nullptr) {
    *graph = new (std::nothrow) Graph(made);
    if (*graph == nullptr) error = cudaErrorMemoryAllocation;
  }
  if (error != cudaSuccess || graph == nullptr) {
    destroy(made);
    cudaGetLastError();  // told here, not by the next call
  }
  return error;
}

int launch_graph(void* graph, void* stream) {
  return cudaGraphLaunch(static_cast<Graph*>(graph)->ready, as_stream(stream));
}

int destroy_graph(void* graph) {
  const std::unique_ptr<Graph> owned(static_cast<Graph*>(graph));
  return destroy(*owned);
}

#if CUDART_VERSION >= 12040

int create_condition(void* stream, uint64_t* condition) {
  Capture capture;
  const cudaError_t error = find_capture(as_stream(stream), &capture);
  if (error != cudaSuccess) return error;
  cudaGraphConditionalHandle handle = 0;
  const cudaError_t made =
      cudaGraphConditionalHandleCreate(&handle, capture.graph, 0, cudaGraphCondAssignDefault);
  *condition = handle;
  return made;
}

int begin_conditional(void* stream, uint64_t condition, bool loop, void* body) {
  Capture capture;
  cudaError_t error = find_capture(as_stream(stream), &capture);
  if (error != cudaSuccess) return error;
  cudaGraphNodeParams params = {};
  params.type = cudaGraphNodeTypeConditional;
  params.conditional.handle = condition;
  params.conditional.type = loop ? cudaGraphCondTypeWhile : cudaGraphCondTypeIf;
  params.conditional.size = 1;
  cudaGraphNode_t node = nullptr;
  error = add_node(capture, &params, &node);
  if (error != cudaSuccess) return error;
  error = continue_after(as_stream(stream), node);
  if (error != cudaSuccess) return error;
  return cudaStreamBeginCaptureToGraph(as_stream(body), params.conditional.phGraph_out[0], nullptr,
                                       nullptr, 0, kMode);
}

int end_conditional(void* body) {
  cudaGraph_t graph = nullptr;  // belongs to the node
  return cudaStreamEndCapture(as_stream(body), &graph);
}

#else

int create_condition(void*, uint64_t*) { return cudaErrorNotSupported; }
int begin_conditional(void*, uint64_t, bool, void*) { return cudaErrorNotSupported; }
int end_conditional(void*) { return cudaErrorNotSupported; }

#endif

}  // namespace pydl::cuda
