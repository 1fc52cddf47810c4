// SPDX-License-Identifier: Apache-2.0
// Searching, cutting and replacing by plain text.
#include "function/define.h"
#include "function/operators.h"
#include "function/text.h"
#include "intarsia/expr.h"

namespace intarsia {
namespace {

using MaybeInt = std::optional<std::int64_t>;
using MaybeText = std::optional<std::string>;

constexpr TypeKind kString = TypeKind::kString, kInt = TypeKind::kInt, kBool = TypeKind::kBool;

/// Position of `wanted` in text[start:end], in characters of either string type; -1: not there.
template <bool kLast, typename View>
std::int64_t position_in(View text, View wanted, std::int64_t start, MaybeInt end) {
  const Range range = clamp_range(static_cast<std::int64_t>(text.size()), start, end);
  if (range.begin > range.end) return -1;
  const View part =
      text.substr(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.end - range.begin));
  const std::size_t found = kLast ? part.rfind(wanted) : part.find(wanted);
  return found == View::npos ? -1 : static_cast<std::int64_t>(found) + range.begin;
}

template <bool kLast>
std::int64_t find(std::string_view text, std::string_view wanted, MaybeInt start, MaybeInt end) {
  if (is_ascii(text)) return position_in<kLast>(text, wanted, start.value_or(0), end);
  const std::u32string points = code_points(text), wanted_points = code_points(wanted);
  return position_in<kLast>(std::u32string_view(points), std::u32string_view(wanted_points), start.value_or(0), end);
}

template <bool kLast>
std::int64_t index(std::string_view text, std::string_view wanted, MaybeInt start, MaybeInt end) {
  const std::int64_t found = find<kLast>(text, wanted, start, end);
  if (found < 0) throw CellFailure("ValueError", "substring not found");
  return found;
}

std::string lowered(std::string_view text) {
  static const Kernel& lower = find_function("string.lower")->kernel;
  ColumnBuilder out{Type(kString)};
  lower(std::vector<Column>{Column::constant(kString, Value(text), 1)}, 1, out);
  return std::string(out.finish().text_at(0));
}

bool contains(std::string_view text, std::string_view wanted, bool with_case) {
  if (with_case) return text.find(wanted) != std::string_view::npos;
  return lowered(text).find(lowered(wanted)) != std::string::npos;
}

std::string contains_sql(std::span<const Expr> args, std::span<const std::string> sql) {
  const Value* with_case = literal_of(args[2]);
  const bool* flag = with_case != nullptr ? std::get_if<bool>(with_case) : nullptr;
  if (flag == nullptr || !*flag) return {};
  return "(strpos(" + sql[0] + ", " + sql[1] + ") > 0)";
}

std::string replace(std::string_view text, std::string_view wanted, std::string_view by, MaybeInt n) {
  std::int64_t left = n.value_or(0) > 0 ? *n : INT64_MAX;
  std::string result;
  std::size_t from = 0;
  if (wanted.empty()) {  // stands before, between and after all characters
    for (std::size_t i = 0; i <= text.size(); ++i) {
      const bool boundary = i == text.size() || (text[i] & 0xC0) != 0x80;
      if (boundary && left > 0) result += by, --left;
      if (i < text.size()) result += text[i];
    }
    return result;
  }
  for (std::size_t found; left > 0 && (found = text.find(wanted, from)) != std::string_view::npos; --left) {
    result.append(text, from, found - from).append(by);
    from = found + wanted.size();
  }
  return result.append(text, from);
}

std::string removeprefix(std::string_view text, std::string_view prefix) {
  return std::string(text.starts_with(prefix) ? text.substr(prefix.size()) : text);
}

std::string removesuffix(std::string_view text, std::string_view suffix) {
  return std::string(text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text);
}

std::string reverse(std::string_view text) {
  if (is_ascii(text)) return {text.rbegin(), text.rend()};
  const std::u32string points = code_points(text);
  return utf8(std::u32string(points.rbegin(), points.rend()));
}

/// text[start:stop:step] as Python has it; JSON paths slice lists the same way.
std::string slice(std::string_view text, MaybeInt start, MaybeInt stop, MaybeInt step) {
  const std::int64_t by = step.value_or(1);
  if (by == 0) throw CellFailure("ValueError", "slice step cannot be zero");
  const std::u32string points = code_points(text);
  const auto size = static_cast<std::int64_t>(points.size());
  const std::int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
  const auto clamp = [&](std::int64_t i) { return std::clamp(i < 0 ? i + size : i, low, high); };
  const std::int64_t first = start ? clamp(*start) : (by > 0 ? low : high);
  const std::int64_t last = stop ? clamp(*stop) : (by > 0 ? high : low);
  std::u32string result;
  if (by > 0 ? first >= last : first <= last) return {};
  const std::int64_t count = (by > 0 ? last - first - 1 : first - last - 1) / std::abs(by) + 1;
  for (std::int64_t i = 0; i < count; ++i) result += points[static_cast<std::size_t>(first + i * by)];
  return utf8(result);
}

std::string slice_replace(std::string_view text, MaybeInt start, MaybeInt stop, const MaybeText& by) {
  if (!by) throw CellFailure("TypeError", "slice_replace(): repl is missing");
  const std::u32string points = code_points(text);
  const auto size = static_cast<std::int64_t>(points.size());
  const Range head = clamp_range(size, 0, start), tail = clamp_range(size, stop.value_or(size), std::nullopt);
  if (!stop)
    return utf8(std::u32string_view(points).substr(0, static_cast<std::size_t>(head.end))) + *by + std::string(text);
  const auto from = static_cast<std::size_t>(std::min(tail.begin, size));
  return utf8(std::u32string_view(points).substr(0, static_cast<std::size_t>(head.end))) + *by +
         utf8(std::u32string_view(points).substr(from));
}

enum class Side { kLeft, kRight, kBoth };

template <Side kSide>
std::string strip(std::string_view text, const MaybeText& chars) {
  const std::u32string points = code_points(text), set = chars ? code_points(*chars) : std::u32string();
  const auto goes = [&](char32_t c) { return chars ? set.find(c) != std::u32string::npos : is_space(c); };
  std::size_t begin = 0, end = points.size();
  while (kSide != Side::kRight && begin < end && goes(points[begin])) ++begin;
  while (kSide != Side::kLeft && end > begin && goes(points[end - 1])) --end;
  return utf8(std::u32string_view(points).substr(begin, end - begin));
}

std::string repeat(std::string_view text, std::int64_t n) {
  constexpr std::int64_t kMostBytes = 1 << 30;
  if (n > 0 && !text.empty() && n > kMostBytes / static_cast<std::int64_t>(text.size()))
    throw CellFailure("OverflowError", "repeated string is too long");
  std::string result;
  for (std::int64_t i = 0; i < n && !text.empty(); ++i) result += text;
  return result;
}

void define_find(const std::string& name, std::string doc, const Type& start_type, Kernel kernel) {
  define_method("string." + name,
                {{"self", kString},
                 {"substr", kString},
                 optional_parameter("start", start_type, 0),
                 optional_parameter("end", Type(kInt, true), Value())},
                kInt, std::move(doc), "t.name." + name + "('a')", std::move(kernel));
}

void define_strip(const std::string& name, const std::string& where, Kernel kernel) {
  define_method("string." + name, {{"self", kString}, optional_parameter("chars", Type(kString, true), Value())},
                kString, "The text without white space " + where + "; with `chars`, without those characters.",
                "t.name." + name + "()", std::move(kernel));
}

}  // namespace

void register_string_search() {
  const Parameter self{"self", kString};
  define_method("string.len", {self}, kInt, "The number of characters (code points).", "t.name.len()",
                scalar_kernel(text_length), {.sql = "char_length({0})::bigint"});
  register_function({.name = "string.contains",
                     .parameters = {self, {"substr", kString}, optional_parameter("case", kBool, true)},
                     .return_type = kBool,
                     .doc = "Whether the text has `substr` in it; with case=False, regardless of case.",
                     .example = "t.name.contains('cat')",
                     .kernel = scalar_kernel(contains),
                     .to_sql = contains_sql,
                     .is_method = true});
  define_method("string.startswith", {self, {"substr", kString}}, kBool, "Whether the text begins with `substr`.",
                "t.name.startswith('a')",
                scalar_kernel([](std::string_view s, std::string_view part) { return s.starts_with(part); }),
                {.sql = "starts_with({0}, {1})"});
  define_method("string.endswith", {self, {"substr", kString}}, kBool, "Whether the text ends with `substr`.",
                "t.name.endswith('.png')",
                scalar_kernel([](std::string_view s, std::string_view part) { return s.ends_with(part); }),
                {.sql = "(right({0}, char_length({1})) = {1})"});
  define_find("find", "Where `substr` first is in text[start:end]; -1 when it is not.", kInt,
              scalar_kernel(find<false>));
  define_find("rfind", "Where `substr` last is in text[start:end]; -1 when it is not.", Type(kInt, true),
              scalar_kernel(find<true>));
  define_find("index", "Where `substr` first is in text[start:end]; an error of the cell when it is not.", kInt,
              scalar_kernel(index<false>));
  define_find("rindex", "Where `substr` last is in text[start:end]; an error of the cell when it is not.",
              Type(kInt, true), scalar_kernel(index<true>));
  define_method("string.replace",
                {self, {"substr", kString}, {"repl", kString}, optional_parameter("n", Type(kInt, true), Value())},
                kString, "The text with `substr` replaced, the first `n` times or everywhere.",
                "t.name.replace('a', 'b')", scalar_kernel(replace));
  define_method("string.removeprefix", {self, {"prefix", kString}}, kString,
                "The text without the prefix, if it has it.", "t.name.removeprefix('a')", scalar_kernel(removeprefix));
  define_method("string.removesuffix", {self, {"suffix", kString}}, kString,
                "The text without the suffix, if it has it.", "t.name.removesuffix('.png')",
                scalar_kernel(removesuffix));
  define_method("string.reverse", {self}, kString, "The characters in the opposite order.", "t.name.reverse()",
                scalar_kernel(reverse), {.sql = "reverse({0})"});
  define_method("string.repeat", {self, {"n", kInt}}, kString, "The text n times; empty when n is 0 or less.",
                "t.name.repeat(3)", scalar_kernel(repeat));
  define_method(
      "string.slice",
      {self, optional_parameter("start", Type(kInt, true), Value()),
       optional_parameter("stop", Type(kInt, true), Value()), optional_parameter("step", Type(kInt, true), Value())},
      kString, "text[start:stop:step]; positions count characters, negative ones from the end.", "t.name.slice(0, 3)",
      scalar_kernel(slice));
  define_method(
      "string.slice_replace",
      {self, optional_parameter("start", Type(kInt, true), Value()),
       optional_parameter("stop", Type(kInt, true), Value()), optional_parameter("repl", Type(kString, true), Value())},
      kString, "text[:start] + repl + text[stop:].", "t.name.slice_replace(0, 1, 'X')", scalar_kernel(slice_replace));
  define_strip("strip", "at both ends", scalar_kernel(strip<Side::kBoth>));
  define_strip("lstrip", "at the start", scalar_kernel(strip<Side::kLeft>));
  define_strip("rstrip", "at the end", scalar_kernel(strip<Side::kRight>));
}

}  // namespace intarsia
