// Writing a .pydl file; container.h says what it holds.
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "plan/container.h"
#include "plan/file.h"
#include "plan/json.h"
#include "plan/plan.h"

namespace pydl {
namespace {

constexpr unsigned char kZeros[kFileAlignment] = {};

int64_t padding_after(int64_t bytes) {
  return (kFileAlignment - bytes % kFileAlignment) % kFileAlignment;
}

void append_tensor(std::string* header, std::string_view name, const Spec& spec, int64_t begin) {
  header->push_back(',');
  append_json_string(header, name);
  *header += cat(":{\"dtype\":\"", kFileDtypes[static_cast<int>(spec.dtype)], "\",\"shape\":[");
  for (size_t i = 0; i < spec.shape.size(); ++i) *header += cat(i == 0 ? "" : ",", spec.shape[i]);
  *header += cat("],\"data_offsets\":[", begin, ",", begin + byte_size(spec), "]}");
}

uint32_t checksum(const Model& model) {
  uint32_t crc = crc32c(0, model.text.data(), model.text.size());
  for (size_t i = 0; i < model.state.size(); ++i) {
    const int64_t bytes = byte_size(model.plan.state[i].spec);
    crc = crc32c(crc, model.state[i].get(), static_cast<size_t>(bytes));
    crc = crc32c(crc, kZeros, static_cast<size_t>(padding_after(bytes)));
  }
  return crc;
}

std::string make_header(const Model& model) {
  std::string header = R"({"__metadata__":{"format":"pydl","version":"1","plan":)";
  append_json_string(&header, model.text);
  header += cat(",\"crc32c\":\"", crc_text(checksum(model)), "\"}");
  int64_t at = 0;
  int pads = 0;
  for (const StateSlot& slot : model.plan.state) {
    append_tensor(&header, slot.name, slot.spec, at);
    at += byte_size(slot.spec);
    const int64_t padding = padding_after(at);
    if (padding > 0) {
      append_tensor(&header, cat(kPadPrefix, pads++), {DType::kUInt8, {padding}}, at);
      at += padding;
    }
  }
  header.push_back('}');
  header.append(static_cast<size_t>(padding_after(8 + static_cast<int64_t>(header.size()))), ' ');
  return header;
}

Status write_contents(const Model& model, const std::string& header, File* file) {
  unsigned char prefix[8];
  for (size_t i = 0; i < 8; ++i) prefix[i] = static_cast<unsigned char>(header.size() >> (8 * i));
  PYDL_RETURN_IF_ERROR(file->write(prefix, sizeof(prefix)));
  PYDL_RETURN_IF_ERROR(file->write(header.data(), header.size()));
  for (size_t i = 0; i < model.state.size(); ++i) {
    const int64_t bytes = byte_size(model.plan.state[i].spec);
    PYDL_RETURN_IF_ERROR(file->write(model.state[i].get(), static_cast<size_t>(bytes)));
    PYDL_RETURN_IF_ERROR(file->write(kZeros, static_cast<size_t>(padding_after(bytes))));
  }
  return file->sync_and_close();
}

Status check_model(const Model& model) {
  if (model.state.size() != model.plan.state.size()) {
    return invalid(cat("write_model: expected ", model.plan.state.size(),
                       " state tensors, received ", model.state.size()));
  }
  for (size_t i = 0; i < model.state.size(); ++i) {
    if (model.state[i] != nullptr || byte_size(model.plan.state[i].spec) == 0) continue;
    return invalid(cat("write_model: no data for state '", model.plan.state[i].name, "'"));
  }
  return Status();
}

}  // namespace

Status write_model(const std::string& path, const Model& model) {
  static std::atomic<unsigned> counter{0};
  if (path.find('\0') != std::string::npos) return invalid("path: contains a zero byte");
  PYDL_RETURN_IF_ERROR(check_model(model));
  const std::string header = make_header(model);
  if (static_cast<int64_t>(header.size()) > kMaxHeaderBytes) {
    return invalid(cat("write_model: the plan is too large, ", header.size(), " bytes"));
  }
  const std::string temporary = cat(path, ".tmp.", getpid(), ".", counter++);
  File file;
  PYDL_RETURN_IF_ERROR(file.create(temporary));
  Status status = write_contents(model, header, &file);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = io_error(path, "replace", errno);
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return sync_folder_of(path);
}

}  // namespace pydl
