// SPDX-License-Identifier: Apache-2.0
#include "progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cell.h"
#include "listing.h"
#include "text_width.h"

namespace intarsia::cli {
namespace {

constexpr double kQuietSeconds = 1;
constexpr auto kBetweenLines = std::chrono::seconds(10);  // where the line cannot change

}  // namespace

std::string progress_text(const Progress& progress) {
  const double rows = static_cast<double>(progress.rows), total = static_cast<double>(progress.total);
  std::string text = progress.operation;
  if (total >= rows && rows > 0)
    text += fmt::format("  {:3.0f}%  {} of {} rows", 100 * rows / total, progress.rows, progress.total);
  else
    text += fmt::format("  {} rows", progress.rows);
  if (progress.finished) return text + "  " + duration_cell(progress.seconds).text;
  if (total > rows && rows > 0) text += "  " + duration_cell(progress.seconds * (total - rows) / rows).text + " left";
  return text;
}

void ProgressLine::operator()(const Progress& progress) {
  if (progress.seconds < kQuietSeconds) return;
  const std::string text = printable(progress_text(progress));
  if (isatty(STDERR_FILENO) != 0) {
    const int width = terminal_width();
    fmt::print(stderr, "\r{}\x1b[K{}", width > 0 ? truncated(text, width - 1) : text, progress.finished ? "\n" : "");
  } else {
    const auto now = std::chrono::steady_clock::now();
    if (next_ == std::chrono::steady_clock::time_point()) next_ = now + kBetweenLines;
    if (!progress.finished && now < next_) return;
    next_ = now + kBetweenLines;
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

}  // namespace intarsia::cli
