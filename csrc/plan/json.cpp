#include "plan/json.h"

#include <charconv>

namespace pydl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string* out, uint32_t point) {
  if (point < 0x80) {
    out->push_back(static_cast<char>(point));
    return;
  }
  const int extra = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr unsigned kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out->push_back(static_cast<char>(kLead[extra] | (point >> (6 * extra))));
  for (int i = extra - 1; i >= 0; --i) {
    out->push_back(static_cast<char>(0x80 | ((point >> (6 * i)) & 0x3F)));
  }
}

// Bytes of the UTF-8 sequence that begins `text`, 0 when it is none: overlong forms, surrogates and
// points above U+10FFFF are none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const size_t length = lead < 0x80   ? 1
                        : lead < 0xC2 ? 0
                        : lead < 0xE0 ? 2
                        : lead < 0xF0 ? 3
                        : lead < 0xF5 ? 4
                                      : 0;
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (length < 3) return length;
  const unsigned second = byte(1);
  const bool bad = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                   (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  return bad ? 0 : length;
}

}  // namespace

void JsonReader::skip_space() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
    ++at_;
  }
}

char JsonReader::peek() {
  skip_space();
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonReader::accept(char symbol) {
  if (peek() != symbol || at_ == text_.size()) return false;
  ++at_;
  return true;
}

Status JsonReader::unexpected(std::string_view expected) {
  const char next = peek();
  if (at_ == text_.size()) return fail("expected ", expected, ", received the end of the text");
  if (next < 0x20 || next > 0x7E) return fail("expected ", expected, ", received a stray byte");
  return fail("expected ", expected, ", received '", std::string_view(&next, 1), "'");
}

Status JsonReader::expect(char symbol) {
  if (accept(symbol)) return Status();
  return unexpected(cat("'", std::string_view(&symbol, 1), "'"));
}

Status JsonReader::finish() {
  if (peek() == '\0' && at_ == text_.size()) return Status();
  return unexpected("the end of the text");
}

Status JsonReader::read_string(std::string* value) {
  value->clear();
  if (!accept('"')) return unexpected("a string");
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return Status();
    }
    if (c == '\\') {
      PYDL_RETURN_IF_ERROR(read_escape(value));
    } else {
      PYDL_RETURN_IF_ERROR(copy_utf8(value));
    }
  }
  return fail("unterminated string");
}

// The characters up to the next quote or backslash.
Status JsonReader::copy_utf8(std::string* value) {
  const size_t begin = at_;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\') {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c < 0x20) return fail("control character in a string");
    const size_t length = c < 0x80 ? 1 : utf8_length(text_.substr(at_, 4));
    if (length == 0) return fail("invalid UTF-8");
    at_ += length;
  }
  value->append(text_.substr(begin, at_ - begin));
  return Status();
}

Status JsonReader::read_code_unit(uint32_t* unit) {
  const char* begin = text_.data() + at_;
  if (text_.size() - at_ < 4) return fail("expected four hexadecimal digits");
  const auto result = std::from_chars(begin, begin + 4, *unit, 16);
  if (result.ec != std::errc() || result.ptr != begin + 4) {
    return fail("expected four hexadecimal digits");
  }
  at_ += 4;
  return Status();
}

Status JsonReader::read_escape(std::string* value) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  ++at_;  // the backslash
  if (at_ == text_.size()) return fail("unterminated string");
  const char name = text_[at_++];
  const size_t simple = kNames.find(name);
  if (simple != std::string_view::npos) {
    value->push_back(kValues[simple]);
    return Status();
  }
  if (name != 'u') return fail("unknown escape");
  uint32_t point = 0;
  PYDL_RETURN_IF_ERROR(read_code_unit(&point));
  if (point >= 0xD800 && point < 0xDC00 && text_.substr(at_, 2) == "\\u") {
    uint32_t low = 0;
    at_ += 2;
    PYDL_RETURN_IF_ERROR(read_code_unit(&low));
    if (low < 0xDC00 || low > 0xDFFF) return fail("lone surrogate");
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  if (point >= 0xD800 && point < 0xE000) return fail("lone surrogate");
  append_utf8(value, point);
  return Status();
}

// The longest prefix that is a JSON number; empty when there is none.
std::string_view JsonReader::number_text(bool* is_integer) const {
  size_t at = at_;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < text_.size() && is_digit(text_[at])) ++at;
    return at - begin;
  };
  const auto next_is = [&](std::string_view any) {
    return at < text_.size() && any.find(text_[at]) != std::string_view::npos;
  };
  *is_integer = true;
  if (next_is("-")) ++at;
  const bool leading_zero = next_is("0");
  const size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return {};
  if (next_is(".")) {
    *is_integer = false;
    ++at;
    if (digits() == 0) return {};
  }
  if (next_is("eE")) {
    *is_integer = false;
    ++at;
    if (next_is("+-")) ++at;
    if (digits() == 0) return {};
  }
  return text_.substr(at_, at - at_);
}

Status JsonReader::read_number(std::variant<int64_t, double>* value) {
  skip_space();
  bool is_integer = false;
  const std::string_view number = number_text(&is_integer);
  if (number.empty()) return unexpected("a number");
  const char* end = number.data() + number.size();
  std::errc error;
  if (is_integer) {
    int64_t integer = 0;
    error = std::from_chars(number.data(), end, integer).ec;
    *value = integer;
  } else {
    double real = 0.0;
    error = std::from_chars(number.data(), end, real).ec;
    *value = real;
  }
  if (error != std::errc()) return fail("number out of range");
  at_ += number.size();
  return Status();
}

Status JsonReader::read_int(int64_t* value) {
  std::variant<int64_t, double> number;
  PYDL_RETURN_IF_ERROR(read_number(&number));
  if (!std::holds_alternative<int64_t>(number)) return fail("expected an integer before here");
  *value = std::get<int64_t>(number);
  return Status();
}

Status JsonReader::read_int_in(int64_t low, int64_t high, int64_t* value) {
  PYDL_RETURN_IF_ERROR(read_int(value));
  if (*value >= low && *value <= high) return Status();
  return fail("expected an integer in [", low, ", ", high, "], received ", *value);
}

Status JsonReader::read_ints(std::vector<int64_t>* values) {
  values->clear();
  return read_array([&] {
    values->push_back(0);
    return read_int(&values->back());
  });
}

Status Keys::take(const JsonReader& reader, std::string_view key, size_t* index) {
  for (*index = 0; *index < names_.size(); ++*index) {
    if (key != names_[*index]) continue;
    const uint32_t bit = 1u << *index;
    if ((seen_ & bit) != 0) return reader.fail("duplicate key '", key, "'");
    seen_ |= bit;
    return Status();
  }
  return reader.fail("unknown key '", key.substr(0, 60), "'");
}

Status Keys::finish(const JsonReader& reader) const {
  const auto missing = static_cast<size_t>(std::countr_one(seen_));
  if (missing >= required_) return Status();
  return reader.fail("missing key '", names_[missing], "'");
}

void append_json_string(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out->append("\\u00");
      out->push_back(kHex[(c >> 4) & 1]);
      out->push_back(kHex[c & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

}  // namespace pydl
