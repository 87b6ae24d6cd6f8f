#include "capi/batch_run.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace pydl::capi {
namespace {

constexpr std::string_view kSteps = "steps";
constexpr std::string_view kFault = "fault";
constexpr std::string_view kLoss = "loss";
constexpr int64_t kMostReportBytes = 1 << 20;  // a file may declare 2^46
const Spec kStepsSpec = {DType::kInt64, {1}};
const Spec kFaultSpec = {DType::kInt64, {1}};
const Spec kLossSpec = {DType::kFloat32, {1}};

// The number behind "<kind>:"; 0 when the name is another.
int64_t batch_of(std::string_view name, std::string_view kind) {
  if (!name.starts_with(kind) || name.substr(kind.size(), 1) != ":") return 0;
  const char* end = name.data() + name.size();
  int64_t batch = 0;
  const auto result = std::from_chars(name.data() + kind.size() + 1, end, batch);
  return result.ec == std::errc() && result.ptr == end ? batch : 0;
}

}  // namespace

Status find_runs(const pydl_model* model, std::string_view kind, size_t n_inputs, size_t n_outputs,
                 std::vector<BatchRun>* runs) {
  if (model == nullptr) return invalid("model is NULL");
  for (const Entry& entry : model->model.plan.entries) {
    const int64_t batch = batch_of(entry.name, kind);
    if (batch < 1) continue;
    runs->emplace_back(BatchEntry{&entry, batch});
    PYDL_RETURN_IF_ERROR(runs->back().connect(n_inputs, n_outputs));
    if (runs->back().has_same_rows(runs->front())) continue;
    return invalid(cat("entries '", runs->front().entry().name, "' and '", entry.name,
                       "' take rows of different sizes; use pydl_run"));
  }
  std::sort(runs->begin(), runs->end(),
            [](const BatchRun& a, const BatchRun& b) { return a.batch() > b.batch(); });
  if (!runs->empty()) return Status();
  return not_found("the model has no entry '", kind, ":<batch size>'; export it with one");
}

bool BatchRun::has_same_rows(const BatchRun& other) const {
  return input_bytes_ == other.input_bytes_ && output_bytes_ == other.output_bytes_;
}

Status BatchRun::row_bytes(const Port& port, int64_t* bytes) const {
  const int64_t all = byte_size(port.spec);
  const std::vector<int64_t>& shape = port.spec.shape;
  if (shape.empty() || shape[0] != entry_.batch || port.step != all) {
    return invalid(cat("entry '", entry_.entry->name, "': '", port.name, "' ", port.spec,
                       " is not stepped by batches of ", entry_.batch, " rows; use pydl_run"));
  }
  *bytes = all / entry_.batch;
  return Status();
}

Status BatchRun::connect_inputs(size_t expected) {
  const Entry& entry = *entry_.entry;
  for (size_t i = 0; i < entry.inputs.size(); ++i) {
    const Port& port = entry.inputs[i];
    if (port.name == kSteps) {
      if (port.spec == kStepsSpec && port.step == 0) continue;
      return invalid(
          cat("entry '", entry.name, "': 'steps' must be int64 (1,), received ", port.spec));
    }
    int64_t bytes = 0;
    PYDL_RETURN_IF_ERROR(row_bytes(port, &bytes));
    inputs_.push_back(static_cast<int>(i));
    input_bytes_.push_back(bytes);
  }
  const bool has_steps = find_port(entry.inputs, kSteps) >= 0;
  if (inputs_.size() == expected && has_steps) return Status();
  return invalid(cat("entry '", entry.name, "' needs ", expected,
                     expected == 1 ? " input" : " inputs", " of rows and 'steps', it has ",
                     inputs_.size(), has_steps ? " and 'steps'" : " and no 'steps'",
                     "; use pydl_run"));
}

Status BatchRun::connect_outputs(size_t expected) {
  const Entry& entry = *entry_.entry;
  reports_.resize(entry.outputs.size());
  for (size_t i = 0; i < entry.outputs.size(); ++i) {
    const Port& port = entry.outputs[i];
    if (port.step == 0) {
      if (byte_size(port.spec) > kMostReportBytes) {
        return invalid(cat("entry '", entry.name, "': '", port.name, "' ", port.spec,
                           " is too large for a report; use pydl_run"));
      }
      reports_[i].resize(static_cast<size_t>(byte_size(port.spec)));
      continue;
    }
    int64_t bytes = 0;
    PYDL_RETURN_IF_ERROR(row_bytes(port, &bytes));
    outputs_.push_back(static_cast<int>(i));
    output_bytes_.push_back(bytes);
  }
  if (outputs_.size() == expected) return Status();
  return invalid(cat("entry '", entry.name, "' needs ", expected, " outputs of rows, it has ",
                     outputs_.size(), "; use pydl_run"));
}

Status BatchRun::connect(size_t n_inputs, size_t n_outputs) {
  PYDL_RETURN_IF_ERROR(connect_inputs(n_inputs));
  return connect_outputs(n_outputs);
}

Status BatchRun::run(pydl_model* model, int64_t steps, const std::vector<const void*>& rows_in,
                     const std::vector<void*>& rows_out) {
  const Entry& entry = *entry_.entry;
  const int64_t rows = steps * entry_.batch;
  std::vector<Buffer> inputs(entry.inputs.size(), {&steps, sizeof(steps), DType::kInt64});
  std::vector<Buffer> outputs(entry.outputs.size());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const auto at = static_cast<size_t>(inputs_[i]);
    inputs[at] = input_buffer(rows_in[i], rows * input_bytes_[i], entry.inputs[at].spec.dtype);
  }
  for (size_t i = 0; i < reports_.size(); ++i) {
    outputs[i] = {reports_[i].data(), static_cast<int64_t>(reports_[i].size()),
                  entry.outputs[i].spec.dtype};
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const auto at = static_cast<size_t>(outputs_[i]);
    outputs[at] = {rows_out[i], rows * output_bytes_[i], entry.outputs[at].spec.dtype};
  }
  const Program* program = nullptr;
  PYDL_RETURN_IF_ERROR(model->find_program(entry.name, &program));
  PYDL_RETURN_IF_ERROR(model->run(*program, inputs, outputs, &passes_));
  const int fault = find_report(kFault, kFaultSpec);
  fault_ = 0;
  if (fault >= 0) std::memcpy(&fault_, reports_[static_cast<size_t>(fault)].data(), sizeof(fault_));
  return Status();
}

int BatchRun::find_report(std::string_view name, const Spec& spec) const {
  const int index = find_port(entry_.entry->outputs, name);
  if (index < 0) return -1;
  const Port& port = entry_.entry->outputs[static_cast<size_t>(index)];
  return port.step == 0 && port.spec == spec ? index : -1;
}

bool BatchRun::has_loss() const { return find_report(kLoss, kLossSpec) >= 0; }

float BatchRun::loss() const {
  float value = 0.0f;
  const auto index = static_cast<size_t>(find_report(kLoss, kLossSpec));
  std::memcpy(&value, reports_[index].data(), sizeof(value));
  return value;
}

Status check_rows(const void* data, const char* name, int64_t rows, int64_t bytes) {
  if (rows < 0) return invalid(cat("rows: expected 0 or more, received ", rows));
  int64_t total = 0;
  if (__builtin_mul_overflow(rows, bytes, &total) || total > INT64_MAX / 2) {
    return invalid(cat("rows: ", rows, " rows of ", bytes, " bytes are too many"));
  }
  return data == nullptr && total > 0 ? invalid(cat(name, " is NULL")) : Status();
}

}  // namespace pydl::capi
