// pydl_run: any entry, as it is.
#include "capi/error.h"
#include "capi/model.h"

namespace pydl::capi {
namespace {

Status run_entry(pydl_model* model, const char* name, const pydl_input* inputs, int n_inputs,
                 const pydl_output* outputs, int n_outputs, int64_t* passes) {
  if (model == nullptr || name == nullptr) return invalid("model or entry is NULL");
  const Program* program = nullptr;
  PYDL_RETURN_IF_ERROR(model->find_program(name, &program));
  const Entry& entry = program->entry();
  if (static_cast<int64_t>(entry.inputs.size()) != n_inputs ||
      static_cast<int64_t>(entry.outputs.size()) != n_outputs) {
    return invalid(cat("entry '", entry.name, "' takes ", entry.inputs.size(), " inputs and ",
                       entry.outputs.size(), " outputs, received ", n_inputs, " and ", n_outputs));
  }
  if ((inputs == nullptr && n_inputs > 0) || (outputs == nullptr && n_outputs > 0)) {
    return invalid("inputs or outputs is NULL");
  }
  std::vector<Buffer> in;
  std::vector<Buffer> out;
  for (int i = 0; i < n_inputs; ++i) {
    const Port& port = entry.inputs[static_cast<size_t>(i)];
    if (inputs[i].data == nullptr && byte_size(port.spec) > 0) {
      return invalid(cat("input '", port.name, "' is NULL"));
    }
    in.push_back(input_buffer(inputs[i].data, inputs[i].bytes, port.spec.dtype));
  }
  for (int i = 0; i < n_outputs; ++i) {
    const Port& port = entry.outputs[static_cast<size_t>(i)];
    if (outputs[i].data == nullptr && byte_size(port.spec) > 0) {
      return invalid(cat("output '", port.name, "' is NULL"));
    }
    out.push_back({outputs[i].data, outputs[i].bytes, port.spec.dtype});
  }
  return model->run(*program, in, out, passes);
}

}  // namespace
}  // namespace pydl::capi

pydl_status pydl_run(pydl_model* model, const char* entry, const pydl_input* inputs, int n_inputs,
                     const pydl_output* outputs, int n_outputs, int64_t* passes) {
  return pydl::capi::guard([&] {
    return pydl::capi::run_entry(model, entry, inputs, n_inputs, outputs, n_outputs, passes);
  });
}
