// What a model holds, and its state by name.
#include <cstring>

#include "capi/error.h"
#include "capi/model.h"

namespace pydl::capi {
namespace {

const Entry* find_entry(const pydl_model* model, const char* name) {
  return model == nullptr || name == nullptr ? nullptr : model->model.plan.find(name);
}

void describe(const std::string& name, const Spec& spec, int64_t step, pydl_tensor* tensor) {
  *tensor = {name.c_str(),
             static_cast<pydl_dtype>(spec.dtype),
             static_cast<int>(spec.shape.size()),
             spec.shape.data(),
             byte_size(spec),
             step};
}

Status describe_port(const pydl_model* model, const char* entry_name, bool input, int index,
                     pydl_tensor* tensor) {
  if (model == nullptr || tensor == nullptr) return invalid("model or tensor is NULL");
  const Entry* entry = find_entry(model, entry_name);
  if (entry == nullptr) {
    return not_found("the model has no entry '", entry_name == nullptr ? "NULL" : entry_name, "'");
  }
  const std::vector<Port>& ports = input ? entry->inputs : entry->outputs;
  if (index < 0 || static_cast<size_t>(index) >= ports.size()) {
    return invalid(cat("entry '", entry->name, "' has ", ports.size(),
                       input ? " inputs" : " outputs", ", received index ", index));
  }
  const Port& port = ports[static_cast<size_t>(index)];
  describe(port.name, port.spec, port.step, tensor);
  return Status();
}

// The slot with this name; its size must be `bytes`.
Status find_slot(const pydl_model* model, const char* name, const void* data, int64_t bytes,
                 size_t* index) {
  if (model == nullptr || name == nullptr) return invalid("model or name is NULL");
  const std::vector<StateSlot>& slots = model->model.plan.state;
  for (*index = 0; *index < slots.size() && slots[*index].name != name;) ++*index;
  if (*index == slots.size()) return not_found("the model has no tensor '", name, "'");
  const Spec& spec = slots[*index].spec;
  if (bytes != byte_size(spec)) {
    return invalid(cat("tensor '", name, "' ", spec, ": expected ", byte_size(spec),
                       " bytes, received ", bytes));
  }
  if (data == nullptr && bytes > 0) return invalid("data is NULL");
  return Status();
}

}  // namespace
}  // namespace pydl::capi

using pydl::Status;
using pydl::capi::guard;

int pydl_entry_count(const pydl_model* model) {
  return model == nullptr ? -1 : static_cast<int>(model->model.plan.entries.size());
}

const char* pydl_entry_name(const pydl_model* model, int index) {
  if (index < 0 || index >= pydl_entry_count(model)) return nullptr;
  return model->model.plan.entries[static_cast<size_t>(index)].name.c_str();
}

int pydl_input_count(const pydl_model* model, const char* entry) {
  const pydl::Entry* found = pydl::capi::find_entry(model, entry);
  return found == nullptr ? -1 : static_cast<int>(found->inputs.size());
}

int pydl_output_count(const pydl_model* model, const char* entry) {
  const pydl::Entry* found = pydl::capi::find_entry(model, entry);
  return found == nullptr ? -1 : static_cast<int>(found->outputs.size());
}

int pydl_state_count(const pydl_model* model) {
  return model == nullptr ? -1 : static_cast<int>(model->model.plan.state.size());
}

pydl_status pydl_input_info(const pydl_model* model, const char* entry, int index,
                            pydl_tensor* tensor) {
  return guard([&] { return pydl::capi::describe_port(model, entry, true, index, tensor); });
}

pydl_status pydl_output_info(const pydl_model* model, const char* entry, int index,
                             pydl_tensor* tensor) {
  return guard([&] { return pydl::capi::describe_port(model, entry, false, index, tensor); });
}

pydl_status pydl_state_info(const pydl_model* model, int index, pydl_tensor* tensor) {
  return guard([&]() -> Status {
    if (model == nullptr || tensor == nullptr) return pydl::invalid("model or tensor is NULL");
    if (index < 0 || index >= pydl_state_count(model)) {
      return pydl::invalid(pydl::cat("the model has ", pydl_state_count(model),
                                     " state tensors, received index ", index));
    }
    const pydl::StateSlot& slot = model->model.plan.state[static_cast<size_t>(index)];
    pydl::capi::describe(slot.name, slot.spec, 0, tensor);
    return Status();
  });
}

pydl_status pydl_get_tensor(const pydl_model* model, const char* name, void* data, int64_t bytes) {
  return guard([&]() -> Status {
    size_t index = 0;
    PYDL_RETURN_IF_ERROR(pydl::capi::find_slot(model, name, data, bytes, &index));
    PYDL_RETURN_IF_ERROR(model->state.slot(static_cast<int>(index)).mirror->to_host());
    if (bytes > 0) std::memcpy(data, model->model.state[index].get(), static_cast<size_t>(bytes));
    return Status();
  });
}

pydl_status pydl_set_tensor(pydl_model* model, const char* name, const void* data, int64_t bytes) {
  return guard([&]() -> Status {
    size_t index = 0;
    PYDL_RETURN_IF_ERROR(pydl::capi::find_slot(model, name, data, bytes, &index));
    if (bytes > 0) std::memcpy(model->model.state[index].get(), data, static_cast<size_t>(bytes));
    model->state.slot(static_cast<int>(index)).mirror->host_written();
    model->state.touch(static_cast<int>(index));
    return Status();
  });
}
