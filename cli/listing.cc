// SPDX-License-Identifier: Apache-2.0
#include "listing.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "text_width.h"

namespace intarsia::cli {
namespace {

constexpr int kGap = 2;        // columns between two columns of a table
constexpr int kNarrowest = 3;  // what cutting leaves of a column

/// Takes from the widest column, again and again, until the table fits.
void fit(std::vector<int>& widths, int total) {
  const int gaps = kGap * (static_cast<int>(widths.size()) - 1);
  int excess = std::accumulate(widths.begin(), widths.end(), gaps) - total;
  while (excess > 0) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) return;
    --*widest;
    --excess;
  }
}

void append_cell(std::string& line, const std::string& text, int width, bool right, bool last) {
  const std::string shown = truncated(text, width);
  const std::string padding(static_cast<std::size_t>(std::max(0, width - text_width(shown))), ' ');
  if (right) line += padding;
  line += shown;
  if (last) return;
  if (!right) line += padding;
  line.append(kGap, ' ');
}

}  // namespace

std::string Listing::text(int width) const {
  if (rows.empty()) return when_empty + "\n";
  const std::size_t n = columns.size();
  std::vector<std::vector<std::string>> shown(rows.size());
  std::vector<int> widths(n);
  std::vector<bool> right(n);
  for (std::size_t c = 0; c < n; ++c) {
    widths[c] = text_width(columns[c]);
    right[c] = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row[c].json.is_number(); });
    for (std::size_t r = 0; r < rows.size(); ++r) {
      shown[r].push_back(printable(rows[r][c].text));
      widths[c] = std::max(widths[c], text_width(shown[r][c]));
    }
  }
  if (width > 0) fit(widths, width);
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < n; ++c) append_cell(line, cells[c], widths[c], right[c], c + 1 == n);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add_line(columns);
  for (const auto& row : shown) add_line(row);
  return out;
}

nlohmann::ordered_json Listing::json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (std::size_t c = 0; c < columns.size(); ++c) object[columns[c]] = row[c].json;
    list.push_back(std::move(object));
  }
  return list;
}

std::string Record::text(int width) const {
  int name_width = 0;
  for (const auto& [name, cell] : fields) name_width = std::max(name_width, text_width(name));
  std::string out;
  for (const auto& [name, cell] : fields) {
    if (cell.text.empty()) continue;
    std::string line;
    append_cell(line, name, name_width, false, false);
    const int left = width > 0 ? std::max(kNarrowest, width - name_width - kGap) : 0;
    const std::string shown = printable(cell.text);
    out += line + (left > 0 ? truncated(shown, left) : shown) + "\n";
  }
  return out;
}

nlohmann::ordered_json Record::json() const {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [name, cell] : fields) object[name] = cell.json;
  return object;
}

int terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  return columns == nullptr ? 0 : std::max(0, std::atoi(columns));
}

}  // namespace intarsia::cli
