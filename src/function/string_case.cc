// SPDX-License-Identifier: Apache-2.0
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "function/define.h"
#include "function/text.h"

namespace intarsia {
namespace {

icu::UnicodeString unicode(std::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
}

std::string utf8_of(const icu::UnicodeString& text) {
  std::string result;
  return text.toUTF8String(result);
}

char ascii_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
char ascii_swapped(char c) {
  return c >= 'a' && c <= 'z' ? ascii_upper(c) : ascii_lower(c);
}
bool ascii_alpha(char c) {
  return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

template <char (*kMap)(char)>
std::string map_ascii(std::string_view text) {
  std::string result(text.size(), '\0');
  std::transform(text.begin(), text.end(), result.begin(), kMap);
  return result;
}

std::string upper(std::string_view text) {
  return is_ascii(text) ? map_ascii<ascii_upper>(text) : utf8_of(unicode(text).toUpper(icu::Locale::getRoot()));
}

std::string lower(std::string_view text) {
  return is_ascii(text) ? map_ascii<ascii_lower>(text) : utf8_of(unicode(text).toLower(icu::Locale::getRoot()));
}

std::string casefold(std::string_view text) {
  return is_ascii(text) ? map_ascii<ascii_lower>(text) : utf8_of(unicode(text).foldCase());
}

bool is_cased(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASED);
}
bool is_ignorable(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASE_IGNORABLE);
}

/// Capital sigma at `i` ends a word: a letter is before it and none after.
bool is_final_sigma(std::u32string_view text, std::size_t i) {
  std::size_t before = i, after = i + 1;
  while (before > 0 && is_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  while (after < text.size() && is_ignorable(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

void append_lower(std::string& out, std::u32string_view text, std::size_t i) {
  constexpr char32_t kCapitalSigma = 0x3A3;
  if (text[i] == kCapitalSigma)
    out += is_final_sigma(text, i) ? "ς" : "σ";
  else
    out += lower(utf8(text.substr(i, 1)));
}

void append_title(std::string& out, char32_t c) {
  icu::UnicodeString letter(static_cast<UChar32>(c));
  letter.toTitle(nullptr, icu::Locale::getRoot(), U_TITLECASE_NO_BREAK_ADJUSTMENT | U_TITLECASE_WHOLE_STRING);
  out += utf8_of(letter);
}

std::string capitalize(std::string_view text) {
  std::string result;
  if (is_ascii(text)) {
    result = map_ascii<ascii_lower>(text);
    if (!result.empty()) result[0] = ascii_upper(result[0]);
    return result;
  }
  const std::u32string points = code_points(text);
  append_title(result, points[0]);
  for (std::size_t i = 1; i < points.size(); ++i) append_lower(result, points, i);
  return result;
}

std::string title(std::string_view text) {
  bool after_letter = false;
  if (is_ascii(text)) {
    std::string result(text);
    for (char& c : result) {
      c = after_letter ? ascii_lower(c) : ascii_upper(c);
      after_letter = ascii_alpha(c);
    }
    return result;
  }
  std::string result;
  const std::u32string points = code_points(text);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (after_letter)
      append_lower(result, points, i);
    else
      append_title(result, points[i]);
    after_letter = is_cased(points[i]);
  }
  return result;
}

std::string swapcase(std::string_view text) {
  if (is_ascii(text)) return map_ascii<ascii_swapped>(text);
  std::string result;
  const std::u32string points = code_points(text);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string letter = utf8(std::u32string_view(points).substr(i, 1));
    if (is_upper(points[i]))
      append_lower(result, points, i);
    else
      result += is_lower(points[i]) ? upper(letter) : letter;
  }
  return result;
}

std::string normalize(std::string_view text, const std::string& form) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = nullptr;
  if (form == "NFC")
    normalizer = icu::Normalizer2::getNFCInstance(status);
  else if (form == "NFD")
    normalizer = icu::Normalizer2::getNFDInstance(status);
  else if (form == "NFKC")
    normalizer = icu::Normalizer2::getNFKCInstance(status);
  else if (form == "NFKD")
    normalizer = icu::Normalizer2::getNFKDInstance(status);
  else
    throw CellFailure("ValueError", "invalid normalization form");
  if (is_ascii(text)) return std::string(text);
  return utf8_of(normalizer->normalize(unicode(text), status));
}

template <bool (*kTest)(char32_t)>
bool all_of(std::string_view text) {
  const std::u32string points = code_points(text);
  return !points.empty() && std::all_of(points.begin(), points.end(), kTest);
}

bool is_alnum(char32_t c) {
  return is_alpha(c) || is_numeric(c);
}

bool isidentifier(std::string_view text) {
  const std::u32string points = code_points(text);
  const auto has = [](char32_t c, UProperty property) {
    return u_hasBinaryProperty(static_cast<UChar32>(c), property);
  };
  if (points.empty() || (points[0] != '_' && !has(points[0], UCHAR_XID_START))) return false;
  return std::all_of(points.begin() + 1, points.end(), [&](char32_t c) { return has(c, UCHAR_XID_CONTINUE); });
}

template <bool (*kWanted)(char32_t), bool (*kOther)(char32_t)>
bool has_one_case(std::string_view text) {
  bool found = false;
  for (const char32_t c : code_points(text)) {
    if (kOther(c) || is_title(c)) return false;
    found = found || kWanted(c);
  }
  return found;
}

bool istitle(std::string_view text) {
  bool found = false, after_letter = false;
  for (const char32_t c : code_points(text)) {
    const bool capital = is_upper(c) || is_title(c);
    if ((capital && after_letter) || (!capital && is_lower(c) && !after_letter)) return false;
    after_letter = capital || is_lower(c);
    found = found || after_letter;
  }
  return found;
}

void define_map(const std::string& name, std::string doc, std::string (*map)(std::string_view)) {
  define_method("string." + name, {{"self", TypeKind::kString}}, TypeKind::kString, std::move(doc),
                "t.name." + name + "()", scalar_kernel(map));
}

void define_test(const std::string& name, std::string doc, bool (*test)(std::string_view)) {
  define_method("string." + name, {{"self", TypeKind::kString}}, TypeKind::kBool, std::move(doc),
                "t.name." + name + "()", scalar_kernel(test));
}

}  // namespace

void register_string_case() {
  define_map("upper", "The text in capitals.", upper);
  define_map("lower", "The text in small letters.", lower);
  define_map("casefold", "The text in a form for comparing without regard to case.", casefold);
  define_map("capitalize", "The text with a capital first and small letters after it.", capitalize);
  define_map("title", "The text with a capital at the start of each word.", title);
  define_map("swapcase", "The text with capitals and small letters exchanged.", swapcase);
  define_method("string.normalize", {{"self", TypeKind::kString}, {"form", TypeKind::kString}}, TypeKind::kString,
                "The text in a Unicode normal form: 'NFC', 'NFD', 'NFKC' or 'NFKD'.", "t.name.normalize('NFC')",
                scalar_kernel(normalize));
  define_test("isascii", "Whether all characters are ASCII.", is_ascii);
  define_test("isalpha", "Whether there are characters and all are letters.", all_of<is_alpha>);
  define_test("isalnum", "Whether there are characters and all are letters or numbers.", all_of<is_alnum>);
  define_test("isdecimal", "Whether there are characters and all are decimal digits.", all_of<is_decimal>);
  define_test("isdigit", "Whether there are characters and all are digits, superscripts included.", all_of<is_digit>);
  define_test("isnumeric", "Whether there are characters and all are numbers, fractions included.", all_of<is_numeric>);
  define_test("isspace", "Whether there are characters and all are white space.", all_of<is_space>);
  define_test("isidentifier", "Whether the text is a name that Python allows.", isidentifier);
  define_test("isupper", "Whether there are letters and all are capitals.", has_one_case<is_upper, is_lower>);
  define_test("islower", "Whether there are letters and all are small.", has_one_case<is_lower, is_upper>);
  define_test("istitle", "Whether each word starts with a capital and goes on in small letters.", istitle);
}

}  // namespace intarsia
