// SPDX-License-Identifier: Apache-2.0
#include "function/telling_kernel.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "intarsia/error.h"

namespace intarsia {

namespace {

struct TellingKernels {
  std::mutex mutex;
  std::map<std::string, TellingKernel> by_name;
};

TellingKernels& telling_kernels() {
  static auto* const kKernels = new TellingKernels;  // lives as long as threads that may still look one up
  return *kKernels;
}

}  // namespace

void set_telling_kernel(const std::string& function, TellingKernel kernel) {
  TellingKernels& known = telling_kernels();
  const std::lock_guard lock(known.mutex);
  known.by_name.insert_or_assign(function, std::move(kernel));
}

TellingKernel find_telling_kernel(const std::string& function) {
  TellingKernels& known = telling_kernels();
  const std::lock_guard lock(known.mutex);
  const auto found = known.by_name.find(function);
  return found == known.by_name.end() ? nullptr : found->second;
}

void run_in_order(const TellingKernel& kernel, std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  FinishedResults results(rows);
  kernel(args, rows, [&](const std::vector<std::int64_t>& some, const Column& part) { results.add(some, part); });
  for (std::int64_t row = 0; row < rows; ++row)
    if (!results.append(row, out)) throw Error(ErrorCode::kInternal, "a kernel has left out a row");
}

void FinishedResults::add(const std::vector<std::int64_t>& rows, const Column& results) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    places_[static_cast<std::size_t>(rows[i])] = {static_cast<int>(parts_.size()), static_cast<std::int64_t>(i)};
  in_order_ = in_order_ && std::is_sorted(rows.begin(), rows.end());
  parts_.push_back(results);
}

bool FinishedResults::is_whole() const {
  return parts_.size() == 1 && in_order_ && parts_[0].length() == static_cast<std::int64_t>(places_.size());
}

bool FinishedResults::append(std::int64_t row, ColumnBuilder& out) const {
  const Place& place = places_[static_cast<std::size_t>(row)];
  if (place.part < 0) return false;
  out.append_cell(parts_[static_cast<std::size_t>(place.part)], place.row);
  return true;
}

}  // namespace intarsia
