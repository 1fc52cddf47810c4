// SPDX-License-Identifier: Apache-2.0
#include "function/text_wrap.h"

#include <fmt/format.h>

#include <algorithm>

#include "function/text.h"
#include "intarsia/error.h"

namespace intarsia {
namespace {

using Text = std::u32string;
using View = std::u32string_view;

constexpr View kSpaces = U"\t\n\v\f\r ";

bool is_wrap_space(char32_t c) {
  return kSpaces.find(c) != View::npos;
}
bool is_word(char32_t c) {
  return is_alpha(c) || is_numeric(c) || c == '_';
}
bool is_letter(char32_t c) {
  return is_word(c) && !is_decimal(c);
}
bool is_word_or_mark(char32_t c) {
  return is_word(c) || View(U"!\"'&.,?").find(c) != View::npos;
}

Text prepared(View text, const WrapOptions& options) {
  Text result;
  std::int64_t column = 0;
  for (const char32_t c : text) {
    if (c == '\t' && options.expand_tabs) {
      const std::int64_t spaces = options.tabsize > 0 ? options.tabsize - column % options.tabsize : 0;
      result.append(static_cast<std::size_t>(spaces), ' ');
      column += spaces;
    } else {
      result += c;
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  if (options.replace_whitespace) std::replace_if(result.begin(), result.end(), is_wrap_space, U' ');
  return result;
}

/// Splits a text where a line may break: at runs of white space, after hyphens inside words, and around dashes.
class Chunks {
 public:
  Chunks(View text, bool at_hyphens) : text_(text), at_hyphens_(at_hyphens) {
    while (at_ < text_.size()) {
      const std::size_t end = is_wrap_space(text_[at_]) ? end_of_spaces() : end_of_word();
      chunks_.emplace_back(text_.substr(at_, end - at_));
      at_ = end;
    }
  }
  [[nodiscard]] std::vector<Text> take() { return std::move(chunks_); }

 private:
  [[nodiscard]] std::size_t end_of_spaces() const {
    std::size_t i = at_;
    while (i < text_.size() && is_wrap_space(text_[i])) ++i;
    return i;
  }
  [[nodiscard]] bool letter_at(std::size_t i) const { return i < text_.size() && is_letter(text_[i]); }
  /// A run of two or more hyphens at `i` between words: where it ends; 0 when there is none.
  [[nodiscard]] std::size_t dash_end(std::size_t i) const {
    if (i == 0 || !is_word_or_mark(text_[i - 1])) return 0;
    std::size_t end = i;
    while (end < text_.size() && text_[end] == '-') ++end;
    return end >= i + 2 && end < text_.size() && is_word(text_[end]) ? end : 0;
  }
  /// A line may break after the hyphen at `i`, which stands inside a compound word.
  [[nodiscard]] bool breaks_after_hyphen(std::size_t i) const {
    if (text_[i] != '-' || i <= at_) return false;
    const bool two_letters = i >= 2 && is_letter(text_[i - 1]) && is_letter(text_[i - 2]);
    const bool letter_hyphen_letter =
        i >= 3 && is_letter(text_[i - 1]) && text_[i - 2] == '-' && is_letter(text_[i - 3]);
    if (!two_letters && !letter_hyphen_letter) return false;
    return letter_at(i + 1) && (letter_at(i + 2) || (i + 2 < text_.size() && text_[i + 2] == '-' && letter_at(i + 3)));
  }
  [[nodiscard]] std::size_t end_of_word() const {
    if (!at_hyphens_) {
      std::size_t i = at_;
      while (i < text_.size() && !is_wrap_space(text_[i])) ++i;
      return i;
    }
    if (const std::size_t end = dash_end(at_)) return end;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (is_wrap_space(text_[i])) return i;
      if (breaks_after_hyphen(i)) return i + 1;
      if (text_[i] == '-' && dash_end(i) != 0) return i;
    }
    return text_.size();
  }

  View text_;
  bool at_hyphens_;
  std::size_t at_ = 0;
  std::vector<Text> chunks_;
};

bool is_blank(const Text& chunk) {
  return std::all_of(chunk.begin(), chunk.end(), is_space);
}

/// Fills lines from a stack of chunks, the next one last.
class Filler {
 public:
  Filler(std::vector<Text> chunks, const WrapOptions& options) : chunks_(std::move(chunks)), options_(options) {
    std::reverse(chunks_.begin(), chunks_.end());
  }

  std::vector<std::string> lines() {
    while (!chunks_.empty()) {
      const Text& indent = lines_.empty() ? options_.initial_indent : options_.subsequent_indent;
      const std::int64_t width = options_.width - static_cast<std::int64_t>(indent.size());
      if (options_.drop_whitespace && is_blank(chunks_.back()) && !lines_.empty()) chunks_.pop_back();
      take_line(width);
      if (options_.drop_whitespace && !line_.empty() && is_blank(line_.back())) drop_last();
      if (line_.empty()) continue;
      if (!finish_line(indent, width)) break;
    }
    return std::move(lines_);
  }

 private:
  [[nodiscard]] static std::int64_t size(const Text& text) { return static_cast<std::int64_t>(text.size()); }

  void drop_last() {
    length_ -= size(line_.back());
    line_.pop_back();
  }

  void take_line(std::int64_t width) {
    line_.clear();
    length_ = 0;
    while (!chunks_.empty() && length_ + size(chunks_.back()) <= width) {
      length_ += size(chunks_.back());
      line_.push_back(std::move(chunks_.back()));
      chunks_.pop_back();
    }
    if (!chunks_.empty() && size(chunks_.back()) > width) take_long_word(width);
  }

  void take_long_word(std::int64_t width) {
    const std::int64_t space = width < 1 ? 1 : width - length_;
    if (options_.break_long_words) {
      Text& chunk = chunks_.back();
      auto end = static_cast<std::size_t>(space);
      if (options_.break_on_hyphens && size(chunk) > space) {
        const std::size_t hyphen = end == 0 ? Text::npos : chunk.rfind(U'-', end - 1);
        if (hyphen != Text::npos && hyphen > 0 && chunk.find_first_not_of(U'-') < hyphen) end = hyphen + 1;
      }
      line_.push_back(chunk.substr(0, end));
      chunk.erase(0, end);
    } else if (line_.empty()) {
      line_.push_back(std::move(chunks_.back()));
      chunks_.pop_back();
    }
    length_ = 0;
    for (const Text& chunk : line_) length_ += size(chunk);
  }

  /// False when the text ends here, with the placeholder.
  bool finish_line(const Text& indent, std::int64_t width) {
    const auto count = static_cast<std::int64_t>(lines_.size());
    const bool rest_is_blank =
        chunks_.empty() || (options_.drop_whitespace && chunks_.size() == 1 && is_blank(chunks_[0]));
    if (!options_.max_lines || count + 1 < *options_.max_lines || (rest_is_blank && length_ <= width)) {
      add_line(indent, {});
      return true;
    }
    end_with_placeholder(indent, width);
    return false;
  }

  void end_with_placeholder(const Text& indent, std::int64_t width) {
    for (; !line_.empty(); drop_last()) {
      if (!is_blank(line_.back()) && length_ + size(options_.placeholder) <= width)
        return add_line(indent, options_.placeholder);
    }
    if (!lines_.empty()) {
      Text last = code_points(lines_.back());
      while (!last.empty() && is_space(last.back())) last.pop_back();
      if (size(last) + size(options_.placeholder) <= options_.width) {
        lines_.back() = utf8(last + options_.placeholder);
        return;
      }
    }
    const std::size_t begin = options_.placeholder.find_first_not_of(kSpaces);
    lines_.push_back(utf8(indent + (begin == Text::npos ? Text() : options_.placeholder.substr(begin))));
  }

  void add_line(const Text& indent, const Text& end) {
    Text text = indent;
    for (const Text& chunk : line_) text += chunk;
    lines_.push_back(utf8(text + end));
  }

  std::vector<Text> chunks_;
  const WrapOptions& options_;
  std::vector<Text> line_;
  std::int64_t length_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> wrap_text(std::string_view text, const WrapOptions& options) {
  if (options.width <= 0) throw CellFailure("ValueError", fmt::format("invalid width {} (must be > 0)", options.width));
  if (options.max_lines) {
    const Text& indent = *options.max_lines > 1 ? options.subsequent_indent : options.initial_indent;
    const std::size_t begin = std::min(options.placeholder.find_first_not_of(kSpaces), options.placeholder.size());
    if (static_cast<std::int64_t>(indent.size() + options.placeholder.size() - begin) > options.width)
      throw CellFailure("ValueError", "placeholder too large for max width");
  }
  const Text ready = prepared(code_points(text), options);
  return Filler(Chunks(ready, options.break_on_hyphens).take(), options).lines();
}

}  // namespace intarsia
