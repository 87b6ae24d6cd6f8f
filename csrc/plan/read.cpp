// Reading a .pydl file; container.h says what it holds.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <tuple>
#include <unordered_map>

#include "plan/container.h"
#include "plan/file.h"
#include "plan/json.h"
#include "plan/plan.h"

namespace pydl {
namespace {

struct Tensor {
  std::string name;
  Spec spec;
  int64_t begin = 0;
  int64_t end = 0;
};

struct Header {
  bool has_metadata = false;
  std::string plan_text;
  std::string checksum;  // "" when absent
  std::vector<Tensor> tensors;
  int64_t data_begin = 0;
};

template <typename... Parts>
Status refuse(const File& file, const Parts&... parts) {
  return Status(Code::kBadFile, cat(file.path(), ": ", parts...));
}

Status read_constant(JsonReader* reader, const char* name, std::string_view expected) {
  std::string value;
  PYDL_RETURN_IF_ERROR(reader->read_string(&value));
  if (value == expected) return Status();
  return reader->fail("expected the ", name, " '", expected, "', received '",
                      std::string_view(value).substr(0, 60), "'");
}

Status read_metadata(JsonReader* reader, Header* header) {
  constexpr const char* kNames[] = {"format", "version", "plan", "crc32c"};
  if (header->has_metadata) return reader->fail("duplicate key '__metadata__'");
  header->has_metadata = true;
  Keys keys(kNames, 3);
  PYDL_RETURN_IF_ERROR(reader->read_object([&](std::string_view key) {
    size_t index = 0;
    PYDL_RETURN_IF_ERROR(keys.take(*reader, key, &index));
    if (index == 0) return read_constant(reader, "format", "pydl");
    if (index == 1) return read_constant(reader, "version", "1");
    return reader->read_string(index == 2 ? &header->plan_text : &header->checksum);
  }));
  return keys.finish(*reader);
}

Status read_dtype(JsonReader* reader, DType* dtype) {
  std::string name;
  PYDL_RETURN_IF_ERROR(reader->read_string(&name));
  for (int i = 0; i < kDTypeCount; ++i) {
    if (name != kFileDtypes[i]) continue;
    *dtype = static_cast<DType>(i);
    return Status();
  }
  return reader->fail("unknown dtype '", std::string_view(name).substr(0, 60), "'");
}

Status read_offsets(JsonReader* reader, Tensor* tensor) {
  PYDL_RETURN_IF_ERROR(reader->expect('['));
  PYDL_RETURN_IF_ERROR(reader->read_int(&tensor->begin));
  PYDL_RETURN_IF_ERROR(reader->expect(','));
  PYDL_RETURN_IF_ERROR(reader->read_int(&tensor->end));
  return reader->expect(']');
}

Status read_tensor(JsonReader* reader, Tensor* tensor) {
  constexpr const char* kNames[] = {"dtype", "shape", "data_offsets"};
  Keys keys(kNames, 3);
  PYDL_RETURN_IF_ERROR(reader->read_object([&](std::string_view key) {
    size_t index = 0;
    PYDL_RETURN_IF_ERROR(keys.take(*reader, key, &index));
    if (index == 0) return read_dtype(reader, &tensor->spec.dtype);
    if (index == 1) return reader->read_ints(&tensor->spec.shape);
    return read_offsets(reader, tensor);
  }));
  return keys.finish(*reader);
}

Status parse_header(const File& file, std::string_view text, Header* header) {
  JsonReader reader(text, cat(file.path(), ": header"));
  PYDL_RETURN_IF_ERROR(reader.read_object([&](std::string_view key) {
    if (key == "__metadata__") return read_metadata(&reader, header);
    header->tensors.emplace_back();
    header->tensors.back().name = key;
    return read_tensor(&reader, &header->tensors.back());
  }));
  PYDL_RETURN_IF_ERROR(reader.finish());
  return header->has_metadata ? Status() : refuse(file, "no plan in its header: not a .pydl file");
}

Status read_header(const File& file, Header* header) {
  unsigned char prefix[8];
  if (file.size() < 8) return refuse(file, "too short for a .pydl file: ", file.size(), " bytes");
  PYDL_RETURN_IF_ERROR(file.read_at(0, prefix, sizeof(prefix)));
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | prefix[i];
  const auto most = static_cast<uint64_t>(std::min(kMaxHeaderBytes, file.size() - 8));
  if (length > most) {
    return refuse(file, "declares a header of ", length, " bytes, at most ", most, " are possible");
  }
  std::string text(static_cast<size_t>(length), '\0');
  PYDL_RETURN_IF_ERROR(file.read_at(8, text.data(), text.size()));
  header->data_begin = 8 + static_cast<int64_t>(length);
  return parse_header(file, text, header);
}

Status check_size(const File& file, const Tensor& tensor) {
  const int64_t count = element_count(tensor.spec.shape);
  int64_t bytes = 0;
  const bool known =
      count >= 0 && !__builtin_mul_overflow(count, dtype_size(tensor.spec.dtype), &bytes);
  if (known && bytes == tensor.end - tensor.begin) return Status();
  return refuse(file, "tensor '", std::string_view(tensor.name).substr(0, 60), "' ", tensor.spec,
                " does not have the size of its data, [", tensor.begin, ", ", tensor.end, ")");
}

// The data is covered from its first byte to its last, without hole or overlap. Sorts the tensors.
Status check_layout(const File& file, Header* header) {
  std::sort(header->tensors.begin(), header->tensors.end(), [](const Tensor& a, const Tensor& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  const int64_t data_bytes = file.size() - header->data_begin;
  int64_t at = 0;
  for (const Tensor& tensor : header->tensors) {
    if (tensor.begin != at || tensor.end < at || tensor.end > data_bytes) {
      return refuse(file, "tensor '", std::string_view(tensor.name).substr(0, 60), "' at [",
                    tensor.begin, ", ", tensor.end, ") leaves a hole, overlaps or lies outside ",
                    "the data of ", data_bytes, " bytes; expected it to begin at ", at);
    }
    PYDL_RETURN_IF_ERROR(check_size(file, tensor));
    at = tensor.end;
  }
  if (at == data_bytes) return Status();
  return refuse(file, data_bytes - at, " bytes after the last tensor");
}

bool is_pad(const Tensor& tensor) { return tensor.name.starts_with(kPadPrefix); }

// The state slot of each tensor, -1 for padding.
Status match_slots(const File& file, const Header& header, const Plan& plan,
                   std::vector<int>* slots) {
  std::unordered_map<std::string_view, int> open;
  for (size_t i = 0; i < plan.state.size(); ++i) {
    open.emplace(plan.state[i].name, static_cast<int>(i));
  }
  for (const Tensor& tensor : header.tensors) {
    const std::string_view name = std::string_view(tensor.name).substr(0, 60);
    slots->push_back(-1);
    if (is_pad(tensor)) {
      const bool small = tensor.end - tensor.begin < kFileAlignment;
      if (small && tensor.spec.dtype == DType::kUInt8) continue;
      return refuse(file, "padding '", name, "' is ", tensor.spec);
    }
    const auto found = open.find(tensor.name);
    if (found == open.end()) {
      return refuse(file, "tensor '", name, "' is not in the plan's state, or there twice");
    }
    const StateSlot& slot = plan.state[static_cast<size_t>(found->second)];
    if (!(slot.spec == tensor.spec)) {
      return refuse(file, "tensor '", name, "' is ", tensor.spec, ", the plan says ", slot.spec);
    }
    slots->back() = found->second;
    open.erase(found);
  }
  if (open.empty()) return Status();
  return refuse(file, "no tensor for state '", open.begin()->first.substr(0, 60), "'");
}

// 64-byte aligned; nullptr when there is not so much memory.
std::shared_ptr<void> allocate(int64_t bytes) {
  const auto rounded = static_cast<size_t>(bytes / kFileAlignment + 1) * kFileAlignment;
  void* block = std::aligned_alloc(kFileAlignment, rounded);
  if (block == nullptr) return nullptr;
  std::memset(static_cast<unsigned char*>(block) + bytes, 0, rounded - static_cast<size_t>(bytes));
  return std::shared_ptr<void>(block, std::free);
}

Status read_padding(const File& file, int64_t offset, size_t bytes, uint32_t* crc) {
  unsigned char zeros[kFileAlignment] = {};
  PYDL_RETURN_IF_ERROR(file.read_at(offset, zeros, bytes));
  *crc = crc32c(*crc, zeros, bytes);
  if (std::all_of(zeros, zeros + bytes, [](unsigned char byte) { return byte == 0; })) {
    return Status();
  }
  return refuse(file, "padding is not zero");
}

Status read_data(const File& file, const Header& header, const std::vector<int>& slots,
                 Model* model) {
  uint32_t crc = crc32c(0, header.plan_text.data(), header.plan_text.size());
  model->state.assign(model->plan.state.size(), nullptr);
  for (size_t i = 0; i < slots.size(); ++i) {
    const Tensor& tensor = header.tensors[i];
    const int64_t offset = header.data_begin + tensor.begin;
    const auto bytes = static_cast<size_t>(tensor.end - tensor.begin);
    if (slots[i] < 0) {
      PYDL_RETURN_IF_ERROR(read_padding(file, offset, bytes, &crc));
      continue;
    }
    std::shared_ptr<void> data = allocate(tensor.end - tensor.begin);
    if (data == nullptr) {
      return Status(Code::kOutOfMemory,
                    cat(file.path(), ": no memory for ", tensor.name, ", ", bytes, " bytes"));
    }
    PYDL_RETURN_IF_ERROR(file.read_at(offset, data.get(), bytes));
    crc = crc32c(crc, data.get(), bytes);
    model->state[static_cast<size_t>(slots[i])] = std::move(data);
  }
  if (header.checksum.empty() || header.checksum == crc_text(crc)) return Status();
  return refuse(file, "the checksum does not match: the file is damaged");
}

}  // namespace

Status read_model(const std::string& path, Model* model) {
  if (path.find('\0') != std::string::npos) return invalid("path: contains a zero byte");
  File file;
  Header header;
  std::vector<int> slots;
  PYDL_RETURN_IF_ERROR(file.open_read(path));
  PYDL_RETURN_IF_ERROR(read_header(file, &header));
  PYDL_RETURN_IF_ERROR(check_layout(file, &header));
  const Status status = parse_plan(header.plan_text, &model->plan);
  if (!status.ok()) return Status(status.code(), cat(path, ": ", status.message()));
  PYDL_RETURN_IF_ERROR(match_slots(file, header, model->plan, &slots));
  PYDL_RETURN_IF_ERROR(read_data(file, header, slots, model));
  model->text = std::move(header.plan_text);
  return Status();
}

}  // namespace pydl
