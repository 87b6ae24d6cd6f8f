// pydl_train: one step per batch of the caller's rows.
#include <optional>

#include "capi/batch_run.h"
#include "capi/error.h"

namespace pydl::capi {
namespace {

// Full batches of one entry, then what is left in one step of an entry of that size.
Status choose_training(const std::vector<BatchEntry>& entries, int64_t rows, BatchEntry* full,
                       BatchEntry* rest) {
  std::string sizes;
  for (const BatchEntry& entry : entries) {
    if (full->entry == nullptr && entry.batch <= rows) *full = entry;
    sizes += cat(sizes.empty() ? "" : ", ", entry.batch);
  }
  const int64_t left = full->entry == nullptr ? rows : rows % full->batch;
  for (const BatchEntry& entry : entries) {
    if (entry.batch == left) *rest = entry;
  }
  if (left == 0 || rest->entry != nullptr) return Status();
  return invalid(cat("rows: expected a multiple of a batch size the model was exported with (",
                     sizes, "), received ", rows, ": ", left, " rows are left over"));
}

// Everything that may refuse, before any step is made.
Status check_training(BatchRun* run, const void* x, const void* y, int64_t rows, bool wants_loss) {
  PYDL_RETURN_IF_ERROR(run->connect(2, 0));
  PYDL_RETURN_IF_ERROR(check_rows(x, "x", rows, run->input_row_bytes(0)));
  PYDL_RETURN_IF_ERROR(check_rows(y, "y", rows, run->input_row_bytes(1)));
  if (!wants_loss || run->has_loss()) return Status();
  return invalid(cat("loss: entry '", run->entry().name, "' has no output 'loss' float32 (1,)"));
}

Status train_rows(BatchRun* run, const void* x, const void* y, int64_t first, int64_t rows) {
  PYDL_RETURN_IF_ERROR(run->run(rows / run->batch(), {row_at(x, first, run->input_row_bytes(0)),
                                                      row_at(y, first, run->input_row_bytes(1))},
                                {}));
  if (run->fault() == 0) return Status();
  const int64_t row = first + (run->passes() - 1) * run->batch() + run->fault() - 1;
  return Status(Code::kFault, cat("train: the label of row ", row,
                                  " is out of range; the step with it changed nothing"));
}

Status train(pydl_model* model, const void* x, const void* y, int64_t rows, float* loss) {
  std::vector<BatchEntry> entries;
  BatchEntry full;
  BatchEntry rest;
  PYDL_RETURN_IF_ERROR(find_entries(model, "train_step", rows, &entries));
  PYDL_RETURN_IF_ERROR(choose_training(entries, rows, &full, &rest));
  const int64_t left = rest.entry == nullptr ? 0 : rest.batch;
  std::vector<BatchRun> runs;
  if (full.entry != nullptr) runs.emplace_back(model, full);
  if (rest.entry != nullptr) runs.emplace_back(model, rest);
  for (BatchRun& run : runs) {
    PYDL_RETURN_IF_ERROR(check_training(&run, x, y, rows, loss != nullptr));
  }
  int64_t first = 0;
  for (BatchRun& run : runs) {
    const int64_t here = first == 0 && full.entry != nullptr ? rows - left : left;
    PYDL_RETURN_IF_ERROR(train_rows(&run, x, y, first, here));
    first += here;
    if (loss != nullptr) *loss = run.loss();
  }
  return Status();
}

Status measure_rows(const pydl_model* model, pydl_row_sizes* sizes) {
  if (model == nullptr || sizes == nullptr) return invalid("model or sizes is NULL");
  *sizes = {0, 0, 0};
  auto* mutable_model = const_cast<pydl_model*>(model);  // connect reads only
  std::vector<BatchEntry> entries;
  if (find_entries(model, "train_step", 0, &entries).ok()) {
    BatchRun run(mutable_model, entries[0]);
    PYDL_RETURN_IF_ERROR(run.connect(2, 0));
    sizes->x = run.input_row_bytes(0);
    sizes->y = run.input_row_bytes(1);
  }
  entries.clear();
  if (find_entries(model, "predict", 0, &entries).ok()) {
    BatchRun run(mutable_model, entries[0]);
    PYDL_RETURN_IF_ERROR(run.connect(1, 1));
    sizes->x = run.input_row_bytes(0);
    sizes->out = run.output_row_bytes(0);
  }
  return Status();
}

}  // namespace
}  // namespace pydl::capi

pydl_status pydl_train(pydl_model* model, const void* x, const void* y, int64_t rows,
                       float* loss) {
  return pydl::capi::guard([&] { return pydl::capi::train(model, x, y, rows, loss); });
}

pydl_status pydl_row_bytes(const pydl_model* model, pydl_row_sizes* sizes) {
  return pydl::capi::guard([&] { return pydl::capi::measure_rows(model, sizes); });
}
