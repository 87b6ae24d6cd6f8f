// A strict JSON reader that hands values over as it meets them, and string escaping for writing.
//
// The caller says what it expects next, so nothing is built that it did not ask for, memory stays a
// small multiple of the text, and depth is that of the caller's code: text cannot make it recurse.
// Strict: UTF-8 only, no comments, no trailing commas, no NaN, integers within int64. Duplicate
// keys are refused by Keys below, or by the caller where the keys are free.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "plan/status.h"
#include "plan/text.h"

namespace pydl {

class JsonReader {
 public:
  // `what` begins every message: "plan", "header of digits.pydl".
  JsonReader(std::string_view text, std::string what) : text_(text), what_(std::move(what)) {}

  // The first character of the next value, '\0' at the end: '"', '[', '{', a digit or '-', ...
  char peek();

  Status read_string(std::string* value);
  Status read_int(int64_t* value);
  Status read_int_in(int64_t low, int64_t high, int64_t* value);
  Status read_number(std::variant<int64_t, double>* value);  // 1 is an integer, 1.0 a double
  Status read_ints(std::vector<int64_t>* values);

  // Calls item() for each item; it must read exactly one value.
  template <typename Item>
  Status read_array(Item&& item) {
    PYDL_RETURN_IF_ERROR(expect('['));
    if (accept(']')) return Status();
    do {
      PYDL_RETURN_IF_ERROR(item());
    } while (accept(','));
    return expect(']');
  }

  // Calls member(key) for each member; it must read exactly one value.
  template <typename Member>
  Status read_object(Member&& member) {
    PYDL_RETURN_IF_ERROR(expect('{'));
    if (accept('}')) return Status();
    do {
      std::string key;
      PYDL_RETURN_IF_ERROR(read_string(&key));
      PYDL_RETURN_IF_ERROR(expect(':'));
      PYDL_RETURN_IF_ERROR(member(key));
    } while (accept(','));
    return expect('}');
  }

  Status expect(char symbol);  // of a fixed structure, such as ',' between the parts of a tuple
  bool accept(char symbol);
  Status finish();  // only white space may follow

  // "plan: " + parts + " at byte 17"
  template <typename... Parts>
  Status fail(const Parts&... parts) const {
    return Status(Code::kBadFile, cat(what_, ": ", parts..., " at byte ", at_));
  }

 private:
  void skip_space();
  Status read_escape(std::string* value);
  Status read_code_unit(uint32_t* unit);
  Status copy_utf8(std::string* value);
  std::string_view number_text(bool* is_integer) const;
  Status unexpected(std::string_view expected);

  std::string_view text_;
  std::string what_;
  size_t at_ = 0;
};

// The members of an object with fixed keys: each at most once, none unknown, none missing.
class Keys {
 public:
  // The first `required` of `names` must come.
  Keys(std::span<const char* const> names, size_t required) : names_(names), required_(required) {}
  Status take(const JsonReader& reader, std::string_view key, size_t* index);
  Status finish(const JsonReader& reader) const;

 private:
  std::span<const char* const> names_;
  size_t required_;
  uint32_t seen_ = 0;
};

// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string* out, std::string_view text);

}  // namespace pydl
