#include "capi/model.h"

#include <cstdint>
#include <utility>

#include "capi/error.h"
#include "runtime/crew.h"
#include "runtime/device/device.h"

using pydl::Buffer;
using pydl::cat;
using pydl::Code;
using pydl::Entry;
using pydl::Port;
using pydl::Program;
using pydl::StateSlot;
using pydl::Status;
using pydl::capi::guard;
using pydl::capi::not_found;

namespace {

Status check_alignment(const char* kind, const std::vector<Port>& ports,
                       const std::vector<Buffer>& buffers) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    const int size = pydl::dtype_size(ports[i].spec.dtype);
    if (reinterpret_cast<uintptr_t>(buffers[i].data) % static_cast<uintptr_t>(size) == 0) continue;
    return pydl::invalid(
        cat(kind, " '", ports[i].name, "' must begin at a multiple of ", size, " bytes"));
  }
  return Status();
}

}  // namespace

pydl_model::pydl_model(pydl::Model read)
    : model(std::move(read)), state(static_cast<int>(model.plan.state.size())) {
  for (size_t i = 0; i < model.plan.state.size(); ++i) {
    const pydl::Spec& spec = model.plan.state[i].spec;
    const int64_t bytes = pydl::byte_size(spec);
    void* data = model.state[i].get();
    state.set(static_cast<int>(i), data, bytes, spec.dtype,
              std::make_shared<pydl::Mirror>(data, bytes));
  }
}

Status pydl_model::find_program(std::string_view entry, const Program** program) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = programs_.find(entry);
  if (known != programs_.end()) {
    *program = known->second.get();
    return Status();
  }
  const Entry* found = model.plan.find(entry);
  if (found == nullptr) return not_found("the model has no entry '", entry.substr(0, 80), "'");
  std::unique_ptr<Program> bound;
  PYDL_RETURN_IF_ERROR(Program::bind(*found, model.plan.state, isa_, &bound));
  *program = bound.get();
  programs_.emplace(found->name, std::move(bound));
  return Status();
}

Status pydl_model::set_device(std::string_view device) {
  if (device != "cpu") {
    pydl::Device* found = nullptr;
    PYDL_RETURN_IF_ERROR(pydl::Device::find(device, &found));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  isa_ = device == "cpu" ? "" : device;
  programs_.clear();
  return Status();
}

Status pydl_model::run(const Program& program, const std::vector<Buffer>& inputs,
                       const std::vector<Buffer>& outputs, int64_t* passes) {
  PYDL_RETURN_IF_ERROR(check_alignment("input", program.entry().inputs, inputs));
  PYDL_RETURN_IF_ERROR(check_alignment("output", program.entry().outputs, outputs));
  const Status status = program.run(state, inputs, outputs, passes);
  for (const pydl::Instruction& instruction : program.entry().code) {
    for (const int output : instruction.outputs) {
      const pydl::Value& value = program.entry().values[static_cast<size_t>(output)];
      if (value.place == pydl::Place::kState) state.touch(value.index);
    }
  }
  return status;
}

namespace pydl::capi {

int find_port(const std::vector<Port>& ports, std::string_view name) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace pydl::capi

const char* pydl_version(void) { return PYDL_VERSION; }

const char* pydl_dtype_name(pydl_dtype dtype) {
  const bool known = dtype >= 0 && static_cast<int>(dtype) < pydl::kDTypeCount;
  return known ? pydl::kDTypeNames[dtype] : "";
}

pydl_status pydl_set_threads(int count) {
  return guard([&]() -> Status {
    if (count < 0 || count > 256) {
      return pydl::invalid(cat("count: expected 0 (automatic) to 256, received ", count));
    }
    pydl::set_thread_count(count);
    return Status();
  });
}

pydl_status pydl_load(const char* path, pydl_model** model) {
  if (model != nullptr) *model = nullptr;
  return guard([&]() -> Status {
    if (path == nullptr || model == nullptr) return pydl::invalid("path or model is NULL");
    pydl::Model read;
    PYDL_RETURN_IF_ERROR(pydl::read_model(path, &read));
    *model = std::make_unique<pydl_model>(std::move(read)).release();
    return Status();
  });
}

void pydl_free(pydl_model* model) { delete model; }

pydl_status pydl_save(const pydl_model* model, const char* path) {
  return guard([&]() -> Status {
    if (model == nullptr || path == nullptr) return pydl::invalid("model or path is NULL");
    PYDL_RETURN_IF_ERROR(model->state.to_host());
    return pydl::write_model(path, model->model);
  });
}

pydl_status pydl_device_count(int* count) {
  return guard([&]() -> Status {
    if (count == nullptr) return pydl::invalid("count is NULL");
    return pydl::count_devices(count);
  });
}

pydl_status pydl_set_device(pydl_model* model, const char* device) {
  return guard([&]() -> Status {
    if (model == nullptr || device == nullptr) return pydl::invalid("model or device is NULL");
    return model->set_device(device);
  });
}
