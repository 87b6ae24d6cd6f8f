// Plan text to Plan: structure only. What it means is checked in validate.cpp.
#include <limits>

#include "plan/json.h"
#include "plan/plan.h"

namespace pydl {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();
constexpr int64_t kMaxIndex = std::numeric_limits<int>::max();
constexpr size_t kMaxAttrs = 32;

Status read_dtype(JsonReader* reader, DType* dtype) {
  std::string name;
  PYDL_RETURN_IF_ERROR(reader->read_string(&name));
  if (find_dtype(name, dtype)) return Status();
  return reader->fail("unknown dtype '", std::string_view(name).substr(0, 60), "'");
}

Status read_index(JsonReader* reader, int* index) {
  int64_t value = 0;
  PYDL_RETURN_IF_ERROR(reader->read_int_in(0, kMaxIndex, &value));
  *index = static_cast<int>(value);
  return Status();
}

Status read_indices(JsonReader* reader, std::vector<int>* indices) {
  return reader->read_array([&] {
    indices->push_back(0);
    return read_index(reader, &indices->back());
  });
}

Status read_state_slot(JsonReader* reader, StateSlot* slot) {
  constexpr const char* kNames[] = {"name", "dtype", "shape", "trainable"};
  Keys keys(kNames, 4);
  PYDL_RETURN_IF_ERROR(reader->read_object([&](std::string_view key) {
    size_t index = 0;
    PYDL_RETURN_IF_ERROR(keys.take(*reader, key, &index));
    if (index == 0) return reader->read_string(&slot->name);
    if (index == 1) return read_dtype(reader, &slot->spec.dtype);
    if (index == 2) return reader->read_ints(&slot->spec.shape);
    int64_t flag = 0;
    PYDL_RETURN_IF_ERROR(reader->read_int_in(0, 1, &flag));
    slot->trainable = flag != 0;
    return Status();
  }));
  return keys.finish(*reader);
}

Status read_port(JsonReader* reader, Port* port) {
  constexpr const char* kNames[] = {"name", "dtype", "shape", "step"};
  Keys keys(kNames, 4);
  PYDL_RETURN_IF_ERROR(reader->read_object([&](std::string_view key) {
    size_t index = 0;
    PYDL_RETURN_IF_ERROR(keys.take(*reader, key, &index));
    if (index == 0) return reader->read_string(&port->name);
    if (index == 1) return read_dtype(reader, &port->spec.dtype);
    if (index == 2) return reader->read_ints(&port->spec.shape);
    return reader->read_int_in(0, kMaxInt, &port->step);
  }));
  return keys.finish(*reader);
}

Status read_place(JsonReader* reader, Place* place) {
  constexpr std::string_view kPlaces[] = {"arena", "state", "input", "output"};
  std::string name;
  PYDL_RETURN_IF_ERROR(reader->read_string(&name));
  for (size_t i = 0; i < std::size(kPlaces); ++i) {
    if (name != kPlaces[i]) continue;
    *place = static_cast<Place>(i);
    return Status();
  }
  return reader->fail("expected 'arena', 'state', 'input' or 'output', received '",
                      std::string_view(name).substr(0, 60), "'");
}

Status read_value(JsonReader* reader, Value* value) {
  PYDL_RETURN_IF_ERROR(reader->expect('['));
  PYDL_RETURN_IF_ERROR(read_dtype(reader, &value->spec.dtype));
  PYDL_RETURN_IF_ERROR(reader->expect(','));
  PYDL_RETURN_IF_ERROR(reader->read_ints(&value->spec.shape));
  PYDL_RETURN_IF_ERROR(reader->expect(','));
  PYDL_RETURN_IF_ERROR(read_place(reader, &value->place));
  PYDL_RETURN_IF_ERROR(reader->expect(','));
  PYDL_RETURN_IF_ERROR(read_index(reader, &value->index));
  PYDL_RETURN_IF_ERROR(reader->expect(','));
  PYDL_RETURN_IF_ERROR(reader->read_int_in(0, kMaxInt, &value->offset));
  return reader->expect(']');
}

// A list is of integers unless one of its numbers is not.
Status read_attr_list(JsonReader* reader, AttrValue* value) {
  std::vector<int64_t> ints;
  std::vector<double> reals;
  bool all_ints = true;
  PYDL_RETURN_IF_ERROR(reader->read_array([&] {
    std::variant<int64_t, double> number;
    PYDL_RETURN_IF_ERROR(reader->read_number(&number));
    const auto* integer = std::get_if<int64_t>(&number);
    all_ints &= integer != nullptr;
    if (all_ints) ints.push_back(*integer);
    reals.push_back(integer != nullptr ? static_cast<double>(*integer) : std::get<double>(number));
    return Status();
  }));
  if (all_ints) {
    *value = std::move(ints);
  } else {
    *value = std::move(reals);
  }
  return Status();
}

// JSON has no infinities and no NaN: they are written as these strings, which no attribute uses.
Status read_attr_string(JsonReader* reader, AttrValue* value) {
  std::string text;
  PYDL_RETURN_IF_ERROR(reader->read_string(&text));
  if (text == "inf") {
    *value = std::numeric_limits<double>::infinity();
  } else if (text == "-inf") {
    *value = -std::numeric_limits<double>::infinity();
  } else if (text == "nan") {
    *value = std::numeric_limits<double>::quiet_NaN();
  } else {
    *value = std::move(text);
  }
  return Status();
}

Status read_attr(JsonReader* reader, AttrValue* value) {
  if (reader->peek() == '[') return read_attr_list(reader, value);
  if (reader->peek() == '"') return read_attr_string(reader, value);
  std::variant<int64_t, double> number;
  PYDL_RETURN_IF_ERROR(reader->read_number(&number));
  std::visit([&](auto held) { *value = held; }, number);
  return Status();
}

Status read_attrs(JsonReader* reader, Attrs* attrs) {
  return reader->read_object([&](std::string_view name) {
    if (attrs->find(name) != nullptr) return reader->fail("duplicate attribute '", name, "'");
    if (attrs->items().size() == kMaxAttrs) return reader->fail("too many attributes");
    AttrValue value;
    PYDL_RETURN_IF_ERROR(read_attr(reader, &value));
    attrs->set(std::string(name), std::move(value));
    return Status();
  });
}

Status read_instruction(JsonReader* reader, Instruction* instruction) {
  std::string name;
  PYDL_RETURN_IF_ERROR(reader->expect('['));
  PYDL_RETURN_IF_ERROR(reader->read_string(&name));
  if (!find_opcode(name, &instruction->op)) {
    return reader->fail("unknown opcode '", std::string_view(name).substr(0, 60), "'");
  }
  PYDL_RETURN_IF_ERROR(reader->expect(','));
  PYDL_RETURN_IF_ERROR(read_indices(reader, &instruction->inputs));
  PYDL_RETURN_IF_ERROR(reader->expect(','));
  PYDL_RETURN_IF_ERROR(read_indices(reader, &instruction->outputs));
  PYDL_RETURN_IF_ERROR(reader->expect(','));
  PYDL_RETURN_IF_ERROR(read_attrs(reader, &instruction->attrs));
  if (reader->accept(',')) PYDL_RETURN_IF_ERROR(reader->read_string(&instruction->label));
  return reader->expect(']');
}

template <typename T>
Status read_list(JsonReader* reader, std::vector<T>* list,
                 Status (*read)(JsonReader* reader, T* item)) {
  return reader->read_array([&] {
    list->emplace_back();
    return read(reader, &list->back());
  });
}

Status read_entry(JsonReader* reader, Entry* entry) {
  constexpr const char* kNames[] = {"name", "inputs", "outputs", "arena", "values", "code"};
  Keys keys(kNames, 6);
  PYDL_RETURN_IF_ERROR(reader->read_object([&](std::string_view key) {
    size_t index = 0;
    PYDL_RETURN_IF_ERROR(keys.take(*reader, key, &index));
    if (index == 0) return reader->read_string(&entry->name);
    if (index == 1) return read_list(reader, &entry->inputs, read_port);
    if (index == 2) return read_list(reader, &entry->outputs, read_port);
    if (index == 3) return reader->read_int_in(0, kMaxInt, &entry->arena_bytes);
    if (index == 4) return read_list(reader, &entry->values, read_value);
    return read_list(reader, &entry->code, read_instruction);
  }));
  return keys.finish(*reader);
}

Status read_notes(JsonReader* reader, Plan* plan) {
  return reader->read_object([&](std::string_view key) {
    std::string text;
    PYDL_RETURN_IF_ERROR(reader->read_string(&text));
    plan->notes.emplace_back(key, std::move(text));
    return Status();
  });
}

Status read_format(JsonReader* reader) {
  std::string format;
  PYDL_RETURN_IF_ERROR(reader->read_string(&format));
  if (format == "pydl-plan") return Status();
  return reader->fail("expected the format 'pydl-plan', received '",
                      std::string_view(format).substr(0, 60), "'");
}

Status read_version(JsonReader* reader) {
  int64_t version = 0;
  PYDL_RETURN_IF_ERROR(reader->read_int(&version));
  if (version == 1) return Status();
  return reader->fail("this library reads plans of version 1, received version ", version);
}

}  // namespace

Status parse_plan(std::string_view text, Plan* plan) {
  constexpr const char* kNames[] = {"format", "version", "state", "entries", "producer", "notes"};
  *plan = Plan();
  JsonReader reader(text, "plan");
  Keys keys(kNames, 4);
  PYDL_RETURN_IF_ERROR(reader.read_object([&](std::string_view key) {
    size_t index = 0;
    PYDL_RETURN_IF_ERROR(keys.take(reader, key, &index));
    if (index == 0) return read_format(&reader);
    if (index == 1) return read_version(&reader);
    if (index == 2) return read_list(&reader, &plan->state, read_state_slot);
    if (index == 3) return read_list(&reader, &plan->entries, read_entry);
    if (index == 4) return reader.read_string(&plan->producer);
    return read_notes(&reader, plan);
  }));
  PYDL_RETURN_IF_ERROR(keys.finish(reader));
  PYDL_RETURN_IF_ERROR(reader.finish());
  return validate(*plan);
}

}  // namespace pydl
