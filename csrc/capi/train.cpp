// pydl_train: one step per batch of the caller's rows.
#include "capi/batch_run.h"
#include "capi/error.h"

namespace pydl::capi {
namespace {

// The entry for full batches, and the one that takes all rows left over in one step.
struct Choice {
  BatchRun* full = nullptr;
  BatchRun* rest = nullptr;
};

Status choose(std::vector<BatchRun>* runs, int64_t rows, Choice* choice) {
  std::string sizes;
  for (BatchRun& run : *runs) {
    if (choice->full == nullptr && run.batch() <= rows) choice->full = &run;
    sizes += cat(sizes.empty() ? "" : ", ", run.batch());
  }
  const int64_t left = choice->full == nullptr ? rows : rows % choice->full->batch();
  for (BatchRun& run : *runs) {
    if (run.batch() == left) choice->rest = &run;
  }
  if (left == 0 || choice->rest != nullptr) return Status();
  return invalid(cat("rows: expected a multiple of a batch size the model was exported with (",
                     sizes, "), received ", rows, ": ", left, " rows are left over"));
}

Status check_loss(const BatchRun* run, const float* loss) {
  if (run == nullptr || loss == nullptr || run->has_loss()) return Status();
  return invalid(cat("loss: entry '", run->entry().name, "' has no output 'loss' float32 (1,)"));
}

Status train_rows(pydl_model* model, BatchRun* run, const void* x, const void* y, int64_t first,
                  int64_t rows, float* loss) {
  PYDL_RETURN_IF_ERROR(run->run(
      model, rows / run->batch(),
      {row_at(x, first, run->input_row_bytes(0)), row_at(y, first, run->input_row_bytes(1))}, {}));
  if (loss != nullptr) *loss = run->loss();
  if (run->fault() == 0) return Status();
  const int64_t row = first + (run->passes() - 1) * run->batch() + run->fault() - 1;
  return Status(Code::kFault, cat("train: the label of row ", row,
                                  " is out of range; the step with it changed nothing"));
}

Status train(pydl_model* model, const void* x, const void* y, int64_t rows, float* loss) {
  std::vector<BatchRun> runs;
  Choice choice;
  PYDL_RETURN_IF_ERROR(find_runs(model, "train_step", 2, 0, &runs));
  PYDL_RETURN_IF_ERROR(check_rows(x, "x", rows, runs[0].input_row_bytes(0)));
  PYDL_RETURN_IF_ERROR(check_rows(y, "y", rows, runs[0].input_row_bytes(1)));
  PYDL_RETURN_IF_ERROR(choose(&runs, rows, &choice));
  PYDL_RETURN_IF_ERROR(check_loss(choice.full, loss));
  PYDL_RETURN_IF_ERROR(check_loss(choice.rest, loss));
  const int64_t left = choice.rest == nullptr ? 0 : choice.rest->batch();
  if (choice.full != nullptr) {
    PYDL_RETURN_IF_ERROR(train_rows(model, choice.full, x, y, 0, rows - left, loss));
  }
  if (left == 0) return Status();
  return train_rows(model, choice.rest, x, y, rows - left, left, loss);
}

Status measure_rows(const pydl_model* model, pydl_row_sizes* sizes) {
  if (model == nullptr || sizes == nullptr) return invalid("model or sizes is NULL");
  *sizes = {0, 0, 0};
  std::vector<BatchRun> training;
  Status status = find_runs(model, "train_step", 2, 0, &training);
  if (!status.ok() && status.code() != Code::kNotFound) return status;
  std::vector<BatchRun> prediction;
  status = find_runs(model, "predict", 1, 1, &prediction);
  if (!status.ok() && status.code() != Code::kNotFound) return status;
  if (!training.empty()) {
    *sizes = {training[0].input_row_bytes(0), training[0].input_row_bytes(1), 0};
  }
  if (prediction.empty()) return Status();
  if (!training.empty() && sizes->x != prediction[0].input_row_bytes(0)) {
    return invalid("training and prediction take rows of different sizes; use pydl_run");
  }
  sizes->x = prediction[0].input_row_bytes(0);
  sizes->out = prediction[0].output_row_bytes(0);
  return Status();
}

}  // namespace
}  // namespace pydl::capi

pydl_status pydl_train(pydl_model* model, const void* x, const void* y, int64_t rows, float* loss) {
  return pydl::capi::guard([&] { return pydl::capi::train(model, x, y, rows, loss); });
}

pydl_status pydl_row_bytes(const pydl_model* model, pydl_row_sizes* sizes) {
  return pydl::capi::guard([&] { return pydl::capi::measure_rows(model, sizes); });
}
